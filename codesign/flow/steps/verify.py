"""verify: the trained network in ngspice against the model, sample by sample; the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from codesign.errors import CheckFailed, DataError
from codesign.flow.step import Step, StepContext, StepReport
from codesign.flow.tools import inspect

if TYPE_CHECKING:
    from codesign.cells import CellViews
    from codesign.characterize.model import FittedModel
    from codesign.verify.network import Verification

_WEIGHTS = {"pnn": "train/weights.safetensors", "ann": "train/ann/weights.safetensors"}
_VERSIONS = ("python", "ngspice", "models", "torch", "numpy", "scipy", "PySpice")


def run(context: StepContext) -> StepReport:
    """Write mapping/, verify/, the trained netlist and report.html."""
    import torch

    from codesign.cells import CellViews
    from codesign.characterize.model import FittedModel
    from codesign.verify.network import write_verification
    from codesign.verify.report import write_report

    torch.set_num_threads(1)
    design = context.design
    model = FittedModel.load(context.input("fit/model.json"))
    verification = _verify(
        context, design.views, model, design.verify.samples, design.verify.mappings
    )
    compared = []
    if design.compares_schematic:
        # The same weights, mapped and predicted with the model of the schematic.
        schematic = FittedModel.load(context.run_dir / "fit" / "schematic" / "model.json")
        samples = min(design.verify.schematic_samples, design.verify.samples)
        mappings = tuple(name for name in design.verify.mappings if name == "pnn") or ("pnn",)
        compared.append(_verify(context, CellViews(), schematic, samples, mappings))
    write_verification(verification, context.run_dir, compared)
    folder = context.run_dir / "train"
    write_report(
        verification,
        model,
        context.run_dir,
        design_text=design.text,
        versions={name: inspect(name).version or "missing" for name in _VERSIONS},
        seed=design.seed,
        history={"pnn": folder / "history.csv", "ann": folder / "ann" / "history.csv"},
        compared=compared,
    )
    return StepReport(_summary(verification))


def _verify(
    context: StepContext,
    views: CellViews,
    model: FittedModel,
    samples: int,
    mappings: Sequence[str],
) -> Verification:
    from codesign.verify.network import VerificationSetting, verify_mappings

    design = context.design
    setting = VerificationSetting(
        name=design.name,
        network=design.network,
        timing=design.timing,
        conditions=design.process.conditions(design.verify.corner),
        supply_V=design.process.supply,
        samples=samples,
        calibration_samples=design.verify.calibration_samples,
        views=views,
    )
    return verify_mappings(
        setting,
        {name: _weights(context, name) for name in mappings},
        model,
        _dataset(context),
        design.process.process(),
        cache_dir=context.run_dir / "cache" / "verify",
        workers=context.workers,
        progress=context.progress,
    )


def check(context: StepContext) -> None:
    """The output layer's error against verify.max_rmse_ns: of pnn, or of ann when it is alone.

    A failed simulation fails the check too: an error over fewer samples proves nothing.
    """
    limit_ns = context.design.verify.max_rmse_ns
    if limit_ns is None:
        return
    path = context.run_dir / "verify" / "metrics.json"
    mapping = "pnn" if "pnn" in context.design.verify.mappings else "ann"
    try:
        view = json.loads(path.read_text(encoding="utf-8"))["views"][context.design.view.value]
        figures = view["mappings"][mapping]
        found = figures["rmse_spike_time_ns"]
        rmse_ns = None if found is None else float(found)
        failed = int(figures["failed_simulations"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is damaged or lacks the {mapping} mapping: {type(error).__name__}: {error}",
            remedy="run `codesign verify` again with --force",
        ) from error
    if rmse_ns is None:
        raise CheckFailed(
            f"no output spike of mapping {mapping} could be compared with SPICE",
            remedy="look at failed_simulations in verify/metrics.json and status in "
            "verify/spikes.parquet",
        )
    if failed:
        raise CheckFailed(
            f"{failed} simulations of mapping {mapping} failed, so its error is not that of all "
            "samples",
            remedy="look at status in verify/spikes.parquet, and verify again",
        )
    # Written so that NaN fails.
    if not rmse_ns <= limit_ns:
        raise CheckFailed(
            f"spike-time error of mapping {mapping} is {rmse_ns:.3g} ns rms, "
            f"more than the {limit_ns:g} ns allowed"
        )


def _weights(context: StepContext, mapping: str) -> list[Any]:
    from codesign.pnn.io import load_network

    path = context.input(_WEIGHTS[mapping])
    try:
        network = load_network(path)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(
            f"{path} holds no trained network: {error}", remedy="run `codesign train` again"
        ) from error
    sizes = context.design.network.layers
    if tuple(network.layer_sizes) != tuple(sizes):
        raise DataError(
            f"{path} has layers {list(network.layer_sizes)}, the design {list(sizes)}",
            remedy="run `codesign train` again",
        )
    return [weight.detach().numpy() for weight in network.weights]


def _dataset(context: StepContext) -> Any:
    from codesign.training.datasets import dataset_for

    return dataset_for(context.design.training, context.design.folder)


def _summary(verification: Verification) -> dict[str, Any]:
    wanted = ("rmse_spike_time_ns", "rmse_hidden_spike_time_ns", "spikes_missed", "accuracy_spice")
    return {
        name: {key: mapping.metrics[key] for key in wanted}
        for name, mapping in verification.mappings.items()
    }


VERIFY = Step(
    name="verify",
    title="simulating the trained network",
    run=run,
    design=(
        *("name", "view", "process", "network", "timing", "training"),
        *("verify.samples", "verify.mappings", "verify.corner", "verify.calibration_samples"),
        "verify.schematic_samples",
    ),
    inputs=(
        "fit/**/model.json",
        "train/weights.safetensors",
        "train/ann/weights.safetensors",
        "netlist/*.spice",
    ),
    outputs=("mapping/*", "verify/*", "report.html"),
    # Its own output, beside the netlists that it reads.
    excludes=("netlist/*.trained.spice",),
    packages=(
        *("cells", "characterize", "layout", "mapping", "pdk", "pnn", "spice", "training"),
        "verify",
    ),
    data=("pdk/sky130",),
    tools=("ngspice", "models", "torch"),
    requires=("ngspice", "models"),
    check=check,
)
