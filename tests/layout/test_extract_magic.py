"""The official route: magic's .ext format, and what is said where magic or its files lack."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import gdstk
import pytest

from codesign.errors import CheckFailed, InputError, MissingToolError, ToolError
from codesign.layout.extract import audit_ports, run_engine
from codesign.layout.extract.magic_circuit import circuit_of
from codesign.layout.extract.magic_ext import ExtFile, parse_ext
from codesign.pdk import default_process
from tests.layout.drawing import Sketch, labelled_inverter

# An inverter with a stacked NMOS, a floating line over it and a MIM capacitor, in units of 5 nm.
DATA = Path(__file__).parent / "data"
TEXT = (DATA / "inverter.ext").read_text(encoding="utf-8")


def parsed(text: str) -> ExtFile:
    return parse_ext(text, default_process().model_prefix)


def test_devices_have_their_sizes_nodes_and_junctions():
    circuit = circuit_of(parsed(TEXT), "inv", None, (), with_capacitors=True)
    assert circuit.ports == ("a", "plate", "vdd", "vss", "y")
    low, stacked, p, mim = circuit.devices
    assert (low.kind, low.model, low.w_um, low.l_um) == ("n", "nfet_01v8", 0.42, 0.15)
    assert low.nodes == ("n1", "a", "vss", "vss")
    assert (low.as_um2, low.ad_um2) == (pytest.approx(0.1218), pytest.approx(0.04725))
    assert (low.ps_um, low.pd_um) == (pytest.approx(1.42), pytest.approx(0.645))
    assert (stacked.model, stacked.nodes) == ("nfet_01v8_lvt", ("y", "vdd", "n1", "vss"))
    assert (p.model, p.nodes, p.w_um) == ("pfet_01v8_hvt", ("y", "a", "vdd", "vdd"), 0.84)
    assert (mim.kind, mim.model, mim.nodes) == ("cap", "cap_mim_m3_2", ("plate", "vss"))
    assert (mim.w_um, mim.l_um) == (4.1, 8.2)


def test_capacitances_are_attofarads_and_floating_nodes_couple_in_series():
    circuit = circuit_of(parsed(TEXT), "inv", None, (), with_capacitors=True)
    value = {frozenset((c.node_a, c.node_b)): c.value for c in circuit.capacitors}
    # The floating m2 line has 40 aF to the substrate, 20 to y and 40 to a: 100 in total.
    assert value[frozenset("ay")] == pytest.approx((71.5 + 20 * 40 / 100) * 1e-18)
    # 0.5 aF from vdd to y are below the threshold and go to the substrate at both ends.
    assert value[frozenset(("y", "vss"))] == pytest.approx((157.25 + 20 * 0.4 + 0.5) * 1e-18)
    assert value[frozenset(("vdd", "vss"))] == pytest.approx(90.5e-18)


def test_the_same_audit_applies():
    ports = ("a", "enable", "vdd", "vss", "y", "plate")
    circuit = circuit_of(parsed(TEXT), "inv", ports, (), with_capacitors=True)
    with pytest.raises(CheckFailed, match="enable: no net"):
        audit_ports(circuit, ports)


def test_substrate_without_a_name_is_a_port_and_a_second_name_an_alias():
    alone = TEXT.replace('equiv "VSUBS" "vss"\n', 'node "vss" 1 2 0 0 li\n')
    circuit = circuit_of(parsed(alone), "inv", None, (), with_capacitors=False)
    assert circuit.ports[-1] == "substrate" and circuit.devices[0].nodes[3] == "substrate"
    two = parsed(TEXT + 'equiv "a" "y"\n')
    circuit = circuit_of(two, "inv", None, (), with_capacitors=False)
    assert circuit.ports == ("a", "plate", "vdd", "vss") and ("y", "a") in circuit.labels
    circuit = circuit_of(two, "inv", None, (), with_capacitors=False, pins={"vdd", "vss", "y"})
    assert circuit.ports == ("vdd", "vss", "y")


def test_older_files_give_lengths_in_hundredths_of_a_micron():
    old = TEXT.replace("scale 1000 1 500000", "scale 1000 1 0.5")
    assert parsed(old).devices == parsed(TEXT).devices


@pytest.mark.parametrize(
    "line",
    ['node "a" 1', 'cap "a"', 'device msubckt x 0 0 1 1 l=1 w=1 "s" "g" 1', "scale 1000 1 x"],
)
def test_unreadable_lines_are_named(line):
    with pytest.raises(ToolError, match="line 1, cannot be read"):
        parsed(line)


def test_other_devices_are_refused():
    other = TEXT.replace("cap_mim_m3_2", "res_high_po")
    with pytest.raises(ToolError, match="res_high_po"):
        circuit_of(parsed(other), "inv", None, (), with_capacitors=False)


def test_without_pdk_or_magic_the_message_says_what_to_install(inverter_gds, monkeypatch, tmp_path):
    monkeypatch.delenv("PDK_ROOT", raising=False)
    with pytest.raises(MissingToolError, match="PDK_ROOT is not set") as caught:
        run_engine("magic", inverter_gds, "inv")
    assert caught.value.exit_code == 3
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    with pytest.raises(MissingToolError, match=r"sky130A.magicrc does not exist"):
        run_engine("magic", inverter_gds, "inv")
    start = tmp_path / "sky130A" / "libs.tech" / "magic" / "sky130A.magicrc"
    start.parent.mkdir(parents=True)
    start.write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="magic is missing"):
        run_engine("magic", inverter_gds, "inv")


@pytest.mark.parametrize(
    "script",
    [
        "echo 'Error: no such cell'",
        "echo 'CODESIGN EXTRACTION DONE'; echo 'tech minimum' > inv.ext",
    ],
)
def test_magic_that_fails_without_saying_so_is_noticed(script, inverter_gds, monkeypatch, tmp_path):
    start = tmp_path / "sky130A" / "libs.tech" / "magic" / "sky130A.magicrc"
    start.parent.mkdir(parents=True)
    start.write_text("")
    program = tmp_path / "bin" / "magic"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    with pytest.raises(ToolError, match="magic did not extract inv"):
        run_engine("magic", inverter_gds, "inv")


@pytest.mark.parametrize("options", [{"mode": "rc"}, {"corner": "low"}])
def test_what_magic_is_not_asked_for(options, inverter_gds):
    with pytest.raises(InputError, match="engine magic"):
        run_engine("magic", inverter_gds, "inv", **options)


def test_a_real_magic_is_driven_and_read(monkeypatch, tmp_path):
    """With a small technology of our own in the official file's place: same devices as `own`."""
    if shutil.which("magic") is None:
        warnings.warn("test skipped: magic is missing", stacklevel=1)
        pytest.skip("magic is missing")
    start = tmp_path / "sky130A" / "libs.tech" / "magic" / "sky130A.magicrc"
    start.parent.mkdir(parents=True)
    start.write_text(f"tech load {DATA / 'sky130mini.tech'}\n")
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    inner = Sketch("inner")
    labelled_inverter(inner)
    # The technology has no layer for npc.
    inner.cell.remove(*[p for p in inner.cell.polygons if p.layer == 95])
    top = Sketch("top")
    top.library.add(inner.cell)
    top.cell.add(gdstk.Reference(inner.cell))
    places = {"in": (0.0, 1.0), "out": (0.22, 1.0), "vss": (-0.22, -2.0), "vdd": (-0.22, 4.5)}
    for text, place in places.items():
        top.label("li1", text, *place)
    path, ports = top.write(tmp_path), ("in", "out", "vdd", "vss")
    ours = run_engine("own", path, "top", ports=ports)
    theirs = run_engine("magic", path, "top", ports=ports)
    assert theirs.ports == ours.ports and theirs.capacitors

    def devices(circuit):
        return {
            (d.model, d.w_um, d.l_um, d.nodes[1], d.nodes[3], frozenset(d.nodes[::2]))
            for d in circuit.devices
        }

    assert devices(theirs) == devices(ours)
    with pytest.raises(CheckFailed, match="clock: no net"):
        run_engine("magic", path, "top", ports=(*ports, "clock"))
