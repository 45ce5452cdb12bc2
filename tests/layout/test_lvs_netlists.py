"""Netlists as people have them: schematic editors, CDL, layout tools, hands."""

from __future__ import annotations

from pathlib import Path

import pytest

from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit
from codesign.layout.lvs import compare, read_circuit

N, P = "sky130_fd_pr__nfet_01v8", "sky130_fd_pr__pfet_01v8"
INVERTER = f""".subckt inv A Y VDD VSS
XM1 Y A VSS VSS {N} L=0.15 W=1
XM2 Y A VDD VDD {P} L=0.15 W=2
.ends
"""


def read(tmp_path: Path, text: str, top: str | None = None) -> FlatCircuit:
    path = tmp_path / "circuit.spice"
    path.write_text(text)
    return read_circuit(path, top)


def sizes(circuit: FlatCircuit) -> list[tuple[str, float, float]]:
    return [(device.model, device.w_um, device.l_um) for device in circuit.devices]


XSCHEM = f"""** sch_path: /somewhere/inv.sch
**.subckt inv A Y VDD VSS
*.ipin A
*.opin Y
XM1 Y A VSS VSS {N} L=0.15 W=1 nf=1 ad='int((nf+1)/2) * W/nf * 0.29'
+ as='int((nf+2)/2) * W/nf * 0.29'
* a comment between
+ pd='2*int((nf+1)/2) * (W/nf + 0.29)' ps='2*int((nf+2)/2) * (W/nf + 0.29)' nrd='0.29 / W'

+ nrs='0.29 / W' sa=0 sb=0 sd=0 mult=1 m=1
XM2 Y A VDD VDD {P} L=0.15 W='1*2' nf=2 mult=1 m=1
**** begin user architecture code
.lib $::SKYWATER_MODELS/sky130.lib.spice tt
.control
save all
op
.endc
**** end user architecture code
**.ends
.GLOBAL GND
.end
"""
PARAMETERS = f""".param wn=1 ratio = 2
.subckt inv A Y VDD VSS
XM1 Y A VSS VSS {N} L=0.15 W={{wn}}
XM2 Y A VDD VDD {P} L=.15u W='ratio*wn'
.ends
"""
PASSED = f""".subckt core A Y VDD VSS params: w=7 l=0.15
.param wp='2*w'
M1 Y A VSS VSS {N} L=l W=w
M2 Y A VDD VDD {P} L={{l}} W={{wp}}
.ends
.subckt inv A Y VDD VSS
X1 A Y VDD VSS core W=1
.ends
"""
CDL = """* a header
.SUBCKT inv A Y VDD VSS
*.PININFO A:I Y:O VDD:B VSS:B
MM1 Y A VSS VSS nfet_01v8 m=1 w=1.0 l=0.15 mult=1 sa=0.265
+ sb=0.265 topography=normal area=0.063 perim=1.14 $X=120 $Y=-40
MM2 Y A VDD VDD $[pfet_01v8] $W=2u $L=0.15u
.ENDS inv
"""
OTHERS = f""".include "models.spice"
.subckt testbench
V1 a 0 pulse(0 1.8 1n)
B1 b 0 V=v(a)*2
X1 a b vdd 0 inv
.ends
{INVERTER}
Vdd vdd 0 1.8
.tran 1n 10n
"""
CASES = INVERTER.lower().replace("w=1\n", "W = 1\n").replace(".subckt", ".SubCkt")
MAGIC = f"""* NGSPICE file created from inv.ext - technology: sky130A
.subckt inv A Y VDD VSS
X0 Y A VSS VSS {N} ad=2.9e+11p pd=2.58e+06u as=2.9e+11p ps=2.58e+06u w=1e+06u l=150000u
X1 Y A VDD VDD {P} ad=5.8e+11p pd=4.58e+06u as=5.8e+11p ps=4.58e+06u w=2e+06u l=150000u
C0 Y A 0.05fF
C1 Y VSS 0.2fF $ **FLOATING
.ends
"""
SCALED = f""".option scale=5m
.subckt inv A Y VDD VSS
X0 Y A VSS VSS {N} ad=11600 pd=516 w=200 l=30
X1 Y A VDD VDD {P} w=400 l=30
.ends
"""


@pytest.mark.parametrize(
    "text",
    [XSCHEM, PARAMETERS, PASSED, CDL, OTHERS, CASES, MAGIC, SCALED],
    ids=["xschem", "parameters", "passed", "cdl", "others", "cases", "magic", "scaled"],
)
def test_all_are_the_inverter(tmp_path, text):
    wanted = read(tmp_path, INVERTER)
    found = read(tmp_path, text, "INV")
    assert sizes(found) == sizes(wanted) == [("nfet_01v8", 1, 0.15), ("pfet_01v8", 2, 0.15)]
    report = compare(found, wanted)
    assert report.match, report.text()


def test_junctions_of_an_expression(tmp_path):
    device = read(tmp_path, XSCHEM).devices[0]
    assert (device.ad_um2, device.pd_um) == (pytest.approx(0.29), pytest.approx(2.58))


def test_multiplicity_of_every_card(tmp_path):
    text = f""".subckt top a b s
XM1 a b s s {N} w=1 l=0.15 nf=2 mult=2 m=2
XC1 a b sky130_fd_pr__cap_mim_m3_1 W=10 L=10 MF=4 m=4
XC2 a b sky130_fd_pr__cap_mim_m3_1 W=10 L=10 MF=2
R1 a b sky130_fd_pr__res_generic_m1 w=1 l=2 mult=2
XR2 a b s sky130_fd_pr__res_high_po_0p69 l=2 m='1+1'
D1 s a sky130_fd_pr__diode_pw2nd_05v5 area=1e12 pj=4e6 m=3
XV1 a b s sky130_fd_pr__cap_var_lvt W=1 L=1 VM=2
Q1 s b a sky130_fd_pr__pnp_05v5_W3p40L3p40 m=2
X1 a b inner m=2
.ends
.subckt inner a b
C1 a mid 1f
XC1 a mid sky130_fd_pr__cap_mim_m3_1 w=2 l=2 m=2
.ends
"""
    circuit = read(tmp_path, text, "top")
    counts: dict[str, int] = {}
    for device in circuit.devices:
        counts[device.kind] = counts.get(device.kind, 0) + 1
    assert counts == {"n": 2, "cap": 4 + 2 + 4, "res": 4, "diode": 3, "varactor": 2, "bipolar": 2}
    assert {d.nodes for d in circuit.devices if "x1" in d.name} == {
        ("a", "x1.mid"),
        ("a", "x1#2.mid"),
    }
    high = next(d for d in circuit.devices if d.name == "r2")
    assert (high.model, high.w_um, high.nodes) == ("res_high_po", 0.69, ("a", "b", "s"))
    metal = next(d for d in circuit.devices if d.name == "1")
    assert (metal.model, metal.nodes) == ("res_generic_m1", ("a", "b"))


def test_models_by_other_names(tmp_path):
    text = f""".subckt top a b s
X1 a b s s {N} w=0.36 l=0.15
X2 a b s s sky130_fd_pr__special_nfet_01v8 w=0.36 l=0.15
R1 a b short
X3 a b s short w=480000u l=45000u
.ends
"""
    first, second, *shorts = read(tmp_path, text).devices
    assert first.model == second.model == "special_nfet_01v8"
    assert [(d.model, d.nodes) for d in shorts] == [("short", ("a", "b"))] * 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (f"XM1 a b s s {N} w='wn' l=1", ":2: XM1: parameter wn is not defined"),
        (f"XM1 a b s s {N} w=1 l=1 m=none", "parameter none is not defined"),
        ("XC1 a b sky130_fd_pr__cap_mim_m3_1 w=1 l=1 m=1.5", ":2: c1 is there 1.5 times"),
        ("V1 a b 0", "'V1' cannot be compared with a layout"),
        (f"XM1 a b s s {N} w='1 l=1", "quotes or braces do not pair"),
        (f"XM1 a b s {N} w=1 l=1", "XM1 has 3 nodes, needs 4"),
        ("D1 a b nodiode area=1", "'nodiode' is neither"),
        ("X1 a b s other m=0\n.ends\n.subckt other a b s", "X1 is there 0 times"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, body, words):
    with pytest.raises(InputError) as error:
        read(tmp_path, f".subckt top a b s\n{body}\n.ends\n", "top")
    assert words in str(error.value) and "circuit.spice" in str(error.value)


def test_a_subcircuit_twice_is_refused_where_it_differs(tmp_path):
    assert len(read(tmp_path, INVERTER + INVERTER, "inv").devices) == 2
    with pytest.raises(InputError, match="defined twice, in line 1 differently"):
        read(tmp_path, INVERTER + INVERTER.replace("W=2", "W=3"), "inv")
