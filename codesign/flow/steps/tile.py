"""The steps of a tile design: netlists, reads in ngspice, effective parameters, comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from codesign.designs import TileDesign
from codesign.errors import DataError
from codesign.flow.step import Step, StepContext, StepReport

if TYPE_CHECKING:
    from codesign.bench.tile import TileReads

# Draws of pulses: the fit's and the verification's are different ones.
_FIT_STREAM, _VERIFY_STREAM = 1, 2


def tile_reads(design: TileDesign, reads: int, stream: int) -> TileReads:
    """The design's tile with pulses of one stream."""
    from codesign.bench.tile import ReadTiming, TileReads

    tile = design.tile
    g_plus, g_minus = tile.conductances()
    return TileReads(
        tile.cells(),
        g_plus,
        g_minus,
        tile.pulses(reads, stream),
        ReadTiming(tile.v_read, tile.t_window, tile.slots),
        design.process.conditions(),
    )


def generate(context: StepContext[TileDesign]) -> StepReport:
    """Write netlist/<design>.spice (the tile) and <design>_column_1.spice, with their ports."""
    from codesign.cells.base import port_list
    from codesign.cells.tile_column import Tile
    from codesign.files import write_atomic

    design = context.design
    g_plus, g_minus = design.tile.conductances()
    tile = Tile(design.tile.cells(), g_plus.tolist(), g_minus.tolist(), design.name)
    names = []
    for cell in (tile.columns[0], tile):
        for suffix, text in ((".spice", cell.netlist()), (".ports.json", port_list(cell))):
            path = context.path("netlist", f"{cell.name}{suffix}")
            write_atomic(path, text)
            names.append(path.name)
    return StepReport({"netlists": names})


def simulate(context: StepContext[TileDesign]) -> StepReport:
    """Write characterization/tile_reads.parquet. An interrupted run goes on from its cache."""
    from codesign.characterize.tables import write_table
    from codesign.characterize.tile.run import run_reads

    design = context.design
    reads = tile_reads(design, design.simulate.reads, _FIT_STREAM)
    table = run_reads(
        reads,
        design.process.process(design.folder),
        workers=context.workers,
        cache_dir=context.run_dir / "cache" / "simulate",
        progress=context.progress,
    )
    write_table(context.path("characterization", "tile_reads.parquet"), table)
    failed = int((table["status"] != "ok").sum())
    return StepReport({"charges": len(table), "failed": failed})


def fit(context: StepContext[TileDesign]) -> StepReport:
    """Write fit/model.json and fit/charges.png."""
    from codesign.characterize.tables import read_table
    from codesign.characterize.tile.fit import FITTED, fit_reads, model_charge
    from codesign.characterize.tile.run import COLUMNS, charges
    from codesign.verify.tile import plot_charges

    design = context.design
    reads = tile_reads(design, design.simulate.reads, _FIT_STREAM)
    table = read_table(context.input("characterization/tile_reads.parquet"), COLUMNS)
    charge_C = charges(table, design.simulate.reads, design.tile.columns)
    transistor = design.tile.access is not None
    names = tuple(FITTED) if transistor else ("r_line_ohm", "r_integrator_ohm")
    nominal = design.tile.model()
    result = fit_reads(reads, charge_C, nominal, names)
    result.write(context.path("fit", "model.json"))
    plot_charges(
        charge_C, model_charge(reads, result.apply(nominal)), context.path("fit", "charges.png")
    )
    return StepReport(result.summary())


def verify(context: StepContext[TileDesign]) -> StepReport:
    """Write verify/reads.parquet, verify/metrics.json and verify/charges.png."""
    from codesign.characterize.tile.fit import TileFit
    from codesign.characterize.tile.run import charges, run_reads
    from codesign.verify.tile import verify_reads, write_tile_verification

    design = context.design
    reads = tile_reads(design, design.verify.reads, _VERIFY_STREAM)
    fitted = TileFit.load(context.input("fit/model.json"))
    table = run_reads(
        reads,
        design.process.process(design.folder),
        workers=context.workers,
        cache_dir=context.run_dir / "cache" / "verify",
        progress=context.progress,
    )
    spice_C = charges(table, design.verify.reads, design.tile.columns)
    verification = verify_reads(
        design.name, design.view, reads, table, spice_C, design.tile.model(), fitted
    )
    write_tile_verification(verification, context.run_dir)
    wanted = ("mvm_rms_error_percent", "mvm_max_error_percent", "speedup")
    figures = verification.metrics["views"][design.view]
    return StepReport({key: figures[key] for key in wanted})


def check(context: StepContext[TileDesign]) -> None:
    """The rms error against verify.max_rms_error_percent."""
    from codesign.verify.tile import check_tile_error

    design = context.design
    path: Path = context.run_dir / "verify" / "metrics.json"
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        check_tile_error(metrics, design.view, design.verify.max_rms_error_percent)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is damaged: {error}", remedy="run `codesign verify` again with --force"
        ) from error


_SIMULATOR = ("ngspice", "models")
TILE_STEPS = (
    Step[TileDesign](
        name="generate",
        title="writing the tile's netlists",
        run=generate,
        design=("name", "view", "process.name", "tile"),
        outputs=("netlist/*.spice", "netlist/*.json"),
            ),
    Step[TileDesign](
        name="simulate",
        title="reading the tile in ngspice",
        run=simulate,
        design=("process", "tile", "simulate"),
        inputs=("netlist/*.spice",),
        outputs=("characterization/tile_reads.parquet",),
                tools=_SIMULATOR,
        requires=_SIMULATOR,
    ),
    Step[TileDesign](
        name="fit",
        title="fitting the tile's effective parameters",
        run=fit,
        design=("tile", "simulate"),
        inputs=("characterization/tile_reads.parquet",),
        outputs=("fit/model.json", "fit/*.png"),
            tools=("numpy", "scipy", "torch"),
    ),
    Step[TileDesign](
        name="verify",
        title="comparing the tile model with ngspice",
        run=verify,
        design=("name", "view", "process", "tile", "verify.reads"),
        inputs=("fit/model.json", "netlist/*.spice"),
        outputs=("verify/*",),
                tools=(*_SIMULATOR, "torch"),
        requires=_SIMULATOR,
        check=check,
    ),
)
