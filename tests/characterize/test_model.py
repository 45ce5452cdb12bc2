"""What a model file may say, and what changing one of its values changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from codesign.characterize.knob_curve import KnobCurve
from codesign.characterize.model import FORMS, FittedModel
from codesign.errors import DataError
from codesign.mapping import knob_layers
from codesign.resources import resource_dir
from codesign.verify.prediction import circuit_prediction

SHIPPED = resource_dir("characterization") / "iris" / "model.json"
MODEL = FittedModel.load(SHIPPED).averaged()
LAYERS = knob_layers([np.full((2, 5), 0.2), np.array([[0.4, 0.3]])], MODEL)
SPIKES_S = np.linspace(0, 6e-7, 10).reshape(2, 5)


def stored(tmp_path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    data = json.loads(SHIPPED.read_text())
    change(data)
    path = tmp_path / "model.json"
    path.write_text(json.dumps(data))
    return path


def extended(data: dict[str, Any], layer: int = 0) -> dict[str, Any]:
    return data["layers"][layer]["forms"]["extended"]


@pytest.mark.parametrize("form", FORMS)
def test_reading_back_predicts_the_same(form, tmp_path):
    MODEL.save(tmp_path / "model.json")
    read = FittedModel.load(tmp_path / "model.json")
    for one, other in zip(
        circuit_prediction(LAYERS, MODEL, SPIKES_S, form),
        circuit_prediction(LAYERS, read, SPIKES_S, form),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_more_capacitance_in_the_file_fires_later(tmp_path):
    larger = 1.02 * MODEL.layers[0].forms["extended"].c_eff_F
    path = stored(tmp_path, lambda data: extended(data).update(c_eff_F=larger))
    before = circuit_prediction(LAYERS, MODEL, SPIKES_S)[0]
    after = circuit_prediction(LAYERS, FittedModel.load(path).averaged(), SPIKES_S)[0]
    assert (after - before > 1e-9).all()


def test_capacitance_of_one_form_leaves_the_other_alone(tmp_path):
    path = stored(tmp_path, lambda data: extended(data).update(c_eff_F=2e-13))
    read = FittedModel.load(path)
    for layer in (1, 2):
        assert read.current_scale_A(layer, "linear") == MODEL.current_scale_A(layer, "linear")
    assert read.current_scale_A(1) != MODEL.current_scale_A(1)
    assert read.current_scale_A(2) == MODEL.current_scale_A(2)


def first_schema(data: dict[str, Any]) -> None:
    """Bias voltages of both polarities, off at the rails."""
    data["schema_version"] = 1
    for curve in data["currents"].values():
        del curve["off"], curve["unit"]
        curve["bias_V"] = curve.pop("values")


def test_a_model_of_the_first_schema_has_its_biases_as_knobs(tmp_path):
    path = stored(tmp_path, first_schema)
    assert FittedModel.load(path) == FittedModel.load(SHIPPED)
    one_sided = stored(tmp_path, lambda data: (first_schema(data), data["currents"].pop("p")))
    with pytest.raises(DataError, match="needs n and p"):
        FittedModel.load(one_sided)


def test_what_is_written_is_the_second_schema(tmp_path):
    points = (1e-9, 1e-8, 1e-7, 1e-6)
    one_sided = replace(MODEL, currents={"n": KnobCurve(points, points, 1e-15, "S")})
    one_sided.save(tmp_path / "model.json")
    data = json.loads((tmp_path / "model.json").read_text())
    assert data["schema_version"] == 2
    assert data["currents"]["n"]["off"] == 1e-15 and data["currents"]["n"]["unit"] == "S"
    assert FittedModel.load(tmp_path / "model.json") == one_sided


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["currents"]["n"]["values"].reverse(), "does not rise"),
        (lambda d: d["currents"]["n"].pop("off"), "key 'off' is missing"),
        (lambda d: d["currents"]["n"].update(values=[1, 2], i0_A=[1, 2]), "at least 4"),
        (lambda d: d["currents"].clear(), "needs n, p or both"),
        (lambda d: d["currents"].update(q=d["currents"]["n"]), "needs n, p or both"),
    ],
)
def test_damage_of_the_second_schema_is_said(change, words, tmp_path):
    path = tmp_path / "model.json"
    MODEL.save(path)
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    with pytest.raises(DataError, match=r"model\.json is not a fitted model") as caught:
        FittedModel.load(path)
    assert words in caught.value.message


@pytest.mark.parametrize("value", [0, -1.5e-13, float("nan"), float("inf"), "much", None])
def test_capacitance_must_be_a_positive_number(value, tmp_path):
    path = stored(tmp_path, lambda data: extended(data, 1).update(c_eff_F=value))
    with pytest.raises(DataError, match=r"model\.json") as caught:
        FittedModel.load(path)
    assert "codesign fit" in caught.value.remedy


@pytest.mark.parametrize("key", ["supply_V", "t_phase_s", "v0_V", "v_th_V"])
@pytest.mark.parametrize("value", [0, -1.0, float("nan")])
def test_physical_values_must_be_positive(key, value, tmp_path):
    path = stored(tmp_path, lambda data: data.update({key: value}))
    with pytest.raises(DataError, match=key):
        FittedModel.load(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.update(layers=[]), "numbered"),
        (lambda d: d["layers"].reverse(), "numbered"),
        (lambda d: d["layers"][0]["forms"].pop("linear"), "lacks one of the forms"),
        (lambda d: extended(d)["pnn"].update(e_pluss=2), "did you mean e_plus"),
        (lambda d: extended(d)["pnn"].update(e_plus=-1), "e_plus must be positive"),
        (lambda d: extended(d)["pnn"]["firing_curve"]["t_knots"].reverse(), "decrease"),
        (lambda d: d["currents"]["n"]["values"].reverse(), "does not rise"),
        (lambda d: d["currents"]["p"]["i0_A"].pop(), "same number"),
        (lambda d: d["currents"].update(n={"values": [], "i0_A": []}), "at least 4"),
        (lambda d: d["currents"]["n"]["i0_A"].__setitem__(0, -1e-12), "positive and monotone"),
        (lambda d: d["currents"]["n"]["i0_A"].__setitem__(5, float("nan")), "monotone"),
        (lambda d: d["validity"].pop("v_mem_V"), "v_mem_V"),
        (lambda d: d.pop("corner"), "key 'corner' is missing"),
    ],
)
def test_damage_is_said_with_the_file(change, words, tmp_path):
    path = stored(tmp_path, change)
    with pytest.raises(DataError, match=r"model\.json") as caught:
        FittedModel.load(path)
    assert words in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{", b"null", b"[]", b"3"])
def test_files_that_are_no_model_are_named(content, tmp_path):
    path = tmp_path / "model.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"model\.json"):
        FittedModel.load(path)


def test_truncated_file_is_named(tmp_path):
    path = tmp_path / "model.json"
    path.write_bytes(SHIPPED.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"model\.json is damaged"):
        FittedModel.load(path)


def test_missing_file_says_which_command_makes_it(tmp_path):
    with pytest.raises(DataError, match="there is no fitted model") as caught:
        FittedModel.load(tmp_path / "model.json")
    assert caught.value.remedy == "run `codesign fit` again"


def test_what_cannot_be_stored_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.json"
    MODEL.save(path)
    with pytest.raises(ValueError):
        replace(MODEL, v_th_V=float("nan")).save(path)
    assert FittedModel.load(path) == MODEL and list(tmp_path.iterdir()) == [path]
