"""`codesign extract`: what it writes, what it says, exit codes; nothing half-written."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from codesign.cli.main import cli
from codesign.spice.deck import check_netlist
from tests.layout.drawing import Sketch


def run(*arguments):
    return CliRunner().invoke(cli, ["extract", *map(str, arguments)])


def port_file(tmp_path, *names):
    path = tmp_path / "inv.ports.json"
    path.write_text(json.dumps({"cell": "inv", "ports": [{"name": name} for name in names]}))
    return path


@pytest.mark.parametrize("mode", ["none", "c", "rc"])
def test_writes_a_netlist_that_a_deck_takes(mode, inverter_gds, tmp_path):
    out = tmp_path / "new" / "inv.spice"
    done = run(inverter_gds, "--top", "inv", "-o", out, "--mode", mode)
    assert done.exit_code == 0, done.output
    text = out.read_text()
    check_netlist(text)
    assert ".subckt inv a vdd vss y" in text and f"mode {mode}" in text
    assert ("\nC1 " in text) == (mode != "none") and ("\nR1 " in text) == (mode == "rc")
    assert str(tmp_path) not in text


def test_json_has_ports_counts_and_sums(inverter_gds, tmp_path):
    ports = port_file(tmp_path, "y", "a", "vdd", "vss")
    done = run(inverter_gds, "--top", "inv", "-o", tmp_path / "o.spice", "--ports", ports, "--json")
    data = json.loads(done.stdout)
    assert data["ports"] == ["y", "a", "vdd", "vss"]
    assert (data["transistors"], data["mim_capacitors"], data["resistors"]) == (2, 0, 0)
    assert 1e-16 < data["capacitance_F"] < 1e-14


def test_corners_order_the_capacitance(inverter_gds, tmp_path):
    totals = []
    for corner in ("low", "nom", "high"):
        out = tmp_path / "o.spice"
        done = run(inverter_gds, "--top", "inv", "-o", out, "--corner", corner, "--json")
        totals.append(json.loads(done.stdout)["capacitance_F"])
    assert totals == sorted(totals)


@pytest.mark.parametrize("mode", ["c", "rc"])
def test_laws_agree_within_what_separates_them(mode, inverter_gds, tmp_path):
    total_F = {}
    for law in ("constant", "foundry"):
        arguments = ("--mode", mode, "--law", law, "--json")
        result = run(inverter_gds, "--top", "inv", "-o", tmp_path / "x.spice", *arguments)
        assert result.exit_code == 0, result.output
        total_F[law] = json.loads(result.stdout)["capacitance_F"]
    assert total_F["foundry"] != total_F["constant"]
    assert total_F["foundry"] == pytest.approx(total_F["constant"], rel=0.4)
    arguments = ("--law", "foundry", "--engine", "magic")
    result = run(inverter_gds, "--top", "inv", "-o", tmp_path / "x.spice", *arguments)
    assert result.exit_code == 2 and "--law" in result.output


def test_failed_audit_is_exit_1_and_writes_nothing(inverter_gds, tmp_path):
    out = tmp_path / "o.spice"
    done = run(inverter_gds, "--top", "inv", "-o", out, "--ports", port_file(tmp_path, "a", "q"))
    assert done.exit_code == 1 and "q: no net of the layout has this label" in done.output
    assert not out.exists() and not list(tmp_path.glob(".partial*"))


def test_bad_input_is_exit_2_and_keeps_the_old_netlist(tmp_path):
    out = tmp_path / "o.spice"
    out.write_text("old")
    bad = tmp_path / "bad.gds"
    bad.write_bytes(b"not a layout")
    done = run(bad, "--top", "inv", "-o", out)
    assert done.exit_code == 2 and "no GDS file" in done.output and "Traceback" not in done.output
    assert out.read_text() == "old"


@pytest.mark.parametrize("text", ["{", '{"ports": 3}', '{"ports": []}', "[]", '{"ports": [{}]}'])
def test_bad_port_lists(text, inverter_gds, tmp_path):
    ports = tmp_path / "p.json"
    ports.write_text(text)
    done = run(inverter_gds, "--top", "inv", "-o", tmp_path / "o.spice", "--ports", ports)
    assert done.exit_code == 2 and str(ports) in done.output


def test_engine_magic_without_pdk_is_exit_3(inverter_gds, tmp_path, monkeypatch):
    monkeypatch.delenv("PDK_ROOT", raising=False)
    out = tmp_path / "o.spice"
    done = run(inverter_gds, "--top", "inv", "-o", out, "--engine", "magic")
    assert done.exit_code == 3 and "PDK_ROOT" in done.output and not out.exists()


def test_labels_that_reach_no_device_are_said(tmp_path):
    sketch = Sketch()
    sketch.box("met1", 0, 0, 10, 0.2)
    sketch.label("met1", "wire", 5, 0.1)
    done = run(sketch.write(tmp_path), "--top", "top", "-o", tmp_path / "o.spice")
    assert done.exit_code == 0 and "wire: reaches no terminal" in done.output
