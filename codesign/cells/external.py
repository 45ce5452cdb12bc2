"""A user's own cell: a subcircuit of a SPICE file, and a layout if there is one.

The design says which port plays which role, which port or parameter is the weight's knob, and for a
neuron which ports are held at a voltage or driven in the layer's frame. Around the user's
subcircuit stands a cell with our port names; everything else in the project sees that.
"""

from __future__ import annotations

import re
from abc import ABC
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, PrivateAttr, ValidationInfo, model_validator

from codesign.cells.base import Port, Schematic
from codesign.cells.given_layout import GivenLayout
from codesign.cells.knobs import Knob
from codesign.cells.line_driver import LineDriverParameters
from codesign.cells.neuron import Neuron, NeuronParameters, register_neuron
from codesign.cells.synapse import Synapse, SynapseParameters, register_synapse
from codesign.cells.synapse_geometry import SynapseGeometry
from codesign.cells.timing import Control, PhaseTiming
from codesign.cells.user_netlist import UserCell, UserNetlist
from codesign.errors import DesignError, InputError
from codesign.layout.sketch import Sketch
from codesign.levels import Level, VoltageLevel, volts
from codesign.pdk import default_process
from codesign.records import NAME_PATTERN, Record, own_file, read_text
from codesign.spice.netlist import parse_netlist
from codesign.units import Seconds, Volts, parse_any_quantity

INSIDE = "cell"
_MAX_BYTES = 10_000_000
_PATH = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*\Z")


def _knob_value(value: Any) -> Any:
    return value if value == "supply" else parse_any_quantity(value)


KnobValue = Annotated[Level, BeforeValidator(_knob_value)]
PortName = Annotated[str, Field(pattern=r"^[^\s]{1,64}\z")]


class ExternalKnob(Record):
    """One polarity's weight: a bias voltage at `port`, or the subcircuit's `parameter`."""

    port: PortName | None = Field(None, description="port whose voltage sets the weight")
    parameter: PortName | None = Field(
        None, description="parameter of the subcircuit that sets it instead, in its own units"
    )
    off: KnobValue = Field(description="value at which no current flows")
    range: tuple[KnobValue, KnobValue] = Field(description="smallest and largest value to use")
    points: int = Field(24, ge=6, le=200, description="values to characterise, of a parameter")

    @model_validator(mode="after")
    def _one_of(self) -> Self:
        if (self.port is None) == (self.parameter is None):
            raise ValueError("needs either port (a bias voltage) or parameter (a device value)")
        if self.parameter is not None:
            low, high = self.range
            if "supply" in (self.off, low, high) or not 0 < float(low) < float(high):
                raise ValueError("the range of a parameter needs 0 < low < high, in plain numbers")
        return self

    def knob(self, polarity: str) -> Knob:
        """The knob under the wrapper's names."""
        low, high = self.range
        if self.port is None:
            return Knob(f"w{polarity}", False, self.off, low, high, "", points=self.points)
        span = volts(high, 1.8) - volts(low, 1.8)
        step = 0.02 if span > 0.3 else span / 20
        return Knob(f"b{polarity}", True, self.off, low, high, step=step)


class SynapsePorts(Record):
    """The subcircuit's ports by role."""

    dendrite: PortName = Field(description="port that draws current from the membrane")
    spike: PortName | None = Field(None, description="spike line, high while the spike lasts")
    spike_bar: PortName | None = Field(None, description="complement of the spike line")
    supply: PortName | None = Field(None, description="supply")
    ground: PortName | None = Field(None, description="ground and substrate")

    def roles(self) -> dict[str, str]:
        """The user's port by our port name."""
        ours = {"dendrite": "dend", "spike": "sp", "spike_bar": "spb", "supply": "vdd"}
        ours["ground"] = "vss"
        return {ours[k]: v for k, v in self.model_dump().items() if v is not None}


class NeuronPorts(SynapsePorts):
    """The subcircuit's ports by role."""

    dendrite: PortName = Field(description="port that the synapses' currents come in at")
    spike: PortName = Field(description="spike line that the neuron drives")


class _Given(Record, ABC):
    """What both external cells have: a netlist beside the design file, read when the design is."""

    netlist: str = Field(description="SPICE file, relative to the design file")
    subckt: PortName = Field(description="subcircuit in it")
    layout: str | None = Field(
        None, description="GDS file, relative to the design file; its cell is called as `subckt`"
    )
    biases: dict[PortName, Volts] = Field(
        default_factory=dict, description="further ports at fixed voltages"
    )

    prefix: ClassVar[str]
    _user: UserNetlist = PrivateAttr()
    _layout: GivenLayout | None = PrivateAttr(None)
    _files: tuple[Path, ...] = PrivateAttr(())

    def _parameters(self) -> dict[str, tuple[float, ...]]:
        """Values that parameters of the subcircuit take."""
        return {}

    def _ports(self) -> dict[str, str]:
        """Every port of the subcircuit that the design names, and what it is there."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> Self:
        folder = Path((info.context or {}).get("folder", "."))
        path = own_file(folder, self.netlist, "netlist")
        if path.is_file() and path.stat().st_size > _MAX_BYTES:
            raise DesignError(f"netlist: {path} has more than {_MAX_BYTES / 1e6:g} MB")
        text = read_text(path, "netlist", remedy="correct `netlist`, relative to the design file")
        parsed = parse_netlist(text, str(path))
        prefix = default_process().model_prefix
        self._user = UserNetlist(parsed, self.subckt, self.prefix, prefix, self._parameters())
        self._files = (path,)
        if self.layout is not None:
            gds = own_file(folder, self.layout, "layout")
            if not gds.is_file():
                raise DesignError(f"layout: {gds}: no such file", remedy="correct `layout`")
            self._layout = GivenLayout(gds, self.subckt, self._user.ports)
            self._files += (gds,)
        self._check_ports(str(path))
        return self

    def _check_ports(self, source: str) -> None:
        named = self._ports()
        known = {port.lower(): port for port in self._user.ports}
        for key, port in named.items():
            if port.lower() not in known:
                raise DesignError(
                    f"{key} = {port!r}: subcircuit {self.subckt} of {source} has no such port; "
                    f"it has {', '.join(self._user.ports)}"
                )
        given = [port.lower() for port in named.values()]
        if twice := {port for port in given if given.count(port) > 1}:
            raise DesignError(f"port {sorted(twice)[0]} of {self.subckt} is given two roles")
        if left := [port for port in self._user.ports if port.lower() not in given]:
            raise DesignError(
                f"port {left[0]} of subcircuit {self.subckt} ({source}) would float",
                remedy="give it a role in `ports`, a voltage in `biases`, or make it a knob",
            )
        for parameter in self._parameters():
            defaults = self._user.netlist.subcircuit(self.subckt).defaults
            if parameter not in defaults:
                raise DesignError(
                    f"parameter {parameter!r}: subcircuit {self.subckt} of {source} has "
                    f"{', '.join(defaults) or 'none'}"
                )

    def files(self) -> tuple[Path, ...]:
        """The files that the cell was read from."""
        return self._files


class _Wrapper:
    """Draws the user's subcircuit inside a cell with our port names."""

    name: str

    def _user_nodes(
        self, given: _Given, ours: Mapping[str, str]
    ) -> tuple[UserCell, dict[str, str]]:
        """The user's cell, and our node for each of its ports; `ours`: our name by user port."""
        user = given._user
        top = user.netlist.subcircuit(user.top)
        cell = UserCell(user, top)
        by_port = {port.lower(): node for port, node in ours.items()}
        nodes = [by_port[port.lower()] for port in top.ports]
        return cell, dict(zip(cell.port_names, nodes, strict=True))


@register_synapse
class ExternalSynapseParameters(_Given, SynapseParameters):
    """A synapse from a user's netlist. One polarity may be missing among the knobs."""

    kind: Literal["external"] = Field("external", description="a subcircuit of your own")
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
        return self

    def _parameters(self) -> dict[str, tuple[float, ...]]:
        return {
            knob.parameter.lower(): (*knob.knob(p).values(0.0), float(knob.off))
            for p, knob in self.knobs.items()
            if knob.parameter is not None
        }

    def _ports(self) -> dict[str, str]:
        named = {f"ports.{k}": v for k, v in self.ports.model_dump().items() if v is not None}
        named |= {f"knobs.{p}.port": k.port for p, k in self.knobs.items() if k.port is not None}
        return named | {f"biases.{port}": port for port in self.biases}

    def cell(self, name: str = "synapse") -> ExternalSynapse:
        return ExternalSynapse(self, name)


class ExternalSynapse(Synapse, _Wrapper):
    """A user's synapse behind our port names."""

    what: ClassVar[str] = "external synapse: a user's subcircuit"

    def __init__(self, parameters: ExternalSynapseParameters, name: str = "synapse") -> None:
        super().__init__(name, parameters)
        self.given = parameters
        layout = parameters._layout
        self.has_layout = layout is not None
        self.abuts = layout is not None and layout.fits(self._node_of_port())

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
        return {f"s_{port.lower()}": value for port, value in self.given.biases.items()}

    @property
    def defaults(self) -> Mapping[str, float]:
        return self.off_values

    def draw(self, schematic: Schematic) -> None:
        cell, nodes = self._user_nodes(self.given, self._node_of_port())
        schematic.instance(INSIDE, cell, nodes, expressions=self._values())

    def _node_of_port(self) -> dict[str, str]:
        """Our node by the user's port."""
        ours = {user: own for own, user in self.given.ports.roles().items()}
        for p, knob in self.given.knobs.items():
            if knob.port is not None:
                ours[knob.port] = self.knobs[p].name
        return ours | {port: f"s_{port.lower()}" for port in self.given.biases}

    def _values(self) -> dict[str, str]:
        """The user's parameters as expressions in ours."""
        return {
            str(self.given.knobs[p].parameter).lower(): f"{{{knob.name}}}"  # type: ignore[index]
            for p, knob in self.value_knobs.items()
        }

    @property
    def given_layout(self) -> GivenLayout | None:
        if self.given._layout is not None and self.value_knobs:
            raise InputError(
                f"{self.given.subckt}: its weights are device values, which a layout has fixed",
                remedy='use view = "schematic"',
            )
        return self.given._layout

    @property
    def geometry(self) -> SynapseGeometry:
        if self.given._layout is None:
            return super().geometry
        return self.given._layout.geometry(self._node_of_port())

    def draw_layout(self, sketch: Sketch) -> None:
        if self.given._layout is None:
            super().draw_layout(sketch)
            return
        self.given._layout.draw(sketch)


class ExternalControl(Record):
    """A control signal in the layer's frame."""

    levels: tuple[VoltageLevel, VoltageLevel] = Field(
        description='voltage at rest and when active; "supply" is the supply'
    )
    edges: tuple[Seconds, ...] = Field(
        min_length=1, description="times at which it goes from one to the other, rising"
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if any(b <= a for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("edges must rise")
        if self.edges[0] <= 0:
            raise ValueError("edges must be after the frame's start")
        return self

    def control(self, port: str) -> Control:
        """The signal at a port."""
        toggles = tuple((t, self.levels[(k + 1) % 2]) for k, t in enumerate(self.edges))
        return Control(port, self.levels[0], toggles)


@register_neuron
class ExternalNeuronParameters(_Given, NeuronParameters):
    """A neuron from a user's netlist."""

    kind: Literal["external"] = Field("external", description="a subcircuit of your own")
    ports: NeuronPorts = Field(description="the subcircuit's ports by role")
    v0: Annotated[Volts, Field(gt=0, le=5)] = Field(description="membrane after reset")
    controls: dict[PortName, ExternalControl] = Field(
        default_factory=dict, description="ports that are driven in the layer's frame"
    )
    membrane: str | None = Field(
        None, description="node inside that integrates, `mem` or `x1.mem`; the dendrite if left out"
    )
    accumulation_end: Seconds | None = Field(
        None, description="when the membrane is cut off from the dendrite; firing if left out"
    )
    driver: LineDriverParameters = Field(
        LineDriverParameters(), description="drivers of the input lines, as strong as the neuron's"
    )
    prefix: ClassVar[str] = "neuron"

    @model_validator(mode="after")
    def _membrane_exists(self) -> Self:
        inside = self.membrane
        if inside and not (_PATH.match(inside) and self._user.has_node(inside)):
            raise ValueError(f"membrane = {inside!r} is no node inside {self.subckt}")
        return self

    def _ports(self) -> dict[str, str]:
        named = {f"ports.{k}": v for k, v in self.ports.model_dump().items() if v is not None}
        named |= {f"biases.{port}": port for port in self.biases}
        return named | {f"controls.{port}": port for port in self.controls}

    def cell(self, name: str = "neuron") -> ExternalNeuron:
        return ExternalNeuron(self, name)


class ExternalNeuron(Neuron, _Wrapper):
    """A user's neuron behind our port names."""

    what: ClassVar[str] = "external neuron: a user's subcircuit"
    abuts = False

    def __init__(self, parameters: ExternalNeuronParameters, name: str = "neuron") -> None:
        super().__init__(name, parameters)
        self.given = parameters
        self.has_layout = parameters._layout is not None

    @property
    def ports(self) -> tuple[Port, ...]:
        roles = self.given.ports.roles()
        return (
            Port("dend", "inout", "dendrite"),
            Port("sp", "output", "spike line"),
            *((Port("spb", "output", "complement of the spike line"),) if "spb" in roles else ()),
            *(Port(name, "input", "control") for name in self.control_ports),
            *(Port(name, "bias", "fixed bias") for name in self.biases),
            *(Port(name, "supply", "rail") for name in ("vdd", "vss") if name in roles),
        )

    def _own(self, ports: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """(user's port, our name) of controls or biases: the user's, unless it is one of ours."""
        taken = {"dend", "sp", "spb", "vdd", "vss"}
        for port in ports:
            lower = port.lower()
            plain = re.fullmatch(NAME_PATTERN, lower) and lower not in {*taken, "gnd"}
            yield port, lower if plain else f"u_{re.sub(r'[^a-z0-9_]', '_', lower)}"

    @property
    def v0(self) -> float:
        return self.given.v0

    @property
    def biases(self) -> Mapping[str, float]:
        return {own: self.given.biases[port] for port, own in self._own(self.given.biases)}

    def controls(self, timing: PhaseTiming) -> tuple[Control, ...]:
        del timing  # the design gives the times itself
        return tuple(
            self.given.controls[port].control(own) for port, own in self._own(self.given.controls)
        )

    @property
    def control_ports(self) -> tuple[str, ...]:
        return tuple(own for _, own in self._own(self.given.controls))

    @property
    def membrane(self) -> str | None:
        inner = self.given.membrane
        if inner is None or inner.lower() == self.given.ports.dendrite.lower():
            return None
        return f"x{INSIDE}.{inner.lower()}"

    def accumulation_end(self, timing: PhaseTiming) -> float:
        return self.given.accumulation_end or timing.t_fire

    @property
    def line_driver(self) -> LineDriverParameters:
        return self.given.driver

    def draw(self, schematic: Schematic) -> None:
        ours = {user: own for own, user in self.given.ports.roles().items()}
        ours |= dict(self._own(self.given.biases)) | dict(self._own(self.given.controls))
        cell, nodes = self._user_nodes(self.given, ours)
        schematic.instance(INSIDE, cell, nodes)

    @property
    def given_layout(self) -> GivenLayout | None:
        return self.given._layout
