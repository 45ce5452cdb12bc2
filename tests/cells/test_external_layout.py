"""A user's layout: drawn into a crossbar where it abuts, extracted by itself where it does not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import gdstk
import pytest
from click.testing import CliRunner

from codesign.bench.views import drawn_definitions, extracted, split_definitions
from codesign.cells import (
    Crossbar,
    CrossbarParameters,
    CurrentSourceSynapse,
    CurrentSourceSynapseParameters,
    Network,
    NetworkParameters,
    PhaseTiming,
    RCSpikeNeuronParameters,
    View,
)
from codesign.cells.transistor import nmos, pmos
from codesign.cli import cli
from codesign.designs.network import Design
from codesign.errors import InputError
from codesign.layout.sketch import Sketch
from codesign.pdk import Interconnect
from codesign.verify.result import wiring

from .external import write_design

OWN = CurrentSourceSynapseParameters(
    memory_n=nmos(1, 0.25), selector_n=nmos(1, 0.25),
    memory_p=pmos(1, 0.25), selector_p=pmos(1, 0.25),
)  # fmt: skip
TABLE = """kind = "external"
netlist = "my.spice"
subckt = "synapse"
layout = "my.gds"
ports = { dendrite = "dend", spike = "sp", spike_bar = "spb", supply = "vdd", ground = "vss" }
[network.synapse.knobs.n]
port = "bn"
off = "0V"
range = ["0.2V", "0.8V"]
[network.synapse.knobs.p]
port = "bp"
off = "supply"
range = ["0.8V", "1.5V"]
"""


def write_gds(
    path: Path, *, boundary: bool = True, shift: tuple[float, float] = (0, 0), change=None
) -> None:
    """Our own synapse as a user's layout, its devices in a sub-cell."""
    synapse = CurrentSourceSynapse(OWN)
    library = synapse.layout.library()
    cell = next(c for c in library.cells if c.name == "synapse")
    inner = cell.copy("devices")
    inner.remove(*inner.labels)
    library.add(inner)
    cell.remove(*cell.polygons)
    cell.add(gdstk.Reference(inner))
    g = synapse.geometry
    if boundary:
        corner = (g.pitch / 1000, g.height / 1000)
        cell.add(gdstk.rectangle((0, 0), corner, layer=235, datatype=4))
    if change is not None:
        change(library, cell)
    for part in (*cell.references, *cell.labels):
        part.origin = (part.origin[0] + shift[0], part.origin[1] + shift[1])
    for polygon in cell.polygons:
        polygon.translate(*shift)
    library.write_gds(path)


def design(folder: Path, table: str = TABLE, *, view: str = "layout", **options) -> Path:
    write_gds(folder / "my.gds", **options)
    netlist = CurrentSourceSynapse(OWN).netlist()
    return write_design(folder, netlist, table, head=f'view = "{view}"')


def generate(path: Path, code: int = 0) -> str:
    folder = path.parent / "run"
    result = CliRunner().invoke(cli, ["generate", str(path), "--run-dir", str(folder)])
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


def parts(circuit):
    """Devices and capacitances of a circuit, whatever the user's cell is called inside."""

    def plain(net: str) -> str:
        return net.replace(".xcell.", ".")

    devices = sorted(
        (d.model, d.w_um, d.l_um, d.ad_um2, tuple(map(plain, d.nodes))) for d in circuit.devices
    )
    capacitors = {
        (*sorted((plain(c.node_a), plain(c.node_b))), round(c.value * 1e21))
        for c in circuit.capacitors
    }
    return devices, capacitors


@pytest.mark.parametrize("shift", [(0, 0), (12.345, -6.78)])
def test_our_own_synapse_as_a_users_gives_the_same_crossbar(tmp_path, shift):
    theirs = Design.load(design(tmp_path, shift=shift)).network.synapse
    assert theirs.cell().abuts
    assert theirs.cell().geometry.pins == CurrentSourceSynapse(OWN).geometry.pins
    boxes = [
        Crossbar(CrossbarParameters(rows=3, columns=2, synapse=s), "crossbar_3x2")
        for s in (OWN, theirs)
    ]
    ours, found = (parts(extracted(box)) for box in boxes)
    assert found == ours


def test_a_users_names_of_ports_are_kept_apart_from_ours(tmp_path):
    users = {"vss": "gnd", "vdd": "VPWR", "dend": "bl", "bn": "vdd", "sp": "D!"}

    def rename(library, cell) -> None:
        for label in cell.labels:
            label.text = users.get(label.text, label.text)

    write_gds(tmp_path / "my.gds", change=rename)
    netlist = CurrentSourceSynapse(OWN).netlist()
    netlist = re.sub(r"\w+", lambda m: users.get(m[0], m[0]), netlist.replace("*", "* "))
    lower = {own: user.lower() for own, user in users.items()}
    table = re.sub(r'= "(\w+)"', lambda m: f'= "{lower.get(m[1], m[1])}"', TABLE)
    path = write_design(tmp_path, netlist, table, head='view = "layout"')
    theirs = Design.load(path).network.synapse
    assert theirs.cell().obstacle is None
    boxes = [
        Crossbar(CrossbarParameters(rows=2, columns=2, synapse=s), "crossbar_2x2")
        for s in (OWN, theirs)
    ]
    ours, found = (parts(extracted(box)) for box in boxes)
    assert found == ours
    inside = drawn_definitions(theirs.cell(), View.LAYOUT, Interconnect.NOM)["synapse_synapse"]
    cards = [line for line in inside.splitlines() if not line.startswith("*")]
    assert "n_gnd" in cards[0] and not any("gnd" in card.split() for card in cards)


def test_our_own_neuron_as_a_users(tmp_path):
    parameters = RCSpikeNeuronParameters()
    neuron = parameters.cell()
    neuron.layout.write_gds(tmp_path / "n.gds")
    controls = neuron.controls(PhaseTiming())
    table = (
        'kind = "external"\nnetlist = "neuron.spice"\nsubckt = "neuron"\nlayout = "n.gds"\n'
        'ports = { dendrite = "dend", spike = "sp", spike_bar = "spb", supply = "vdd", '
        'ground = "vss" }\nv0 = "1.3V"\nmembrane = "mem"\n'
        f"biases = {{ {', '.join(f'{k} = {v}' for k, v in neuron.biases.items())} }}\n"
    )
    for control in controls:
        levels = ["supply" if level == "supply" else 0 for level in
                  (control.rest, control.toggles[0][1])]  # fmt: skip
        edges = [time for time, _ in control.toggles]
        table += (
            f"[network.neuron.controls.{control.port}]\nlevels = {levels}\nedges = {edges}\n"
        )
    path = write_design(
        tmp_path, None, neuron=neuron.netlist(), neuron_table=table, head='view = "layout"'
    )
    setup = Design.load(path).setup()
    assert setup.neuron.membrane == "xcell.mem"
    wanted = {(c.rest, c.toggles) for c in controls}
    assert {(c.rest, c.toggles) for c in setup.neuron.controls(setup.timing)} == wanted
    generate(path)
    text = (tmp_path / "run" / "netlist" / "neuron.extracted.spice").read_text()
    assert " mem " in split_definitions(text)["neuron_neuron"]
    assert (tmp_path / "run" / "netlist" / "crossbar_5x2.extracted.spice").is_file()
    assert wiring(setup) == {"extraction": "cells"}


def test_the_network_is_drawn_from_a_layout_that_abuts(tmp_path, requires_netgen):
    path = design(tmp_path)
    generate(path)
    folder = tmp_path / "run"
    for report in ("drc.json", "lvs.json"):
        content = json.loads((folder / "layout" / report).read_text())
        assert content["ok"]
        assert {"synapse", "crossbar_5x2", "mine"} <= set(content["cells"])
    assert (folder / "layout" / "mine.gds").is_file()
    areas = json.loads((folder / "layout" / "areas.json").read_text())
    assert 1 < areas["synapse_um2"] < areas["neuron_um2"] < areas["network_um2"]
    assert "synapse_synapse" in (folder / "netlist" / "synapse.extracted.spice").read_text()
    setup = Design.load(path).setup()
    assert wiring(setup) == {"extraction": "network"}
    ours = Network(NetworkParameters(layers=(5, 2, 3), synapse=OWN), "mine")
    assert parts(extracted(setup.cell)) == parts(extracted(ours))


def test_without_an_abutment_box_cells_are_extracted_one_by_one(tmp_path):
    path = design(tmp_path, boundary=False)
    setup = Design.load(path).setup()
    assert not setup.cell.abuts
    assert "no abutment box" in setup.synapse.obstacle
    assert wiring(setup) == {"extraction": "cells"}
    generate(path)
    folder = tmp_path / "run"
    cells = json.loads((folder / "layout" / "lvs.json").read_text())["cells"]
    assert set(cells) == {"synapse", "neuron", "input_driver"}
    text = (folder / "netlist" / "mine.extracted.spice").read_text()
    assert "wired without the wiring's parasitics" in text
    assert text.count(".subckt ") > 4
    written = setup.views.written(folder / "netlist")
    drawn = setup.views
    names = {name for text in written.definitions([setup.cell]) for name in split_definitions(text)}
    assert names >= {"synapse", "synapse_synapse", "neuron", "input_driver", "mine"}
    again = {name for text in drawn.definitions([setup.cell]) for name in split_definitions(text)}
    assert names == again


def test_a_fixed_bias_does_not_abut(tmp_path):
    table = TABLE.partition("[network.synapse.knobs.p]")[0].replace(
        "[network", 'biases = { bp = "1V" }\n[network', 1
    )
    synapse = Design.load(design(tmp_path, table)).network.synapse.cell()
    assert not synapse.abuts
    assert "fixed bias" in synapse.obstacle


def shorter_line(library, cell) -> None:
    """Cuts the spike line off the right edge."""
    inner = next(c for c in library.cells if c.name == "devices")
    for polygon in list(inner.polygons):
        low, high = polygon.bounding_box()
        if polygon.layer == 68 and polygon.datatype == 20 and low[1] > 0.3 and high[1] < 0.7:
            inner.remove(polygon)
            inner.add(gdstk.rectangle(low, (high[0] - 0.2, high[1]), layer=68, datatype=20))


def wide_transistor(library, cell) -> None:
    """Another transistor than the netlist's."""
    cell.add(gdstk.rectangle((0.0, -1.0), (0.01, -0.99), layer=65, datatype=20))


def test_what_does_not_fit_is_said(tmp_path):
    synapse = Design.load(design(tmp_path, change=shorter_line)).network.synapse.cell()
    assert not synapse.abuts
    said = synapse.obstacle
    assert "no spike line on met1 from left to right" in said and "my.gds" in said
    with pytest.raises(InputError, match="no spike line"):
        _ = synapse.geometry


def test_violated_rules_of_a_users_layout_fail_the_step(tmp_path):
    said = generate(design(tmp_path, change=wide_transistor), 1)
    assert "drc.json" in said
    content = json.loads((tmp_path / "run" / "layout" / "drc.json").read_text())
    assert not content["ok"] and "synapse" in content["cells"]


def test_a_layout_that_is_not_its_netlist_fails_the_step(tmp_path):
    path = design(tmp_path)
    netlist = (tmp_path / "my.spice").read_text()
    assert "w=1.0" in netlist or "w=1 " in netlist
    (tmp_path / "my.spice").write_text(netlist.replace("w=1.0", "w=2.0").replace("w=1 ", "w=2 "))
    said = generate(path, 1)
    assert "lvs.json" in said and "synapse" in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda library, cell: cell.remove(*[x for x in cell.labels if x.text == "bn"]),
         "no label 'bn'"),
        (lambda library, cell: cell.remove(*cell.labels), "no label 'dend'"),
    ],
)  # fmt: skip
def test_missing_labels_are_refused(tmp_path, change, message):
    assert message in generate(design(tmp_path, change=change), 2)


def test_a_file_without_the_cell_is_refused(tmp_path):
    path = design(tmp_path)
    sketch = Sketch("other")
    sketch.rect("met1", 0, 0, 1000, 1000)
    sketch.write_gds(tmp_path / "my.gds")
    assert "has no cell 'synapse'" in generate(path, 2)


@pytest.mark.parametrize("content", [b"", b"\x00\x06\x00\x02\x00\x05" + b"\x80" * 40])
def test_damaged_files_are_refused(tmp_path, content):
    path = design(tmp_path)
    (tmp_path / "my.gds").write_bytes(content)
    assert "my.gds is" in generate(path, 2)


def test_device_values_have_no_layout(tmp_path):
    table = TABLE.replace('port = "bn"\noff = "0V"\nrange = ["0.2V", "0.8V"]',
        'parameter = "w_n"\noff = 0.42\nrange = [0.5, 2]')  # fmt: skip
    table = table.replace("[network", 'biases = { bn = "0.5V" }\n[network', 1)
    path = design(tmp_path, table)
    netlist = (tmp_path / "my.spice").read_text()
    header = next(line for line in netlist.splitlines() if line.startswith(".subckt synapse "))
    (tmp_path / "my.spice").write_text(netlist.replace(header, f"{header} w_n=1"))
    assert "has no layout" in generate(path, 2)
