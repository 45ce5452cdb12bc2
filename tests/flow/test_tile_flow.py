"""A tile design through the flow: the four commands, metrics.json, the limit, bad designs."""

import json

import pytest

from codesign.cli.main import cli
from codesign.designs import Design, TileDesign, load_design
from codesign.errors import CheckFailed, DesignError
from codesign.resources import resource_dir
from codesign.verify.tile import check_tile_error

SMALL = """
kind = "tile"
name = "little"
[tile]
rows = 8
columns = 2
{tile}
[simulate]
reads = 4
[verify]
reads = 2
max_rms_error_percent = {limit}
"""


def write(tmp_path, tile="", limit=0.5):
    path = tmp_path / "little.toml"
    path.write_text(SMALL.format(tile=tile, limit=limit))
    return path


def run(*arguments):
    from click.testing import CliRunner

    return CliRunner().invoke(cli, [str(a) for a in arguments])


def test_the_commands_one_by_one(requires_ngspice, requires_models, tmp_path):
    path, folder = write(tmp_path), tmp_path / "run"
    for command in ("generate", "simulate", "fit", "verify"):
        done = run(command, path, "--run-dir", folder, "--workers", 1, "--json")
        assert done.exit_code == 0, done.output
    metrics = json.loads((folder / "verify" / "metrics.json").read_text())
    assert (metrics["schema_version"], metrics["kind"], metrics["design"]) == (1, "tile", "little")
    assert set(metrics["views"]["schematic"]) >= {
        "mvm_rms_error_percent", "mvm_max_error_percent", "speedup", "failed_simulations",
    }  # fmt: skip
    assert metrics["views"]["schematic"]["mvm_rms_error_percent"] < 0.5
    assert metrics["views"]["schematic"]["speedup"] > 1e3
    assert (folder / "netlist" / "little.spice").is_file()
    again = run("run", path, "--run-dir", folder, "--workers", 1)
    assert again.exit_code == 0 and "every step is up to date" in again.output
    # A limit that does not hold fails the check, without another simulation.
    write(tmp_path, limit=1e-9)
    failed = run("verify", path, "--run-dir", folder, "--workers", 1)
    assert failed.exit_code == 1 and "more than" in failed.output


def test_the_shipped_design_and_kinds():
    folder = resource_dir("designs")
    tile = load_design(folder / "tile-64x8.toml")
    assert isinstance(tile, TileDesign) and tile.name == "tile_64x8" and tile.seed == 1
    assert isinstance(load_design(folder / "iris.toml"), Design)
    g_plus, g_minus = tile.tile.conductances()
    assert g_plus.shape == (64, 8) and ((g_plus > 0) ^ (g_minus > 0)).all()
    fit, verify = tile.tile.pulses(4, 1), tile.tile.pulses(4, 2)
    assert abs(fit).max() == 127 and (fit != verify).any()
    assert tile.with_seed(2).tile.conductances()[0].sum() != g_plus.sum()


@pytest.mark.parametrize(
    "tile,message",
    [
        ('r_lines = "1ohm"', "did you mean r_line"),
        ('r_line = "1V"', "not in ohm"),
        ("pulse_bits = 1", "pulse_bits"),
        ('differential = "single"', "allowed"),
        ('access = { model = "nfet_01v8", w = "0.1um", l = "0.15um" }', "outside"),
    ],
)
def test_bad_designs(tile, message, tmp_path):
    with pytest.raises(DesignError, match=message):
        load_design(write(tmp_path, tile))


def test_an_unknown_kind_and_a_step_that_a_tile_has_not(tmp_path):
    path = write(tmp_path)
    done = run("train", path, "--run-dir", tmp_path / "run")
    assert done.exit_code == 2 and "unknown step 'train'" in done.output
    path.write_text('kind = "tyle"\nname = "x"\n')
    with pytest.raises(DesignError, match="kind"):
        load_design(path)


def test_failed_reads_fail_the_check():
    metrics = {"views": {"schematic": {"mvm_rms_error_percent": 0.1, "failed_simulations": 1}}}
    with pytest.raises(CheckFailed, match="1 reads failed"):
        check_tile_error(metrics, "schematic", 0.5)
    check_tile_error(metrics, "schematic", None)
