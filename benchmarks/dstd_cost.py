"""Time and memory of one layer, forward and backward, against published forms.

    python -m benchmarks.dstd_cost [--exact-batch B]

N_in inputs, 1000 neurons, batch 100, float32, |E| = 4, one CPU thread. One process per figure:
CPU seconds (median), and the peak of resident memory above that after imports and a warm-up call.
Where an all-at-once form would not fit the machine its batch is smaller and its time scaled up;
`scaled` says so. torchdiffeq (if installed) solves the same ODE by the midpoint rule with as few
steps as give the error of DSTD at M = 10. Prints JSON, writes benchmarks/results/dstd_cost.png,
exits with 1 when a claim does not hold.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks import baselines
from codesign.pnn import PNNParameters, first_spike_time, membrane_potential

RESULTS = Path(__file__).parent / "results"
BATCH, NEURONS, E = 100, 1000, 4.0
PARAMS = PNNParameters(e_plus=E, e_minus=-E)
Call = Callable[[Tensor, Tensor], Tensor]

CASES: dict[str, Call] = {
    "exact, all at once": lambda t, w: baselines.exact_all_at_once(t, w, E),
    "dstd 10, plain autograd": lambda t, w: baselines.dstd_plain(t, w, E, 10),
    "dstd 4": lambda t, w: membrane_potential(t, w, PARAMS, "dstd", 4),
    "dstd 10": lambda t, w: membrane_potential(t, w, PARAMS, "dstd", 10),
    "dstd 30": lambda t, w: membrane_potential(t, w, PARAMS, "dstd", 30),
    "dstd2 4": lambda t, w: membrane_potential(t, w, PARAMS, "dstd2", 4),
    "dstd2 10": lambda t, w: membrane_potential(t, w, PARAMS, "dstd2", 10),
    "dstd2 30": lambda t, w: membrane_potential(t, w, PARAMS, "dstd2", 30),
    "exact": lambda t, w: membrane_potential(t, w, PARAMS, "exact"),
    "dstd 10, torch": lambda t, w: membrane_potential(t, w, PARAMS, "dstd", 10, backend="torch"),
    "ttfs exact, all at once": lambda t, w: baselines.ttfs_all_at_once(t, w, E),
    "ttfs dstd 20, plain autograd": lambda t, w: baselines.ttfs_dstd_plain(t, w, E, 20),
    "ttfs dstd 20": lambda t, w: first_spike_time(t, w, PARAMS, "dstd", 20),
    "ttfs exact": lambda t, w: first_spike_time(t, w, PARAMS, "exact"),
}


def tensors(n_in: int, batch: int, case: str) -> tuple[Tensor, Tensor]:
    """Spike times and weights; TTFS neurons get a positive mean, so that most fire."""
    generator = torch.Generator().manual_seed(0)
    t = torch.rand(batch, n_in, generator=generator)
    w = 0.6 * torch.randn(NEURONS, n_in, generator=generator) / n_in**0.5
    return t, w + 4.0 / n_in if case.startswith("ttfs") else w


def status_MB(key: str) -> float:
    """A figure of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return float(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status has no {key}")


def measure(case: str, n_in: int, batch: int, repeats: int) -> dict[str, Any]:
    """One figure, in a process of its own."""
    torch.set_num_threads(1)
    # Large arrays go back to the system when freed, so that the peak is that of live tensors.
    call = torchdiffeq_call(case) if case.startswith("torchdiffeq") else CASES[case]

    def run(t: Tensor, w: Tensor) -> None:
        call(t, w).sum().backward()

    # The same kind of call, large enough for the kernels, with little memory.
    warm_t, warm_w = tensors(60, 10, case)
    run(warm_t.requires_grad_(), warm_w.requires_grad_())
    t, w = tensors(n_in, batch, case)
    t.requires_grad_()
    w.requires_grad_()
    base_mb = status_MB("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    seconds = []
    for _ in range(repeats):
        t.grad = w.grad = None
        start_s = time.process_time()
        run(t, w)
        seconds.append(time.process_time() - start_s)
    return {
        "case": case,
        "n_in": n_in,
        "batch": batch,
        "seconds": sorted(seconds)[len(seconds) // 2] * BATCH / batch,
        "peak_MB": (status_MB("VmHWM") - base_mb) * BATCH / batch,
        "scaled": batch != BATCH,
    }


def torchdiffeq_call(case: str) -> Call:
    """The layer's ODE by torchdiffeq; `case` is "torchdiffeq STEPS" or "... STEPS, adjoint"."""
    import torchdiffeq

    steps = int(case.split()[1].rstrip(","))
    solve = torchdiffeq.odeint_adjoint if case.endswith("adjoint") else torchdiffeq.odeint

    def call(t: Tensor, w: Tensor) -> Tensor:
        ode = baselines.LayerODE(t.detach(), w, E)
        grid = torch.linspace(0.0, 1.0, 2)
        start = torch.zeros(t.shape[0], w.shape[0])
        out: Tensor = solve(
            ode, start, grid, method="midpoint", options={"step_size": 1.0 / steps}
        )[-1]
        return out

    return call


def steps_of_equal_error() -> int:
    """Midpoint steps that give torchdiffeq the mean error of DSTD at M = 10, N = 1000."""
    t, w = tensors(1000, 5, "")
    exact = membrane_potential(t.double(), w.double(), PARAMS)
    goal = (membrane_potential(t, w, PARAMS, "dstd", 10) - exact).abs().mean()
    with torch.no_grad():
        for steps in (5, 10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 320, 640):
            v = torchdiffeq_call(f"torchdiffeq {steps}")(t, w)
            if (v - exact).abs().mean() <= goal:
                return steps
    raise RuntimeError("the ODE solver does not reach the error of DSTD")


def spawn(case: str, n_in: int, batch: int = BATCH, repeats: int = 7) -> dict[str, Any]:
    """`measure` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.dstd_cost", "--case", case]
    command += ["--n-in", str(n_in), "--batch", str(batch), "--repeats", str(repeats)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{case}, {n_in} inputs: {done.stderr[-2000:]}")
    row: dict[str, Any] = json.loads(done.stdout)
    print(row, file=sys.stderr, flush=True)
    return row


def all_rows(exact_batch: int) -> list[dict[str, Any]]:
    """Every figure."""
    rows = [spawn(name, 1000) for name in CASES if "at once" not in name]
    for name in ("exact, all at once", "ttfs exact, all at once"):
        rows.append(spawn(name, 1000, exact_batch, 1))
    for n_in in (3000, 6000):
        for name in ("dstd 10, plain autograd", "dstd 10", "dstd2 10", "exact"):
            rows.append(spawn(name, n_in, repeats=3))
    if importlib.util.find_spec("torchdiffeq") is not None:
        steps = steps_of_equal_error()
        for suffix in ("", ", adjoint"):
            rows.append(spawn(f"torchdiffeq {steps}{suffix}", 1000, repeats=3))
    return rows


def main() -> int:
    """Measure all or one, check the claims."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--case")
    parser.add_argument("--n-in", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=BATCH)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--exact-batch", type=int, default=BATCH, help="for the all-at-once forms")
    arguments = parser.parse_args()
    if arguments.case:
        row = measure(arguments.case, arguments.n_in, arguments.batch, arguments.repeats)
        print(json.dumps(row))
        return 0
    rows = all_rows(arguments.exact_batch)
    at = {row["case"]: row for row in rows if row["n_in"] == 1000}

    def ratio(key: str, slow: str, fast: str) -> float:
        return float(at[slow][key] / at[fast][key])

    once, plain, ttfs = "exact, all at once", "dstd 10, plain autograd", "ttfs exact, all at once"
    ratios = {
        "time, exact all at once / dstd 10": (ratio("seconds", once, "dstd 10"), 200),
        "memory, exact all at once / dstd 10": (ratio("peak_MB", once, "dstd 10"), 100),
        "time, plain dstd 10 / dstd 10": (ratio("seconds", plain, "dstd 10"), 3),
        "memory, plain dstd 10 / dstd 10": (ratio("peak_MB", plain, "dstd 10"), 2),
        "time, plain dstd 10 / exact": (ratio("seconds", plain, "exact"), 1),
        "time, 1.4 dstd 10 / dstd 30": (1.4 * ratio("seconds", "dstd 10", "dstd 30"), 1),
        "time, ttfs all at once / ttfs dstd 20": (ratio("seconds", ttfs, "ttfs dstd 20"), 100),
        "memory, ttfs all at once / ttfs dstd 20": (ratio("peak_MB", ttfs, "ttfs dstd 20"), 10),
    }
    for name in at:
        if name.startswith("torchdiffeq"):
            ratios[f"time, {name} / dstd 10"] = (ratio("seconds", name, "dstd 10"), 50)
    figures = {
        "benchmark": "dstd_cost",
        "rows": rows,
        "ratios": {name: {"found": x, "claimed": least} for name, (x, least) in ratios.items()},
        "missed": [name for name, (x, least) in ratios.items() if x < least],
        "torchdiffeq": "measured" if any("torchdiffeq" in x for x in at) else "not installed",
    }
    draw(rows)
    print(json.dumps(figures, indent=1))
    return 1 if figures["missed"] else 0


def draw(rows: list[dict[str, Any]]) -> None:
    """Time against memory of every case at 1000 inputs."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 5), layout="constrained")
    for row in rows:
        if row["n_in"] == 1000:
            axes.loglog(row["seconds"], row["peak_MB"], "o")
            axes.annotate(row["case"], (row["seconds"], row["peak_MB"]), fontsize=7)
    axes.set(xlabel="CPU s, forward + backward", ylabel="peak MB above the warm process")
    axes.grid(alpha=0.3)
    figure.savefig(RESULTS / "dstd_cost.png", dpi=110)


if __name__ == "__main__":
    sys.exit(main())
