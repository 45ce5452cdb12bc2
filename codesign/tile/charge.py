"""The charge that a tile's integrators collect in one matrix-vector product."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from codesign.tile import exact, fast, fast_torch, mean_field
from codesign.tile.adc import convert_charge
from codesign.tile.line import line_transfer
from codesign.tile.mesh import Mesh, line_mesh
from codesign.tile.noise import draw_read_noise, output_noise
from codesign.tile.opposite import OppositeSource, opposite_source, transfer_opposite
from codesign.tile.parameters import Method, TileError, TileParameters
from codesign.tile.pulses import bit_planes, round_to_slots, valid_pulse
from codesign.tile.setting import load_number, pick_setting

Backend = Literal["auto", "compiled", "torch"]


def tile_charge(
    pulse: Tensor,
    g_plus: Tensor,
    g_minus: Tensor,
    params: TileParameters,
    method: Method = "fast",
    *,
    generator: torch.Generator | None = None,
    backend: Backend = "auto",
) -> Tensor:
    """Charge (batch, cols) in C of one read of the tile for every row of `pulse`.

    pulse (batch, rows) in [-1, 1]; g_plus, g_minus (rows, cols) in S. Row 0 is the far end; N cells
    and N wire segments per column, the last of which joins row N - 1 to the integrator, which holds
    0 V. Positive for positive pulses and g_plus > g_minus.

    method: `exact` sweeps the ladder in every slot; `fast` picks elements and slices for
    params.accuracy; `mean_field` takes all rows of a vector as equally active, for a few plain
    matrix products. Differentiable in all tensors; rounding passes the gradient straight through.
    generator: of read noise and the ADC's phase; needed for noise. backend: `compiled` needs CPU
    tensors and numba, `torch` runs anywhere with equal numbers; `auto` takes what fits.
    Raises TileError for shapes, dtypes or values that are not a tile's.
    """
    _check(pulse, g_plus, g_minus, method, backend)
    if params.read_noise != "off" and generator is None:
        raise TileError("read noise needs a generator", remedy="pass generator=torch.Generator()")
    x = round_to_slots(pulse, params.slots)
    if not len(x):
        return ideal_charge(pulse, g_plus, g_minus, params)
    if params.read_noise == "device":
        charge = _with_device_noise(x, g_plus, g_minus, params, method, generator, backend)
    else:
        charge = _charge(x, g_plus, g_minus, params, method, backend)
        if params.read_noise == "output":
            charge = charge + output_noise(x, g_plus, g_minus, params, generator)
    return charge if params.adc is None else convert_charge(charge, params.adc, generator)


def ideal_charge(pulse: Tensor, g_plus: Tensor, g_minus: Tensor, params: TileParameters) -> Tensor:
    """The charge (batch, cols) in C without any resistance, noise or converter."""
    x = round_to_slots(pulse, params.slots)
    return (x @ (g_plus - g_minus)) * (params.v_read_V * params.t_window_s)


def _check(pulse: Tensor, g_plus: Tensor, g_minus: Tensor, method: str, backend: str) -> None:
    if pulse.dim() != 2 or g_plus.dim() != 2 or pulse.shape[1] != g_plus.shape[0]:
        raise TileError(
            "pulse must be (batch, rows) and conductances (rows, cols), not "
            f"{tuple(pulse.shape)} and {tuple(g_plus.shape)}"
        )
    if g_plus.shape != g_minus.shape:
        raise TileError(f"g_plus {tuple(g_plus.shape)} and g_minus {tuple(g_minus.shape)} differ")
    if 0 in g_plus.shape:
        raise TileError(f"a tile needs rows and columns, not {tuple(g_plus.shape)}")
    kinds = {pulse.dtype, g_plus.dtype, g_minus.dtype}
    if len(kinds) != 1 or pulse.dtype not in (torch.float32, torch.float64):
        raise TileError(f"pulse and conductances need one dtype, float32 or float64, not {kinds}")
    if method not in get_args(Method):
        raise TileError(f"unknown method {method!r}", remedy="use exact, fast or mean_field")
    if backend not in get_args(Backend):
        raise TileError(f"unknown backend {backend!r}", remedy="use auto, compiled or torch")
    # Asked together, so that a device is waited for once; written so that NaN fails too.
    valid = [((g >= 0) & torch.isfinite(g)).all() for g in (g_plus.detach(), g_minus.detach())]
    pulses, *conductances = torch.stack([valid_pulse(pulse), *valid]).tolist()
    if not pulses:
        raise TileError(
            "pulse has values outside [-1, 1] or NaN",
            remedy="scale the inputs (x / x.abs().max()) or clamp them",
        )
    for name, fine in zip(("g_plus", "g_minus"), conductances, strict=True):
        if not fine:
            raise TileError(f"{name} has negative, infinite or NaN conductances")


def _with_device_noise(
    x: Tensor,
    g_plus: Tensor,
    g_minus: Tensor,
    params: TileParameters,
    method: Method,
    generator: torch.Generator | None,
    backend: Backend,
) -> Tensor:
    """Every MVM reads conductances of its own."""
    assert generator is not None
    rows = []
    for one in x.split(1):
        time_s = one.detach().abs().squeeze(0).unsqueeze(1) * params.t_window_s
        noisy = [g + draw_read_noise(g, time_s, generator) for g in (g_plus, g_minus)]
        rows.append(_charge(one, noisy[0], noisy[1], params, method, backend))
    return torch.cat(rows)


def _charge(
    x: Tensor,
    g_plus: Tensor,
    g_minus: Tensor,
    params: TileParameters,
    method: Method,
    backend: Backend,
) -> Tensor:
    plus_on, minus_on = (g_plus.detach() != 0).to(x), (g_minus.detach() != 0).to(x)
    if params.r_access_ohm:
        g_plus = g_plus / (1 + params.r_access_ohm * g_plus)
        g_minus = g_minus / (1 + params.r_access_ohm * g_minus)
    if params.differential == "shared":
        current = _columns(x, g_plus - g_minus, g_plus + g_minus, params, method, backend)
    else:
        # Even columns stay even: both lines of a pair are read at the same end.
        plus = _columns(x, g_plus, g_plus, params, method, backend)
        current = plus - _columns(x, g_minus, g_minus, params, method, backend)
    charge = current * (params.v_read_V * params.t_window_s)
    if params.q_switch_C or params.c_cell_F:
        charge = charge + _switch_charge(x.detach(), plus_on, minus_on, params)
    return charge


def _switch_charge(x: Tensor, plus_on: Tensor, minus_on: Tensor, params: TileParameters) -> Tensor:
    """Charge (batch, cols) that the access switches add: once per pulse and device that is there.

    A device's own line takes both kinds; the node behind the switch waits at the device's polarity.
    """
    sign, ones = torch.sign(x), torch.sign(x).abs()
    total = plus_on + minus_on if params.differential == "shared" else plus_on - minus_on
    injected = params.q_switch_C * (ones @ total)
    return injected + params.c_cell_F * params.v_read_V * (sign @ (plus_on - minus_on))


def _columns(
    x: Tensor, w: Tensor, c: Tensor, params: TileParameters, method: Method, backend: Backend
) -> Tensor:
    """Mean currents per read voltage (batch, cols) with each column read at its own end."""
    far = params.read_end == "far"
    if not params.alternate_ends:
        return _one_end(x, w, c, far, params, method, backend)
    even = _one_end(x, w[:, 0::2], c[:, 0::2], far, params, method, backend)
    if w.shape[1] == 1:
        return even
    odd = _one_end(x, w[:, 1::2], c[:, 1::2], not far, params, method, backend)
    columns = torch.arange(w.shape[1], device=w.device)
    order = torch.argsort(torch.cat([columns[0::2], columns[1::2]]))
    return torch.cat([even, odd], dim=1)[:, order]


def _one_end(
    x: Tensor,
    w: Tensor,
    c: Tensor,
    far: bool,
    params: TileParameters,
    method: Method,
    backend: Backend,
) -> Tensor:
    if far:
        x, w, c = x.flip(1), w.flip(0), c.flip(0)
    r, r_last = params.r_cell_ohm, params.r_cell_ohm + params.r_integrator_ohm
    if r_last == 0:
        return x @ w
    opposite = _opposite(params, w.shape[0])
    if params.cell == "rail":
        # The load is constant, so the tile is one matrix.
        if opposite is not None:
            return x @ (w * transfer_opposite(c, opposite))
        return x @ (w * line_transfer(c, r, r_last, _compiled(w, backend)))
    if params.input_mode == "bit_sliced":
        return _bit_sliced(x, w, c, params, backend)
    compiled = _compiled(w, backend)
    if opposite is not None and method not in ("exact", "fast"):
        raise TileError(
            f"{method} has no source line that is driven from the opposite end",
            remedy='use the method fast or exact, or source_end="same"',
        )
    if method == "mean_field":
        return mean_field.mean_field_gated(
            x, w, c, r, r_last, slots=params.slots, levels=params.levels, compiled=compiled,
            coarse=params.products == "bfloat16",
        )  # fmt: skip
    if method == "exact":
        needs_grad = torch.is_grad_enabled() and (
            x.requires_grad or w.requires_grad or c.requires_grad
        )
        if compiled and params.slots is not None and not needs_grad:
            return _exact_compiled(x, w, c, r, r_last, params.slots, opposite)
        return exact.exact_gated(x, w, c, r, r_last, opposite, params.slots)
    mesh, slices = _setting(w, c, params)
    run = fast.fast_gated if compiled else fast_torch.fast_gated_torch
    return run(x, w, c, mesh, slices, params.slots)


def _opposite(params: TileParameters, rows: int) -> OppositeSource | None:
    if not params.r_opposite_ohm:
        return None
    return opposite_source(rows, params.r_line_ohm, params.r_source_ohm, params.r_integrator_ohm)


def _setting(w: Tensor, c: Tensor, params: TileParameters) -> tuple[Mesh, int]:
    elements, slices = params.elements, params.slices
    if elements is None or slices is None:
        number = load_number(c, params.r_cell_ohm, params.r_integrator_ohm)
        picked = pick_setting(number, params.accuracy, w.shape[0], params.slots)
        elements, slices = elements or picked.elements, slices or picked.slices
    mesh = line_mesh(
        w.shape[0], elements, params.r_cell_ohm, params.r_integrator_ohm, params.r_opposite_ohm
    )
    return mesh, slices


def _bit_sliced(
    x: Tensor, w: Tensor, c: Tensor, params: TileParameters, backend: Backend
) -> Tensor:
    """Bit planes have no pulse ends inside a read, so every plane is one exact sweep.

    A bit has no slope: the pulse's gradient is that of the same pulse read by its width.
    """
    assert params.slots is not None
    planes, weights = bit_planes(x, params.slots)
    r, r_last = params.r_cell_ohm, params.r_cell_ohm + params.r_integrator_ohm
    opposite = _opposite(params, w.shape[0])
    value = exact.exact_planes(planes, weights, w, c, r, r_last, opposite)
    if not (torch.is_grad_enabled() and x.requires_grad):
        return value
    mesh, slices = _setting(w, c, params)
    run = fast.fast_gated if _compiled(w, backend) else fast_torch.fast_gated_torch
    by_width = run(x, w.detach(), c.detach(), mesh, slices, params.slots)
    return value + (by_width - by_width.detach())


def _exact_compiled(
    x: Tensor,
    w: Tensor,
    c: Tensor,
    r: float,
    r_last: float,
    slots: int,
    opposite: OppositeSource | None,
) -> Tensor:
    kernel: Any = import_module("codesign.tile.exact_kernels")
    far_share, r_end = (0.0, 0.0) if opposite is None else (opposite.far_share, opposite.r_end_ohm)
    out = torch.zeros(x.shape[0], w.shape[1], dtype=w.dtype)
    sign = torch.sign(x.detach()).contiguous().numpy()
    count = torch.round(x.detach().abs() * slots).to(torch.int64).numpy()
    kernel.exact_gated(
        sign,
        count,
        slots,
        w.detach().contiguous().numpy(),
        c.detach().contiguous().numpy(),
        *w.new_tensor([r, r_last, far_share, r_end]).numpy(),
        out.numpy(),
    )
    return out


def _compiled(like: Tensor, backend: Backend) -> bool:
    if backend == "torch":
        return False
    fits = like.device.type == "cpu" and _numba_installed()
    if backend == "compiled" and not fits:
        raise TileError("the compiled kernels need CPU tensors and numba", remedy='backend="torch"')
    return fits


@lru_cache(maxsize=1)
def _numba_installed() -> bool:
    return find_spec("numba") is not None
