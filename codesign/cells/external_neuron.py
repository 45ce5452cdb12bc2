"""A user's own neuron: its membrane, its biases, its controls in the layer's frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from codesign.cells.base import Port, Schematic
from codesign.cells.external import (
    INSIDE,
    ExternalParameters,
    PortName,
    SynapsePorts,
    draw_inside,
    own_name,
)
from codesign.cells.given_layout import GivenLayout
from codesign.cells.line_driver import LineDriverParameters
from codesign.cells.neuron import Neuron, NeuronParameters, register_neuron
from codesign.cells.timing import Control, PhaseTiming
from codesign.errors import DesignError, InputError
from codesign.levels import VoltageLevel, volts
from codesign.records import Record
from codesign.units import Seconds, Volts


class NeuronPorts(SynapsePorts):
    """The subcircuit's ports by role."""

    dendrite: PortName = Field(description="port that the synapses' currents come in at")
    spike: PortName = Field(description="spike line that the neuron drives")


class ExternalControl(Record):
    """A control signal in the layer's frame."""

    levels: tuple[VoltageLevel, VoltageLevel] = Field(
        description='voltage at rest and when active; "supply" is the supply'
    )
    edges: tuple[Seconds, ...] = Field(
        min_length=2,
        max_length=1000,
        description="times at which it becomes active and goes back to rest, in turn, rising",
    )

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if any(b <= a for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("edges must rise")
        if self.edges[0] <= 0:
            raise ValueError("edges must be after the frame's start")
        if len(self.edges) % 2:
            raise ValueError("edges come in pairs: the signal is at rest when its frame ends")
        if any(not isinstance(level, str) and abs(level) > 5 for level in self.levels):
            raise ValueError("levels must be within 5 V of ground")
        return self

    def control(self, port: str) -> Control:
        """The signal at a port."""
        toggles = tuple((t, self.levels[(k + 1) % 2]) for k, t in enumerate(self.edges))
        return Control(port, self.levels[0], toggles)

    def fault(self, timing: PhaseTiming) -> str | None:
        """What does not fit into a layer's frame."""
        edge, end = timing.t_edge, timing.t_period
        if self.edges[-1] + edge > end:
            return f"an edge at {self.edges[-1]:g} s is beyond the period of {end:g} s"
        if any(b - a < edge for a, b in zip((0.0, *self.edges), self.edges, strict=False)):
            return f"edges are nearer than timing.t_edge, {edge:g} s"
        return None


@register_neuron
class ExternalNeuronParameters(ExternalParameters, NeuronParameters):
    """A neuron from a user's netlist."""

    kind: Literal["external"] = Field(description="a subcircuit of your own")
    ports: NeuronPorts = Field(description="the subcircuit's ports by role")
    v0: Annotated[Volts, Field(gt=0, le=5)] = Field(description="membrane after reset")
    controls: dict[PortName, ExternalControl] = Field(
        default_factory=dict, description="ports that are driven in the layer's frame"
    )
    membrane: Annotated[str, Field(max_length=500)] | None = Field(
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
        self.membrane_node()
        return self

    def membrane_node(self) -> str | None:
        """The membrane in the flat subcircuit; None when the dendrite is it."""
        if self.membrane is None:
            return None
        try:
            node, is_port = self.user.node(self.membrane)
        except InputError as error:
            raise DesignError(
                f"membrane = {self.membrane[:80]!r}: {error.message}", remedy=error.remedy
            ) from error
        if not is_port:
            return node
        if node.lower() != self.ports.dendrite.lower():
            raise DesignError(
                f"membrane = {self.membrane[:80]!r} is the port {node}, which is not the dendrite",
                remedy="name a node inside, or leave membrane out if the dendrite integrates",
            )
        return None

    def _named_ports(self) -> dict[str, str]:
        named = {f"ports.{k}": v for k, v in self.ports.model_dump().items() if v is not None}
        named |= {f"biases.{port}": port for port in self.biases}
        return named | {f"controls.{port}": port for port in self.controls}

    def cell(self, name: str = "neuron") -> ExternalNeuron:
        return ExternalNeuron(self, name)


class ExternalNeuron(Neuron):
    """A user's neuron behind our port names: controls are `c_` and the user's name, biases `u_` and
    the user's name, so that they meet no net of ours."""

    what: ClassVar[str] = "external neuron: a user's subcircuit"
    abuts = False

    def __init__(self, parameters: ExternalNeuronParameters, name: str = "neuron") -> None:
        super().__init__(name, parameters)
        self.given = parameters
        self.has_layout = parameters.given_layout is not None
        if self.has_layout:
            self.obstacle = "neurons of a given layout are not stacked"

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

    def check_supply(self, supply_V: float) -> None:
        if self.v0 > supply_V:
            raise InputError(
                f"v0 = {self.v0:g} V is above the supply, {supply_V:g} V",
                remedy="give the membrane's voltage after reset, up to process.supply",
            )
        for port, control in self.given.controls.items():
            rest, active = (volts(level, supply_V) for level in control.levels)
            if rest == active:
                raise InputError(
                    f"controls.{port}.levels: {rest:g} V at rest and when active",
                    remedy="give two levels, or the port a fixed voltage in `biases`",
                )

    @property
    def v0(self) -> float:
        return self.given.v0

    @property
    def biases(self) -> Mapping[str, float]:
        return {own_name("u", port): value for port, value in self.given.biases.items()}

    def controls(self, timing: PhaseTiming) -> tuple[Control, ...]:
        for port, control in self.given.controls.items():
            if fault := control.fault(timing):
                raise DesignError(
                    f"network.neuron.controls.{port}: {fault}",
                    remedy="give edges between 0 and timing.t_period",
                )
        return tuple(
            control.control(own_name("c", port)) for port, control in self.given.controls.items()
        )

    @property
    def control_ports(self) -> tuple[str, ...]:
        return tuple(own_name("c", port) for port in self.given.controls)

    @property
    def membrane(self) -> str | None:
        inner = self.given.membrane_node()
        return None if inner is None else f"x{INSIDE}.{inner}"

    def accumulation_end(self, timing: PhaseTiming) -> float:
        end = self.given.accumulation_end
        if end is None:
            return timing.t_fire
        if not timing.t_accumulate < end <= timing.t_fire:
            raise DesignError(
                f"network.neuron.accumulation_end = {end:g} s is not within the accumulation, "
                f"{timing.t_accumulate:g} to {timing.t_fire:g} s",
                remedy="give a time in the layer's frame, or leave it out",
            )
        return end

    @property
    def line_driver(self) -> LineDriverParameters:
        return self.given.driver

    def draw(self, schematic: Schematic) -> None:
        ours = {user: own for own, user in self.given.ports.roles().items()}
        ours |= {port: own_name("u", port) for port in self.given.biases}
        ours |= {port: own_name("c", port) for port in self.given.controls}
        draw_inside(self.given, schematic, ours)

    @property
    def given_layout(self) -> GivenLayout | None:
        return self.given.given_layout
