"""DSTD of dense layers and convolutions on a GPU: products by the library, the rest in Triton.

Per part of a batch: one kernel for the shares of all intervals, one product (or convolution) for
current, conductance and charge together, one kernel that walks the membrane. The backward pass
does this again, walks in reverse, and needs two products and one kernel more. Nothing but the
inputs is kept in between. `codesign.pnn.backends` decides where this is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from codesign.pnn.crossing import Crossing
from codesign.pnn.fused_setting import Setting
from codesign.pnn.parameters import PNNParameters
from codesign.pnn.precision import Products
from codesign.pnn.synapses import per_neuron, synapses
from codesign.pnn.window import Window


def fused_membrane(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    edges: Sequence[float],
    moments: bool,
    window: Window | None = None,
    products: Products = "float32",
) -> Tensor:
    """Membranes at the end of the grid: (batch, n_out), or images (batch, channels, h, w)."""
    return _call(t_in, weight, params, edges, moments, False, window, products)[0]


def fused_crossing(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    edges: Sequence[float],
    window: Window | None = None,
    products: Products = "float32",
) -> Crossing:
    """Where membranes first reach 1 on the grid; see `Crossing`."""
    return Crossing(*_call(t_in, weight, params, edges, False, True, window, products))


def synapse_terms(
    weight: Tensor, params: PNNParameters
) -> tuple[tuple[float, ...], Tensor | None, Tensor | None]:
    """Constants of synapses with one 1/E per sign; else matrices of conductance and charge.

    The constants are leak, 1/E+, 1/E-, kick, kick per weight + and -, and two unused.
    """
    shared = (params.leak, 1.0 / params.e_plus, 1.0 / params.e_minus, params.kick)
    head = (*shared, params.kick_per_weight_plus, params.kick_per_weight_minus, 0.0, 0.0)
    if params.slope_plus or params.slope_minus or params.kick_plus or params.kick_minus:
        terms = synapses(weight, params)
        return head, terms.f, terms.kick
    return head, None, None


def _call(
    t_in: Tensor,
    weight: Tensor,
    params: PNNParameters,
    edges: Sequence[float],
    moments: bool,
    crossing: bool,
    window: Window | None,
    products: Products,
) -> tuple[Tensor, ...]:
    from codesign.pnn.fused_run import Layer

    head, second, third = synapse_terms(weight, params)
    start = per_neuron(params.v_start, weight[:, 0], "v_start").expand(weight.shape[0])
    setting = Setting(
        edges=tuple(edges),
        head=head,
        start=(start * math.exp(-params.leak * edges[0])).contiguous(),
        moments=moments,
        kicks=params.has_kick,
        crossing=crossing,
        window=window,
        products=products,
    )
    result: tuple[Tensor, ...] = Layer.apply(t_in, weight, second, third, setting)
    return result
