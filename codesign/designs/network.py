"""Design: a network and its circuit, or a network that is only trained.

A design file is data. It is read once, here; names in it match [A-Za-z][A-Za-z0-9_]* because they
become SPICE identifiers and file names; quantities carry their units.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from codesign.bench import Setup
from codesign.cells import NetworkParameters, PhaseTiming, View
from codesign.cells.layout_limits import layout_faults
from codesign.characterize.plan import plan_path
from codesign.designs.base import DesignFile, ProcessParameters, is_foreign, views_of
from codesign.designs.chips import ChipParameters, SignoffParameters
from codesign.designs.load import register_design
from codesign.errors import DesignError, InputError
from codesign.pdk import Corner, Variation
from codesign.records import Name, Record
from codesign.training.model import ModelParameters
from codesign.training.parameters import TrainingParameters
from codesign.training.reading import dataset_file, dataset_shape
from codesign.training.sources import is_file, known_source

RESERVED_NAMES = (
    r"synapse(_.*)?|neuron(_.*)?|line_driver|input_driver|crossbar_\d+x\d+(_\w+)?"
)


class CharacterizationParameters(Record):
    """Which sweep plan characterises the cells."""

    plan: str = Field(
        "default",
        pattern=r"^[A-Za-z][A-Za-z0-9_./-]{0,120}\z",
        description="characterization/<plan>.toml, or a file <plan>.toml beside the design file",
    )


class VerifyParameters(Record):
    """How the trained network is compared with SPICE."""

    samples: int = Field(50, ge=1, description="test samples to run through ngspice")
    mappings: tuple[Literal["pnn", "ann"], ...] = Field(
        ("pnn", "ann"),
        min_length=1,
        description="pnn: the fitted model, one scale; ann: ideal sums, two fitted scales",
    )
    corner: Corner | None = Field(
        None, description="transistor corner to simulate at; that of [process] if left out"
    )
    method: Literal["columns", "whole"] = Field(
        "columns",
        description="columns: every neuron behind its own dendrite, driven by the spikes before "
        "it; whole: the network as one circuit, whose cost grows much faster than its size",
    )
    whole_samples: int = Field(
        0, ge=0, description="columns: test samples to simulate whole too, for the cut's error"
    )
    neurons: int | None = Field(
        None,
        ge=1,
        description="columns: neurons of each layer to simulate, drawn at random; all if left out",
    )
    max_rmse_ns: float | None = Field(
        None, gt=0, description="largest error of the output layer's spike times that passes"
    )
    calibration_samples: int = Field(
        4, ge=1, description="training samples that the ann scales are fitted on"
    )
    schematic_samples: int = Field(
        10, ge=0, description="layout view: test samples to simulate in the schematic view too"
    )

    @field_validator("mappings")
    @classmethod
    def _distinct(cls, mappings: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(mappings)) != len(mappings):
            raise ValueError("names a mapping twice")
        return mappings


@register_design
class Design(DesignFile):
    """One design: process, cells, network, characterisation, training, verification.

    With `model` it has no circuit: the network has given parameters, and is trained only.
    """

    name: Name = Field(description="becomes a SPICE identifier: letters, digits, underscores")
    view: View = Field(
        View.SCHEMATIC, description="what is simulated: layout (extracted) or schematic"
    )
    process: ProcessParameters = ProcessParameters()
    network: NetworkParameters = NetworkParameters()
    timing: PhaseTiming = PhaseTiming()
    characterization: CharacterizationParameters = CharacterizationParameters()
    model: ModelParameters | None = None
    training: TrainingParameters = TrainingParameters()
    verify: VerifyParameters = VerifyParameters()
    chips: ChipParameters = ChipParameters()
    signoff: SignoffParameters = SignoffParameters()

    def with_seed(self, seed: int) -> Self:
        """This design with another training seed, and another chip where one is drawn."""
        values = {"training.seed": seed}
        if self.process.variation is not Variation.NONE:
            values["process.seed"] = seed
        return self.override(values)

    def setup(
        self,
        netlists: Path | None = None,
        *,
        corner: Corner | None = None,
        view: View | None = None,
    ) -> Setup:
        """What is simulated. `netlists`: the folder that `generate` wrote to; without it cells are
        drawn when needed."""
        return Setup(
            network=self.network,
            timing=self.timing,
            conditions=self.process.conditions(corner),
            views=views_of(view or self.view, self.process, self.folder, netlists),
            name=self.name,
        )

    @property
    def compares_schematic(self) -> bool:
        """Whether the schematic view is characterised and verified beside the layout view."""
        return self.view is View.LAYOUT and self.verify.schematic_samples > 0

    @property
    def seed(self) -> int:
        """Seed of training; the chip's own seed is `process.seed`."""
        return self.training.seed

    def files(self, section: str) -> Iterator[tuple[str, Path]]:
        yield from super().files(section)
        if section == "network":
            for cell in (self.network.synapse, self.network.neuron):
                for path in getattr(cell, "files", tuple)():
                    yield path.name, path
        elif section == "characterization":
            path = plan_path(self.characterization.plan, self.folder)
            yield path.name, path
        elif section == "training":
            data = dataset_file(self.training, self.folder)
            if data is not None:
                yield data.name, data

    def code(self, section: str) -> Iterator[Any]:
        yield from super().code(section)
        found = []
        if section == "training" and not is_file(self.training.dataset):
            found.append(known_source(self.training.dataset).read)
        if section == "model" and self.model is not None:
            found += self.model.code()
        yield from filter(is_foreign, found)

    @field_validator("name")
    @classmethod
    def _no_cell_name(cls, name: str) -> str:
        # The network is a cell called as the design; SPICE does not tell cases apart.
        if re.fullmatch(RESERVED_NAMES, name.lower()):
            raise ValueError(f"{name!r} is the name of a cell inside the network; choose another")
        return name

    @field_validator("view", mode="before")
    @classmethod
    def _view_exists(cls, view: Any) -> Any:
        allowed = [known.value for known in View]
        if view not in allowed:
            raise ValueError(f"unknown view {view!r}; allowed: {', '.join(allowed)}")
        return view

    @model_validator(mode="after")
    def _controls_fit(self) -> Self:
        # Both raise InputError for times that do not fit into the period.
        neuron = self.network.neuron.cell()
        neuron.controls(self.timing)
        neuron.accumulation_end(self.timing)
        return self

    @model_validator(mode="after")
    def _has_baseline(self) -> Self:
        if self.model is None and "ann" in self.verify.mappings and not self.training.baseline:
            raise ValueError(
                "the ann mapping needs the baseline's weights; set training.baseline = true, or "
                'verify.mappings = ["pnn"]'
            )
        return self

    @model_validator(mode="after")
    def _has_layout(self) -> Self:
        if self.view is not View.LAYOUT:
            return self
        for key, cell in (
            ("synapse", self.network.synapse.cell()),
            ("neuron", self.network.neuron.cell()),
        ):
            if not cell.has_layout:
                raise ValueError(
                    f'view = "layout": network.{key} ({cell.what}) has no layout; '
                    'use view = "schematic" or another kind'
                )
        faults = list(layout_faults(self.network, "network."))
        if faults:
            raise ValueError(f'view = "layout": {"; ".join(faults)}')
        return self

    def check(self) -> None:
        """Whether the user's cells fit process and supply, and the network fits the data set, whose
        file lies beside the design."""
        self._check_given_cells()
        if self.model is not None:
            return
        layers, data = self.network.layers, self.training.dataset
        features, classes = dataset_shape(self.training, self.folder)
        inputs = features + self.training.bias_spike
        if layers[0] != inputs:
            raise DesignError(
                f"network.layers starts with {layers[0]}, but data set {data} has {inputs} inputs "
                f"({features} features{' and a bias spike' * self.training.bias_spike})",
                remedy=f"make the first of network.layers {inputs}",
            )
        if layers[-1] < classes:
            raise DesignError(
                f"network.layers ends with {layers[-1]}, but data set {data} has {classes} classes",
                remedy=f"make the last of network.layers {classes} or more",
            )

    def _check_given_cells(self) -> None:
        process = self.process.process(self.folder)
        for key in ("synapse", "neuron"):
            top = getattr(self.network, key).cell()
            try:
                top.check_supply(self.process.supply)
                for cell in top.cells():
                    if cell.is_given:
                        cell.check_devices(process)
            except InputError as error:
                raise DesignError(f"network.{key}: {error.message}", remedy=error.remedy) from error
