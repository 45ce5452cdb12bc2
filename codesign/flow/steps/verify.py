"""verify: the trained network in ngspice against the model, sample by sample; the report."""

from __future__ import annotations

import json

from codesign.errors import CheckFailed, DataError
from codesign.flow.step import Step, StepContext, StepReport


def run(context: StepContext) -> StepReport:
    """Write mapping/, verify/, the trained netlist and report.html."""
    from codesign.verify import verify_network

    design = context.design
    metrics = verify_network(
        context.run_dir,
        name=design.name,
        network=design.network,
        timing=design.timing,
        supply_V=design.process.supply,
        conditions=design.process.conditions(design.verify.corner),
        training=design.training,
        samples=design.verify.samples,
        mappings=design.verify.mappings,
        calibration_samples=design.verify.calibration_samples,
        workers=context.workers,
        progress=context.progress,
    )
    return StepReport(metrics.summary())


def check(context: StepContext) -> None:
    """The output layer's error against verify.max_rmse_ns: of pnn, or of ann when it is alone."""
    limit_ns = context.design.verify.max_rmse_ns
    if limit_ns is None:
        return
    path = context.run_dir / "verify" / "metrics.json"
    mapping = "pnn" if "pnn" in context.design.verify.mappings else "ann"
    try:
        view = json.loads(path.read_text(encoding="utf-8"))["views"][context.design.view]
        rmse_ns = float(view["mappings"][mapping]["rmse_spike_time_ns"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is damaged or lacks the {mapping} mapping: {type(error).__name__}: {error}",
            remedy="run `codesign verify` again with --force",
        ) from error
    # Written so that NaN fails.
    if not rmse_ns <= limit_ns:
        raise CheckFailed(
            f"spike-time error of mapping {mapping} is {rmse_ns:.3g} ns rms, "
            f"more than the {limit_ns:g} ns allowed"
        )


VERIFY = Step(
    name="verify",
    title="simulating the trained network",
    run=run,
    design=(
        *("name", "view", "process", "network", "timing", "training"),
        *("verify.samples", "verify.mappings", "verify.corner", "verify.calibration_samples"),
    ),
    inputs=(
        "fit/model.json",
        "train/weights.safetensors",
        "train/ann/weights.safetensors",
        "netlist/*.spice",
    ),
    outputs=("mapping/*", "verify/*", "report.html"),
    # Its own output, beside the netlists that it reads.
    excludes=("netlist/*.trained.spice",),
    packages=("cells", "characterize", "mapping", "pdk", "pnn", "spice", "training", "verify"),
    data=("pdk/sky130",),
    tools=("ngspice", "models", "torch"),
    requires=("ngspice", "models"),
    check=check,
)
