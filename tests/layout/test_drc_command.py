"""`codesign drc`: exit codes, the report file, and every kind of bad input."""

from __future__ import annotations

import json
from pathlib import Path

import gdstk
import pytest
from click.testing import CliRunner, Result

from codesign.cli import cli
from tests.layout.drc_drawing import cell_of, transistor, write_gds


def drc(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["drc", *map(str, arguments)], prog_name="codesign")


def test_a_clean_layout_exits_with_0_and_writes_its_report(tmp_path):
    path = write_gds(tmp_path / "l.gds", cell_of(transistor("n")))
    result = drc(path, "--top", "top", "-o", tmp_path / "out" / "drc.json")
    assert result.exit_code == 0 and "no violation" in result.stdout
    assert json.loads((tmp_path / "out" / "drc.json").read_text())["ok"] is True


def test_violations_exit_with_1_by_rule_and_place(tmp_path):
    path = write_gds(tmp_path / "l.gds", cell_of([("poly", (0, 0, 0.1, 3))]))
    result = drc(path)
    assert result.exit_code == 1
    assert "poly.1a: 1 x width of poly: 0.15 um" in result.stdout
    assert "(0.000, 0.000) .. (0.100, 3.000) um" in result.stdout
    result = drc(path, "--json")
    assert result.exit_code == 1 and json.loads(result.stdout)["rules"]["poly.1a"]["count"] == 1


def bomb(path: Path) -> Path:
    """A few hundred bytes that expand to 10^16 shapes."""
    cells = [cell_of([("met1", (0, 0, 1, 1))], "c0")]
    for level in range(1, 5):
        cell = gdstk.Cell(f"c{level}")
        cell.add(gdstk.Reference(cells[-1], columns=100, rows=100, spacing=(1, 1)))
        cells.append(cell)
    return write_gds(path, *cells)


def test_a_layout_that_expands_without_bound_is_refused(tmp_path):
    result = drc(bomb(tmp_path / "bomb.gds"), "--top", "c4")
    assert result.exit_code == 2 and "expands to 1e+16 shapes" in result.stderr


def empty(path: Path) -> Path:
    return write_gds(path, gdstk.Cell("top"))


def no_gds(path: Path) -> Path:
    path.write_bytes(b"this is no layout, whatever its name says" * 10)
    return path


def cut_off(path: Path) -> Path:
    write_gds(path, cell_of(transistor("n")))
    path.write_bytes(path.read_bytes()[:200])
    return path


def two_tops(path: Path) -> Path:
    return write_gds(path, cell_of([("met1", (0, 0, 1, 1))], "a"), cell_of([], "b"))


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (empty, [], "has no shapes"),
        (no_gds, [], "cannot be read as a layout"),
        (cut_off, [], "cannot be read as a layout"),
        (lambda path: path, [], "no such layout file"),
        (two_tops, [], "choose one with --top"),
        (two_tops, ["--top", "aa"], "there is no cell 'aa'"),
    ],
)
def test_bad_input_exits_with_2_and_writes_nothing(tmp_path, make, arguments, words):
    path, report = make(tmp_path / "l.gds"), tmp_path / "drc.json"
    result = drc(path, *arguments, "-o", report)
    assert result.exit_code == 2, result.stderr
    assert words in result.stderr and "Traceback" not in result.output
    assert not report.exists()
