"""`codesign lvs` on small layouts, drawn by hand, that once came out wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from codesign.cli import cli
from tests.layout.drawing import Sketch, labelled_inverter

N, P = "sky130_fd_pr__nfet_01v8", "sky130_fd_pr__pfet_01v8"


@pytest.fixture(params=["klayout", "netgen"])
def engine(request) -> str:
    if request.param == "netgen":
        request.getfixturevalue("requires_netgen")
    return request.param


def lvs(folder: Path, sketch: Sketch, netlist: str, engine: str = "klayout") -> Result:
    gds, spice = sketch.write(folder), folder / "meant.spice"
    spice.write_text(netlist)
    arguments = ["lvs", str(gds), str(spice), "--top", "top", "--engine", engine]
    return CliRunner().invoke(cli, arguments, prog_name="codesign")


def plates(count: int) -> Sketch:
    """Equal MIM capacitors side by side, joined on met3 and met4, and a p-tap."""
    sketch = Sketch()
    for index in range(count):
        sketch.mim(12.0 * index, 0.0, 10.0, 10.0, "capm")
    right = 12.0 * (count - 1) + 10.0
    sketch.box("met3", -0.4, 4.0, right + 0.4, 4.4)
    sketch.box("met4", 5.0, 4.85, right - 5.0 + 0.01, 5.15)
    sketch.tap(-4.0, -4.0, "p")
    sketch.label("met3", "bot", -0.2, 4.2)
    sketch.label("met4", "top_", 5.0, 5.0)
    sketch.label("li1", "VSS", -4.0, -4.0)
    return sketch


@pytest.mark.parametrize(
    ("drawn", "meant", "equal"),
    [(1, "MF=1 m=1", 1), (1, "MF=4 m=4", 0), (2, "m=2", 1), (2, "mult=2", 1), (2, "", 0)],
)
def test_multiplicity_of_a_capacitor(tmp_path, engine, drawn, meant, equal):
    card = f"XC1 top_ bot sky130_fd_pr__cap_mim_m3_1 W=10 L=10 {meant}"
    result = lvs(tmp_path, plates(drawn), f".subckt top top_ bot VSS\n{card}\n.ends\n", engine)
    assert result.exit_code == 1 - equal, result.output
    assert equal or "cap_mim_m3_1" in result.output


def nor_half() -> Sketch:
    """VDD b n1 a q b n2 a VDD in one row: the PMOS half of a NOR gate in two fingers."""
    sketch = Sketch()
    contacts = sketch.fet(0.0, 0.0, 1.0, 0.15, "p", fingers=4)
    gates = [0.29 + 0.43 * i + 0.075 for i in range(4)]
    for index, x in enumerate(gates):
        top = 1.5 if index % 2 == 0 else 2.3
        sketch.box("poly", x - 0.075, 1.0, x + 0.075, top)
        sketch.gate_contact(x, top)
        sketch.stack(x, top)
    for y, name, (left, right) in ((1.5, "b", gates[0::2]), (2.3, "a", gates[1::2])):
        sketch.box("met1", left, y - 0.1, right, y + 0.1)
        sketch.label("met1", name, left, y)
    for x in (contacts[0], contacts[4]):
        sketch.stack(x, 0.5)
        sketch.box("met1", x - 0.1, -1.0, x + 0.1, 0.5)
    sketch.box("met1", contacts[0] - 0.1, -1.2, contacts[4] + 0.1, -1.0)
    sketch.label("met1", "VDD", contacts[0], -1.1)
    sketch.label("li1", "q", contacts[2], 0.5)
    sketch.tap(-1.2, 0.5, "n")
    sketch.box("nwell", -1.4, 0.2, 0.2, 0.8)
    sketch.box("li1", -1.2, 0.415, contacts[0], 0.585)
    sketch.tap(-4.0, 0.5, "p")
    sketch.label("li1", "VSS", -4.0, 0.5)
    return sketch


def test_two_fingers_of_a_stack_from_either_end(tmp_path, engine):
    netlist = f""".subckt top a b q VDD VSS
XM1 q b net1 VDD {P} L=0.15 W=1
XM4 net1 a VDD VDD {P} L=0.15 W=1
XM2 q a net2 VDD {P} L=0.15 W=1
XM3 net2 b VDD VDD {P} L=0.15 W=1
.ends
"""
    result = lvs(tmp_path, nor_half(), netlist, engine)
    assert result.exit_code == 0, result.output
    crossed = netlist.replace("q a net2", "q b net2").replace("net2 b", "net2 a")
    assert lvs(tmp_path, nor_half(), crossed, engine).exit_code == 1


def inverter(cards: str, extra: str = "") -> str:
    return f".subckt top a y vdd vss\n{cards}\n.ends\n{extra}"


PLAIN = f"XM1 y a vss vss {N} W=0.42 L=0.15\nXM2 y a vdd vdd {P} W=0.84 L=0.15"


@pytest.mark.parametrize(
    "netlist",
    [
        inverter(PLAIN),
        inverter(PLAIN.replace("XM", "M").upper()),
        inverter(
            PLAIN.replace("0.84", "'2*W1' nf=1 ad='int((nf+1)/2)*W/nf*0.29'"), ".param W1=.42"
        ),
        ".subckt helper a b\nV1 a b 1\n.ends\n" + inverter(PLAIN),
    ],
    ids=["plain", "m_cards", "expressions", "others"],
)
def test_forms_of_a_netlist(tmp_path, engine, netlist):
    sketch = Sketch()
    labelled_inverter(sketch)
    result = lvs(tmp_path, sketch, netlist, engine)
    assert result.exit_code == 0, result.output


def test_a_labelled_wire_that_no_schematic_has(tmp_path, engine):
    sketch = Sketch()
    labelled_inverter(sketch)
    sketch.box("met1", 3.0, 0.0, 4.0, 1.0)
    sketch.label("met1", "NC", 3.5, 0.5)
    result = lvs(tmp_path, sketch, inverter(PLAIN), engine)
    assert result.exit_code == 1 and "extra pin: the schematic has no pin NC" in result.output
    assert "1 differences" in result.output
    wanted = inverter(PLAIN).replace(" vss\n", " vss nc2\n", 1)
    result = lvs(tmp_path, sketch, wanted, engine)
    assert result.exit_code == 1 and "the layout has no pin nc2" in result.output


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_a_killed_command_leaves_no_netgen_behind(tmp_path):
    program, number = tmp_path / "netgen", tmp_path / "number"
    # Like netgen on a closed terminal: it never ends, and is under a wrapper.
    program.write_text(
        f"#!/bin/sh\nsh -c 'echo $$ > {number}; while :; do sleep 0.1; done' & wait\n"
    )
    program.chmod(0o755)
    sketch, spice = Sketch(), tmp_path / "meant.spice"
    labelled_inverter(sketch)
    spice.write_text(inverter(PLAIN))
    command = [sys.executable, "-m", "codesign", "lvs", str(sketch.write(tmp_path)), str(spice)]
    environment = os.environ | {
        "CODESIGN_NETGEN": str(program),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    parent = subprocess.Popen(
        [*command, "--top", "top", "--engine", "netgen"], env=environment, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        while not (number.is_file() and number.read_text().strip()):
            assert parent.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait(timeout=30)
        status = Path(f"/proc/{number.read_text().strip()}/status")
        while status.is_file() and "State:\tZ" not in status.read_text():
            assert time.monotonic() < deadline, "the program outlived codesign"
            time.sleep(0.05)
    finally:
        parent.kill()
        parent.wait()
