"""Design: the validated content of a design file. Everything downstream takes typed records.

A design file is data. It is read once, here; names in it match [A-Za-z][A-Za-z0-9_]* because they
become SPICE identifiers and file names; quantities carry their units.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from codesign.cells import CellViews, NetworkParameters, PhaseTiming, View
from codesign.cells.layout_limits import layout_faults
from codesign.design_file import DesignFile
from codesign.errors import DesignError
from codesign.pdk import Conditions, Corner, Interconnect, Process, Variation
from codesign.records import Name, Record
from codesign.training.model import ModelParameters
from codesign.training.parameters import TrainingParameters
from codesign.training.sources import dataset_shape
from codesign.units import Celsius, Volts

RESERVED_NAMES = r"synapse|neuron|line_driver|input_driver|crossbar_\d+x\d+"


class ProcessParameters(Record):
    """The process and the conditions every simulation is run at."""

    name: Literal["sky130"] = "sky130"
    corner: Corner = Corner.TT
    interconnect: Interconnect = Interconnect.NOM
    temperature: Annotated[Celsius, Field(ge=-55, le=150)] = 27.0
    variation: Variation = Variation.NONE
    seed: int = Field(1, ge=1, le=2**31 - 1, description="the chip that random variation draws")
    supply: Annotated[Volts, Field(gt=0, le=1.95)] = 1.8

    def process(self) -> Process:
        """The process at this supply."""
        return dataclasses.replace(Process.sky130(), supply_V=self.supply)

    def conditions(self, corner: Corner | None = None) -> Conditions:
        """The simulation conditions, at another corner if one is given."""
        return Conditions(
            corner=corner or self.corner,
            interconnect=self.interconnect,
            temperature_c=self.temperature,
            variation=self.variation,
            seed=self.seed,
        )


class CharacterizationParameters(Record):
    """Which sweep plan characterises the cells: characterization/<plan>.toml."""

    plan: Name = "default"


class VerifyParameters(Record):
    """How the trained network is compared with SPICE."""

    samples: int = Field(50, ge=1, description="test samples to simulate")
    mappings: tuple[Literal["pnn", "ann"], ...] = Field(("pnn", "ann"), min_length=1)
    corner: Corner | None = Field(None, description="None: the corner of [process]")
    max_rmse_ns: float | None = Field(None, gt=0, description="limit of the output layer's error")
    calibration_samples: int = Field(4, ge=1, description="training samples, to fit scales on")
    schematic_samples: int = Field(
        10, ge=0, description="layout view: test samples to simulate in the schematic view too"
    )

    @field_validator("mappings")
    @classmethod
    def _distinct(cls, mappings: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(mappings)) != len(mappings):
            raise ValueError("names a mapping twice")
        return mappings


class Design(DesignFile):
    """One design: process, cells, network, characterisation, training, verification.

    With `model` it has no circuit: the network has given parameters, and is trained only.
    """

    name: Name
    view: View = View.SCHEMATIC
    process: ProcessParameters = ProcessParameters()
    network: NetworkParameters = NetworkParameters()
    timing: PhaseTiming = PhaseTiming()
    characterization: CharacterizationParameters = CharacterizationParameters()
    model: ModelParameters | None = None
    training: TrainingParameters = TrainingParameters()
    verify: VerifyParameters = VerifyParameters()

    def with_seed(self, seed: int) -> Self:
        """This design with another training seed, and another chip where one is drawn."""
        values = {"training.seed": seed}
        if self.process.variation is not Variation.NONE:
            values["process.seed"] = seed
        return self.override(values)

    @property
    def views(self) -> CellViews:
        """The view of the cells that the design is simulated in."""
        return CellViews(self.view, self.process.interconnect)

    @property
    def compares_schematic(self) -> bool:
        """Whether the schematic view is characterised and verified beside the layout view."""
        return self.view is View.LAYOUT and self.verify.schematic_samples > 0

    @property
    def seed(self) -> int:
        """Seed of training; the chip's own seed is `process.seed`."""
        return self.training.seed

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
    def _has_layout(self) -> Self:
        if self.view is View.LAYOUT and self.network.synapse.kind == "resistive":
            raise ValueError(
                'view = "layout" needs network.synapse.kind = "current_source": the programmable '
                "conductance of a resistive synapse is no device of the process"
            )
        if self.view is View.LAYOUT:
            faults = list(layout_faults(self.network, "network."))
            if faults:
                raise ValueError(f'view = "layout": {"; ".join(faults)}')
        return self

    def check(self) -> None:
        """Whether the network fits the data set, whose file lies beside the design."""
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
