"""`codesign keys`: the page of the docs is current, every key has a meaning, sections are found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from codesign.cli import cli
from codesign.designs.keys import Section, sections
from codesign.records import parse_toml
from codesign.resources import resource_dir

ROOT = Path(__file__).resolve().parents[2]


def keys(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["keys", *arguments])


def section(file: str, table: str, kind: str = "") -> Section:
    (found,) = [s for s in sections() if (s.file, s.table, s.kind) == (file, table, kind)]
    return found


def test_page_of_the_docs_is_current():
    result = keys("--markdown")
    assert result.exit_code == 0
    page = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
    assert page == result.stdout, "renew it: codesign keys --markdown > docs/keys.md"


def test_every_key_has_a_meaning_and_says_what_is_allowed():
    for found in sections():
        assert found.about, found.heading
        for key in found.keys:
            where = f"{found.file} {found.heading} {key.key}"
            assert len(key.meaning) > 3 and "\n" not in key.meaning, where
            assert key.allowed and "value" not in key.allowed.split(), where


def test_every_key_of_every_shipped_file_is_listed():
    listed = {(s.file, s.table, k.key) for s in sections() for k in s.keys}
    for path in resource_dir("designs").glob("*.toml"):
        data = parse_toml(path.read_text(encoding="utf-8"), str(path))
        for table, key in tables(data, ""):
            assert (data.get("kind", "network"), table, key) in listed, f"{path} {table} {key}"


def tables(data: dict, table: str):
    """(table, key) of a file; inline tables are values."""
    for key, value in data.items():
        yield table, key
        path = f"{table}.{key}" if table else key
        if isinstance(value, dict) and path not in INLINE:
            yield from tables(value, path)


INLINE = {
    *(f"network.synapse.{p}_{q}" for p in ("memory", "selector") for q in "np"),
    *("network.neuron.capacitor", "tile.access", "model.neuron_parameters"),
}


def test_defaults_and_ranges_are_written_as_in_a_file():
    by_key = {k.key: k for k in section("network", "process").keys}
    assert (by_key["supply"].default, by_key["temperature"].default) == ('"1.8V"', '"27C"')
    assert by_key["supply"].allowed == "quantity in V, > 0V, <= 1.95V"
    assert by_key["corner"].allowed == '"tt" or "ss" or "ff" or "sf" or "fs"'
    assert {k.key: k.default for k in section("network", "timing").keys}["t_phase"] == '"1us"'
    resistive = {k.key: k for k in section("network", "network.synapse", "resistive").keys}
    assert resistive["g_max"].default == '"2uS"'
    assert resistive["selector_n"].default == '{ model = "nfet_01v8", w = "1um", l = "250nm" }'
    sweep = {k.key: k for k in section("plan", "sweep", "sensing_delay").keys}
    assert sweep["slopes"].default == '["200kV/s", "400kV/s", "800kV/s", "1.6MV/s"]'
    assert [k.key for k in section("values", "transistor").keys] == ["model", "w", "l"]
    assert section("network", "").keys[0].required


def test_listed_defaults_are_what_a_file_without_them_has():
    """Each table, written out with its listed defaults, reads as the design without it."""
    from codesign.designs import Design

    plain = Design.from_text('name = "a"')
    lines = ['name = "a"']
    for found in sections():
        if found.file != "network" or found.table in ("", "model") or "NAME" in found.table:
            continue
        if found.kind in ("external", "resistive") or found.table.endswith(".ports"):
            continue
        if f"[{found.table}]" in lines:
            continue
        lines.append(f"[{found.table}]")
        lines += [f"{key.key} = {key.default}" for key in found.keys if key.default]
    read = Design.from_text("\n".join(lines))
    assert dict(leaves(read.model_dump(mode="json"), "")) == dict(
        leaves(plain.model_dump(mode="json"), "")
    )
    assert len(lines) > 100


def leaves(value, at):
    """Dotted keys and values, numbers to 1e-12: "150nm" is not 1.5e-7 to the last bit."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{at}.{key}")
    else:
        yield at, f"{value:.12g}" if isinstance(value, float) else value


@pytest.mark.parametrize(
    ("wanted", "tables"),
    [
        ("training", {"training", "training.loss", "training.circuit"}),
        ("network.synapse", {"network.synapse", "network.synapse.ports"}),
        ("plan", {"", "sweep"}),
        ("tile.verify", {"verify"}),
        ("transistor", {"transistor"}),
    ],
)
def test_a_section_with_what_is_below_it(wanted, tables):
    result = keys(wanted, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)["sections"]
    assert tables <= {s["table"] for s in found}
    assert all(k["meaning"] for s in found for k in s["keys"])
    text = keys(wanted).stdout
    assert all(k["key"] in text for s in found for k in s["keys"])


def test_an_unknown_section_names_the_nearest():
    result = keys("trainig")
    assert result.exit_code == 2
    assert "did you mean training?" in result.stderr
