"""Drivers of a spike line and its complement, the same in every neuron and at the inputs.

Every line, whether an input or a neuron drives it, ends in the same two inverters, so that synapses
of all layers see the same edges. A transmission gate that is always on delays the true line by
about the inverter that makes the complement.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from pydantic import Field

from codesign.cells.base import Cell, Port, Schematic
from codesign.cells.row_view import chosen, pin_row
from codesign.cells.transistor import TransistorParameters, nmos, pmos
from codesign.layout.row import RowGeometry, RowPorts, draw_row
from codesign.layout.sketch import Sketch
from codesign.records import Record


class LineDriverParameters(Record):
    """Sizes of the logic inverters, the matching transmission gate and the line inverters."""

    logic_n: TransistorParameters = Field(nmos(0.42), description="NMOS of the logic inverters")
    logic_p: TransistorParameters = Field(pmos(0.84), description="PMOS of the logic inverters")
    line_n: TransistorParameters = Field(nmos(1.0), description="NMOS that pull lines down")
    line_p: TransistorParameters = Field(pmos(2.0), description="PMOS that pull lines up")


class LineDriver(Cell):
    """From an active-low request to the spike line and its complement."""

    what: ClassVar[str] = "line driver: spike line and complement from an active-low request"

    def __init__(self, parameters: LineDriverParameters, name: str = "line_driver") -> None:
        super().__init__(name, parameters)
        self.sizes = parameters

    @property
    def ports(self) -> tuple[Port, ...]:
        return (
            Port("fireb", "input", "low while the line shall be high"),
            Port("sp", "output", "spike line"),
            Port("spb", "output", "complement of the spike line"),
            Port("vdd", "supply", "supply"),
            Port("vss", "supply", "ground"),
        )

    def draw(self, schematic: Schematic) -> None:
        sizes = self.sizes
        schematic.inverter("fire", "fireb", "fire", sizes.logic_n, sizes.logic_p)
        schematic.inverter("comp", "fire", "spb", sizes.line_n, sizes.line_p)
        schematic.fet("nmatch", ("fireb", "vdd", "matched", "vss"), sizes.logic_n)
        schematic.fet("pmatch", ("fireb", "vss", "matched", "vdd"), sizes.logic_p)
        schematic.inverter("true", "matched", "sp", sizes.line_n, sizes.line_p)

    def draw_layout(self, sketch: Sketch) -> None:
        ports = RowPorts(left={"fireb": "n"}, right={"sp": "p", "spb": "n"})
        row = draw_row(
            sketch,
            chosen(self, "nmatch", "nfire", "ncomp", "ntrue"),
            chosen(self, "pmatch", "pfire", "pcomp", "ptrue"),
            ports,
        )
        pin_row(sketch, row, ports, self.port_names)


class InputDriver(Cell):
    """From an input pulse at logic level to the spike line and its complement."""

    what: ClassVar[str] = "input driver: spike line and complement from an input pulse"

    def __init__(self, parameters: LineDriverParameters, name: str = "input_driver") -> None:
        super().__init__(name, parameters)
        self.sizes = parameters

    @property
    def ports(self) -> tuple[Port, ...]:
        return (
            Port("pulse", "input", "input pulse, high from the spike on"),
            Port("sp", "output", "spike line"),
            Port("spb", "output", "complement of the spike line"),
            Port("vdd", "supply", "supply"),
            Port("vss", "supply", "ground"),
        )

    def draw(self, schematic: Schematic) -> None:
        schematic.inverter("in", "pulse", "fireb", self.sizes.logic_n, self.sizes.logic_p)
        driver = LineDriver(self.sizes)
        schematic.instance("driver", driver, {port: port for port in driver.port_names})

    @cached_property
    def _drawn(self) -> tuple[Sketch, RowGeometry]:
        sketch = Sketch(self.name)
        ports = RowPorts(left={"pulse": "n"}, right={"sp": "p", "spb": "n"})
        inside = ("match", "fire", "comp", "true")
        row = draw_row(
            sketch,
            chosen(self, "nin", *(f"driver.n{name}" for name in inside)),
            chosen(self, "pin", *(f"driver.p{name}" for name in inside)),
            ports,
        )
        pin_row(sketch, row, ports, self.port_names)
        return sketch, row

    @property
    def layout(self) -> Sketch:
        return self._drawn[0]

    @property
    def row(self) -> RowGeometry:
        """Dimensions of the layout view."""
        return self._drawn[1]
