"""Devices and nets of hand-drawn layouts: sizes, junctions, connections, names, ports."""

from __future__ import annotations

import pytest

from codesign.errors import CheckFailed, InputError
from codesign.layout.extract import extract_circuit
from tests.layout.drawing import Sketch, inverter, labelled_inverter


def extract(sketch, tmp_path, **options):
    return extract_circuit(sketch.write(tmp_path), "top", mode="none", **options)


def test_inverter_has_its_two_transistors(inverter_gds):
    circuit = extract_circuit(inverter_gds, "inv", mode="none")
    assert circuit.ports == ("a", "vdd", "vss", "y")
    n, p = circuit.devices
    assert (n.kind, n.model, p.kind, p.model) == ("n", "nfet_01v8", "p", "pfet_01v8")
    assert set(n.nodes[::2]) == {"y", "vss"} and n.nodes[1::2] == ("a", "vss")
    assert set(p.nodes[::2]) == {"y", "vdd"} and p.nodes[1::2] == ("a", "vdd")
    assert (n.w_um, n.l_um, p.w_um, p.l_um) == (0.42, 0.15, 0.84, 0.15)
    for device in (n, p):
        assert device.as_um2 == device.ad_um2 == pytest.approx(0.29 * device.w_um)
        assert device.ps_um == device.pd_um == pytest.approx(2 * (0.29 + device.w_um))
    assert (n.x_um, n.y_um) == (0, -0.21)


def test_ports_keep_the_order_they_are_asked_for(inverter_gds):
    wanted = ("vss", "y", "a", "vdd")
    assert extract_circuit(inverter_gds, "inv", mode="none", ports=wanted).ports == wanted


def test_audit_lists_every_missing_port(inverter_gds):
    with pytest.raises(CheckFailed, match=r"(?s)2 faults.*enable: no net.*reset: no net"):
        extract_circuit(
            inverter_gds, "inv", mode="none", ports=("a", "enable", "y", "reset", "vdd", "vss")
        )


def test_audit_wants_a_device_at_every_port(tmp_path):
    sketch = Sketch()
    labelled_inverter(sketch)
    sketch.box("met1", 5, 0, 6, 1)
    sketch.label("met1", "spare", 5.5, 0.5)
    ports = ("a", "y", "spare", "vdd", "vss")
    with pytest.raises(CheckFailed, match="spare: reaches no terminal"):
        extract(sketch, tmp_path, ports=ports)
    assert extract(sketch, tmp_path, ports=ports, unconnected=("spare",)).ports == ports


@pytest.mark.parametrize(
    ("kind", "marker", "model"),
    [
        ("n", None, "nfet_01v8"),
        ("n", "lvtn", "nfet_01v8_lvt"),
        ("p", None, "pfet_01v8"),
        ("p", "lvtn", "pfet_01v8_lvt"),
        ("p", "hvtp", "pfet_01v8_hvt"),
    ],
)
def test_markers_choose_the_model(kind, marker, model, tmp_path):
    sketch = Sketch()
    sketch.fet(0, 0, 1.0, 0.5, kind)
    sketch.label("poly", "g", 0.5, 0.5)
    if marker:
        sketch.box(marker, 0, -0.3, 1.1, 1.3)
    (device,) = extract(sketch, tmp_path).devices
    assert (device.model, device.w_um, device.l_um) == (model, 1.0, 0.5)


def test_marker_over_half_a_gate_is_refused(tmp_path):
    sketch = Sketch()
    sketch.fet(0, 0, 1.0, 0.5)
    sketch.box("lvtn", 0, -0.3, 0.5, 1.3)
    sketch.label("poly", "g", 0.5, 0.5)
    with pytest.raises(InputError, match="lvtn covers only part"):
        extract(sketch, tmp_path)


def test_fingers_share_their_diffusion(tmp_path):
    """Three fingers: the two inner diffusions, 0.28 um long, belong half to each neighbour."""
    sketch = Sketch()
    contacts = sketch.fet(0, 0, 1.0, 0.15, fingers=3)
    for x, name in zip(contacts, ("s", "m1", "m2", "d"), strict=True):
        sketch.label("li1", name, x, 0.5)
    for number in range(3):
        sketch.label("poly", f"g{number}", 0.365 + 0.43 * number, 0.5)
    circuit = extract(sketch, tmp_path)
    assert [device.nodes[1] for device in circuit.devices] == ["g0", "g1", "g2"]
    total = sum(device.as_um2 + device.ad_um2 for device in circuit.devices)
    assert total == pytest.approx(2 * 0.29 + 2 * 0.28)
    middle = circuit.devices[1]
    assert (middle.as_um2, middle.ad_um2) == (pytest.approx(0.14), pytest.approx(0.14))
    assert circuit.ports[-1] == "substrate"  # no tap, no text: said so, and a port


def test_gate_at_the_end_of_a_diffusion_has_source_and_drain_on_one_net(tmp_path):
    """A dummy finger on the edge, and a tip of poly in a wide diffusion."""
    sketch = Sketch()
    sketch.box("diff", 0, 0, 1, 2)
    sketch.box("nsdm", -0.2, -0.2, 1.6, 2.2)
    sketch.contact(0.2, 0.5)
    sketch.label("li1", "s", 0.2, 0.5)
    sketch.box("poly", 0.9, -0.2, 1.2, 2.2)  # covers the end: 0.1 x 2 um of channel
    sketch.label("poly", "end", 1.1, 1)
    sketch.box("poly", 0.4, 1.3, 0.55, 2.2)  # 0.7 um deep, from above
    sketch.label("poly", "tip", 0.5, 2.1)
    circuit = extract(sketch, tmp_path)
    end, tip = sorted(circuit.devices, key=lambda d: d.nodes[1])
    assert end.nodes == ("s", "end", "s", "substrate")
    assert tip.nodes == ("s", "tip", "s", "substrate")
    assert (end.w_um, end.l_um) == (pytest.approx(2.0), pytest.approx(0.1))
    assert (tip.w_um, tip.l_um) == (pytest.approx(0.7), pytest.approx(0.15))
    junctions = sum(d.as_um2 + d.ad_um2 for d in (end, tip))
    assert junctions == pytest.approx(0.9 * 2 - 0.7 * 0.15)


def test_shapes_that_meet_in_a_corner_do_not_conduct(tmp_path):
    """As magic has it."""
    sketch = Sketch()
    labelled_inverter(sketch)
    sketch.box("met1", 5, 0, 6, 1)
    sketch.box("met1", 6, 1, 7, 2)
    sketch.label("met1", "p", 5.5, 0.5)
    sketch.label("met1", "q", 6.5, 1.5)
    assert {"p", "q"} <= set(extract(sketch, tmp_path).ports)


def test_sizes_are_those_of_klayouts_own_extractor(tmp_path):
    """Random transistors in a row with bent, shared and slanted diffusion."""
    import random

    import klayout.db as kdb

    rng = random.Random(5)
    sketch = Sketch()
    gates, diffusion = kdb.Region(), kdb.Region()
    for row in range(12):
        x, y = 0.0, 4.0 * row
        for finger in range(rng.randint(1, 4)):
            w = rng.randint(84, 200) / 200
            length, gap = rng.randint(30, 100) / 200, rng.randint(60, 120) / 200
            high = w + rng.choice((0, 0.2))
            sketch.box("diff", x, y, x + gap, y + high)
            sketch.box("diff", x + gap, y, x + gap + length, y + w)
            sketch.box("poly", x + gap, y - 0.2, x + gap + length, y + w + 0.3)
            sketch.label("poly", f"g{row}_{finger}", x + gap + length / 2, y - 0.1)
            x += gap + length
        right = round(x + rng.randint(60, 120) / 200, 3)
        top = round(y + w + rng.choice((0.0, 0.3)), 3)
        sketch.polygon("diff", [(x, y), (right, y), (right, top), (x, y + w)])
        sketch.box("nsdm", -0.2, y - 0.3, right + 0.2, y + 2)
    path = sketch.write(tmp_path)
    layout = kdb.Layout()
    layout.read(str(path))
    poly, active = (
        kdb.Region(layout.top_cell().begin_shapes_rec(layout.layer(n, 20))).merged()
        for n in (66, 65)
    )
    gates, diffusion = poly & active, active - poly
    extractor = kdb.LayoutToNetlist("top", layout.dbu)
    for name, region in (("g", gates), ("sd", diffusion)):
        extractor.register(region, name)
    extractor.extract_devices(
        kdb.DeviceExtractorMOS3Transistor("m"), {"SD": diffusion, "G": gates}
    )
    names = ("W", "L", "AS", "AD", "PS", "PD")
    expected = {
        (round(d.trans.disp.x, 3), round(d.trans.disp.y, 3)): [d.parameter(n) for n in names]
        for d in extractor.netlist().circuit_by_name("top").each_device()
    }
    found = extract(sketch, tmp_path).devices
    assert len(found) == len(expected) > 20
    for d in found:
        sizes = [d.w_um, d.l_um, d.as_um2, d.ad_um2, d.ps_um, d.pd_um]
        assert sizes == pytest.approx(expected[round(d.x_um, 3), round(d.y_um, 3)], abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "model", "layers"),
    [("capm", "cap_mim_m3_1", ("met3", "met4")), ("cap2m", "cap_mim_m3_2", ("met4", "met5"))],
)
def test_mim_capacitor_is_top_then_bottom_plate(kind, model, layers, tmp_path):
    sketch = Sketch()
    sketch.mim(0, 0, 8.2, 5.0, kind)
    sketch.label(layers[0], "bottom", -0.2, -0.2)
    sketch.label(layers[1], "top_plate", 4.1, 2.5)
    circuit = extract(sketch, tmp_path, ports=("top_plate", "bottom"))
    (device,) = circuit.devices
    assert (device.kind, device.model) == ("cap", model)
    assert device.nodes == ("top_plate", "bottom")
    assert (device.w_um, device.l_um) == (8.2, 5.0)
    assert f"Xc1 top_plate bottom sky130_fd_pr__{model} l=5 w=8.2" in circuit.spice()


def test_every_conductor_and_via_connects(tmp_path):
    sketch = Sketch()
    labelled_inverter(sketch)
    sketch.stack(0.0, 1.0, "li1", "met5")
    sketch.label("met5", "deep", 0.0, 1.0)
    circuit = extract(sketch, tmp_path)
    assert {("deep", "a"), ("y", "a")} <= set(circuit.labels)  # its lowest pad reaches y
    assert circuit.ports == ("a", "vdd", "vss")
    crossing = Sketch()
    labelled_inverter(crossing)
    for layer in ("met1", "met2", "met3", "met4", "met5"):
        crossing.box(layer, -2, 0.2, 2, 1.8)  # without vias nothing touches
    assert set(extract(crossing, tmp_path).ports) == {"a", "y", "vdd", "vss"}


def test_pin_texts_count_like_labels_and_those_of_cells_inside_do_not(tmp_path):
    sketch = Sketch()
    inner = Sketch("inner")
    labelled_inverter(inner)
    sketch.library.add(inner.cell)
    import gdstk

    sketch.cell.add(gdstk.Reference(inner.cell))
    for text, x, y in (
        ("in", 0.0, 1.0),
        ("out", 0.22, 1.0),
        ("gnd_", -0.22, -2),
        ("pwr", -0.22, 4.5),
    ):
        sketch.label("li1", text, x, y, purpose=16)
    assert extract(sketch, tmp_path).ports == ("gnd_", "in", "out", "pwr")


@pytest.mark.parametrize("mode", ["none", "c", "rc"])
def test_layouts_without_devices_are_extracted_too(mode, tmp_path):
    sketch = Sketch()
    sketch.box("nwell", 0, 0, 5, 5)
    sketch.label("nwell", "well", 1, 1)
    circuit = extract_circuit(sketch.write(tmp_path), "top", mode=mode)
    # What the well has to the substrate is all that is on it.
    assert circuit.ports == (("well",) if mode == "none" else ("well", "substrate"))
    assert not circuit.devices
    assert "port well: reaches no terminal of a device" in circuit.comments


def test_floating_well_is_said(tmp_path):
    sketch = Sketch()
    sketch.fet(0, 0, 1, 0.15, "p")
    sketch.label("poly", "g", 0.36, 0.5)
    circuit = extract(sketch, tmp_path)
    assert any("neither tap nor label" in line for line in circuit.comments)


def test_bent_gate_and_slanted_wire(tmp_path):
    """W is the mean of the gate's two edges along the diffusion; slanted wires keep their area."""
    sketch = Sketch()
    sketch.box("diff", 0, 0, 4, 4)
    sketch.box("nsdm", -0.2, -0.2, 4.2, 4.2)
    corner = [(-0.2, 2), (2, 2), (2, -0.2), (2.15, -0.2), (2.15, 2.15), (-0.2, 2.15)]
    sketch.polygon("poly", corner)
    sketch.label("poly", "g", 1, 2.05)
    sketch.polygon("met1", [(10, 0), (20, 10), (20, 11), (10, 1)])
    sketch.label("met1", "wire", 15, 5.5)
    circuit = extract_circuit(sketch.write(tmp_path), "top", mode="c")
    (device,) = circuit.devices
    assert (device.w_um, device.l_um) == (pytest.approx(4.15), pytest.approx(0.15))
    assert device.as_um2 + device.ad_um2 == pytest.approx(16 - 4.15 * 0.15)
    assert any("slanted" in line for line in circuit.comments)
    total = sum(c.value for c in circuit.capacitors if "wire" in (c.node_a, c.node_b))
    area, edges = 10 * 1.0, 2 * (200**0.5 + 1)
    assert total == pytest.approx(1e-18 * (25.78 * area + 40.57 * edges), rel=0.3)


def test_unlabelled_nets_are_numbered_and_the_same_every_time(tmp_path):
    sketch = Sketch()
    for number in range(3):
        inverter(sketch, 3.0 * number)
    for number in range(2):
        sketch.box("li1", 3.0 * number + 0.14, 0.915, 3.0 * number + 3.0, 1.085)
    sketch.label("li1", "a", 0, 1)
    sketch.label("li1", "y", 6.22, 1)
    circuit = extract(sketch, tmp_path)
    assert {"n1", "n2"} <= set(circuit.nets)
    assert circuit == extract(sketch, tmp_path)
