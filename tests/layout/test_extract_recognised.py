"""Devices that the process's table knows, each drawn: model, nodes and sizes as the official
technology file of magic has them."""

from __future__ import annotations

import re
import subprocess

import gdstk
import pytest

from codesign.errors import InputError
from codesign.layout.extract import extract_circuit
from codesign.layout.lvs import compare, read_circuit
from codesign.pdk import default_process
from tests.layout import recognised_drawing as draw
from tests.layout.drawing import Sketch

PREFIX = default_process().model_prefix
TRANSISTORS = {
    "nfet_g5v0d10v5": draw.transistor("n", "hvi"),
    "pfet_g5v0d10v5": draw.transistor("p", "hvi"),
    "nfet_05v0_nvt": draw.transistor("n", "hvi", "lvtn", w=1.0, l=0.9),
    "nfet_03v3_nvt": draw.transistor("n", "hvi", "lvtn", "low_voltage"),
    "esd_nfet_g5v0d10v5": draw.transistor("n", "hvi", "esd", w=17.5, l=0.55),
    "esd_pfet_g5v0d10v5": draw.transistor("p", "hvi", "esd", w=14.5, l=0.55),
    "esd_nfet_01v8": draw.transistor("n", "esd", w=20.35, l=0.17),
    "pfet_01v8_mvt": draw.transistor("p", "hvtr"),
    "special_nfet_01v8": draw.transistor("n", "standard_cell", w=0.36, l=0.15),
    "special_pfet_01v8_hvt": draw.transistor("p", "standard_cell", "hvtp", w=0.36, l=0.15),
    "special_nfet_latch": draw.transistor("n", "core", w=0.21, l=0.15),
    "special_nfet_pass": draw.transistor("n", "core", w=0.14, l=0.15),
    "special_pfet_latch": draw.transistor("p", "core", "hvtp", w=0.14, l=0.15),
    "special_sonosfet_star": draw.transistor("n", "tunm", "lvtn", w=0.45, l=0.22),
}
# Model: drawing, nodes, width and length in um, further parameters.
OTHERS = {
    "res_high_po": (draw.poly_resistor("poly_resistor", 0.69, 30, "rpm"), "r0 r1 sub", (0.69, 30)),
    "res_xhigh_po": (
        draw.poly_resistor("poly_resistor", 0.35, 50, "urpm"),
        "r0 r1 sub",
        (0.35, 50),
    ),
    "res_generic_po": (draw.poly_resistor("poly_resistor", 0.48, 7), "r0 r1", (0.48, 7)),
    "res_generic_l1": (draw.wire_resistor("li1", "li1_resistor", 0.29, 3), "r0 r1", (0.29, 3)),
    "res_generic_m1": (draw.wire_resistor("met1", "met1_resistor", 0.5, 9), "r0 r1", (0.5, 9)),
    "res_generic_m5": (draw.wire_resistor("met5", "met5_short", 1.6, 0.1), "r0 r1", (1.6, 0.1)),
    "res_generic_nd": (draw.diffusion_resistor("n"), "r0 r1 sub", (0.42, 4)),
    "res_generic_pd": (draw.diffusion_resistor("p"), "r0 r1 b", (0.42, 4)),
    "res_iso_pw": (draw.well_resistor, "r0 r1 deep", (2, 8)),
    "diode_pw2nd_05v5": (draw.diode("n"), "sub k", (0, 0)),
    "diode_pw2nd_05v5_lvt": (draw.diode("n", "lvtn"), "sub k", (0, 0)),
    "diode_pw2nd_05v5_nvt": (draw.diode("n", "lvtn", "hvi"), "sub k", (0, 0)),
    "diode_pw2nd_11v0": (draw.diode("n", "hvi"), "sub k", (0, 0)),
    "diode_pd2nw_05v5": (draw.diode("p"), "a k", (0, 0)),
    "diode_pd2nw_05v5_lvt": (draw.diode("p", "lvtn"), "a k", (0, 0)),
    "diode_pd2nw_05v5_hvt": (draw.diode("p", "hvtp"), "a k", (0, 0)),
    "diode_pd2nw_11v0": (draw.diode("p", "hvi"), "a k", (0, 0)),
    "cap_var_lvt": (draw.varactor(), "g w sub", (2, 0.5)),
    "cap_var_hvt": (draw.varactor("hvtp"), "g w sub", (2, 0.5)),
    "cap_var": (draw.varactor("hvi"), "g w sub", (2, 0.5)),
    "pnp_05v5_W0p68L0p68": (draw.pnp(0.68), "sub b e", (0, 0)),
    "pnp_05v5_W3p40L3p40": (draw.pnp(3.4), "sub b e", (0, 0)),
    "npn_05v5_W1p00L1p00": (draw.npn(1), "deep well e sub", (0, 0)),
    "npn_05v5_W1p00L2p00": (draw.npn(2), "deep well e sub", (0, 0)),
    "reram_cell": (draw.memory, "te be", (0, 0)),
}


def extracted(drawing, folder, mode="none", **options):
    sketch = Sketch()
    drawing(sketch)
    return extract_circuit(sketch.write(folder), "top", mode=mode, **options)


def net_of(node: str) -> str:
    return node.split("__")[0]


@pytest.mark.parametrize("model", list(TRANSISTORS))
def test_marks_choose_the_transistor(model, tmp_path):
    circuit = extracted(TRANSISTORS[model], tmp_path)
    (device,) = circuit.devices
    assert device.model == model
    assert {device.nodes[0], device.nodes[2]} == {"d", "s"} and device.nodes[1] == "g"
    assert device.nodes[3] == ("b" if device.kind == "p" else "sub")


@pytest.mark.parametrize("mode", ["none", "rc"])
@pytest.mark.parametrize("model", list(OTHERS))
def test_other_devices_have_their_nodes_and_sizes(model, mode, tmp_path):
    drawing, nodes, size = OTHERS[model]
    circuit = extracted(drawing, tmp_path, mode)
    (device,) = circuit.devices
    assert device.model == model and (device.w_um, device.l_um) == pytest.approx(size)
    assert [net_of(node) for node in device.nodes] == nodes.split()
    if device.kind == "diode":
        assert dict(device.parameters) == pytest.approx({"area": 3e12, "perim": 8e6})
    if model == "reram_cell":
        assert dict(device.parameters) == pytest.approx({"area_ox": 0.32**2})
        assert "sky130_fd_pr_reram__reram_cell area_ox=0.1024" in circuit.spice()


def test_a_resistor_s_length_is_that_of_its_middle_line(tmp_path):
    (device,) = extracted(draw.serpentine, tmp_path).devices
    assert (device.model, device.w_um, device.l_um) == ("res_generic_po", 0.5, 7.0)


def test_a_resistor_has_two_ends(tmp_path):
    def three(sketch):
        draw.poly_resistor("poly_resistor", 0.48, 7)(sketch)
        sketch.box("poly", 4, 0.48, 4.5, 2)

    with pytest.raises(InputError, match="a resistor of poly with 3 ends instead of two"):
        extracted(three, tmp_path)
    circuit = extracted(three, tmp_path, unknown="leave-out")
    assert not circuit.devices
    assert any("with 3 ends instead of two" in line for line in circuit.comments)


def test_a_well_in_a_ring_is_the_transistor_s_bulk(tmp_path):
    """An open ring joins the p-well to the substrate, a closed one keeps it apart."""
    (device,) = extracted(draw.isolated_transistor, tmp_path, "rc").devices
    assert net_of(device.nodes[3]) == "well"

    def open_ring(sketch):
        draw.isolated_transistor(sketch)
        sketch.cell.remove(*[p for p in sketch.cell.polygons if p.bounding_box()[0][0] == 8.0])

    (device,) = extracted(open_ring, tmp_path).devices
    assert device.nodes[3] == "sub"


def test_what_no_model_is_for_is_named_or_left_out(tmp_path):
    drawing = draw.transistor("n", "hvi", "extended_drain")
    with pytest.raises(InputError, match=r"no model is for the gate at \(0.54, 0.5\) um: extended"):
        extracted(drawing, tmp_path)
    circuit = extracted(drawing, tmp_path, unknown="leave-out")
    assert not circuit.devices
    assert any(line.startswith("extended-drain transistor at") for line in circuit.comments)


def finger_capacitor(name: str, *, with_labels: bool = True) -> Sketch:
    """A cell of two met1 combs, placed mirrored in a cell that labels the wires to it."""
    sketch = Sketch()
    cell = sketch.library.new_cell(name)
    for x, label in ((0.0, "C0"), (1.0, "C1")):
        cell.add(gdstk.rectangle((x, 0), (x + 0.5, 5), layer=68, datatype=20))
        if with_labels:
            cell.add(gdstk.Label(label, (x + 0.25, 2), layer=68, texttype=5))
    sketch.cell.add(gdstk.Reference(cell, (0, 0), x_reflection=True))
    for x, label in ((0.0, "a"), (1.0, "b")):
        sketch.box("met1", x, 0, x + 0.5, 2)
        sketch.label("met1", label, x + 0.25, 1)
    draw.substrate(sketch)
    return sketch


@pytest.mark.parametrize("mode", ["none", "c", "rc"])
def test_finger_capacitors_are_known_by_their_cell(mode, tmp_path):
    name = f"{PREFIX}cap_vpp_01p8x01p8_m1m2_noshield"
    circuit = extract_circuit(finger_capacitor(name).write(tmp_path), "top", mode=mode)
    (device,) = circuit.devices
    assert [net_of(node) for node in device.nodes] == ["a", "b", "sub"]
    assert f"{name}\n" in circuit.spice()
    if mode == "c":
        # What is inside the cell is the model's: only the wires to it couple, 2 um side by side.
        (coupling,) = [c for c in circuit.capacitors if {c.node_a, c.node_b} == {"a", "b"}]
        assert coupling.value < 2.5 * 44e-18 / (0.5 + 0.25) * 1.3


def test_a_finger_capacitor_without_labels_is_named(tmp_path):
    path = finger_capacitor(f"{PREFIX}cap_vpp_x", with_labels=False).write(tmp_path)
    with pytest.raises(InputError, match="cap_vpp_x, which is one device, has no label C0"):
        extract_circuit(path, "top", mode="none")


@pytest.mark.usefixtures("requires_models")
def test_models_that_the_library_lacks_are_named(tmp_path):
    circuit = extracted(TRANSISTORS["special_nfet_01v8"], tmp_path)
    warnings = [line for line in circuit.comments if line.startswith("warning: ")]
    assert len(warnings) == 1 and f"{PREFIX}special_nfet_01v8" in warnings[0]
    circuit = extracted(TRANSISTORS["esd_nfet_01v8"], tmp_path)
    assert f"{PREFIX}nfet_01v8_esd" in circuit.spice()
    assert not any(line.startswith("warning: ") for line in circuit.comments)


def currents(names: list[str], folder) -> dict[str, float]:
    """Current (A) into the first node of each device at a volt across the first two, from the
    extracted netlists with the whole library."""
    library = default_process().library
    cards = [f"* devices\n.lib {library.lib_file} tt"]
    for number, name in enumerate(names):
        circuit = extracted(OTHERS[name][0], folder)
        nodes = {node: "0" for node in circuit.ports}
        high, low = circuit.devices[0].nodes[:2]
        nodes |= {high: f"h{number}", low: "0"}
        cards.append(circuit.spice().replace("subckt top", f"subckt t{number}"))
        cards.append(f"x{number} {' '.join(nodes[p] for p in circuit.ports)} t{number}")
        cards.append(f"v{number} h{number} 0 1")
    outputs = " ".join(f"i(v{number})" for number in range(len(names)))
    cards.append(f".control\nop\nprint {outputs}\n.endc\n.end\n")
    deck = folder / "devices.spice"
    deck.write_text("\n".join(cards))
    run = subprocess.run(["ngspice", "-b", deck], capture_output=True, text=True, timeout=120)
    found = [line.split("=") for line in run.stdout.splitlines() if line.startswith("i(v")]
    assert len(found) == len(names), run.stdout + run.stderr
    return {name: -float(value) for name, (_, value) in zip(names, found, strict=True)}


@pytest.mark.usefixtures("requires_ngspice", "requires_models")
def test_the_library_s_devices_run_in_ngspice(tmp_path):
    """Resistors have the sheet resistances of their layers, diodes conduct forward."""
    ohms = {  # sheet resistance times squares, and by how much ends and widths may change it
        "res_high_po": (320 * 30 / 0.69, 0.1),
        "res_xhigh_po": (2000 * 50 / 0.294, 0.15),
        "res_generic_po": (48.2 * 7 / 0.48, 0.15),
        "res_generic_l1": (12.8 * 3 / 0.29, 0.15),
        "res_generic_m1": (0.125 * 9 / 0.5, 0.15),
        "res_generic_nd": (120 * 4 / 0.42, 0.2),
        "res_generic_pd": (197 * 4 / 0.42, 0.2),
    }
    diodes = ["diode_pw2nd_05v5", "diode_pd2nw_05v5"]
    found = currents([*ohms, *diodes, "pnp_05v5_W3p40L3p40", "npn_05v5_W1p00L1p00"], tmp_path)
    for name, (ohm, slack) in ohms.items():
        assert 1 / found[name] == pytest.approx(ohm, rel=slack), name
    assert all(1e-6 < found[name] < 0.1 for name in diodes)


def changed(netlist: str) -> str:
    """The netlist with every width, area and perimeter a third larger."""

    def larger(match: re.Match[str]) -> str:
        return f"{match[1]}{1.33 * float(match[2]):.6g}"

    return re.sub(r"(\b(?:w|area|perim|area_ox)=)([-+.e\d]+)", larger, netlist)


@pytest.mark.parametrize("model", [*TRANSISTORS, *OTHERS])
def test_each_device_matches_its_schematic_and_no_other_size(model, tmp_path):
    drawing = TRANSISTORS[model] if model in TRANSISTORS else OTHERS[model][0]
    circuit = extracted(drawing, tmp_path)
    netlist = tmp_path / "schematic.spice"
    netlist.write_text(circuit.spice())
    report = compare(circuit, read_circuit(netlist, "top"))
    assert report.match, report.text()
    netlist.write_text(changed(circuit.spice()))
    if netlist.read_text() != circuit.spice():
        assert not compare(circuit, read_circuit(netlist, "top")).match
