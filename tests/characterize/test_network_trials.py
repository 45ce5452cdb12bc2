"""Calibration on the whole network: trials through ngspice, and neurons told apart by the fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from codesign.bench import CellViews, Setup
from codesign.cells import Network, NetworkParameters, ResistiveSynapseParameters, View
from codesign.characterize.column_data import column_data
from codesign.characterize.fit_column import fit_form
from codesign.characterize.network_draw import NetworkDraw
from codesign.characterize.network_trials import (
    _chosen,
    failed_rows,
    neuron_tasks,
    run_neuron,
)
from codesign.characterize.plan import NetworkSweep, SweepPlan, load_plan
from codesign.errors import DesignError
from codesign.pnn import membrane_potential

from .synthetic import (
    BENT,
    C_EFF_F,
    SCALE_A,
    SETTING,
    SUPPLY_V,
    T_PHASE_S,
    V0_V,
    V_TH_V,
    LogLaw,
    conductance_table,
    current_tables,
    synapse_table,
)

SWEEP = NetworkSweep(kind="network", name="column", runs=2, trials=2, i_min=5e-9, i_max=9e-8)
SMALL = NetworkParameters(layers=(2, 2, 1))


def tasks(sweep=SWEEP, network=SMALL, views=None):
    known = {"synapse_current": synapse_table(BENT)}
    return neuron_tasks(sweep, Setup(network, views=views or CellViews()), known)


@pytest.fixture(scope="module")
def drawn(requires_ngspice, requires_models):
    """The edges of the drivers are simulated first."""
    return tasks(views=CellViews(View.LAYOUT))


def test_same_seed_gives_the_same_runs_and_another_others():
    setup, known = Setup(SMALL), {"synapse_current": synapse_table(BENT)}
    chosen = [np.arange(2), np.arange(1)]

    def run(seed: int, number: int):
        draw = NetworkDraw(SWEEP.model_copy(update={"seed": seed}), setup, known)
        return draw.run(np.random.default_rng([seed, number]), chosen)

    one, two = run(1, 0), run(1, 0)
    for a, b in zip(one.spikes_s, two.spikes_s, strict=True):
        np.testing.assert_array_equal(a, b)
    for polarity in "np":
        np.testing.assert_array_equal(one.knobs[0][polarity], two.knobs[0][polarity])
        for other in (run(2, 0), run(1, 1)):
            assert (other.knobs[0][polarity] != one.knobs[0][polarity]).any()
    assert (run(2, 0).spikes_s[0] != one.spikes_s[0]).any()


def test_samples_that_fire_first_come_first_and_once_more_before(drawn):
    setup, known = (
        Setup(SMALL, views=CellViews(View.LAYOUT)),
        {"synapse_current": synapse_table(BENT)},
    )
    draw = NetworkDraw(SWEEP, setup, known)
    chosen = [np.arange(2), np.arange(1)]
    run = draw.run(np.random.default_rng([SWEEP.seed, 0]), chosen)
    for task in (t for t in drawn if t.run == 0):
        assert sorted(task.trials) == list(range(SWEEP.trials))
        fires = run.spikes_s[task.layer][SWEEP.warmup :, task.neuron - 1][list(task.trials)]
        assert (np.diff(np.nan_to_num(fires, nan=1.0)) >= 0).all()
        lines = run.spikes_s[task.layer - 1][SWEEP.warmup :]
        np.testing.assert_array_equal(task.spikes_s[SWEEP.warmup :], lines[list(task.trials)])
        assert task.spikes_s[0] == task.spikes_s[SWEEP.warmup]


def test_every_synapse_has_one_pair_on_and_every_sample_a_spike_at_zero(drawn):
    for task in drawn:
        on = (np.array(task.knobs["n"]) > 0, np.array(task.knobs["p"]) < SUPPLY_V)
        assert (on[0] != on[1]).all()
        spikes = np.array(task.spikes_s)
        assert spikes.shape == (SWEEP.warmup + SWEEP.trials, 2)
        if task.layer == 1:
            assert (spikes.min(axis=1) == 0).all() and (spikes < 0.95 * T_PHASE_S).all()


def test_every_neuron_of_a_large_layer_is_simulated_in_some_run():
    sweep = SWEEP.model_copy(update={"neurons": 3})
    seen = [_chosen(sweep, run, 8) for run in range(8)]
    assert all(len(set(run)) == 3 for run in seen)
    counts = np.bincount(np.concatenate(seen), minlength=8)
    assert (counts == 3).all()
    assert _chosen(sweep, 0, 2).tolist() == [0, 1]


def test_resistive_synapses_are_drawn_by_their_conductances(requires_ngspice, requires_models):
    network = NetworkParameters(layers=(2, 1), synapse=ResistiveSynapseParameters())
    known = {"synapse_current": conductance_table()}
    for task in neuron_tasks(SWEEP, Setup(network), known):
        on = {p: np.array(task.knobs[p]) > 1e-14 for p in "np"}
        assert (on["n"] != on["p"]).all()
        for p in "np":
            for value in task.knobs[p]:
                assert f"r={1 / value:.12g}"[:9] in task.job.deck.netlist


def test_decks_hold_the_extracted_columns_in_the_layout_view(drawn):
    task = next(task for task in drawn if (task.layer, task.neuron) == (1, 2))
    deck = task.job.deck
    assert "\nC" in deck.netlist and deck.devices == Network(SMALL).devices()
    assert "xn_1_1." not in deck.netlist and "xxbar_1.xs_1_" not in deck.netlist
    assert {"v(xn_1_2.mem)", "v(sp_1_2)"} <= set(task.job.analysis.save)


def test_trials_through_ngspice(drawn):
    """Every neuron of both layers answers, later from a higher membrane."""
    first = [task for task in drawn if task.run == 0]
    made = [run_neuron(task, timeout_s=300) for task in first]
    rows, inputs = (pd.DataFrame([row for part in made for row in part[k]]) for k in (0, 1))
    assert (rows["status"] == "ok").all() and len(rows) == 2 * (2 + 1)
    assert len(inputs) == 2 * (2 * 2 + 1 * 2)
    assert rows["v_start_V"].between(1.29, 1.31).all()
    fired = rows.dropna(subset="t_fire_s")
    assert len(fired) >= 4
    for _, layer in fired.groupby("layer"):
        order = layer.sort_values("v_end_V")["t_fire_s"].to_numpy()
        assert (np.diff(order) > 0).all()
    delay = (inputs["t_line_s"] - inputs["t_pulse_s"])[inputs["layer"] == 1]
    assert delay.astype(float).between(1e-10, 2e-9).all()
    assert inputs[inputs["layer"] == 2]["t_pulse_s"].isna().all()


def test_failed_runs_keep_their_place_in_the_tables(drawn):
    rows, inputs = failed_rows(drawn[0], "timeout", 9.0)
    assert {row["status"] for row in rows} == {"timeout"} and len(rows) == SWEEP.trials
    assert {row["t_fire_s"] for row in rows} == {None}
    assert {(row["layer"], row["neuron"]) for row in rows} == {(1, 1)}
    assert {row["status"] for row in inputs} == {"timeout"}


def test_plan_characterises_each_view_with_its_own_trials():
    plan = load_plan("default")
    kinds = {view: [sweep.kind for sweep in plan.of_view(view)] for view in View}
    assert "column" in kinds[View.SCHEMATIC] and "network" not in kinds[View.SCHEMATIC]
    assert "network" in kinds[View.LAYOUT] and "column" not in kinds[View.LAYOUT]
    twice = '[[sweep]]\nkind = "leak"\nname = "a"\n[[sweep]]\nkind = "leak"\nname = "a"\n'
    with pytest.raises(DesignError, match="written twice"):
        SweepPlan.from_text(twice)
    apart = twice.replace('"a"\n[[', '"a"\nview = "layout"\n[[') + 'view = "schematic"\n'
    assert len(SweepPlan.from_text(apart).sweep) == 2


RELATIVE = np.array([0.992, 1.001, 1.007])
OFFSET = np.array([1.2e-3, -0.4e-3, -0.8e-3])


COUPLING = ((0, 1, 5e-4), (1, 0, 5e-4), (1, 2, 8e-4), (2, 1, 8e-4))


def layer_tables(runs=20, trials=4, noise_ns=0.0, truth=BENT):
    """Tables of a layer of three neurons that differ in capacitance and firing offset."""
    rng = np.random.default_rng(3)
    tables = current_tables(BENT)
    rows, inputs = [], []
    for run in range(runs):
        positive = rng.random((3, 3)) < 0.75
        positive[:, 0] = True
        current = np.exp(rng.uniform(np.log(5e-9), np.log(60e-9), (3, 3)))
        bias_n = np.where(positive, tables["n"].at(V0_V, SUPPLY_V).value(current), 0.0)
        bias_p = np.where(positive, SUPPLY_V, tables["p"].at(V0_V, SUPPLY_V).value(current))
        signed = np.where(positive, current, -current)
        weight = torch.tensor(signed / (SCALE_A * RELATIVE[:, None]))
        times = rng.uniform(0, 0.9, (trials, 3))
        v = membrane_potential(torch.tensor(times), weight, truth, method="exact").numpy()
        for k, neuron in np.ndindex(v.shape):
            t_fire = LogLaw()(v[k, neuron] + OFFSET[neuron]) * T_PHASE_S
            place = {"layer": 1, "run": run, "trial": k, "neuron": neuron + 1, "status": "ok"}
            rows.append(
                {
                    **place,
                    "v_start_V": V0_V,
                    "v_end_V": V0_V - V_TH_V * v[k, neuron],
                    "t_fire_s": t_fire + rng.normal(0, 1e-9) * noise_ns,
                }
            )
            inputs += [
                {
                    **place, "synapse": j + 1, "t_pulse_s": times[k, j] * T_PHASE_S,
                    "t_line_s": times[k, j] * T_PHASE_S,
                    "v_bias_n_V": bias_n[neuron, j], "v_bias_p_V": bias_p[neuron, j],
                }
                for j in range(3)
            ]  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(inputs)


@pytest.fixture(scope="module")
def told_apart():
    trials, inputs = layer_tables(noise_ns=0.02)
    tables = current_tables(BENT)
    data = column_data(trials, inputs, tables, 1, SETTING)
    return data, {form: fit_form(form, data, tables, SETTING) for form in ("linear", "extended")}


def test_data_share_samples_and_keep_neurons_apart(told_apart):
    data, _ = told_apart
    assert data.neurons == 3 and len(data.t_samples) <= 20 * 4 and len(data.i0_A) == 20 * 3
    assert set(data.neuron) == {0, 1, 2}
    assert data.t_spike.shape == (len(data.t_fire), 3)


def test_fit_finds_what_neurons_differ_in(told_apart):
    _, forms = told_apart
    found = forms["extended"]
    relative = RELATIVE / np.exp(np.log(RELATIVE).mean())
    np.testing.assert_allclose(found.c_relative, relative, atol=4e-4)
    np.testing.assert_allclose(found.pnn.firing_offset, OFFSET - OFFSET.mean(), atol=2e-4)
    assert found.c_eff_F == pytest.approx(C_EFF_F, rel=0.02)
    assert found.residual_ns < 0.03


def test_papers_form_has_one_capacitance_for_all(told_apart):
    _, forms = told_apart
    assert forms["linear"].c_relative == () and forms["linear"].pnn.firing_offset == 0.0
    assert forms["linear"].residual_ns > 10 * forms["extended"].residual_ns


def test_coupling_of_neighbours_comes_from_the_layout(told_apart):
    """Membranes that move each other: the given capacitances explain it, nothing is fitted."""
    trials, inputs = layer_tables(12, truth=replace(BENT, coupling=COUPLING))
    tables = current_tables(BENT)
    data = column_data(trials, inputs, tables, 1, SETTING)
    known = tuple((i, j, share * C_EFF_F) for i, j, share in COUPLING)
    forms = [
        fit_form("extended", data, tables, replace(SETTING, couplings_F=c)) for c in (known, ())
    ]
    np.testing.assert_allclose(forms[0].pnn.coupling, COUPLING, rtol=0.02)
    assert forms[0].residual_ns < 0.01 < 5 * 0.01 < forms[1].residual_ns
    assert told_apart[1]["extended"].pnn.coupling == ()
