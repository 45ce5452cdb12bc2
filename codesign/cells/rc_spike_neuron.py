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

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from codesign.cells.base import Port, Schematic
from codesign.cells.layout_limits import layout_faults
from codesign.cells.line_driver import LineDriver, LineDriverParameters
from codesign.cells.neuron import Neuron, NeuronParameters, register_neuron
from codesign.cells.neuron_view import (
    LINES_FROM,
    N_ORDER,
    P_ORDER,
    NeuronGeometry,
    draw_neuron,
)
from codesign.cells.row_view import chosen, pin_row
from codesign.cells.timing import Control, PhaseTiming, layer_controls
from codesign.cells.transistor import MIMCapacitorParameters, TransistorParameters, nmos, pmos
from codesign.errors import InputError
from codesign.layout.row import RowPorts
from codesign.layout.sketch import Sketch
from codesign.units import Volts

# For first estimates of the membrane: two junctions, the sensing inverter's gate, overlaps.
_MIM_F_PER_M2, _PARASITIC_F = 2e-3, 15e-15


@register_neuron
class RCSpikeNeuronParameters(NeuronParameters):
    """Sizes, and the bias voltages the neuron needs from outside."""

    kind: Literal["rc_spike"] = Field(
        "rc_spike", description="integrates for a phase, discharges and fires in the next"
    )
    transmission_gate: bool = Field(
        True, description="isolates the membrane while the neuron fires"
    )
    clamp: bool = Field(True, description="holds the isolated dendrite at v0")
    discharge_hold: bool = Field(
        True, description="holds the node under the discharger at v0 between firings"
    )
    capacitor: MIMCapacitorParameters = Field(
        MIMCapacitorParameters(), description="the membrane, a MIM capacitor between met4 and met5"
    )
    reset: TransistorParameters = Field(
        pmos(0.42), description="PMOS that resets the membrane to v0"
    )
    clamp_switch: TransistorParameters = Field(
        pmos(0.42), description="PMOS that holds the isolated dendrite"
    )
    gate_n: TransistorParameters = Field(nmos(1.0), description="NMOS of the transmission gate")
    gate_p: TransistorParameters = Field(pmos(2.0), description="PMOS of the transmission gate")
    discharge_bias: TransistorParameters = Field(
        nmos(0.42, 2.0), description="NMOS that sets the discharge current"
    )
    discharge_switch: TransistorParameters = Field(
        nmos(0.42), description="NMOS that lets it flow in the firing phase"
    )
    hold_switch: TransistorParameters = Field(pmos(0.42), description="PMOS of discharge_hold")
    sense_n: TransistorParameters = Field(
        nmos(0.5, 0.15, "nfet_01v8_lvt"), description="NMOS of the sensing inverter"
    )
    sense_p: TransistorParameters = Field(
        pmos(0.42, 0.15, "pfet_01v8_hvt"), description="PMOS of the sensing inverter"
    )
    sense_bias: TransistorParameters = Field(
        pmos(0.42, 0.5),
        description="PMOS that limits the sensing inverter's current and lowers its threshold",
    )
    sense_switch: TransistorParameters = Field(
        pmos(0.84), description="PMOS that powers the sensing inverter in the firing phase"
    )
    logic_n: TransistorParameters = Field(nmos(0.42), description="NMOS of the shaping inverters")
    logic_p: TransistorParameters = Field(pmos(0.84), description="PMOS of the shaping inverters")
    nand_n: TransistorParameters = Field(nmos(0.84), description="NMOS of the NAND gate")
    nand_p: TransistorParameters = Field(pmos(0.84), description="PMOS of the NAND gate")
    driver: LineDriverParameters = Field(
        LineDriverParameters(), description="drivers of the spike lines, the inputs' too"
    )
    v0: Volts = Field(1.3, description="membrane after reset; input currents pull it down")
    v_discharge: Volts = Field(
        0.6, description="gate of the discharger: sets the slope of the firing phase"
    )
    v_sense: Volts = Field(
        0.95, description="gate of the PMOS that lowers the sensing inverter's threshold"
    )

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

    def cell(self, name: str = "neuron") -> RCSpikeNeuron:
        return RCSpikeNeuron(self, name)


class RCSpikeNeuron(Neuron):
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
    def v0(self) -> float:
        return self.sizes.v0

    @property
    def biases(self) -> Mapping[str, float]:
        return {
            "v0": self.sizes.v0,
            "vdis": self.sizes.v_discharge,
            "vsense": self.sizes.v_sense,
        }

    def controls(self, timing: PhaseTiming) -> tuple[Control, ...]:
        return layer_controls(
            timing, gate=self.sizes.transmission_gate, clamp=self.sizes.clamp
        )

    @property
    def control_ports(self) -> tuple[str, ...]:
        wanted = ("rstb", "ph", "phb", "gate", "gateb", "clampb")
        return tuple(name for name in self.port_names if name in wanted)

    @property
    def membrane(self) -> str | None:
        return "mem" if self.sizes.transmission_gate else None

    @property
    def sensed(self) -> str:
        return "sensed"

    @property
    def discharge_bias(self) -> str:
        return "vdis"

    @property
    def sense_bias(self) -> str:
        return "vsense"

    def accumulation_end(self, timing: PhaseTiming) -> float:
        if not self.sizes.transmission_gate:
            return timing.t_fire
        return timing.t_fire - (timing.gate_lead + timing.t_edge / 2)

    @property
    def capacitance_estimate_F(self) -> float:
        capacitor = self.sizes.capacitor
        return _MIM_F_PER_M2 * capacitor.w * capacitor.l + _PARASITIC_F

    @property
    def line_driver(self) -> LineDriverParameters:
        return self.sizes.driver

    def draw(self, schematic: Schematic) -> None:
        sizes, mem = self.sizes, self.membrane or "dend"
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
        schematic.instance("driver", driver, {port: port for port in driver.port_names})

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
            sketch, chosen(self, *N_ORDER), chosen(self, *P_ORDER), ports,
            self.membrane or "dend", size,
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
