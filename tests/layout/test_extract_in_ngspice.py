"""Delays in ngspice: extracted netlists against what formulas for wires say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from codesign.layout.circuit import FlatCircuit, Parasitic
from codesign.layout.extract import extract_circuit
from codesign.pdk import Conditions
from codesign.spice import Deck, Transient, run_batch
from tests.layout.drawing import Sketch, connect_output, inverter, labelled_inverter, rails_y

pytestmark = pytest.mark.usefixtures("requires_ngspice", "requires_models")
LENGTH, WIDTH = 1500.0, 0.14
# Area, fringe (both sides) of a lone met1 wire over the substrate, and its squares.
WIRE_F = 1e-18 * (25.78 * LENGTH * WIDTH + 2 * 40.57 * (LENGTH + WIDTH))
WIRE_OHM = 0.125 * LENGTH / WIDTH


def delay(circuit: FlatCircuit, process, node_in="a", node_out="y", extra="", fall_in=False):
    """50 % delay in s from a step at node_in to node_out."""
    low, high = (1.8, 0) if fall_in else (0, 1.8)
    netlist = "\n".join(
        [
            circuit.spice(),
            "vdd vdd 0 1.8",
            "vss vss 0 0",
            f"vin a 0 pwl(0 {low} 0.2n {low} 0.202n {high})",
            extra,
            f"xdut {' '.join(circuit.ports)} {circuit.name}",
        ]
    )
    deck = Deck("delay", netlist, circuit.sizes(), Conditions())
    transient = Transient(6e-9, 2e-12, (f"v({node_in})", f"v({node_out})"))
    wave = run_batch(deck, transient, process=process, timeout_s=120).require()
    return crossing(wave, node_out) - crossing(wave, node_in)


def crossing(wave, node: str) -> float:
    time, volts = np.asarray(wave["time"]), np.asarray(wave[f"v({node})"])
    after = np.flatnonzero(np.diff(np.sign(volts - 0.9)))[0]
    return float(np.interp(0.9, *sorted_pair(volts[after : after + 2], time[after : after + 2])))


def sorted_pair(x, y):
    order = np.argsort(x)
    return x[order], y[order]


@pytest.fixture
def loaded(tmp_path):
    """An inverter whose output drives a long met1 wire to the gate of another."""
    sketch = Sketch()
    labelled_inverter(sketch, 2.0, 4.0)
    inverter(sketch, LENGTH + 0.22 + 0.9, rails=False)
    far = (LENGTH + 0.22 + 0.9, 1.0)
    connect_output(sketch, (0.22, 1.0), far, WIDTH)
    x = far[0] - 0.22
    for y, level in zip((-0.21, 2.42), rails_y(2.0, 4.0), strict=True):
        sketch.box("li1", x - 0.085, min(y, level), x + 0.085, max(y, level))
        outwards = -8.0 if level < 0 else 8.0
        sketch.box("met2", -0.4, level, x + 0.2, level + outwards)
        sketch.stack(-0.22, level, "li1", "met2")
        sketch.stack(x, level, "li1", "met2")
    sketch.label("li1", "z", far[0] + 0.22, 1.0)
    return sketch.write(tmp_path, "loaded.gds")


def ladder(sections: int = 40) -> list[str]:
    """The wire by hand: sections of R and C from the output to the second gate's node."""
    rows = []
    for k in range(sections):
        a, b = ("y" if k == 0 else f"w{k}"), ("far" if k == sections - 1 else f"w{k + 1}")
        rows.append(f"rw{k} {a} {b} {WIRE_OHM / sections:.6g}")
        rows.append(f"cwa{k} {a} 0 {WIRE_F / sections / 2:.6g}")
        rows.append(f"cwb{k} {b} 0 {WIRE_F / sections / 2:.6g}")
    return rows


def by_hand(bare: FlatCircuit) -> FlatCircuit:
    """The devices with the first inverter's contacts and li1, and the second's gates, on nodes of
    their own: one contact each (185, 585 ohm), li1 0.17 wide of 12.8 ohm per square up to the
    output at y = 1 (2 and 3 um long) and to the rails (2 and 3 um)."""
    devices, resistors = [], []
    for device in bare.devices:
        drain, gate, source, bulk = device.nodes
        if device.x_um > 100:
            devices.append(replace(device, nodes=(drain, "far", source, bulk)))
            continue
        contact, length = {"n": (185, 2.0), "p": (585, 3.0)}[device.kind]
        inner = [f"{device.kind}{side}" for side in "ds"]
        ohm = contact + 12.8 * length / 0.17
        resistors += [Parasitic(n, i, ohm) for n, i in zip((drain, source), inner, strict=True)]
        devices.append(replace(device, nodes=(inner[0], gate, inner[1], bulk)))
    ports = (*bare.ports, "far")
    return FlatCircuit(bare.name, ports, tuple(devices), (), tuple(resistors))


def test_wire_through_a_resistor_has_its_rc(tmp_path, process):
    """A step through 20 kilo-ohm: the extracted C adds 0.693 R C, C from the wire's formula."""
    sketch = Sketch()
    labelled_inverter(sketch)
    sketch.box("li1", -0.6, 0.915, 0, 1.085)
    sketch.stack(-0.6, 1.0)
    sketch.box("met1", -0.6 - LENGTH, 1 - WIDTH / 2, -0.6, 1 + WIDTH / 2)
    path = sketch.write(tmp_path)
    bare, full = (extract_circuit(path, "top", mode=mode) for mode in ("none", "c"))
    (total,) = [sum(p.value for p in full.capacitors if "a" in (p.node_a, p.node_b))]
    assert total == pytest.approx(WIRE_F, rel=0.05)
    ports = ("gin", *bare.ports[1:])
    times = []
    for circuit in (bare, full):
        driven = circuit.renamed({"a": "gin"})
        assert driven.ports == ports
        times.append(delay(driven, process, "a", "gin", "rdrive a gin 20k\ncy y 0 1f"))
    assert times[1] - times[0] == pytest.approx(np.log(2) * 20e3 * total, rel=0.03)


def test_wire_loaded_inverter_has_the_delay_of_a_ladder(loaded, process):
    """The far end's delay: devices alone with a hand-made ladder in the wire's place, mode rc."""
    rc = extract_circuit(loaded, "top", mode="rc")
    bare = extract_circuit(loaded, "top", mode="none")
    alone = delay(bare, process, "a", "z")
    expected = delay(by_hand(bare), process, "a", "z", "\n".join(ladder()))
    assert expected > 4 * alone
    assert delay(rc, process, "a", "z") == pytest.approx(expected, rel=0.05)


def test_capacitance_alone_is_one_lump(loaded, process):
    """Mode c: the delay of the same circuit with the wire's C as one capacitor at y."""
    c, bare = (extract_circuit(loaded, "top", mode=mode) for mode in ("c", "none"))
    lump = FlatCircuit(bare.name, bare.ports, bare.devices, (Parasitic("y", "vss", WIRE_F),))
    assert delay(c, process, "a", "y") == pytest.approx(delay(lump, process, "a", "y"), rel=0.05)
