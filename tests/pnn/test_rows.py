"""The Jacobian of a layer against the exact solution's finite differences."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from codesign.pnn import FiringCurve, PNNParameters, membrane_potential
from codesign.pnn.rows import layer_jacobian

CURVE = FiringCurve((0.0, 0.5, 1.0), (1.1, 0.5, 0.05))
CASES = {
    "ideal": PNNParameters(),
    "linear": PNNParameters(e_plus=3.0, e_minus=-1.5, leak=0.1, v_start=0.02, t_end=0.99),
    "extended": PNNParameters(
        e_plus=3.0, e_minus=-1.5, kick=1e-3, kick_per_weight_plus=-1e-3, slope_plus=(0.1,),
        curvature_minus=(0.05, 0.01), t_end=0.99, firing_curve=CURVE,
        v_start=(0.0, 0.01, -0.01), firing_offset=(0.0, 0.02, 0.0),
    ),
    "series": PNNParameters(
        e_plus=3.0, e_minus=-1.5, leak=0.1, curvature_plus=(0.05,), series=0.004,
    ),
    "waiting": PNNParameters(
        e_plus=3.0, e_minus=-1.5, curvature_plus=(0.05,), off_plus=2e-3, off_minus=-1e-3,
    ),
    "gated": PNNParameters(
        e_plus=3.0, e_minus=-1.5, leak=0.1, curvature_plus=(0.05,), off_plus=2e-3, t_end=0.99,
        gate=(2e-3, -5e-3, 0.4, 0.2),
    ),
}  # fmt: skip


def by_spike(
    t: torch.Tensor, w: torch.Tensor, params: PNNParameters, k: int, step: float = 1e-6
) -> torch.Tensor:
    """Finite differences of the membrane by input spike k."""
    later, sooner = t.clone(), t.clone()
    later[:, k] += step
    sooner[:, k] -= step
    v_later, v_sooner = (membrane_potential(x, w, params) for x in (later, sooner))
    return (v_later - v_sooner) / 2 / step


@pytest.mark.parametrize("name", CASES)
def test_layer_jacobian_is_the_exact_solution_s(name: str) -> None:
    params = CASES[name]
    generator = torch.Generator().manual_seed(3)
    t = torch.rand(6, 4, generator=generator, dtype=torch.float64)
    t[0, 2] = 2.0
    w = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    found = layer_jacobian(t, w, params)
    v = membrane_potential(t, w, params)
    torch.testing.assert_close(found.v, v, rtol=1e-10, atol=1e-12)
    step = 1e-6
    for k in range(4):
        up, down = w.clone(), w.clone()
        up[:, k] += step
        down[:, k] -= step
        slope = (membrane_potential(t, up, params) - membrane_potential(t, down, params)) / 2 / step
        torch.testing.assert_close(found.dv_dw[:, :, k], slope, rtol=1e-5, atol=1e-8)
        slope = by_spike(t, w, params, k)
        torch.testing.assert_close(found.dv_dt[:, :, k], slope, rtol=1e-5, atol=1e-8)
    assert (found.dt_dv < 0).all()


def test_coupled_neighbours_move_with_their_input_spikes() -> None:
    """All that a spike does, and what the own weights do; not the neighbours' weights."""
    share = 1e-3
    alone = CASES["waiting"]
    params = replace(alone, coupling=((0, 1, share), (2, 1, share)))
    generator = torch.Generator().manual_seed(3)
    t = torch.rand(6, 4, generator=generator, dtype=torch.float64)
    w = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    found, before = layer_jacobian(t, w, params), layer_jacobian(t, w, alone)
    torch.testing.assert_close(found.v, membrane_potential(t, w, params), rtol=1e-10, atol=1e-12)
    for k in range(4):
        slope = by_spike(t, w, params, k)
        torch.testing.assert_close(found.dv_dt[:, :, k], slope, rtol=1e-5, atol=1e-8)
    assert (found.dv_dw - before.dv_dw).abs().max() < share
