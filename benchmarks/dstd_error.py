"""Error of the discretised membrane against the exact one: by M, by |E|, by time.

    python -m benchmarks.dstd_error

Uniform spike times, normal weights of standard deviation 1/sqrt(N), float64 for errors; times are
CPU seconds of forward and backward in float32 on one thread. Prints JSON, writes
benchmarks/results/dstd_error.png, exits with 1 when a claim does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.timing import cpu_seconds
from codesign.pnn import PNNParameters, membrane_potential

RESULTS = Path(__file__).parent / "results"
STEPS = (2, 3, 4, 6, 10, 20, 30, 60)
REVERSALS = (1, 2, 4, 8, 16, 32)
INPUTS = (10, 50, 100, 784, 2000)
WARPS = (1.0, 1.5, 2.0)
BATCH, OUTPUTS = 10, 20


def data(n_in: int, n_out: int, batch: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Spike times and weights, the same for every method."""
    generator = torch.Generator().manual_seed(n_in)
    t = torch.rand(batch, n_in, generator=generator, dtype=dtype)
    w = torch.randn(n_out, n_in, generator=generator, dtype=dtype) / n_in**0.5
    return t, w


def errors(e: float, n_in: int, warp: float = 1.0) -> dict[str, list[float]]:
    """Mean absolute error of v(1) by method, one value per M of STEPS; offset random."""
    t, w = data(n_in, OUTPUTS, BATCH, torch.float64)
    params = PNNParameters(e_plus=e, e_minus=-e)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        exact = membrane_potential(t, w, params)
        out: dict[str, list[float]] = {"dstd": [], "dstd2": []}
        for m in STEPS:
            offsets = [0.0, *(torch.rand(3, generator=generator) / m).tolist()]
            for method, values in out.items():
                off = [
                    (membrane_potential(t, w, params, method, m, o, warp) - exact).abs().mean()
                    for o in offsets
                ]
                values.append(float(torch.stack(off).mean()))
    return out


def slope(x: Any, y: Any) -> float:
    """Exponent of the power law through the points."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def by_time(e: float = 4.0, n_in: int = 784) -> list[dict[str, Any]]:
    """Error and time of one layer of 400 neurons, batch 128, over methods and grids."""
    t, w = data(n_in, 400, 128, torch.float32)
    params = PNNParameters(e_plus=e, e_minus=-e)
    t.requires_grad_()
    w.requires_grad_()
    rows = []

    def measure(method: str, steps: int, warp: float) -> None:
        def call() -> None:
            membrane_potential(t, w, params, method, steps, 0.0, warp).sum().backward()

        row = {"method": method, "steps": steps, "warp": warp, "seconds": cpu_seconds(call)}
        with torch.no_grad():
            small = (t[:BATCH].double(), w[:OUTPUTS].double())
            exact = membrane_potential(*small, params)
            v = membrane_potential(*small, params, method, steps, 0.0, warp)
        rows.append(row | {"error": float((v - exact).abs().mean())})

    for steps in (2, 3, 4, 6, 10, 15, 30, 60):
        for method, warp in (("dstd", 1.0), ("dstd", 1.5), ("dstd2", 1.0), ("dstd2", 1.5)):
            measure(method, steps, warp)
    measure("exact", 1, 1.0)
    return rows


def spike_time_gradients(e: float) -> dict[str, float]:
    """Cosine of the spike-time gradient with the exact one at M = 4, by method and grid."""
    t, w = data(784, OUTPUTS, BATCH, torch.float64)
    params = PNNParameters(e_plus=e, e_minus=-e)

    def gradient(method: str, warp: float = 1.0) -> Tensor:
        x = t.clone().requires_grad_()
        v = membrane_potential(x, w, params, method, 4, 0.05, warp)
        (v * torch.linspace(-1, 1, v.numel(), dtype=v.dtype).view_as(v)).sum().backward()
        assert x.grad is not None
        return x.grad.flatten()

    exact = gradient("exact")
    return {
        f"{method}, warp {warp}": float(
            torch.cosine_similarity(gradient(method, warp), exact, dim=0)
        )
        for method in ("dstd", "dstd2")
        for warp in WARPS
    }


def main() -> int:
    """Measure, check the claims, draw."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    grid = {(e, n): errors(e, n) for e in REVERSALS for n in INPUTS}
    large = {e: errors(e, 100) for e in (16, 23, 32, 45, 64)}
    at = STEPS.index(10)
    m_slope = slope(STEPS[3:], grid[4, 784]["dstd"][3:])
    e_slope = slope(list(large), [x["dstd"][at] for x in large.values()])
    gain = grid[4, 784]["dstd"][at] / grid[4, 784]["dstd2"][at]
    worst = max(b / a for x in grid.values() for a, b in zip(x["dstd"], x["dstd2"], strict=True))
    warped = {
        f"|E| {e}, warp {warp}": {
            method: [u / v for u, v in zip(grid[e, 784][method], x[method], strict=True)]
            for method in ("dstd", "dstd2")
        }
        for e in (1, 4, 16)
        for warp in WARPS[1:]
        for x in [errors(e, 784, warp)]
    }
    rows = by_time()
    claims = {
        "slope in M is -2 within 0.2": abs(m_slope + 2) <= 0.2,
        "slope in |E| is -1 within 0.2": abs(e_slope + 1) <= 0.2,
        "dstd2 10 times more accurate at M = 10, |E| = 4, N = 784": gain >= 10,
        "dstd2 never worse": worst <= 1.0,
    }
    figures = {
        "benchmark": "dstd_error",
        "steps": STEPS,
        "dstd_slope_in_m": m_slope,
        "dstd_slope_in_e": e_slope,
        "gain_of_dstd2": gain,
        "worst_ratio_dstd2_to_dstd": worst,
        "errors": {f"|E| {e}, N {n}": x for (e, n), x in grid.items()},
        "gain_of_warped_grid_by_steps": warped,
        "cosine_of_spike_time_gradient_at_4_steps": {
            f"|E| {e}": spike_time_gradients(e) for e in (1, 4)
        },
        "error_against_time": rows,
        "claims": claims,
        "holds": all(claims.values()),
    }
    draw(grid, large, rows)
    print(json.dumps(figures, indent=1))
    return 0 if figures["holds"] else 1


def draw(grid: dict[Any, Any], large: dict[Any, Any], rows: list[dict[str, Any]]) -> None:
    """Three panels: error by M, by |E|, by time."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (by_m, by_e, timed) = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
    for method, mark in (("dstd", "o"), ("dstd2", "s")):
        by_m.loglog(STEPS, grid[4, 784][method], mark + "-", label=method)
        by_e.loglog(
            list(large),
            [x[method][STEPS.index(10)] for x in large.values()],
            mark + "-",
            label=method,
        )
    first = grid[4, 784]["dstd"][0]
    by_m.loglog(STEPS, [first * (m / STEPS[0]) ** -2 for m in STEPS], "k:", label="$M^{-2}$")
    first = large[16]["dstd"][STEPS.index(10)]
    by_e.loglog(list(large), [first * 16 / e for e in large], "k:", label="$|E|^{-1}$")
    by_m.set(xlabel="M", ylabel="mean error of v(1)", title="|E| = 4, N = 784")
    by_e.set(xlabel="|E|", title="M = 10, N = 100")
    for axes, ticks in ((by_m, STEPS), (by_e, list(large)), (timed, (0.02, 0.03, 0.04, 0.05))):
        axes.set_xticks(ticks, [f"{x:g}" for x in ticks], minor=False)
        axes.set_xticks([], minor=True)
    for method in ("dstd", "dstd2"):
        for warp, style in ((1.0, "-"), (1.5, "--")):
            chosen = [r for r in rows if r["method"] == method and r["warp"] == warp]
            label = f"{method}, {'uniform' if warp == 1.0 else f'warp {warp}'}"
            timed.loglog(
                [r["seconds"] for r in chosen],
                [r["error"] for r in chosen],
                "o" + style,
                label=label,
            )
    timed.axvline(rows[-1]["seconds"], color="k", linestyle=":", label="exact")
    timed.set(xlabel="CPU s, forward + backward, one thread", title="784-400, batch 128, |E| = 4")
    for axes in (by_m, by_e, timed):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    figure.savefig(RESULTS / "dstd_error.png", dpi=110)


if __name__ == "__main__":
    sys.exit(main())
