"""`codesign generate` in the layout view, as a user runs it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from codesign.cells import CurrentSourceSynapse
from codesign.cli import cli

DESIGN = 'name = "toy"\nview = "{view}"\n[network]\nlayers = [5, 2, 3]\n'


def run(tmp_path, *arguments, view="layout"):
    design = tmp_path / "toy.toml"
    design.write_text(DESIGN.format(view=view))
    command = ["generate", str(design), "--run-dir", str(tmp_path / "run"), *arguments]
    return CliRunner().invoke(cli, command)


def test_layouts_are_drawn_checked_and_extracted_once(tmp_path):
    result = run(tmp_path, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)["steps"][0]["summary"]
    assert summary["drc_violations"] == 0 and summary["lvs_match"]
    folder = tmp_path / "run"
    assert (folder / "layout" / "toy.png").is_file()
    assert ".subckt toy " in (folder / "netlist" / "toy.extracted.spice").read_text()
    again = run(tmp_path)
    assert "generate  up to date" in again.output


def test_schematic_view_leaves_no_layout_behind(tmp_path):
    assert run(tmp_path).exit_code == 0
    result = run(tmp_path, "--view", "schematic")
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "run" / "layout").exists()
    assert not list((tmp_path / "run" / "netlist").glob("*.extracted.spice"))


def test_a_violation_is_exit_code_1_and_names_rule_and_place(tmp_path, monkeypatch):
    draw = CurrentSourceSynapse.draw_layout

    def thin(self, sketch):
        draw(self, sketch)
        sketch.rect("met3", 0, 0, self.geometry.pitch, 200)

    monkeypatch.setattr(CurrentSourceSynapse, "draw_layout", thin)
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "m3.1" in result.output and "um" in result.output and "drc.json" in result.output
    report = json.loads((tmp_path / "run" / "layout" / "drc.json").read_text())
    assert not report["ok"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('[network.synapse]\nkind = "resistive"\n', "has no layout"),
        ('[network.neuron]\nv0 = "1.3V"\ncapacitor = { w = "1um", l = "9um" }\n', "room for"),
    ],
)
def test_what_cannot_be_drawn_is_exit_code_2(tmp_path, line, message):
    design = tmp_path / "toy.toml"
    design.write_text(DESIGN.format(view="layout") + line)
    result = CliRunner().invoke(cli, ["generate", str(design), "--run-dir", str(tmp_path / "r")])
    assert result.exit_code == 2 and message in result.output
    assert not (tmp_path / "r").exists()
