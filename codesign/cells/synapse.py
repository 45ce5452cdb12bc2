"""What every synapse is to the network: lines in, current into a dendrite, knobs that set it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from codesign.cells.base import Cell, Port
from codesign.cells.kinds import Kinds
from codesign.cells.knobs import POLARITIES, Knob
from codesign.errors import InputError
from codesign.records import Record

if TYPE_CHECKING:
    from codesign.cells.synapse_geometry import SynapseGeometry

DENDRITE, SPIKE, SPIKE_BAR, SUPPLY, GROUND = "dend", "sp", "spb", "vdd", "vss"
_ROLES = (DENDRITE, SPIKE, SPIKE_BAR, SUPPLY, GROUND)


class Synapse(Cell, ABC):
    """A synapse between a spike line pair and a dendrite.

    Its ports are `dend`, `sp`, `spb`, `vdd`, `vss` (those of them that it has), the bias knobs, and
    `static` ones, which are at one voltage in the whole network.
    """

    @property
    @abstractmethod
    def knobs(self) -> Mapping[str, Knob]:
        """Knobs by polarity, "n" or "p"; a polarity that is left out carries no weight."""

    @property
    def static(self) -> Mapping[str, float]:
        """Ports that get a fixed voltage, in V."""
        return {}

    @property
    def turns_on_at_once(self) -> bool:
        """Whether a spike moves no charge of nodes inside that only the current itself discharges.

        Where it may, the extended form also fits that charge, by polarity and current.
        """
        return False

    @property
    def geometry(self) -> SynapseGeometry:
        """Dimensions of the layout view, for a crossbar by abutment. InputError without one."""
        raise InputError(
            f"{self.what} ({self.name}) has no layout view that a crossbar can be drawn from",
            remedy='use view = "schematic", or a kind with a layout',
        )

    @property
    def signs(self) -> str:
        """Signs of the weights that it carries: both, positive or negative."""
        has_n, has_p = (polarity in self.knobs for polarity in POLARITIES)
        return "both" if has_n and has_p else "positive" if has_n else "negative"

    @property
    def bias_knobs(self) -> dict[str, Knob]:
        """Knobs that are ports, by polarity."""
        return {polarity: knob for polarity, knob in self.knobs.items() if knob.is_bias}

    @property
    def value_knobs(self) -> dict[str, Knob]:
        """Knobs that are device values, by polarity."""
        return {polarity: knob for polarity, knob in self.knobs.items() if not knob.is_bias}

    @property
    def off_values(self) -> dict[str, float]:
        """Device values at which no current flows, by parameter; none for bias knobs."""
        return {knob.name: knob.off_at(0.0) for knob in self.value_knobs.values()}

    @property
    def role_ports(self) -> tuple[str, ...]:
        """Those of dend, sp, spb, vdd and vss that it has."""
        return tuple(name for name in self.port_names if name in _ROLES)


class SynapseParameters(Record, ABC):
    """Base of the records that describe a synapse in a design file."""

    kind: str = Field(description="kind of synapse")

    @abstractmethod
    def cell(self, name: str = "synapse") -> Synapse:
        """The synapse cell."""


SYNAPSES: Kinds[SynapseParameters] = Kinds("synapse")
AnySynapse = Annotated[SynapseParameters, SYNAPSES]


def register_synapse(record: type[SynapseParameters]) -> type[SynapseParameters]:
    """Make a kind of synapse known to design files; usable as a class decorator."""
    return SYNAPSES.register(record)


def line_ports() -> tuple[Port, Port]:
    """Ports of a spike line and its complement."""
    return (
        Port(SPIKE, "input", "spike line, high while the spike lasts"),
        Port(SPIKE_BAR, "input", "complement of the spike line"),
    )


def rail_ports() -> tuple[Port, Port]:
    """Ports of supply and ground."""
    return Port(SUPPLY, "supply", "supply"), Port(GROUND, "supply", "ground")
