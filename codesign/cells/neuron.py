"""What every neuron is to the network: a dendrite in, a spike line pair out, controls, biases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from codesign.cells.base import Cell
from codesign.cells.kinds import Kinds
from codesign.cells.line_driver import LineDriverParameters
from codesign.cells.timing import Control, PhaseTiming
from codesign.errors import InputError
from codesign.records import Record

if TYPE_CHECKING:
    from codesign.cells.neuron_view import NeuronGeometry

# For first estimates only: two junctions, the gate of a sensing inverter, overlaps.
_ESTIMATE_F = 150e-15


class Neuron(Cell, ABC):
    """A neuron between a dendrite and a spike line pair.

    Its ports are `dend`, `sp`, `spb`, `vdd`, `vss`, its controls and its biases. Controls are
    driven per layer, biases are the same everywhere.
    """

    @property
    @abstractmethod
    def v0(self) -> float:
        """Membrane after reset, V."""

    @property
    @abstractmethod
    def biases(self) -> Mapping[str, float]:
        """Ports at fixed voltages, in V."""

    @abstractmethod
    def controls(self, timing: PhaseTiming) -> tuple[Control, ...]:
        """Control signals of a layer, by port, in the layer's frame."""

    @property
    @abstractmethod
    def control_ports(self) -> tuple[str, ...]:
        """Ports that `controls` drives, in netlist order."""

    @property
    def membrane(self) -> str | None:
        """Node inside the cell that integrates, `mem` or `xinside.mem`; None: the dendrite."""
        return None

    @property
    def sensed(self) -> str | None:
        """Node inside the cell that falls when the membrane passes the threshold; None: unknown."""
        return None

    @property
    def discharge_bias(self) -> str | None:
        """Bias port that sets how fast the membrane is discharged, if there is one."""
        return None

    @property
    def sense_bias(self) -> str | None:
        """Bias port that moves the threshold, if there is one."""
        return None

    def accumulation_end(self, timing: PhaseTiming) -> float:
        """When the membrane no longer follows the dendrite, s in the layer's frame."""
        return timing.t_fire

    @property
    def capacitance_estimate_F(self) -> float:
        """Rough membrane capacitance, to size the currents of a test."""
        return _ESTIMATE_F

    @property
    def line_driver(self) -> LineDriverParameters:
        """Drivers of the input lines, which should be as strong as the neuron's own."""
        return LineDriverParameters()

    @property
    def geometry(self) -> NeuronGeometry:
        """Dimensions of the layout view, for stacking. InputError where there is none."""
        raise InputError(
            f"{self.what} ({self.name}) has no layout view that a network can be drawn from",
            remedy='use view = "schematic", or a kind with a layout',
        )


class NeuronParameters(Record, ABC):
    """Base of the records that describe a neuron in a design file."""

    kind: str = Field(description="kind of neuron")

    @abstractmethod
    def cell(self, name: str = "neuron") -> Neuron:
        """The neuron cell."""


NEURONS: Kinds[NeuronParameters] = Kinds("neuron", default="rc_spike")
AnyNeuron = Annotated[NeuronParameters, NEURONS]


def register_neuron(record: type[NeuronParameters]) -> type[NeuronParameters]:
    """Make a kind of neuron known to design files; usable as a class decorator."""
    return NEURONS.register(record)
