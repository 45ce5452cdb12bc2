"""Design: the validated content of a design file. Everything downstream takes typed records.

A design file is data. It is read once, here; names in it match [A-Za-z][A-Za-z0-9_]* because they
become SPICE identifiers and file names; quantities carry their units.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from codesign.cells import NetworkParameters, PhaseTiming
from codesign.errors import DesignError
from codesign.pdk import Conditions, Corner, Interconnect, Process, Variation
from codesign.records import Name, Record, parse_toml, read_text, validate
from codesign.training.model import ModelParameters
from codesign.training.parameters import DATASET_SHAPES, TrainingParameters
from codesign.units import Celsius, Volts

VIEWS = ("schematic",)
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

    @field_validator("mappings")
    @classmethod
    def _distinct(cls, mappings: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(mappings)) != len(mappings):
            raise ValueError("names a mapping twice")
        return mappings


class Design(Record):
    """One design: process, cells, network, characterisation, training, verification.

    With `model` it has no circuit: the network has given parameters, and is trained only.
    """

    name: Name
    view: str = "schematic"
    process: ProcessParameters = ProcessParameters()
    network: NetworkParameters = NetworkParameters()
    timing: PhaseTiming = PhaseTiming()
    characterization: CharacterizationParameters = CharacterizationParameters()
    model: ModelParameters | None = None
    training: TrainingParameters = TrainingParameters()
    verify: VerifyParameters = VerifyParameters()

    _source: str = PrivateAttr("design")
    _text: str = PrivateAttr("")

    @classmethod
    def load(cls, path: Path) -> Self:
        """The design in a file. Raises DesignError naming file, key and what is allowed."""
        text = read_text(
            path, "design file", remedy="write one with `codesign init NAME`, or correct the path"
        )
        return cls.from_text(text, str(path))

    @classmethod
    def from_text(cls, text: str, source: str = "design") -> Self:
        """The design in a TOML text; `source` names it in messages."""
        return cls._build(parse_toml(text, source), source, text)

    @classmethod
    def _build(cls, data: dict[str, Any], source: str, text: str) -> Self:
        design = validate(cls, data, source)
        design._source, design._text = source, text
        return design

    def override(self, values: dict[str, Any]) -> Self:
        """This design with other values: `design.override({"verify.samples": 10})`."""
        data = self.model_dump(mode="json")
        for key, value in values.items():
            *tables, last = key.split(".")
            table = data
            for name in tables:
                table = table[name]
            table[last] = value
        changes = ", ".join(f"{key} = {value}" for key, value in values.items())
        return self._build(data, f"{self._source} with {changes}", self._text)

    def with_seed(self, seed: int) -> Self:
        """This design with another training seed, and another chip where one is drawn."""
        values = {"training.seed": seed}
        if self.process.variation is not Variation.NONE:
            values["process.seed"] = seed
        return self.override(values)

    @property
    def seed(self) -> int:
        """Seed of training; the chip's own seed is `process.seed`."""
        return self.training.seed

    @property
    def source(self) -> str:
        """The file that the design was read from, for messages."""
        return self._source.partition(" with ")[0]

    @property
    def text(self) -> str:
        """The design file as it was written."""
        return self._text

    def value(self, key: str) -> Any:
        """JSON-ready value at a dotted key: `design.value("process.corner")`. KeyError if none."""
        value: Any = self.model_dump(mode="json")
        for part in key.split("."):
            value = value[part]
        return value

    @field_validator("name")
    @classmethod
    def _no_cell_name(cls, name: str) -> str:
        # The network is a cell called as the design; SPICE does not tell cases apart.
        if re.fullmatch(RESERVED_NAMES, name.lower()):
            raise ValueError(f"{name!r} is the name of a cell inside the network; choose another")
        return name

    @field_validator("view")
    @classmethod
    def _view_exists(cls, view: str) -> str:
        if view == "layout":
            raise ValueError('the layout view does not exist yet; use view = "schematic"')
        if view not in VIEWS:
            raise ValueError(f"unknown view {view!r}; allowed: {', '.join(VIEWS)}")
        return view

    @model_validator(mode="after")
    def _layers_fit_data(self) -> Self:
        if self.model is not None:
            return self
        layers, data = self.network.layers, self.training.dataset
        features, classes = DATASET_SHAPES[data]
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
        return self
