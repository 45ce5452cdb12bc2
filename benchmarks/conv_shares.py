"""One training step of the papers' convolutional network: without patches against with them.

    python -m benchmarks.conv_shares [--batch B]

Network of arXiv:2412.09010 for Fashion-MNIST (conv 64-64-P-128-128-P-256-256-P-512-10), RC-Spike,
|E| = 4, float32, one CPU thread; forward and backward. `patches, all kept`: every 3 x 3 patch of
the batch as a row, kept for gradients, and the times of all layers, as before. `patches in parts`:
those of a few samples at a time, made again for gradients; the default on a CPU. `shares
convolved`: shares and moments of the spikes taken on the image and convolved, the default
elsewhere. One process per figure: CPU seconds, and the peak of resident memory above that after a
warm-up call. Prints JSON; exits with 1 when a claim does not hold or the losses differ.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, max_pool2d

from benchmarks.dstd_cost import status_MB
from codesign.pnn import (
    Architecture,
    LayerOutput,
    PNNParameters,
    RCSpike,
    Solution,
    SpikingNetwork,
    architecture,
)
from codesign.pnn.firing import clipped, firing_time
from codesign.pnn.membrane import membrane_images, membrane_potential
from codesign.pnn.window import Window

TEXT = "conv64-conv64-pool-conv128-conv128-pool-conv256-conv256-pool-512-10"
PARAMS = PNNParameters(e_plus=4.0, e_minus=-4.0)
LEAST_MEMORY_RATIO = 5.0


@dataclass(frozen=True)
class AllPatches(RCSpike):
    """Every patch a row of one large call."""

    name: ClassVar[str] = "all_patches"

    def convolve(
        self,
        t_in: Tensor,
        weight: Tensor,
        params: PNNParameters,
        solution: Solution,
        window: Window,
    ) -> LayerOutput:
        (columns,) = window.patches(t_in, self.t_absent)
        v = membrane_potential(columns, weight, params, solution)
        shape = (t_in.shape[0], *(window.size_after(x) for x in t_in.shape[2:]), -1)
        unclipped = firing_time(v, PARAMS, clip=False)
        out = (v, unclipped.clamp(0.0, 1.0), unclipped)
        return LayerOutput(*(x.view(shape).permute(0, 3, 1, 2) for x in out))


@dataclass(frozen=True)
class Shares(RCSpike):
    """Shares of the image convolved, in torch."""

    name: ClassVar[str] = "shares"

    def convolve(
        self,
        t_in: Tensor,
        weight: Tensor,
        params: PNNParameters,
        solution: Solution,
        window: Window,
    ) -> LayerOutput:
        v = membrane_images(t_in, weight, params, solution, window, "torch")
        unclipped = firing_time(v, PARAMS, clip=False)
        return LayerOutput(v, clipped(unclipped), unclipped)


NEURONS = {
    "patches, all kept": AllPatches(),
    "patches in parts": RCSpike(),
    "shares convolved": Shares(),
}
SOLUTIONS = {"dstd2 4": Solution("dstd2", 4), "dstd 10": Solution("dstd", 10)}


def measure(neuron: str, solution: str, batch: int) -> dict[str, Any]:
    """One figure, in a process of its own."""
    torch.set_num_threads(1)
    today = neuron == "patches, all kept"
    if today:
        architecture.earliest = lambda times, size: -max_pool2d(-times, size)
    generator = torch.Generator().manual_seed(0)
    net = SpikingNetwork(
        Architecture(TEXT, (1, 28, 28), NEURONS[neuron]), PARAMS, generator=generator
    )
    t = torch.rand(batch, 784, generator=generator)
    labels = torch.arange(batch) % 10

    def step(samples: int) -> float:
        net.zero_grad(set_to_none=True)
        out = net(t[:samples], SOLUTIONS[solution], hidden=today)[-1].t_unclipped
        loss = cross_entropy(-out / 0.07, labels[:samples])
        loss.backward()
        return float(loss.detach())

    step(1)
    base_mb = status_MB("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    start_s = time.process_time()
    loss = step(batch)
    return {
        "case": neuron,
        "solution": solution,
        "batch": batch,
        "seconds": time.process_time() - start_s,
        "peak_MB": status_MB("VmHWM") - base_mb,
        "loss": loss,
    }


def spawn(neuron: str, solution: str, batch: int) -> dict[str, Any]:
    """`measure` in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.conv_shares", "--batch", str(batch)]
    command += ["--case", neuron, "--solution", solution]
    # Freed arrays go back to the system at once, so that the peak is that of live tensors.
    limits = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), "65536")
    environment = {**os.environ, **limits}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{neuron}, {solution}: {done.stderr[-2000:]}")
    row: dict[str, Any] = json.loads(done.stdout)
    print(row, file=sys.stderr, flush=True)
    return row


def main() -> int:
    """Measure all or one, check the claims."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--case", choices=NEURONS)
    parser.add_argument("--solution", choices=SOLUTIONS, default="dstd2 4")
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(measure(arguments.case, arguments.solution, arguments.batch)))
        return 0
    rows = [spawn(n, s, arguments.batch) for s in SOLUTIONS for n in NEURONS]
    ratios, held = {}, True
    for first in (x for x in rows if x["case"] == "patches, all kept"):
        for other in rows:
            if other["solution"] != first["solution"] or other is first:
                continue
            memory = first["peak_MB"] / other["peak_MB"]
            ratios[f"{other['case']}, {other['solution']}"] = {
                "memory": memory,
                "time": first["seconds"] / other["seconds"],
                "loss_differs_by": abs(first["loss"] - other["loss"]),
            }
            held &= memory >= LEAST_MEMORY_RATIO
            held &= abs(first["loss"] - other["loss"]) <= 1e-4 * abs(first["loss"])
    figures = {
        "benchmark": "conv_shares",
        "rows": rows,
        "ratios_of_patches_all_kept": ratios,
        "claim": {"memory": LEAST_MEMORY_RATIO},
        "holds": held,
    }
    print(json.dumps(figures, indent=1))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
