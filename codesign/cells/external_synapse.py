"""A user's own synapse: which port or parameter is the weight's knob, which ports are fixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from codesign.cells.base import Port, Schematic
from codesign.cells.external import (
    ExternalParameters,
    PortName,
    SynapsePorts,
    draw_inside,
    own_name,
)
from codesign.cells.given_layout import GivenLayout
from codesign.cells.knobs import Knob
from codesign.cells.synapse import Synapse, SynapseParameters, register_synapse
from codesign.cells.synapse_geometry import SynapseGeometry
from codesign.cells.user_devices import KnobValue
from codesign.errors import InputError
from codesign.layout.sketch import Sketch
from codesign.levels import Level
from codesign.records import Record
from codesign.units import parse_any_quantity, parse_quantity

# Bins of a device model change with a knob at its width or length: so many values are looked at.
_LOOKED_AT = 64
_MAX_V = 5.0


class ExternalKnob(Record):
    """One polarity's weight: a bias voltage at `port`, or the subcircuit's `parameter`."""

    port: PortName | None = Field(None, description="port whose voltage sets the weight")
    parameter: PortName | None = Field(
        None, description="parameter of the subcircuit that sets it instead, in its own units"
    )
    off: Level = Field(description='value at which no current flows; "supply" is the supply')
    range: tuple[Level, Level] = Field(description="smallest and largest value to use")
    points: int = Field(24, ge=6, le=200, description="values to characterise, of a parameter")

    @model_validator(mode="before")
    @classmethod
    def _quantities(cls, table: Any) -> Any:
        """Voltages for a port, numbers of any unit for a parameter."""
        if not isinstance(table, dict):
            return table
        is_parameter = table.get("parameter") is not None

        def read(value: Any) -> Any:
            if value == "supply":
                return value
            return parse_any_quantity(value) if is_parameter else parse_quantity(value, "V")

        new = dict(table)
        if "off" in new:
            new["off"] = read(new["off"])
        if isinstance(new.get("range"), (list, tuple)):
            new["range"] = tuple(read(value) for value in new["range"])
        return new

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        low, high = self.range
        numbers = [value for value in (self.off, low, high) if not isinstance(value, str)]
        if (self.port is None) == (self.parameter is None):
            raise ValueError("needs either port (a bias voltage) or parameter (a device value)")
        if not isinstance(low, str) and not isinstance(high, str) and not low < high:
            raise ValueError(f"range = [{low:g}, {high:g}] is empty: the smaller value comes first")
        if self.parameter is not None and (len(numbers) < 3 or not numbers[1] > 0):
            raise ValueError("range of a parameter needs 0 < low < high, in plain numbers")
        if self.port is not None and any(abs(value) > _MAX_V for value in numbers):
            raise ValueError(f"off and range must be within {_MAX_V:g} V of ground")
        if fault := self.fault():
            raise ValueError(fault)
        if low == "supply":
            raise ValueError('range ends at "supply", at most: it cannot begin there')
        return self

    def fault(self, supply_V: float | None = None) -> str | None:
        """Why the port carries current where it should be off; without a supply, levels of that
        are left out of account."""
        off, low, high = (
            supply_V if level == "supply" else level for level in (self.off, *self.range)
        )
        if self.port is None or off is None or low is None or high is None:
            return None
        if not float(low) < float(off) < float(high):
            return None
        return (
            f"off = {off:g} V is inside range = [{low:g} V, {high:g} V], where the synapse carries "
            "current: give an off at an end of the range or outside of it"
        )

    def knob(self, polarity: str) -> Knob:
        """The knob under the wrapper's names."""
        low, high = self.range
        if self.port is None:
            return Knob(f"w{polarity}", False, self.off, low, high, "", points=self.points)
        # 20 mV apart where the range is wide, else 21 biases.
        span = 1.0 if isinstance(high, str) else float(high) - float(low)
        step = 0.02 if span > 0.3 else span / 20
        return Knob(f"b{polarity}", True, self.off, low, high, step=step)


@register_synapse
class ExternalSynapseParameters(ExternalParameters, SynapseParameters):
    """A synapse from a user's netlist. One polarity may be missing among the knobs."""

    kind: Literal["external"] = Field(description="a subcircuit of your own")
    ports: SynapsePorts = Field(description="the subcircuit's ports by role")
    knobs: dict[Literal["n", "p"], ExternalKnob] = Field(
        min_length=1,
        description="n pulls the dendrite down (positive weight), p pulls it up (negative)",
    )
    prefix: ClassVar[str] = "synapse"

    @model_validator(mode="after")
    def _driven(self) -> Self:
        if self.ports.spike is None and self.ports.spike_bar is None:
            raise ValueError("ports needs spike, spike_bar or both: nothing would turn it on")
        parameters = [k.parameter.lower() for k in self.knobs.values() if k.parameter]
        if len(set(parameters)) < len(parameters):
            raise ValueError(f"knobs n and p are the same parameter, {parameters[0]}")
        return self

    def _knob_values(self) -> tuple[KnobValue, ...]:
        found: list[KnobValue] = []
        for polarity, knob in self.knobs.items():
            if knob.parameter is not None:
                name, low, high = knob.parameter.lower(), *map(float, knob.range)
                values = np.geomspace(low, high, _LOOKED_AT).tolist()
                found += [KnobValue(f"knobs.{polarity}.range", name, v) for v in values]
                found.append(KnobValue(f"knobs.{polarity}.off", name, float(knob.off)))
        return tuple(found)

    def _named_ports(self) -> dict[str, str]:
        named = {f"ports.{k}": v for k, v in self.ports.model_dump().items() if v is not None}
        named |= {f"knobs.{p}.port": k.port for p, k in self.knobs.items() if k.port is not None}
        return named | {f"biases.{port}": port for port in self.biases}

    def cell(self, name: str = "synapse") -> ExternalSynapse:
        return ExternalSynapse(self, name)


class ExternalSynapse(Synapse):
    """A user's synapse behind our port names."""

    what: ClassVar[str] = "external synapse: a user's subcircuit"

    def __init__(self, parameters: ExternalSynapseParameters, name: str = "synapse") -> None:
        super().__init__(name, parameters)
        self.given = parameters
        layout = self.given_layout
        self.has_layout = layout is not None
        self.obstacle = None if layout is None else layout.obstacle(self._node_of_port())
        self.abuts = layout is not None and self.obstacle is None

    @property
    def ports(self) -> tuple[Port, ...]:
        roles = self.given.ports.roles()
        described = {"dend": "dendrite", "sp": "spike line", "spb": "complement of the spike line"}
        described |= {"vdd": "supply", "vss": "ground"}
        directions = {"dend": "inout", "vdd": "supply", "vss": "supply"}
        ports = {
            name: Port(name, directions.get(name, "input"), described[name]) for name in described
        }
        return (
            *(ports[name] for name in ("dend", "sp", "spb") if name in roles),
            *(Port(k.name, "bias", f"knob of polarity {p}") for p, k in self.bias_knobs.items()),
            *(Port(name, "bias", "fixed bias") for name in self.static),
            *(ports[name] for name in ("vdd", "vss") if name in roles),
        )

    @property
    def knobs(self) -> Mapping[str, Knob]:
        return {p: self.given.knobs[p].knob(p) for p in ("n", "p") if p in self.given.knobs}

    @property
    def static(self) -> Mapping[str, float]:
        return {own_name("s", port): value for port, value in self.given.biases.items()}

    @property
    def defaults(self) -> Mapping[str, float]:
        return self.off_values

    def check_supply(self, supply_V: float) -> None:
        for polarity, knob in self.given.knobs.items():
            if fault := knob.fault(supply_V):
                raise InputError(
                    f"knobs.{polarity}: {fault}", remedy=f"the supply is {supply_V:g} V"
                )

    def draw(self, schematic: Schematic) -> None:
        values = {
            str(self.given.knobs[p].parameter).lower(): f"{{{knob.name}}}"  # type: ignore[index]
            for p, knob in self.value_knobs.items()
        }
        draw_inside(self.given, schematic, self._node_of_port(), values)

    def _node_of_port(self) -> dict[str, str]:
        """Our node by the user's port, spelled as in the netlist."""
        ours = {user.lower(): own for own, user in self.given.ports.roles().items()}
        for p, knob in self.given.knobs.items():
            if knob.port is not None:
                ours[knob.port.lower()] = self.knobs[p].name
        ours |= {port.lower(): own_name("s", port) for port in self.given.biases}
        return {port: ours[port.lower()] for port in self.given.user.ports}

    @property
    def given_layout(self) -> GivenLayout | None:
        """None as well where weights are device values, which a layout has fixed."""
        return None if self.value_knobs else self.given.given_layout

    @property
    def geometry(self) -> SynapseGeometry:
        if self.given_layout is None:
            return super().geometry
        return self.given_layout.geometry(self._node_of_port())

    def draw_layout(self, sketch: Sketch) -> None:
        if self.given_layout is None:
            super().draw_layout(sketch)
            return
        self.given_layout.draw(sketch)
