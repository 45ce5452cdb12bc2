"""The designs of examples/: each is generated; data of one's own close the loop in one command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from codesign.cli.main import cli
from codesign.designs import load_design
from codesign.resources import resource_dir

EXAMPLES = resource_dir("designs").parent / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/design.toml"))


def codesign(*arguments: str) -> None:
    """Run a command, which has to succeed."""
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output


def test_there_are_examples_of_cells_and_of_data() -> None:
    assert {"cascode", "resistor", "published-neuron", "own-data"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_netlists_are_written(name: str, tmp_path: Path) -> None:
    design = EXAMPLES / name / "design.toml"
    codesign("generate", str(design), "--view", "schematic", "--run-dir", str(tmp_path))
    text = (tmp_path / "netlist" / f"{load_design(design).name}.spice").read_text()
    assert ".subckt" in text.lower()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_how_it_is_run(name: str) -> None:
    page = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    assert f"codesign run examples/{name}/design.toml" in page
    assert " ns" in page


def test_a_table_of_200_rows_closes_the_loop(
    requires_ngspice, requires_models, tmp_path: Path
) -> None:
    design = EXAMPLES / "own-data" / "design.toml"
    codesign("run", str(design), "--run-dir", str(tmp_path))
    metrics = json.loads((tmp_path / "verify" / "metrics.json").read_text())
    pnn = metrics["views"]["schematic"]["mappings"]["pnn"]
    assert pnn["rmse_spike_time_ns"] <= 0.5
    assert pnn["failed_simulations"] == 0
    assert pnn["accuracy_spice"] == pnn["accuracy_model"] == 1.0
    assert pnn["rmse_spike_time_ns"] < pnn["models"]["linear"]["rmse_spike_time_ns"]
