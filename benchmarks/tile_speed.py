"""Speed of the tile model against a plain product, ngspice, and other simulators.

    python -m benchmarks.tile_speed [--plot docs/images/tile_cost.png]

512 x 512 differential tile, r = 0.35 ohm per cell, batch 64, float32, one thread. Times are medians
of processor time, which other work on the machine disturbs less than the clock. ngspice is measured
on one column of 512 rows and ideal switches, and scaled to 512 columns. aihwkit and badcrossbar are
compared where they can be imported; badcrossbar and scipy solve the passive array
without word line resistance, which is our rail cell, so their answers are compared too. Prints
JSON; exits with 1 when a claim does not hold.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.tile_accuracy import draw, percent_error
from codesign.tile import TileParameters, tile_charge
from codesign.tile.parameters import Method

SIZE, BATCH, R_OHM = 512, 64, 0.35
COST_SIZES = (64, 128, 256, 512, 1024, 2048)
PASSIVE_SIZE, PASSIVE_R_OHM = 128, 2.0
# Forward at 0.25 % and 0.1 %, forward and backward at 0.25 %, ms per MVM; ratio to ngspice.
CLAIMS_MS = {"forward_0.25": 1.0, "forward_0.1": 2.0, "forward_backward_0.25": 4.0}
CLAIM_NGSPICE = 1e5


def median_ms(run: Callable[[], Any], repeats: int = 7, per: int = 1) -> float:
    """Median milliseconds of processor time of a call, by `per`, after one call to warm up."""
    run()
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        spent.append(time.process_time() - start)
    return 1e3 * sorted(spent)[repeats // 2] / per


def ours() -> dict[str, Any]:
    """Times and errors of our model, and of the plain product on the same matrices."""
    x, plus, minus = draw(SIZE, SIZE, BATCH, dtype=torch.float32)
    few = [t.double() for t in (x[:2], plus, minus)]
    params = TileParameters(r_line_ohm=R_OHM)
    start = time.process_time()
    with torch.no_grad():
        want = tile_charge(*few, params, "exact")
        start = time.process_time()
        tile_charge(*few, params, "exact")
    found: dict[str, Any] = {
        "matmul_ms": median_ms(lambda: x @ plus, 21, BATCH),
        "exact_ms": 1e3 * (time.process_time() - start) / 2,
    }
    fast = TileParameters(r_line_ohm=R_OHM)
    kinds: dict[str, tuple[TileParameters, Method]] = {
        "0.25": (replace(fast, accuracy=2.5e-3), "fast"),
        "0.1": (replace(fast, accuracy=1e-3), "fast"),
        "mean_field": (fast, "mean_field"),
        "mean_field_bfloat16": (replace(fast, products="bfloat16"), "mean_field"),
    }
    for name, (params, method) in kinds.items():

        def forward(params: TileParameters = params, method: Method = method) -> Any:
            with torch.no_grad():
                return tile_charge(x, plus, minus, params, method)

        def both(params: TileParameters = params, method: Method = method) -> None:
            leaves = [t.clone().requires_grad_() for t in (x, plus, minus)]
            tile_charge(*leaves, params, method).sum().backward()

        found[f"error_{name}_percent"] = percent_error(forward()[:2], want)
        found[f"forward_{name}_ms"] = median_ms(forward, 7, BATCH)
        found[f"forward_backward_{name}_ms"] = median_ms(both, 7, BATCH)
    return found


def cost() -> list[dict[str, Any]]:
    """ns per cell and MVM of square tiles at one setting: linear in cells when constant."""
    rows = []
    for size in COST_SIZES:
        x, plus, minus = draw(size, size, BATCH, dtype=torch.float32)
        params = TileParameters(r_line_ohm=R_OHM, elements=16, slices=16)

        def run(args: Any = (x, plus, minus), params: TileParameters = params) -> Any:
            with torch.no_grad():
                return tile_charge(*args, params)

        ms = median_ms(run, 3, BATCH)
        rows.append({"size": size, "ms_per_mvm": ms, "ns_per_cell": 1e6 * ms / size**2})
    return rows


def ngspice() -> dict[str, Any] | None:
    """One column of 512 rows, ideal switches, a transient of one MVM."""
    from codesign.bench.tile import ReadTiming, TileReads, simulate_reads
    from codesign.cells.tile_column import TileColumnParameters
    from codesign.characterize.tile.fit import model_charge
    from codesign.errors import MissingToolError
    from codesign.pdk import Conditions, default_process

    x, plus, minus = draw(SIZE, 1, 1)
    slots = torch.round(127 * x).numpy().astype(int)
    reads = TileReads(
        TileColumnParameters(r_line=R_OHM), plus.numpy(), minus.numpy(), slots,
        ReadTiming(), Conditions(),
    )  # fmt: skip
    spent, charge = [], np.zeros((1, 1))
    try:
        for _ in range(3):
            start = _children_s()
            charge = simulate_reads(reads, default_process(), timeout_s=300).charge_C
            spent.append(_children_s() - start)
    except MissingToolError as error:
        return {"missing": error.message}
    exact = model_charge(reads, TileParameters(r_line_ohm=R_OHM))
    seconds = sorted(spent)[1]
    return {
        "seconds_per_column": seconds,
        "ms_per_mvm": 1e3 * seconds * SIZE,
        "relative_error_of_exact": float(np.abs(charge - exact).max() / np.abs(charge).max()),
    }


def _children_s() -> float:
    """Processor time of finished child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def aihwkit() -> dict[str, Any]:
    """aihwkit's time-dependent IR-drop tile, forward only: it has no gradient through the drop."""
    try:
        from aihwkit import __version__
        from aihwkit.nn import AnalogLinear
        from aihwkit.simulator.configs import TorchInferenceRPUConfigIRDropT
    except Exception as error:
        return {"missing": f"{type(error).__name__}: {error}"}
    try:
        config = TorchInferenceRPUConfigIRDropT()
        config.mapping.max_input_size = config.mapping.max_output_size = SIZE
        config.forward.ir_drop_segments = 8
        config.forward.ir_drop = 1.0
        layer = AnalogLinear(SIZE, SIZE, bias=False, rpu_config=config)
        layer.eval()
        x, _, _ = draw(SIZE, SIZE, BATCH, dtype=torch.float32)
        with torch.no_grad():
            ms = median_ms(lambda: layer(x), 3, BATCH)
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {error}", "version": __version__}
    return {"version": __version__, "segments": 8, "forward_ms": ms}


def passive() -> dict[str, Any]:
    """The passive array without word line resistance, by three solvers."""
    import scipy.sparse as sp
    from scipy.sparse.linalg import splu

    n, r = PASSIVE_SIZE, PASSIVE_R_OHM
    draws = np.random.default_rng(1)
    g = draws.uniform(1e-6, 25e-6, (n, n))
    v = draws.uniform(0, 0.2, (BATCH, n))
    params = TileParameters(
        cell="rail", r_line_ohm=r, differential="paired", pulse_bits=None, v_read_V=0.2,
        t_window_s=1.0,
    )  # fmt: skip
    args = torch.tensor(v / 0.2), torch.tensor(g), torch.zeros(n, n, dtype=torch.float64)

    def model() -> Any:
        with torch.no_grad():
            return tile_charge(*args, params).numpy()

    def sparse() -> np.ndarray:
        """The whole array's nodes in one factorisation, all inputs at once."""
        wires = np.full((n, n), 1 / r)
        diagonal = g + wires
        diagonal[1:] += wires[:-1]
        lower = np.full(n * n, -1 / r)
        matrix = sp.diags([diagonal.ravel(), lower[:-n], lower[:-n]], [0, n, -n], format="csc")
        sources = (v[:, :, None] * g[None]).reshape(BATCH, -1).T
        return np.asarray(splu(matrix).solve(sources)[-n:].T / r)

    found: dict[str, Any] = {
        "size": n, "r_ohm": r, "vectors": BATCH,
        "codesign_ms": median_ms(model, 5), "scipy_ms": median_ms(sparse, 3),
        "relative_difference_scipy": float(np.abs(model() - sparse()).max() / sparse().max()),
    }  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import badcrossbar

            # It logs to standard output, which is for the JSON.
            logging.disable(logging.INFO)

            def bad() -> Any:
                solved = badcrossbar.compute(
                    v.T, 1 / g, r_i_word_line=0.0, r_i_bit_line=r, node_voltages=False,
                    all_currents=False,
                )  # fmt: skip
                return solved.currents.output

            found["badcrossbar_ms"] = median_ms(bad, 1)
            difference = np.abs(np.asarray(bad()) - model()).max() / sparse().max()
            found["relative_difference_badcrossbar"] = float(difference)
    except Exception as error:
        found["badcrossbar"] = f"{type(error).__name__}: {error}"
    return found


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Time per MVM over cells."""
    from codesign.figures import BLUE, GREY, new_figure, save, tidy

    figure = new_figure(5.2, 3.6)
    axes = figure.subplots()
    cells = np.array([row["size"] ** 2 for row in rows])
    ms = np.array([row["ms_per_mvm"] for row in rows])
    axes.loglog(cells, ms, "o-", color=BLUE, markersize=4, label="fast, 16 elements, 16 slices")
    axes.loglog(cells, ms[3] * cells / cells[3], "--", color=GREY, label="proportional to cells")
    tidy(axes, "cells of a square tile", "ms per MVM, one thread")
    axes.legend(frameon=False, fontsize=8)
    save(figure, path)


def main() -> int:
    """Measure, print, and say whether the claims hold."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--plot", type=Path, help="where the picture of the cost goes")
    given = parser.parse_args()
    torch.set_num_threads(1)
    mine, spice, growth = ours(), ngspice(), cost()
    if given.plot:
        plot(growth, given.plot)
    claims = {
        "forward_0.25": mine["forward_0.25_ms"] <= CLAIMS_MS["forward_0.25"]
        and mine["error_0.25_percent"] <= 0.25,
        "forward_0.1": mine["forward_0.1_ms"] <= CLAIMS_MS["forward_0.1"]
        and mine["error_0.1_percent"] <= 0.1,
        "forward_backward_0.25": (
            mine["forward_backward_0.25_ms"] <= CLAIMS_MS["forward_backward_0.25"]
        ),
    }
    ratios: dict[str, float] = {"matmul": mine["forward_0.1_ms"] / mine["matmul_ms"]}
    if spice and "ms_per_mvm" in spice:
        ratios["ngspice"] = spice["ms_per_mvm"] / mine["forward_0.1_ms"]
        claims["ngspice"] = ratios["ngspice"] >= CLAIM_NGSPICE
    other = aihwkit()
    if "forward_ms" in other:
        ratios["aihwkit"] = other["forward_ms"] / mine["forward_0.1_ms"]
    figures = {
        "benchmark": "tile_speed",
        "machine": f"{platform.processor() or platform.machine()}, one thread, float32",
        "tile": {"size": SIZE, "r_line_ohm": R_OHM, "batch": BATCH},
        "codesign": mine, "ngspice": spice, "aihwkit": other, "passive_array": passive(),
        "cost": growth, "times_faster_than": ratios, "claims": claims,
        "holds": all(claims.values()),
    }  # fmt: skip
    print(json.dumps(figures, indent=1))
    return 0 if figures["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
