"""calibrate: one chip measured, identified and written again; a chip in SPICE, or a tester's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codesign.bench import Setup
from codesign.designs import Design
from codesign.errors import InputError
from codesign.flow.step import Step, StepContext, StepReport
from codesign.flow.steps.verify import trained_weights
from codesign.flow.versions import page_setting
from codesign.pdk import Variation

if TYPE_CHECKING:
    from codesign.verify.chips import Nominal, Samples
    from codesign.verify.simulation import NetworkRunner


@dataclass(frozen=True)
class ChipSource:
    """Where a chip's spike times come from: its seed in SPICE, or a table `measured` at the knobs
    `written` (those of the mapping unless given). `name` is that of its folder."""

    seed: int | None = None
    measured: Path | None = None
    written: Path | None = None

    @property
    def name(self) -> str:
        """Name of the chip's folder below calibrate/."""
        return str(self.seed) if self.measured is None else self.measured.stem


def nominal_of(context: StepContext[Design]) -> tuple[Nominal, Samples]:
    """The network that a chip of this design is meant to be, and the test samples. Raises
    InputError for a design whose own conditions draw a chip."""
    from codesign.characterize.model import FittedModel
    from codesign.mapping import knob_layers
    from codesign.training.datasets import dataset_for
    from codesign.verify.chips import Nominal, Samples

    design = context.design
    if design.process.variation is not Variation.NONE:
        raise InputError(
            f'{design.source}: process.variation = "{design.process.variation}" is a chip already; '
            "the nominal circuit is what chips are compared with",
            remedy='set variation = "none"; calibrate and yield draw chips themselves',
        )
    model = FittedModel.load(context.input("fit/model.json"))
    weights = trained_weights(context, "pnn", model, None)
    data = dataset_for(design.training, design.folder)
    setup: Setup = design.setup(context.run_dir / "netlist")
    nominal = Nominal(setup, model, knob_layers(weights, model), data.train.times.double().numpy())
    test = data.test.head(design.chips.samples)
    labels = test.labels.numpy()
    return nominal, Samples(test.times.double().numpy(), labels, data.n_classes)


def run(context: StepContext[Design], source: ChipSource) -> StepReport:
    """Write calibrate/<chip>/."""
    import numpy as np
    import torch

    from codesign.verify.chips import calibrate, chip_metrics, refused, unknown, write_calibration
    from codesign.verify.chips.pages import write_calibration_page

    torch.set_num_threads(1)
    nominal, test = nominal_of(context)
    design = context.design
    doubts: list[str] = []
    if source.measured is not None:
        from codesign.verify.chips import calibrate_measured

        calibration, names, doubts = calibrate_measured(nominal, source.measured, source.written)
        chip = None
    else:
        assert source.seed is not None
        chip = spice_chip(context, nominal, source.seed)
        rng = np.random.default_rng([source.seed, design.seed])
        calibration = calibrate(
            nominal, chip, design.chips.patterns, rng,
            outputs_only=design.chips.observed == "outputs",
        )  # fmt: skip
        names = tuple(range(1, len(calibration.rounds[0].inputs_s) + 1))
    metrics = chip_metrics(nominal, calibration, chip, test)
    folder = context.run_dir / "calibrate" / source.name
    table = write_calibration(folder, nominal, calibration, metrics)
    found = calibration.rounds[0].found
    doubts = [*doubts, *refused(found, names), *unknown(table)]
    write_calibration_page(
        folder, nominal, calibration, metrics, table, doubts, page_setting(design)
    )
    left_ns = found.residual_rms * nominal.phase_s * 1e9
    return StepReport({**metrics, "residual_ns": left_ns, "doubts": doubts})


def spice_chip(context: StepContext[Design], nominal: Nominal, seed: int) -> Any:
    """The chip with this seed, in ngspice."""
    from codesign.verify.chips import SpiceChip, chip_setup

    return SpiceChip(chip_setup(nominal.setup, seed), network_runner(context, nominal, "chips"))


def network_runner(context: StepContext[Design], nominal: Nominal, cache: str) -> NetworkRunner:
    """What runs samples on other chips and conditions, its results kept in cache/<cache>."""
    from codesign.verify.simulation import NetworkRunner

    return NetworkRunner(
        nominal.model,
        nominal.training[0] * nominal.phase_s,
        whole=context.design.verify.method == "whole",
        cache_dir=context.run_dir / "cache" / cache,
        workers=context.workers,
        progress=context.progress,
    )


def calibrate_step(source: ChipSource) -> Step[Design]:
    """The step for one chip."""
    simulated = source.measured is None
    given = tuple(path for path in (source.measured, source.written) if path is not None)
    return Step[Design](
        name=f"calibrate_{source.name}",
        title=f"calibrating chip {source.name}",
        run=partial(run, source=source),
        design=(
            *("name", "view", "process", "network", "timing", "training"),
            *("verify.method", "chips.patterns", "chips.observed", "chips.samples"),
        ),
        inputs=("fit/model.json", "train/weights.safetensors", "netlist/*.spice"),
        excludes=("netlist/*.trained.spice",),
        outputs=(f"calibrate/{source.name}/*",),
        given=given,
        tools=("ngspice", "models", "torch") if simulated else ("torch",),
        requires=("ngspice", "models") if simulated else (),
    )


def write_patterns(context: StepContext[Design], path: Path) -> StepReport:
    """Write the patterns to show a chip, for a tester."""
    from codesign.verify.chips import patterns_for, write_spikes

    nominal, _ = nominal_of(context)
    chips = context.design.chips
    inputs_s = patterns_for(
        nominal, chips.patterns, context.design.seed, chips.observed == "outputs"
    )
    write_spikes(path, inputs_s)
    return StepReport({"patterns": len(inputs_s), "file": str(path)})


def patterns_step(path: Path) -> Step[Design]:
    """The step that writes a tester's patterns to a file outside the run directory."""
    return Step[Design](
        name="patterns",
        title="choosing patterns",
        run=partial(write_patterns, path=path),
        design=("name", "view", "process", "network", "training", "chips.patterns",
                "chips.observed"),
        inputs=("fit/model.json", "train/weights.safetensors", "netlist/*.spice"),
        excludes=("netlist/*.trained.spice",),
        outputs=(),
        tools=("torch",),
    )  # fmt: skip
