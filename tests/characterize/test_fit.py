"""The shipped tables give the shipped model; models read back; damage is named."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from codesign.characterize.doubts import doubts
from codesign.characterize.fit import fit_tables
from codesign.characterize.knob_curve import KnobCurve
from codesign.characterize.model import FittedModel
from codesign.designs.network import Design
from codesign.errors import DataError
from codesign.resources import resource_dir


@pytest.fixture(scope="module")
def shipped() -> FittedModel:
    return FittedModel.load(resource_dir("characterization") / "iris" / "model.json")


def test_shipped_tables_still_give_the_shipped_model(shipped):
    design = Design.load(resource_dir("designs") / "iris.toml")
    setup = design.setup(resource_dir("netlists") / "iris")
    model = fit_tables(resource_dir("characterization") / "iris", setup)
    for new, old in zip(model.layers, shipped.layers, strict=True):
        for form, fitted in new.forms.items():
            assert fitted.c_eff_F == pytest.approx(old.forms[form].c_eff_F, rel=1e-4)
            assert fitted.residual_ns == pytest.approx(old.forms[form].residual_ns, rel=0.02)
    extended = [layer.forms["extended"] for layer in model.layers]
    assert all(form.residual_ns < 0.1 and form.holdout_ns < 0.13 for form in extended)
    # The gate's resistance is one and the same in both layers.
    one, other = (form.parameters["series_resistance_ohm"] for form in extended)
    assert abs(one.value - other.value) < 3 * (one.standard_error + other.standard_error)


def test_missing_table_is_named(tmp_path):
    design = Design.from_text("name = 'toy'")
    with pytest.raises(DataError, match=r"synapse_current\.parquet"):
        fit_tables(tmp_path, design.setup())


def test_model_reads_back(shipped, tmp_path):
    shipped.save(tmp_path / "model.json")
    assert FittedModel.load(tmp_path / "model.json") == shipped
    there = replace(shipped, interconnect="high", variation="all", seed=7)
    there.save(tmp_path / "model.json")
    assert FittedModel.load(tmp_path / "model.json") == there


def test_fits_are_doubted_for_reasons_only(shipped):
    assert doubts(shipped) == []
    first, second = shipped.layers
    form = first.forms["extended"]
    loose = replace(form.parameters["c_eff_F"], standard_error=form.c_eff_F)
    poor = replace(form, residual_ns=8.0, parameters={**form.parameters, "c_eff_F": loose})
    layer = replace(first, forms={**first.forms, "extended": poor})
    well, fixed = doubts(replace(shipped, layers=(layer, second)))
    assert "layer 1: the model does not describe these cells well" in well and "8 ns" in well
    assert "layer 1: the trials do not fix the membrane's capacitance" in fixed


def test_capacitance_scales_the_currents(shipped):
    form = shipped.layers[0].forms["extended"]
    larger = replace(form, c_eff_F=1.05 * form.c_eff_F)
    layer = replace(shipped.layers[0], forms={**shipped.layers[0].forms, "extended": larger})
    changed = replace(shipped, layers=(layer, *shipped.layers[1:]))
    ratio = changed.current_scale_A(1) / shipped.current_scale_A(1)
    assert ratio == pytest.approx(1.05)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: "{" + json.dumps(data),
        lambda data: json.dumps({**data, "schema_version": 99}),
        lambda data: json.dumps({k: v for k, v in data.items() if k != "v_th_V"}),
        lambda data: json.dumps({**data, "currents": {}}),
        lambda data: json.dumps({**data, "validity": {"v_mem_V": [1]}}),
        lambda data: json.dumps([1]),
    ],
)
def test_damaged_model_is_named(damage, tmp_path):
    path = tmp_path / "model.json"
    source = resource_dir("characterization") / "iris" / "model.json"
    path.write_text(damage(json.loads(source.read_text())))
    with pytest.raises(DataError, match=r"model\.json"):
        FittedModel.load(path)


def test_model_currents_must_be_monotone(tmp_path):
    source = resource_dir("characterization") / "iris" / "model.json"
    data = json.loads(source.read_text())
    data["currents"]["p"]["i0_A"][3] *= 100
    (tmp_path / "model.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match="monotone"):
        FittedModel.load(tmp_path / "model.json")


def test_bias_curve_falls_for_the_p_pair(shipped):
    curve: KnobCurve = shipped.currents["p"]
    biases = curve.value(np.array([1e-9, 1e-8, 1e-7]))
    assert (np.diff(biases) < 0).all()
