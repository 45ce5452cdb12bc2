"""What a device's small change does to a column's charge: the line's transfer at its mean load.

A change dg of one device changes the charge by V t dg times the share of an injected current that
reaches the integrator. The share depends on what else is on at the time; it is taken once, at
the load that the pulses have on average while they last.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from codesign.tile.line import line_transfer
from codesign.tile.opposite import opposite_source, transfer_opposite
from codesign.tile.parameters import TileParameters

# Longer lines are lumped into about this many groups of rows, and larger batches are sampled.
_GROUPS, _VECTORS = 64, 32


def mean_activity(x: Tensor) -> float:
    """Share of rows that is on while a pulse lasts; x (batch, rows) in [-1, 1].

    Pulses count by their length squared, as in the variance of noise that is constant during one:
    sum_j t_j^2 (1/t_j) integral_0^t_j a(t) dt / sum_j t_j^2, a(t) the share of rows on at t. 1/2
    for half-normal pulses, 5/8 for uniform ones, 1 for pulses of one length.
    """
    length, _ = x.detach()[:: -(-len(x) // _VECTORS)].abs().sort(dim=1)
    rows = length.shape[1]
    ended = length.cumsum(dim=1) - length
    lasting = rows - torch.arange(rows, device=x.device)
    total = (length * (ended + lasting * length)).sum()
    return float(total / (rows * (length * length).sum()).clamp_min(1e-30))


def device_shares(
    x: Tensor, g_plus: Tensor, g_minus: Tensor, params: TileParameters
) -> tuple[Tensor, Tensor] | None:
    """Shares (rows, cols) of G+ and G-, access resistance included; None where they are all one."""
    if not (params.r_cell_ohm or params.r_integrator_ohm or params.r_access_ohm) or not len(x):
        return None
    with torch.no_grad():
        activity = 1.0 if params.cell == "rail" else mean_activity(x)
        # The part of a device's change that is left of the device and its switch in series.
        series = [1.0 / (1.0 + params.r_access_ohm * g) for g in (g_plus, g_minus)]
        load = [activity * g * s for g, s in zip((g_plus, g_minus), series, strict=True)]
        if params.differential == "shared":
            both = _line_shares(load[0] + load[1], params)
            shares = [both, both]
        else:
            shares = [_line_shares(c, params) for c in load]
        plus, minus = (v * s * s for v, s in zip(shares, series, strict=True))
        return plus, minus


def _line_shares(load: Tensor, params: TileParameters) -> Tensor:
    """Every column at its own end."""
    far = params.read_end == "far"
    if not params.alternate_ends:
        return _one_end(load, far, params)
    shares = torch.empty_like(load)
    for first, turned in ((0, far), (1, not far)):
        shares[:, first::2] = _one_end(load[:, first::2], turned, params)
    return shares


def _one_end(load: Tensor, far: bool, params: TileParameters) -> Tensor:
    if far:
        return _one_end(load.flip(0), False, params).flip(0)
    rows, cols = load.shape
    size = -(-rows // _GROUPS)
    # Rows beyond the far end make up the groups: they carry nothing.
    extra = -rows % size
    grouped = pad(load, (0, 0, extra, 0)).view(-1, size, cols).sum(dim=1)
    r_line, r_source, r_end = params.r_line_ohm, params.r_source_ohm, params.r_integrator_ohm
    if params.r_opposite_ohm:
        ends = opposite_source(len(grouped), size * r_line, size * r_source, r_end)
        shares = transfer_opposite(grouped, ends)
    else:
        r = size * (r_line + r_source)
        shares = line_transfer(grouped, r, r + r_end)
    return shares.repeat_interleave(size, dim=0)[extra:]
