"""What the cost benchmark compares with: published forms, in plain autograd.

None of this is used by the package. Shapes as in codesign.pnn: t (batch, n_in), weight
(n_out, n_in).
"""

from __future__ import annotations

import torch
from torch import Tensor


def _sorted_sums(t: Tensor, weight: Tensor, e: float) -> tuple[Tensor, Tensor, Tensor]:
    """Durations (batch, n_in, 1), current and conductance after each spike (batch, n_in, n_out)."""
    times, order = torch.sort(t, dim=1)
    ends = torch.cat([times[:, 1:], torch.ones_like(times[:, :1])], dim=1)
    rows = weight.t()[order]
    return (ends - times).unsqueeze(2), rows.cumsum(dim=1), (rows.abs() / e).cumsum(dim=1)


def exact_all_at_once(t: Tensor, weight: Tensor, e: float) -> Tensor:
    """v(1) with every interval between spikes in one tensor, as arXiv:2412.09010 benchmarks it."""
    duration, g, f = _sorted_sums(t, weight, e)
    decay = f * duration
    later = decay.flip(1).cumsum(dim=1).flip(1) - decay
    gain = g / f * -torch.expm1(-decay)
    return (gain * torch.exp(-later)).sum(dim=1)


def ttfs_all_at_once(t: Tensor, weight: Tensor, e: float) -> Tensor:
    """First-spike times with all intervals in one tensor; 1 for neurons that never fire."""
    times, _ = torch.sort(t, dim=1)
    duration, g, f = _sorted_sums(t, weight, e)
    decay = f * duration
    before = decay.cumsum(dim=1) - decay
    gain = g / f * -torch.expm1(-decay)
    # v after interval m; the exponentials stay moderate for the weights of the benchmark.
    after = (gain * torch.exp(before + decay)).cumsum(dim=1) * torch.exp(-before - decay)
    start = torch.cat([torch.zeros_like(after[:, :1]), after[:, :-1]], dim=1)
    hit = (start < 1) & (after >= 1)
    ratio = torch.where(hit, (g / f - start) / torch.where(hit, g / f - 1, 1.0), 1.0)
    candidates = torch.where(hit, times.unsqueeze(2) + torch.log(ratio) / f, 1.0)
    return candidates.amin(dim=1)


def dstd_plain(t: Tensor, weight: Tensor, e: float, steps: int) -> Tensor:
    """DSTD of arXiv:2412.09010 in plain autograd: conductances of either sign, interval by
    interval."""
    positive, negative = weight.clamp_min(0.0) / e, -weight.clamp_max(0.0) / e
    edges = torch.arange(steps + 1, dtype=t.dtype) / steps
    v = t.new_zeros(t.shape[0], weight.shape[0])
    length = 1.0 / steps
    for m in range(steps):
        share = ((edges[m + 1] - t) * steps).clamp(0.0, 1.0)
        p_plus, p_minus = share @ positive.t(), share @ negative.t()
        f = p_plus + p_minus
        rest = e * (p_plus - p_minus)
        decay = torch.exp(-f * length)
        v = v * decay + rest / f.clamp_min(1e-12) * (1 - decay)
    return v


def ttfs_dstd_plain(t: Tensor, weight: Tensor, e: float, steps: int) -> Tensor:
    """TTFS by DSTD in plain autograd: candidates of all intervals kept, then the first."""
    edges = torch.arange(steps + 1, dtype=t.dtype) / steps
    v = t.new_zeros(t.shape[0], weight.shape[0])
    fired = torch.zeros_like(v, dtype=torch.bool)
    out = torch.ones_like(v)
    both = torch.cat([weight, weight.abs() / e])
    for m in range(steps):
        share = ((edges[m + 1] - t) * steps).clamp(0.0, 1.0)
        g, f = (share @ both.t()).chunk(2, dim=1)
        f = f.clamp_min(1e-9)
        after = v * torch.exp(-f / steps) + g / f * -torch.expm1(-f / steps)
        hit = ~fired & (after >= 1)
        ratio = torch.where(hit, (g / f - v) / torch.where(hit, g / f - 1, 1.0), 1.0)
        out = torch.where(hit, edges[m] + torch.log(ratio) / f, out)
        fired = fired | hit
        v = after
    return out


class LayerODE(torch.nn.Module):
    """dv/dt of the layer with hard steps, for torchdiffeq."""

    def __init__(self, t: Tensor, weight: Tensor, e: float) -> None:
        super().__init__()
        self.times = t
        self.weight = torch.nn.Parameter(weight.detach().clone())
        self.e = e

    def forward(self, now: Tensor, v: Tensor) -> Tensor:
        on = (self.times <= now).to(v.dtype)
        both = torch.cat([self.weight, self.weight.abs() / self.e])
        g, f = (on @ both.t()).chunk(2, dim=1)
        return g - f * v
