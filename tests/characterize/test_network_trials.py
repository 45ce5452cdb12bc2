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
from codesign.characterize.network_trials import (
    blank_rows,
    network_tasks,
    network_trial_deck,
    run_network,
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
    return network_tasks(sweep, Setup(network, views=views or CellViews()), known)


def test_same_seed_gives_the_same_runs_and_another_others():
    one, two = tasks(), tasks()
    assert one == two
    other = tasks(SWEEP.model_copy(update={"seed": 2}))
    for polarity in "np":
        first = [layer[polarity] for layer in one[0].knobs]
        assert [layer[polarity] for layer in other[0].knobs] != first
        assert [layer[polarity] for layer in one[1].knobs] != first
    assert other[0].spikes_s != one[0].spikes_s


def test_every_synapse_has_one_pair_on_and_every_sample_a_spike_at_zero():
    for task in tasks():
        assert len(task.knobs) == 2
        for layer in task.knobs:
            assert ((np.array(layer["n"]) > 0) != (np.array(layer["p"]) < SUPPLY_V)).all()
        spikes = np.array(task.spikes_s)
        assert spikes.shape == (SWEEP.warmup + SWEEP.trials, 2)
        assert (spikes.min(axis=1) == 0).all() and (spikes < 0.95 * T_PHASE_S).all()


def test_resistive_synapses_are_drawn_by_their_conductances():
    network = NetworkParameters(layers=(2, 1), synapse=ResistiveSynapseParameters())
    for task in network_tasks(SWEEP, Setup(network), {"synapse_current": conductance_table()}):
        (layer,) = task.knobs
        on = {p: np.array(layer[p]) > 1e-14 for p in "np"}
        assert (on["n"] != on["p"]).all()
        # The deck is that of the trained network: conductances are in the crossbar's cards.
        deck, saved = network_trial_deck(task)
        for p in "np":
            for value in np.array(layer[p]).ravel():
                assert f"g_{p}={value:.9g}" in deck.netlist
        assert "v(xtop.xnet.xn_1_1.mem)" in saved


def test_deck_holds_the_extracted_network_in_the_layout_view():
    drawn = tasks(views=CellViews(View.LAYOUT))[0]
    deck, saved = network_trial_deck(drawn)
    assert "extracted by codesign" in deck.netlist and deck.devices == Network(SMALL).devices()
    assert "v(xnet.xn_1_2.mem)" in saved and "v(sp_2_1)" in saved and "v(xnet.sp_0_1)" in saved


def test_trials_through_ngspice(requires_ngspice, requires_models):
    """Every neuron of both layers answers, and the second layer's inputs are the first's lines."""
    task = tasks(views=CellViews(View.LAYOUT))[0]
    rows, inputs = (pd.DataFrame(x) for x in run_network(task, timeout_s=300))
    assert (rows["status"] == "ok").all() and len(rows) == 2 * (2 + 1)
    assert len(inputs) == 2 * (2 * 2 + 1 * 2)
    assert rows["v_start_V"].between(1.29, 1.31).all()
    fired = rows.dropna(subset="t_fire_s")
    assert len(fired) >= 4
    # Later firing from a higher membrane.
    for _, layer in fired.groupby("layer"):
        order = layer.sort_values("v_end_V")["t_fire_s"].to_numpy()
        assert (np.diff(order) > 0).all()
    hidden = rows[rows["layer"] == 1].set_index(["trial", "neuron"])["t_fire_s"]
    second = inputs[inputs["layer"] == 2].set_index(["trial", "synapse"])["t_line_s"]
    for where, t_line in second.items():
        assert t_line == pytest.approx(hidden[where], abs=2e-12, nan_ok=True)


def test_failed_runs_keep_their_place_in_the_tables():
    task = tasks()[0]
    rows, inputs = blank_rows(task, "timeout", 3, 9.0)
    assert {row["status"] for row in rows} == {"timeout"}
    assert {row["t_fire_s"] for row in rows} == {None}
    assert {(row["layer"], row["neuron"]) for row in rows} == {(1, 1), (1, 2), (2, 1)}
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
