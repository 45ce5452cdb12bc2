"""Sweep plans: defaults, ranges, and messages that name file and key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.cells import View
from codesign.characterize import SweepPlan, load_plan, table_names
from codesign.characterize.plan import TrialSweep, VoltageRange
from codesign.errors import DesignError

SYNAPSE = '[[sweep]]\nkind = "synapse_current"\nname = "synapse_current"\n'
COLUMN = '[[sweep]]\nkind = "column"\nname = "column"\n'


def test_shipped_plan_has_every_kind_once() -> None:
    plan = load_plan("default")
    kinds = [sweep.kind for sweep in plan.of_view(View.SCHEMATIC)]
    assert kinds[-1] == "column"
    assert [*kinds[:-1], "network"] == [sweep.kind for sweep in plan.of_view(View.LAYOUT)]
    assert sorted(kinds) == [
        "capacitance",
        "charge_injection",
        "column",
        "discharger",
        "leak",
        "sensing_delay",
        "sensing_threshold",
        "synapse_current",
    ]
    for view in View:
        tables = [table for sweep in plan.of_view(view) for table in table_names(sweep)]
        assert tables == [*kinds[:-1], "column_trials", "column_inputs"]


def rounded(plan: SweepPlan) -> Any:
    """Content of a plan with 12 digits of every number: 100 nA is 100 * 1e-9, not quite 1e-7."""
    return json.loads(plan.model_dump_json(), parse_float=lambda text: f"{float(text):.12g}")


def test_shipped_plan_writes_out_the_defaults() -> None:
    """What the shipped plan says in full is what a plan that says nothing means."""
    shipped = load_plan("default")
    bare = "".join(
        f'[[sweep]]\nkind = "{sweep.kind}"\nname = "{sweep.name}"\n'
        + (f'view = "{sweep.view}"\n' if sweep.view else "")
        for sweep in shipped.sweep
    )
    assert rounded(SweepPlan.from_text(bare)) == rounded(shipped)


def test_the_plan_of_the_reference_is_the_default_over_its_own_currents() -> None:
    plan, default = load_plan("iris"), load_plan("default")
    trials = [sweep for sweep in plan.sweep if isinstance(sweep, TrialSweep)]
    assert [(sweep.i_min, sweep.i_max) for sweep in trials] == [pytest.approx((2e-9, 150e-9))] * 2
    freed = [
        sweep.model_copy(update={"i_min": None, "i_max": None})
        if isinstance(sweep, TrialSweep)
        else sweep
        for sweep in plan.sweep
    ]
    assert rounded(SweepPlan(sweep=tuple(freed))) == rounded(default)


@given(start=st.integers(0, 900), points=st.integers(1, 50), step=st.integers(1, 20))
def test_ranges_include_both_ends(start: int, points: int, step: int) -> None:
    stop = start + (points - 1) * step
    made = VoltageRange(start=start / 1000, stop=stop / 1000, step=step / 1000)
    assert made.values == tuple(v / 1000 for v in range(start, stop + 1, step))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[sweep]", ("TOML",)),
        ("", ("sweep", "missing")),
        ('[[sweep]]\nname = "a"\n', ("sweep[0]", "kind")),
        ('[[sweep]]\nkind = "synapse"\nname = "a"\n', ("sweep[0]", "synapse_current")),
        (SYNAPSE + 'v_men = { start = "0.2V", stop = "1V", step = "0.1V" }', ("v_men", "v_mem")),
        (SYNAPSE + 'v_mem = { start = "0.2A", stop = "1V", step = "0.1V" }', ("start", "V")),
        (SYNAPSE + 'v_mem = { start = "0.2V", stop = "1V", step = "-0.1V" }', ("v_mem", "step")),
        (SYNAPSE + 'v_mem = { start = "1V", stop = "0.2V", step = "0.1V" }', ("v_mem", "stop")),
        (SYNAPSE + 'v_mem = { start = "-1V", stop = "1V", step = "0.1V" }', ("v_mem", "1.95")),
        (SYNAPSE + 'v_mem = { start = "0V", stop = "1V", step = "1uV" }', ("v_mem", "2000")),
        (SYNAPSE + 'timeout = "0s"', ("timeout",)),
        (SYNAPSE + 'polarities = ["n", "n"]', ("polarities",)),
        ('[[sweep]]\nkind = "leak"\nname = "a/../b"\n', ("sweep[0].name", "not a name")),
        ('[[sweep]]\nkind = "leak"\nname = "a\\n.control"\n', ("sweep[0].name", "not a name")),
        (SYNAPSE + SYNAPSE, ("synapse_current", "twice")),
        (COLUMN, ("column", "synapse_current")),
        (COLUMN + SYNAPSE, ("column", "before")),
        (SYNAPSE + COLUMN + 'i_min = "2nA"\ni_max = "1nA"', ("i_max",)),
        (SYNAPSE + COLUMN + "runs = 0", ("runs",)),
        ('[[sweep]]\nkind = "sensing_delay"\nname = "d"\nslopes = ["-1V/s"]\n', ("slopes",)),
        ('[[sweep]]\nkind = "sensing_delay"\nname = "d"\nslopes = ["1V"]\n', ("slopes", "V/s")),
    ],
)
def test_bad_plan_names_file_and_key(tmp_path: Path, text: str, named: tuple[str, ...]) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    with pytest.raises(DesignError) as caught:
        SweepPlan.load(path)
    assert str(path) in str(caught.value)
    for word in named:
        assert word in str(caught.value)


def test_missing_plan(tmp_path: Path) -> None:
    with pytest.raises(DesignError, match=r"none\.toml: no such sweep plan"):
        SweepPlan.load(tmp_path / "none.toml")
