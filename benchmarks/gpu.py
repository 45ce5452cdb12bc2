"""Every figure of one GPU: dense layers, convolutions, tiles, against baselines in the same run.

    python -m benchmarks.gpu [--seconds S] [--smoke]

Needs torch and triton, and no other part of codesign's dependencies; stays below S seconds (360)
and says what it left out. First the fused kernels are held against the torch path on this device,
values and gradients; then times (median, synchronised) and peaks of the memory that torch
allocated above that of the inputs. Dense: 1000 or 6000 inputs, 1000 neurons, batch 100, float32,
forward and backward. The epoch is that of 60,000 images, from so many steps of the loop with
offset, noise and optimiser. Without a GPU it refuses, unless --smoke runs it all in small on the
CPU. Prints JSON with the device's name and the goals; exits with 1 when one is missed, with 2
without a GPU.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks import baselines
from codesign.pnn import (
    Architecture,
    PNNParameters,
    Solution,
    SpikingNetwork,
    first_spike_time,
    membrane_potential,
)
from codesign.tile import TileParameters, tile_charge

E = 4.0
PARAMS = PNNParameters(e_plus=E, e_minus=-E)
CONV = "conv64-conv64-pool-conv128-conv128-pool-conv256-conv256-pool-512-10"
IMAGES = 60_000
KERNELS_EQUAL = {torch.float32: 1e-5, torch.float64: 1e-12}
# Name: (row, figure, most allowed), all of them from one run.
GOALS = {
    "dstd 10, ms": ("dense 1000, dstd 10", "ms", 0.8),
    "6000 inputs, dstd 10, ms": ("dense 6000, dstd 10", "ms", 2.0),
    "exact, ms": ("dense 1000, exact", "ms", 2.0),
    "exact, MB": ("dense 1000, exact", "MB", 40.0),
    "ttfs dstd 20, ms": ("ttfs 1000, dstd 20", "ms", 1.5),
    "ttfs exact, ms": ("ttfs 1000, exact", "ms", 3.0),
    "conv net, ms": ("conv net, dstd2 4", "ms", 12.0),
    "conv net, MB": ("conv net, dstd2 4", "MB", 1000.0),
    "epoch, s": ("conv net, epoch", "s", 15.0),
    "tile mean_field, ms": ("tile, mean_field", "ms", 0.6),
    "tile mean_field with backward, ms": ("tile, mean_field, backward", "ms", 2.0),
    "tile fast, ms": ("tile, fast", "ms", 2.0),
    "tile fast with backward, ms": ("tile, fast, backward", "ms", 6.0),
    "tile exact, ms": ("tile, exact", "ms", 50.0),
}
# Name: (slow or large row, row, figure, least ratio).
RATIOS = {
    "time, all at once / dstd 10": ("dense 1000, all at once", "dense 1000, dstd 10", "ms", 20.0),
    "memory, all at once / dstd 10": (
        "dense 1000, all at once",
        "dense 1000, dstd 10",
        "MB",
        100.0,
    ),
}


@dataclass
class Bench:
    """Where and how much is measured, and what was found."""

    device: torch.device
    small: bool
    until_s: float
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def wait(self) -> None:
        """Until the device has done everything."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def measure(self, name: str, call: Callable[[], object], **more: Any) -> None:
        """A row: median ms of a call and its peak MB, or why there is none."""
        if time.monotonic() > self.until_s:
            self.left_out.append(name)
            return
        try:
            self.rows[name] = {**self._figures(call), **more}
        except Exception as error:
            # Device time is short: one failure must not take the other figures along.
            self.rows[name] = {"failed": f"{type(error).__name__}: {error}"[:300]}
        print(name, self.rows[name], file=sys.stderr, flush=True)

    def _figures(self, call: Callable[[], object]) -> dict[str, float]:
        call()
        self.wait()
        gpu = self.device.type == "cuda"
        before = torch.cuda.memory_allocated() if gpu else 0
        if gpu:
            torch.cuda.reset_peak_memory_stats()
        spent: list[float] = []
        # Long calls are steady; short ones are many.
        least, most = (1, 1) if self.small else (3, 30)
        while len(spent) < least or (len(spent) < most and sum(spent) < 1.0):
            start = time.perf_counter()
            call()
            self.wait()
            spent.append(time.perf_counter() - start)
        peak = torch.cuda.max_memory_allocated() - before if gpu else 0
        return {"ms": 1e3 * statistics.median(spent), "MB": peak / 2**20, "calls": len(spent)}


def layer(bench: Bench, n_in: int, shift: float = 0.0) -> tuple[Tensor, Tensor]:
    """Spike times (batch, n_in) and weights (neurons, n_in) on the device, with gradients."""
    generator = torch.Generator().manual_seed(0)
    batch, neurons = (4, 16) if bench.small else (100, 1000)
    n_in = n_in // 50 if bench.small else n_in
    t = torch.rand(batch, n_in, generator=generator)
    w = 0.6 * torch.randn(neurons, n_in, generator=generator) / n_in**0.5 + shift / n_in
    return t.to(bench.device).requires_grad_(), w.to(bench.device).requires_grad_()


def both_ways(call: Callable[[Tensor, Tensor], Tensor], t: Tensor, w: Tensor) -> Callable[[], None]:
    """Forward and backward; nothing of it stays."""

    def run() -> None:
        torch.autograd.grad(call(t, w).sum(), (t, w))

    return run


def agreement(bench: Bench) -> dict[str, float]:
    """Largest differences of fused kernels from torch, relative to each result's largest value."""
    if bench.device.type != "cuda":
        return {}
    found = {}
    for dtype, most in KERNELS_EQUAL.items():
        t, w = (x.detach()[:, :173].to(dtype).requires_grad_() for x in layer(bench, 1000, 4.0))
        for name, call in SOLUTIONS.items():
            key = f"{name}, {dtype}".replace("torch.", "")
            try:
                found[key] = difference(call, t, w) / most
            except Exception as error:
                print(f"{key}: {type(error).__name__}: {error}", file=sys.stderr)
                found[key] = float("inf")
    return found


def difference(call: Callable[..., Tensor], t: Tensor, w: Tensor) -> float:
    """Largest of outputs and gradients, fused against torch."""
    results = []
    for backend in ("triton", "torch"):
        out = call(t, w, backend)
        results.append([out.detach(), *torch.autograd.grad(out.sum(), (t, w))])
    pairs = zip(*results, strict=True)
    return max(float((a - b).abs().max() / b.abs().max().clamp_min(1.0)) for a, b in pairs)


SOLUTIONS: dict[str, Callable[..., Tensor]] = {
    "exact": lambda t, w, b: membrane_potential(t, w, PARAMS, "exact", backend=b),
    "dstd": lambda t, w, b: membrane_potential(t, w, PARAMS, "dstd", 10, 0.03, backend=b),
    "dstd2": lambda t, w, b: membrane_potential(t, w, PARAMS, "dstd2", 10, backend=b),
    "ttfs dstd": lambda t, w, b: first_spike_time(t, w, PARAMS, "dstd", 20, backend=b),
    "ttfs exact": lambda t, w, b: first_spike_time(t, w, PARAMS, "exact", backend=b),
}


def dense(bench: Bench) -> None:
    """RC-Spike layers."""
    t, w = layer(bench, 1000)
    cases: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "dstd 10": lambda t, w: membrane_potential(t, w, PARAMS, "dstd", 10),
        "dstd2 10": lambda t, w: membrane_potential(t, w, PARAMS, "dstd2", 10),
        "dstd 30": lambda t, w: membrane_potential(t, w, PARAMS, "dstd", 30),
        "exact": lambda t, w: membrane_potential(t, w, PARAMS, "exact"),
        "exact, torch": lambda t, w: membrane_potential(t, w, PARAMS, "exact", backend="torch"),
        "plain dstd 10": lambda t, w: baselines.dstd_plain(t, w, E, 10),
        "all at once": lambda t, w: baselines.exact_all_at_once(t, w, E),
    }
    for name, call in cases.items():
        bench.measure(f"dense 1000, {name}", both_ways(call, t, w))
    reference = membrane_potential(t.double(), w.double(), PARAMS, "dstd", 10).detach()
    for products in ("float32", "tf32", "bfloat16"):
        solution = Solution("dstd", 10, products=products)

        def short(t: Tensor, w: Tensor, solution: Solution = solution) -> Tensor:
            return membrane_potential(t, w, PARAMS, solution)

        error = float((short(t, w).detach() - reference).abs().max())
        run = both_ways(short, t, w)
        bench.measure(f"dense 1000, dstd 10, {products}", run, largest_error=error)
    t, w = layer(bench, 6000)
    for name in ("dstd 10", "exact"):
        bench.measure(f"dense 6000, {name}", both_ways(cases[name], t, w))


def ttfs(bench: Bench) -> None:
    """First spikes; a positive mean weight, so that most neurons fire."""
    t, w = layer(bench, 1000, 4.0)
    cases: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "dstd 20": lambda t, w: first_spike_time(t, w, PARAMS, "dstd", 20),
        "exact": lambda t, w: first_spike_time(t, w, PARAMS, "exact"),
        "plain dstd 20": lambda t, w: baselines.ttfs_dstd_plain(t, w, E, 20),
        "all at once": lambda t, w: baselines.ttfs_all_at_once(t, w, E),
    }
    for name, call in cases.items():
        bench.measure(f"ttfs 1000, {name}", both_ways(call, t, w))


def plain_cnn() -> nn.Module:
    """A network of the same shape with rectifiers."""
    layers: list[nn.Module] = []
    before = 1
    for channels in (64, 128, 256):
        for _ in range(2):
            layers += [nn.Conv2d(before, channels, 3, padding=1, bias=False), nn.ReLU()]
            before = channels
        layers.append(nn.MaxPool2d(2))
    dense = [nn.Flatten(), nn.Linear(256 * 9, 512, bias=False), nn.ReLU(), nn.Linear(512, 10)]
    return nn.Sequential(*layers, *dense)


def conv(bench: Bench) -> None:
    """One step of the papers' convolutional network, and what an epoch of such steps takes."""
    batch = 2 if bench.small else 64
    generator = torch.Generator(bench.device).manual_seed(0)
    t = torch.rand(batch, 784, generator=generator, device=bench.device)
    labels = torch.arange(batch, device=bench.device) % 10
    reference: float | None = None
    for products in ("float32", "tf32", "bfloat16"):
        own = torch.Generator().manual_seed(0)
        text = "conv4-pool-10" if bench.small else CONV
        net = SpikingNetwork(Architecture(text, (1, 28, 28)), PARAMS, generator=own)
        net = net.to(bench.device)
        gpu = bench.device.type == "cuda"
        optimizer = torch.optim.AdamW(net.parameters(), 5e-4, fused=True if gpu else None)

        def loss(offset: float = 0.0, sigma: float = 0.0, net=net, products=products) -> Tensor:  # type: ignore[no-untyped-def]
            solution = Solution("dstd2", 4, offset, products=products)
            out = net(t, solution, sigma, generator, hidden=False)[-1].t_unclipped
            return cross_entropy(-out / 0.07, labels)

        def step(loss=loss, optimizer=optimizer) -> None:  # type: ignore[no-untyped-def]
            optimizer.zero_grad(set_to_none=True)
            loss(0.1, 0.01).backward()
            optimizer.step()

        value = float(loss().detach())
        reference = value if reference is None else reference
        suffix = "" if products == "tf32" else f", {products}"
        bench.measure(f"conv net, dstd2 4{suffix}", step, loss_differs_by=abs(value - reference))
    found = bench.rows.get("conv net, dstd2 4", {})
    if "ms" in found:
        seconds = 1e-3 * found["ms"] * -(-IMAGES // 64)
        bench.rows["conv net, epoch"] = {"s": seconds, "from": "ms of a step with tf32 products"}
    cnn = plain_cnn().to(bench.device)
    images = t.view(batch, 1, 28, 28)
    weights = tuple(cnn.parameters())
    bench.measure(
        "conv net, plain CNN",
        lambda: torch.autograd.grad(cross_entropy(cnn(images), labels), weights),
    )


def tile(bench: Bench) -> None:
    """A differential tile of 512 x 512 cells, batch 64."""
    size, batch = (16, 2) if bench.small else (512, 64)
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(batch, size, generator=generator) * 2 - 1
    plus, minus = (25e-6 * torch.rand(size, size, generator=generator) for _ in range(2))
    leaves = [v.to(bench.device).requires_grad_() for v in (x, plus, minus)]
    fixed = [v.detach() for v in leaves]
    params = TileParameters(accuracy=1e-3)
    for method in ("mean_field", "fast", "exact"):

        def forward(method=method) -> None:  # type: ignore[no-untyped-def]
            with torch.no_grad():
                tile_charge(*fixed, params, method)

        def both(method=method) -> None:  # type: ignore[no-untyped-def]
            torch.autograd.grad(tile_charge(*leaves, params, method).sum(), leaves)

        bench.measure(f"tile, {method}", forward)
        if method != "exact":
            bench.measure(f"tile, {method}, backward", both)
    bench.measure("tile, plain product", lambda: fixed[0] @ fixed[1])


def goals(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What was found of each goal; None where it was not measured."""
    out: dict[str, dict[str, Any]] = {}
    for name, (row, key, most) in GOALS.items():
        value = rows.get(row, {}).get(key)
        out[name] = {"found": value, "most": most, "held": value is not None and value <= most}
    for name, (slow, fast, key, least) in RATIOS.items():
        pair = [rows.get(row, {}).get(key) for row in (slow, fast)]
        ratio = pair[0] / pair[1] if all(pair) else None
        out[name] = {"found": ratio, "least": least, "held": ratio is not None and ratio >= least}
    return out


def device_name(device: torch.device) -> str:
    """That of the GPU, or the processor's."""
    return torch.cuda.get_device_name() if device.type == "cuda" else f"CPU {platform.machine()}"


def main() -> int:
    """Measure, compare with the goals."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=360.0, help="most that it takes")
    parser.add_argument("--smoke", action="store_true", help="all of it in small on the CPU")
    arguments = parser.parse_args()
    if not arguments.smoke and not torch.cuda.is_available():
        print("error: torch finds no GPU here; --smoke runs in small on the CPU", file=sys.stderr)
        return 2
    start = time.monotonic()
    device = torch.device("cpu" if arguments.smoke else "cuda")
    # The last call to start may take this long.
    bench = Bench(device, arguments.smoke, start + arguments.seconds - 30.0)
    equal = agreement(bench)
    for part in (dense, ttfs, conv, tile):
        part(bench)
    found = {} if arguments.smoke else goals(bench.rows)
    figures = {
        "benchmark": "gpu",
        "device": device_name(device),
        "torch": torch.__version__,
        "triton": importlib.util.find_spec("triton") is not None,
        "smoke": arguments.smoke,
        "seconds": time.monotonic() - start,
        "differences_of_kernels_per_allowed": equal,
        "rows": bench.rows,
        "left_out": bench.left_out,
        "goals": found,
    }
    print(json.dumps(figures, indent=1))
    if arguments.smoke:
        return 0
    held = all(x["held"] for x in found.values()) and all(x <= 1.0 for x in equal.values())
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
