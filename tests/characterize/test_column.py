from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from codesign.bench import Setup, first_rise
from codesign.cells import NetworkParameters, ResistiveSynapseParameters
from codesign.characterize.column_trials import column_deck, column_tasks, run_column
from codesign.characterize.plan import ColumnSweep
from codesign.resources import resource_dir

from .synthetic import conductance_table

SETUP = Setup(NetworkParameters(layers=(3, 2, 2)))
SWEEP = ColumnSweep(kind="column", name="column", runs=4, trials=3, warmup=1)


@pytest.fixture(scope="module")
def tasks():
    table = pd.read_parquet(resource_dir("characterization") / "iris" / "synapse_current.parquet")
    return column_tasks(SWEEP, SETUP, table)


def test_every_layer_has_its_runs_and_loads(tasks):
    assert [task.layer for task in tasks] == [1] * 4 + [2] * 4
    assert {(task.fan_in, task.neurons, task.fan_out) for task in tasks} == {(3, 2, 2), (2, 2, 0)}
    for task in tasks:
        assert len(task.spikes_s) == 4
        on_n, on_p = np.array(task.knobs["n"]) > 0, np.array(task.knobs["p"]) < 1.8
        assert (on_n ^ on_p).all()
        assert all(0 <= time < 1e-6 for row in task.spikes_s for time in row)


def test_the_same_seed_draws_the_same_trials(tasks):
    table = pd.read_parquet(resource_dir("characterization") / "iris" / "synapse_current.parquet")
    assert column_tasks(SWEEP, SETUP, table) == tasks
    other = SWEEP.model_copy(update={"seed": 2})
    assert column_tasks(other, SETUP, table) != tasks


def test_resistive_synapses_are_drawn_by_their_conductances():
    network = NetworkParameters(layers=(2, 2), synapse=ResistiveSynapseParameters())
    for task in column_tasks(SWEEP, Setup(network), conductance_table()):
        on = {p: np.array(task.knobs[p]) > 1e-14 for p in "np"}
        assert (on["n"] ^ on["p"]).all()
        for p in "np":
            values = np.array(task.knobs[p])
            assert ((values[on[p]] >= 1e-9) & (values[on[p]] <= 2e-6)).all()
            assert (values[~on[p]] == 1e-15).all()


def test_deck_saves_membrane_and_lines(tasks):
    deck, save = column_deck(tasks[0])
    assert save == ("v(xn.mem)", "v(out)", "v(sp_1)", "v(sp_2)", "v(sp_3)")
    assert deck.netlist.count("input_driver\n") == 3 + 1  # instances, and the end of its definition


def test_trials_fire_and_are_spread(tasks, requires_ngspice, requires_models):
    trials, inputs = run_column(tasks[0])
    fired = [row["t_fire_s"] for row in trials]
    assert len(trials) == 3 and len(inputs) == 9
    assert all(row["status"] == "ok" for row in trials)
    assert all(time is not None and 0 < time < 1e-6 for time in fired)
    # Later firing belongs to a higher membrane.
    order = np.argsort(fired)
    assert (np.diff(np.array([row["v_end_V"] for row in trials])[order]) > 0).all()
    for row in inputs:
        assert 0 < row["t_line_s"] - row["t_pulse_s"] < 1e-9


def test_failed_run_gives_rows_with_a_status(tasks, monkeypatch, tmp_path):
    broken = tmp_path / "ngspice"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CODESIGN_NGSPICE", str(broken))
    trials, inputs = run_column(tasks[0])
    assert len(trials) == 3 and len(inputs) == 9
    assert {row["status"] for row in trials} != {"ok"}
    assert all(row["t_fire_s"] is None for row in trials)


def test_first_rise_looks_inside_the_phase_only():
    time = np.linspace(0, 4e-6, 4001)
    line = np.where((time > 1.5e-6) & (time < 2.1e-6), 1.8, 0.0)
    assert first_rise(time, line, 1.1e-6, SETUP) == pytest.approx(4e-7, abs=2e-9)
    assert first_rise(time, line, 2.2e-6, SETUP) is None
