"""verify: the trained network in ngspice against the model, sample by sample; the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign.bench import Setup
from codesign.cells import View
from codesign.designs import Design
from codesign.errors import CheckFailed, DataError
from codesign.flow.step import Step, StepContext, StepReport
from codesign.flow.versions import page_setting

if TYPE_CHECKING:
    from codesign.characterize.model import FittedModel
    from codesign.verify.result import Verification

_WEIGHTS = {"pnn": "train/weights.safetensors", "ann": "train/ann/weights.safetensors"}


def run(context: StepContext[Design], weights: Path | None = None) -> StepReport:
    """Write mapping/, verify/, the trained netlist and report.html. `weights`: a user's, instead of
    those of train/; then there is no ann mapping."""
    import torch

    from codesign.characterize.model import FittedModel
    from codesign.verify.budget_files import write_budget
    from codesign.verify.report import write_report
    from codesign.verify.result import write_verification

    torch.set_num_threads(1)
    design = context.design
    model = FittedModel.load(context.input("fit/model.json"))
    setup = design.setup(context.run_dir / "netlist", corner=design.verify.corner)
    mappings = design.verify.mappings if weights is None else ("pnn",)
    given = {name: trained_weights(context, name, model, weights) for name in mappings}
    _report_reach(context, model, weights)
    verification = _verify(context, setup, model, design.verify.samples, given)
    compared = []
    if design.compares_schematic:
        # The same weights, mapped and predicted with the model of the schematic.
        schematic = FittedModel.load(context.run_dir / "fit" / "schematic" / "model.json")
        samples = min(design.verify.schematic_samples, design.verify.samples)
        pnn = {"pnn": trained_weights(context, "pnn", schematic, weights)}
        drawn = setup.in_view(View.SCHEMATIC)
        compared.append(_verify(context, drawn, schematic, samples, pnn))
    write_verification(verification, context.run_dir, compared)
    budget = write_budget(verification, model, context.run_dir)
    folder = context.run_dir / "train"
    trained = {"pnn": folder / "history.csv", "ann": folder / "ann" / "history.csv"}
    write_report(
        verification,
        model,
        context.run_dir,
        page_setting(design),
        history=trained if weights is None else {},
        compared=compared,
        budget=budget,
    )
    return StepReport(_summary(verification))


def _report_reach(context: StepContext[Design], model: FittedModel, given: Path | None) -> None:
    """Say what of a user's weights the circuit cannot carry; trained ones are within its reach."""
    from codesign.mapping import read_weights, within_reach, write_reach

    if given is None:
        context.path("mapping", "reach.json").unlink(missing_ok=True)
    else:
        sizes = context.design.network.layers
        write_reach(context.run_dir, within_reach(read_weights(given, sizes), model)[1])


def _verify(
    context: StepContext[Design],
    setup: Setup,
    model: FittedModel,
    samples: int,
    weights: Mapping[Any, list[Any]],
) -> Verification:
    from codesign.training.datasets import dataset_for
    from codesign.verify.network import verify_mappings
    from codesign.verify.result import VerificationSetting

    design, verify = context.design, context.design.verify
    # Beside the design's own view the cut has been looked at already.
    whole = verify.whole_samples if setup.view is design.view else 0
    return verify_mappings(
        VerificationSetting(
            setup, samples, verify.calibration_samples, verify.method, whole, verify.neurons
        ),
        weights,
        model,
        dataset_for(design.training, design.folder),
        cache_dir=context.run_dir / "cache" / "verify",
        workers=context.workers,
        progress=context.progress,
    )


def check(context: StepContext[Design], given: bool = False) -> None:
    """The output layer's error against verify.max_rmse_ns: of pnn, or of ann when it is alone.
    Given weights have no ann mapping.

    A failed simulation fails the check too: an error over fewer samples proves nothing.
    """
    limit_ns = context.design.verify.max_rmse_ns
    if limit_ns is None:
        return
    path = context.run_dir / "verify" / "metrics.json"
    mapping = "pnn" if given or "pnn" in context.design.verify.mappings else "ann"
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


def trained_weights(
    context: StepContext[Design], mapping: str, model: FittedModel, given: Path | None
) -> list[Any]:
    """Weights of every layer as `train` left them, or a user's. Raises DataError for those of
    another network."""
    from codesign.mapping import read_weights, within_reach
    from codesign.pnn.io import load_network

    sizes = context.design.network.layers
    if given is not None:
        return within_reach(read_weights(given, sizes), model)[0]
    path = context.input(_WEIGHTS[mapping])
    try:
        network = load_network(path)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(
            f"{path} holds no trained network: {error}", remedy="run `codesign train` again"
        ) from error
    if tuple(network.layer_sizes) != tuple(sizes):
        raise DataError(
            f"{path} has layers {list(network.layer_sizes)}, the design {list(sizes)}",
            remedy="run `codesign train` again",
        )
    return [weight.detach().numpy() for weight in network.weights]


def _summary(verification: Verification) -> dict[str, Any]:
    wanted = ("rmse_spike_time_ns", "rmse_hidden_spike_time_ns", "spikes_missed", "accuracy_spice")
    return {
        name: {key: mapping.metrics[key] for key in wanted}
        for name, mapping in verification.mappings.items()
    }


VERIFY = Step[Design](
    name="verify",
    title="simulating the trained network",
    run=run,
    design=(
        *("name", "view", "process", "network", "timing", "training"),
        *("verify.samples", "verify.mappings", "verify.corner", "verify.calibration_samples"),
        *("verify.schematic_samples", "verify.method", "verify.whole_samples", "verify.neurons"),
    ),
    inputs=("fit/**/model.json", _WEIGHTS["pnn"], "netlist/*.spice"),
    # The baseline's weights, where it was trained; the measured currents, for the error budget.
    optional=(_WEIGHTS["ann"], "characterization/synapse_current.parquet"),
    outputs=("mapping/*", "verify/*", "report.html"),
    # Its own output, beside the netlists that it reads.
    excludes=("netlist/*.trained.spice",),
    tools=("ngspice", "models", "torch"),
    requires=("ngspice", "models"),
    check=check,
    help="Simulate the trained network in ngspice and compare it with the model, sample by sample.",
)


def verify_step(weights: Path | None = None) -> Step[Design]:
    """The step; with a user's weights instead of trained ones."""
    if weights is None:
        return VERIFY
    return replace(
        VERIFY,
        run=partial(run, weights=weights),
        check=partial(check, given=True),
        inputs=tuple(name for name in VERIFY.inputs if name not in _WEIGHTS.values()),
        optional=tuple(name for name in VERIFY.optional if name not in _WEIGHTS.values()),
        given=(weights,),
    )
