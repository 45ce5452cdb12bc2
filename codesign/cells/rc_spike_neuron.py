"""The RC-spike neuron: integrate on a capacitor for one phase, discharge and fire in the next.

    dend --[transmission gate]-- mem --+-- C_mem
                                       +-- reset to v0 (PMOS)
                                       +-- discharger: bias transistor on the membrane, phase switch
                                       below
                                       +-- sensing inverter -> two inverters -> NAND(phase) -> line
                                       driver
    dend --[clamp to v0 (PMOS)]

The transmission gate opens just before the phase edge, so that falling input lines do not reach the
membrane, and the clamp holds the dendrite at v0 while it is isolated. Between firing phases the
node under the discharger's bias transistor is held at v0: left floating, it charges through that
transistor from the membrane, by an amount that depends on when the neuron last fired. Together they
leave no charge that remembers the previous sample. The published neuron (arXiv:2412.09010) has none
of the three: set `transmission_gate`, `clamp` and `discharge_hold` to false for it.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar, Self

from pydantic import model_validator

from codesign.cells.base import Cell, Port, Schematic
from codesign.cells.layout_limits import layout_faults
from codesign.cells.line_driver import LineDriver, LineDriverParameters
from codesign.cells.neuron_view import (
    LINES_FROM,
    N_ORDER,
    P_ORDER,
    NeuronGeometry,
    draw_neuron,
)
from codesign.cells.row_view import chosen, pin_row
from codesign.cells.transistor import MIMCapacitorParameters, TransistorParameters, nmos, pmos
from codesign.errors import InputError
from codesign.layout.row import RowPorts
from codesign.layout.sketch import Sketch
from codesign.records import Record
from codesign.units import Volts


class RCSpikeNeuronParameters(Record):
    """Sizes, and the bias voltages the neuron needs from outside.

    v0: reset voltage of the membrane; v_discharge: gate of the discharger; v_sense: gate of the
    current-limiting PMOS of the sensing inverter, which lowers its threshold.
    """

    transmission_gate: bool = True
    clamp: bool = True
    discharge_hold: bool = True
    capacitor: MIMCapacitorParameters = MIMCapacitorParameters()
    reset: TransistorParameters = pmos(0.42)
    clamp_switch: TransistorParameters = pmos(0.42)
    gate_n: TransistorParameters = nmos(1.0)
    gate_p: TransistorParameters = pmos(2.0)
    discharge_bias: TransistorParameters = nmos(0.42, 2.0)
    discharge_switch: TransistorParameters = nmos(0.42)
    hold_switch: TransistorParameters = pmos(0.42)
    sense_n: TransistorParameters = nmos(0.5, 0.15, "nfet_01v8_lvt")
    sense_p: TransistorParameters = pmos(0.42, 0.15, "pfet_01v8_hvt")
    sense_bias: TransistorParameters = pmos(0.42, 0.5)
    sense_switch: TransistorParameters = pmos(0.84)
    logic_n: TransistorParameters = nmos(0.42)
    logic_p: TransistorParameters = pmos(0.84)
    nand_n: TransistorParameters = nmos(0.84)
    nand_p: TransistorParameters = pmos(0.84)
    driver: LineDriverParameters = LineDriverParameters()
    v0: Volts = 1.3
    v_discharge: Volts = 0.6
    v_sense: Volts = 0.95

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.clamp and not self.transmission_gate:
            raise ValueError(
                "clamp = true needs transmission_gate = true: it would hold the membrane"
            )
        for key in ("v0", "v_discharge", "v_sense"):
            if not 0 < getattr(self, key) <= 1.95:
                raise ValueError(f"{key} = {getattr(self, key):g} V is outside 0 .. 1.95 V")
        return self


class RCSpikeNeuron(Cell):
    """One neuron between a dendrite and its spike line pair."""

    what: ClassVar[str] = (
        "RC-spike neuron: membrane, reset, discharger, sensing inverter, output stage"
    )

    def __init__(self, parameters: RCSpikeNeuronParameters, name: str = "neuron") -> None:
        super().__init__(name, parameters)
        self.sizes = parameters

    @property
    def ports(self) -> tuple[Port, ...]:
        gate = (
            Port("gate", "input", "high: dendrite and membrane connected"),
            Port("gateb", "input", "complement of gate"),
        )
        clamp = (Port("clampb", "input", "low: isolated dendrite held at v0"),)
        return (
            Port("dend", "inout", "dendrite"),
            Port("sp", "output", "spike line, high from the spike to the end of the firing phase"),
            Port("spb", "output", "complement of the spike line"),
            Port("rstb", "input", "low: membrane reset to v0"),
            Port("ph", "input", "high: firing phase"),
            Port("phb", "input", "complement of ph"),
            *(gate if self.sizes.transmission_gate else ()),
            *(clamp if self.sizes.clamp else ()),
            Port("v0", "bias", "reset voltage"),
            Port("vdis", "bias", "gate of the discharger"),
            Port("vsense", "bias", "gate of the sensing inverter's current limiter"),
            Port("vdd", "supply", "supply"),
            Port("vss", "supply", "ground"),
        )

    @property
    def membrane(self) -> str:
        """The node that integrates: `mem`, or the dendrite itself where there is no gate."""
        return "mem" if self.sizes.transmission_gate else "dend"

    def draw(self, schematic: Schematic) -> None:
        sizes, mem = self.sizes, self.membrane
        schematic.mim("membrane", (mem, "vss"), sizes.capacitor)
        schematic.fet("reset", (mem, "rstb", "v0", "vdd"), sizes.reset)
        if sizes.transmission_gate:
            schematic.fet("gate_n", ("dend", "gate", mem, "vss"), sizes.gate_n)
            schematic.fet("gate_p", ("dend", "gateb", mem, "vdd"), sizes.gate_p)
        if sizes.clamp:
            schematic.fet("clamp", ("dend", "clampb", "v0", "vdd"), sizes.clamp_switch)
        schematic.fet("dis_bias", (mem, "vdis", "dis", "vss"), sizes.discharge_bias)
        schematic.fet("dis_switch", ("dis", "ph", "vss", "vss"), sizes.discharge_switch)
        if sizes.discharge_hold:
            schematic.fet("dis_hold", ("dis", "ph", "v0", "vdd"), sizes.hold_switch)
        schematic.fet("sense_n", ("sensed", mem, "vss", "vss"), sizes.sense_n)
        schematic.fet("sense_p", ("sensed", mem, "limited", "vdd"), sizes.sense_p)
        schematic.fet("sense_bias", ("limited", "vsense", "powered", "vdd"), sizes.sense_bias)
        schematic.fet("sense_switch", ("powered", "phb", "vdd", "vdd"), sizes.sense_switch)
        schematic.inverter("shape1", "sensed", "shapedb", sizes.logic_n, sizes.logic_p)
        schematic.inverter("shape2", "shapedb", "shaped", sizes.logic_n, sizes.logic_p)
        schematic.fet("nand_n1", ("fireb", "ph", "stack", "vss"), sizes.nand_n)
        schematic.fet("nand_n2", ("stack", "shaped", "vss", "vss"), sizes.nand_n)
        schematic.fet("nand_p1", ("fireb", "ph", "vdd", "vdd"), sizes.nand_p)
        schematic.fet("nand_p2", ("fireb", "shaped", "vdd", "vdd"), sizes.nand_p)
        driver = LineDriver(sizes.driver)
        schematic.instance(
            "driver", driver, fireb="fireb", sp="sp", spb="spb", vdd="vdd", vss="vss"
        )

    @property
    def _row_ports(self) -> RowPorts:
        sides = ("dend", "sp", "spb", "vdd", "vss")
        return RowPorts(
            lines=tuple(name for name in self.port_names if name not in sides),
            left={"dend": "p"},
            right={"sp": "p", "spb": "n"},
        )

    @cached_property
    def _drawn(self) -> tuple[Sketch, NeuronGeometry]:
        if faults := list(layout_faults(self.sizes)):
            raise InputError(
                f"{self.name} cannot be drawn: {'; '.join(faults)}",
                remedy='change its sizes, or use view = "schematic"',
            )
        capacitor = self.sizes.capacitor
        sketch, ports = Sketch(self.name), self._row_ports
        size = (round(capacitor.w * 1e9), round(capacitor.l * 1e9))
        geometry = draw_neuron(
            sketch, chosen(self, *N_ORDER), chosen(self, *P_ORDER), ports, self.membrane, size
        )
        pin_row(sketch, geometry.row, ports, self.port_names, LINES_FROM)
        return sketch, geometry

    @property
    def layout(self) -> Sketch:
        return self._drawn[0]

    @property
    def geometry(self) -> NeuronGeometry:
        """Dimensions of the layout view."""
        return self._drawn[1]
