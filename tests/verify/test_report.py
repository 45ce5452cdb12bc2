from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from codesign.bench import Setup
from codesign.mapping import knob_layers
from codesign.verify.circuit import CircuitResult, TrainedCircuit
from codesign.verify.metrics import energy_metrics, layer_errors, mapping_metrics
from codesign.verify.page import PageSetting
from codesign.verify.prediction import circuit_prediction
from codesign.verify.report import write_report
from codesign.verify.result import MappingResult, Verification, VerificationSetting

PAGE = PageSetting("name = '<b>iris</b>'", {"ngspice": "39"}, 7)


@pytest.fixture
def verification(model) -> Verification:
    """Two samples of a 5-5-5 network, the second failed, one neuron silent."""
    setup = Setup(name="iris")
    rng = np.random.default_rng(1)
    weights = [rng.uniform(0, 0.3, (5, 5)) for _ in range(2)]
    weights[1][4] = -0.1
    circuit = TrainedCircuit(setup, knob_layers(weights, model))
    spikes = rng.uniform(0, 8e-7, (2, 5))
    said = circuit_prediction(circuit.layers, model, spikes)
    found = tuple(times + 1e-10 for times in said)
    status = np.array(["ok", "timeout"])
    points = round(setup.timing.t_end / 2e-9) + 1
    membranes = np.full((2, 2, 5, points), 1.0, dtype=np.float32)
    energies = np.array([1e-11, np.nan]), np.array([2e-12, np.nan])
    result = CircuitResult(found, status, *energies, membranes, 2e-9)
    ok = status == "ok"
    errors = [layer_errors(a, b, ok, 1e-6) for a, b in zip(said, found, strict=True)]
    labels = np.array([0, 1])
    figures = mapping_metrics(errors, said[-1], found[-1], labels, ok, 3, [1.0])
    figures |= energy_metrics(*energies, ok, 50)
    figures["models"] = {}
    mapping = MappingResult(circuit, result, said, errors, {}, (1.0,), None, figures)
    setting = VerificationSetting(setup, 2, 2)
    return Verification(setting, np.array([3, 9]), spikes, labels, {"pnn": mapping})


def test_page_is_whole_and_escaped(verification, model, tmp_path):
    page = write_report(verification, model, tmp_path, PAGE).read_text()
    assert "0.1 ns" in page and "1.97" in page and "39.04" in page
    assert "&lt;b&gt;iris&lt;/b&gt;" in page and "<b>iris</b>" not in page
    assert all(source.startswith("data:") for source in re.findall(r'src="([^"]*)"', page))
    assert re.findall(r'href="([^"]*)"', page) == ["https://arxiv.org/abs/2412.09010"]
    assert "<script" not in page
    for name in ("waveforms", "errors", "scatter"):
        assert (tmp_path / "verify" / f"{name}.png").stat().st_size > 5000


def test_page_shows_what_there_is_of_the_history(verification, model, tmp_path):
    history = tmp_path / "history.csv"
    history.write_text("epoch,loss,train_accuracy,test_accuracy\n1,0.5,,\n2,0.4,0.9,0.8\n")
    files = {"pnn": history, "ann": tmp_path / "none.csv"}
    assert (
        "<h2>Training</h2>"
        in write_report(verification, model, tmp_path, PAGE, history=files).read_text()
    )
    assert "<h2>Training</h2>" not in write_report(verification, model, tmp_path, PAGE).read_text()


def test_both_mappings_give_the_factor(verification, model, tmp_path):
    pnn = verification.mappings["pnn"]
    figures = {**pnn.metrics, "rmse_spike_time_ns": 20.0}
    both = {"pnn": pnn, "ann": replace(pnn, metrics=figures)}
    doubled = replace(verification, mappings=both)
    assert "200 times" in write_report(doubled, model, tmp_path, PAGE).read_text()
