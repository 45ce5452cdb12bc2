"""Resistances against squares counted by hand, corners, and what reduction does to delays."""

from __future__ import annotations

import re
from itertools import pairwise

import klayout.db as kdb
import numpy as np
import pytest

from codesign.layout.circuit import FlatCircuit
from codesign.layout.extract import extract_circuit
from codesign.layout.extract.connect import connect
from codesign.layout.extract.labels import check_labels
from codesign.layout.extract.mim import mim_capacitors
from codesign.layout.extract.names import name_nets, natural_key
from codesign.layout.extract.rc import extract_rc
from codesign.layout.extract.reader import read_gds
from codesign.layout.extract.reduce import RCLimits
from codesign.pdk import default_process
from tests.layout.drawing import Sketch, connect_output, inverter, labelled_inverter


def net_of(node: str) -> str:
    return re.sub(r"__\d+$", "", node)


def network(resistors, capacitors, port):
    """Nodes of the port's net, their conductance matrix without the port, capacitance of each."""
    nodes = {n for part in resistors for n in (part.node_a, part.node_b) if net_of(n) == port}
    order = {node: number for number, node in enumerate(sorted(nodes - {port}))}
    matrix, load = np.zeros((len(order), len(order))), np.zeros(len(order))
    for part in resistors:
        a, b = order.get(part.node_a), order.get(part.node_b)
        for one, other in ((a, b), (b, a)):
            if one is not None:
                matrix[one, one] += 1 / part.value
                if other is not None:
                    matrix[one, other] -= 1 / part.value
    for part in capacitors:
        for node in (part.node_a, part.node_b):
            if node in order:
                load[order[node]] += part.value
    return order, matrix, load


def resistance(circuit: FlatCircuit, port: str, node: str) -> float:
    order, matrix, _ = network(circuit.resistors, (), port)
    return float(np.linalg.inv(matrix)[order[node], order[node]])


def elmore(circuit, port: str) -> dict[str, float]:
    """Elmore delay in s from the port to every node of its net."""
    order, matrix, load = network(circuit.resistors, circuit.capacitors, port)
    return dict(zip(order, np.linalg.solve(matrix, load).tolist(), strict=True))


def line_to_gate(length: float, width: float = 0.14, w: float = 1.0, kind: str = "n") -> Sketch:
    """A met1 line from label `in` to the gate of a transistor, li1 and licon at its end."""
    sketch = Sketch()
    sketch.fet(0, 0, w, 0.15, kind)
    sketch.box("poly", 0.29, -1.0, 0.44, 0)
    sketch.gate_contact(0.365, -1.1)
    sketch.stack(0.365, -1.1)
    sketch.box("met1", 0.365 - length, -1.1 - width / 2, 0.365, -1.1 + width / 2)
    sketch.label("met1", "in", 0.365 - length, -1.1)
    for x, name in ((0.145, "s"), (0.585, "d")):
        sketch.label("li1", name, x, w / 2)
    return sketch


def extracted(sketch, tmp_path, **options) -> FlatCircuit:
    return extract_circuit(sketch.write(tmp_path), "top", mode="rc", **options)


def to_gate(sketch, tmp_path, **options) -> float:
    circuit = extracted(sketch, tmp_path, **options)
    return resistance(circuit, "in", circuit.devices[0].nodes[1])


def test_a_wire_has_its_squares(tmp_path):
    short, long = (to_gate(line_to_gate(length), tmp_path) for length in (20, 120))
    assert long - short == pytest.approx(0.125 * 100 / 0.14, rel=1e-6)
    wide = to_gate(line_to_gate(120, 0.28), tmp_path) - to_gate(line_to_gate(20, 0.28), tmp_path)
    assert wide == pytest.approx(0.125 * 100 / 0.28, rel=1e-6)


def test_the_path_to_a_gate_is_contacts_li_and_poly_to_its_centre(tmp_path):
    """mcon 9.3, licon on poly 152, and 48.2 ohm per square from the pad to the gate's middle."""
    total = to_gate(line_to_gate(20), tmp_path)
    wire = 0.125 * 20 / 0.14
    poly = 48.2 * (0.935 + 0.5) / 0.15
    assert total == pytest.approx(wire + 9.3 + 152 + poly, rel=0.03)
    wide = to_gate(line_to_gate(20, w=5.0), tmp_path)
    assert wide - total == pytest.approx(48.2 * 2.0 / 0.15, rel=1e-6)


def test_contacts_to_n_and_p_diffusion(tmp_path):
    for kind, ohm in (("n", 185.0), ("p", 585.0)):
        circuit = extracted(line_to_gate(1, kind=kind), tmp_path)
        source = next(n for n in circuit.devices[0].nodes[::2] if net_of(n) == "s")
        assert resistance(circuit, "s", source) == pytest.approx(ohm, rel=1e-6)


@pytest.mark.parametrize(
    ("corner", "sheet", "width"),
    [("low", 0.125 * 0.105 / 0.124, 0.164), ("high", 0.125 * 0.143 / 0.124, 0.116)],
)
def test_corners_change_sheet_and_width(corner, sheet, width, tmp_path):
    short, long = (to_gate(line_to_gate(n), tmp_path, corner=corner) for n in (20, 120))
    assert long - short == pytest.approx(sheet * 100 / width, rel=0.01)


def test_via_stack_and_mim_plates(tmp_path):
    sketch = Sketch()
    sketch.mim(0, 0, 5, 5, "capm")
    sketch.box("met3", -100, 2.35, -0.4, 2.65)
    sketch.label("met3", "bottom", -100, 2.5)
    sketch.label("met4", "upper", 2.5, 2.5)
    circuit = extracted(sketch, tmp_path, ports=("upper", "bottom"))
    upper, lower = circuit.devices[0].nodes
    assert resistance(circuit, "upper", upper) == pytest.approx(3.41)
    # The line's squares, and some of the plate's up to its centre.
    line = 0.047 * 99.6 / 0.3
    assert line < resistance(circuit, "bottom", lower) < line + 0.047


@pytest.fixture
def chain(tmp_path):
    """Three inverters with long lines between them, and a met2 line along the first."""
    sketch = Sketch()
    pads = [inverter(sketch, x, rails=True) for x in (0.0, 60.0, 120.0)]
    sketch.label("li1", "a", *pads[0][0])
    sketch.label("li1", "y", *pads[2][1])
    for (_, out), (pad, _) in pairwise(pads):
        connect_output(sketch, out, pad)
    for y, name in ((-2.0, "vss"), (4.5, "vdd")):
        sketch.box("li1", -0.3, y - 0.085, 120.0, y + 0.085)
        sketch.label("li1", name, -0.25, y)
    sketch.box("met2", 1.0, 0.9, 50.0, 1.1)
    sketch.label("met2", "over", 1.5, 1.0)
    return sketch.write(tmp_path, "chain.gds")


def reduced(path, limits):
    drawing = read_gds(path, "top")
    connected = connect(drawing)
    names = name_nets(drawing, connected, check_labels(drawing))
    mims = tuple(mim_capacitors(drawing, connected))
    process = default_process()
    tables = process.resistances(), process.parasitics()
    return extract_rc(connected, mims, names, (), *tables, limits)


def test_reduction_keeps_resistance_and_first_moment(chain):
    """Every delay from a port to a device terminal within 1 % + 0.02 ps, with a tenth of nodes."""
    full, less = reduced(chain, RCLimits(0, 0, 0)), reduced(chain, RCLimits())
    assert len(less.resistors) < 0.4 * len(full.resistors)
    compared = 0
    for port in ("a", "y", "vdd"):
        exact, close = elmore(full, port), elmore(less, port)
        for kind in ("transistors",):
            for one, other in zip(getattr(full, kind), getattr(less, kind), strict=True):
                for i, j in zip(one.nets, other.nets, strict=True):
                    before, after = full.names[i], less.names[j]
                    if net_of(before) == port and before in exact and after in close:
                        assert close[after] == pytest.approx(exact[before], rel=0.01, abs=2e-14)
                        compared += 1
    assert compared > 5


def test_capacitance_of_a_net_is_the_same_in_both_modes(chain):
    def totals(circuit):
        sums: dict[str, float] = {}
        for part in circuit.capacitors:
            for node in (part.node_a, part.node_b):
                sums[net_of(node)] = sums.get(net_of(node), 0.0) + part.value
        return sums

    lumped = totals(extract_circuit(chain, "top", mode="c"))
    spread = totals(extract_circuit(chain, "top", mode="rc"))
    assert spread == {net: pytest.approx(value, rel=1e-9) for net, value in lumped.items()}


def test_every_port_and_terminal_hangs_together(chain):
    """From each node of a net every other is reached: nothing is silently detached."""
    circuit = extract_circuit(
        chain, "top", mode="rc", ports=("a", "y", "vdd", "vss", "over"), unconnected=("over",)
    )
    links: dict[str, set[str]] = {}
    for part in circuit.resistors:
        links.setdefault(part.node_a, set()).add(part.node_b)
        links.setdefault(part.node_b, set()).add(part.node_a)
    terminals = {node for device in circuit.devices for node in device.nodes}
    for net in {net_of(node) for node in terminals}:
        mine = {node for node in terminals if net_of(node) == net}
        seen, frontier = {min(mine)}, [min(mine)]
        while frontier:
            for other in links.get(frontier.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    frontier.append(other)
        assert mine <= seen, net
    assert not any("came out in pieces" in line for line in circuit.comments)


def test_in_memory_layout_is_extracted_like_a_file(inverter_gds):
    layout = kdb.Layout()
    layout.read(str(inverter_gds))
    assert extract_circuit(layout, "inv", mode="rc").devices == (
        extract_circuit(inverter_gds, "inv", mode="rc").devices
    )


def test_source_and_drain_on_one_net_keep_their_own_contacts(tmp_path):
    sketch = Sketch()
    labelled_inverter(sketch)
    contacts = sketch.fet(5, 0, 1.0, 0.15)
    sketch.box("li1", contacts[0] - 0.085, 1.2, contacts[1] + 0.085, 1.37)
    for x in contacts:
        sketch.box("li1", x - 0.085, 0.5, x + 0.085, 1.37)
    sketch.label("li1", "tied", contacts[0], 1.3)
    sketch.label("poly", "g", 5.365, 0.5)
    circuit = extracted(sketch, tmp_path)
    drain, _, source, _ = next(d.nodes for d in circuit.devices if d.x_um > 5)
    assert net_of(drain) == net_of(source) == "tied" and drain != source


def test_names_are_counted_whatever_their_digits():
    names = ["bn_10", "bn_2", "bn²", "²"]
    assert sorted(names, key=natural_key) == ["bn_2", "bn_10", "bn²", "²"]
