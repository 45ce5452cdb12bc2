"""Pulse-width reads in ngspice against the exact ladder, and the fit of effective parameters."""

import numpy as np
import pytest

from codesign.bench import tile as module
from codesign.bench.tile import ReadTiming, TileReads, simulate_reads
from codesign.cells.tile_column import TileColumnParameters
from codesign.cells.transistor import nmos
from codesign.characterize.tile.fit import TileFit, fit_reads, model_charge
from codesign.characterize.tile.run import charges, run_reads
from codesign.errors import DataError, InputError
from codesign.pdk import Conditions
from codesign.tile import TileParameters


def make(rows, cols, windows, seed=1, **cells):
    draw = np.random.default_rng(seed)
    w = draw.uniform(-1, 1, (rows, cols)) * 25e-6
    x = draw.standard_normal((windows, rows))
    slots = np.round(127 * x / np.abs(x).max(axis=1, keepdims=True)).astype(int)
    return TileReads(
        TileColumnParameters(**cells), np.maximum(w, 0), np.maximum(-w, 0), slots,
        ReadTiming(), Conditions(),
    )  # fmt: skip


def rms_error(found, want):
    return np.sqrt(np.mean((found - want) ** 2) / np.mean(want**2))


@pytest.mark.parametrize("differential", ["shared", "paired"])
def test_ideal_switches_are_the_exact_ladder(differential, requires_ngspice, process):
    reads = make(32, 3, 2, r_line=2.0, differential=differential)
    found = simulate_reads(reads, process, timeout_s=60)
    params = TileParameters(r_line_ohm=2.0, differential=differential)
    assert found.ok and rms_error(found.charge_C, model_charge(reads, params)) <= 1e-4
    assert (found.energy_J > 0).all()


def test_chained_columns_are_one_ladder(requires_ngspice, process, monkeypatch):
    monkeypatch.setattr(module, "_CHAIN_ROWS", 20)
    reads = make(50, 2, 2, r_line=1.0)
    found = simulate_reads(reads, process, timeout_s=60)
    assert rms_error(found.charge_C, model_charge(reads, TileParameters(r_line_ohm=1.0))) <= 1e-4


def test_512_rows(requires_ngspice, process):
    reads = make(512, 1, 1, r_line=1.0)
    found = simulate_reads(reads, process, timeout_s=60)
    assert rms_error(found.charge_C, model_charge(reads, TileParameters(r_line_ohm=1.0))) <= 1e-4


def test_transistors_are_fitted(requires_ngspice, requires_models, process, tmp_path):
    reads = make(16, 2, 4, r_line=0.35, access=nmos(1.0))
    table = run_reads(reads, process, workers=1, cache_dir=tmp_path)
    charge_C = charges(table, 4, 2)
    nominal = TileParameters()
    names = ("r_access_ohm", "q_switch_C", "c_cell_F")
    fit = fit_reads(reads, charge_C, nominal, names)
    assert fit.nominal_percent > 1.0 and fit.residual_percent < 0.1
    assert 300 < fit.parameters["r_access_ohm"].value < 2000
    other = make(16, 2, 2, seed=5, r_line=0.35, access=nmos(1.0))
    fresh = simulate_reads(other, process, timeout_s=60)
    assert rms_error(model_charge(other, fit.apply(nominal)), fresh.charge_C) < 0.005
    path = tmp_path / "model.json"
    fit.write(path)
    assert TileFit.load(path) == fit
    again = run_reads(reads, process, workers=1, cache_dir=tmp_path)
    assert again["charge_C"].equals(table["charge_C"])


def test_fit_finds_the_parameters_of_synthetic_reads():
    reads = make(48, 3, 4)
    true = TileParameters(
        r_line_ohm=0.8, r_access_ohm=900.0, r_integrator_ohm=25.0, q_switch_C=3e-16, c_cell_F=2e-15
    )
    fit = fit_reads(reads, model_charge(reads, true), TileParameters())
    for name, estimate in fit.parameters.items():
        assert estimate.value == pytest.approx(getattr(true, name), rel=1e-3), name
    assert fit.residual_percent < 1e-4 < fit.access_only_percent


def test_reads_that_are_none():
    reads = make(4, 2, 2)
    with pytest.raises(InputError, match="do not fit"):
        TileReads(
            reads.cells, reads.g_plus, reads.g_minus, reads.slots_on[:, :3],
            reads.timing, reads.conditions,
        )  # fmt: skip
    with pytest.raises(InputError, match="at most 127"):
        TileReads(
            reads.cells, reads.g_plus, reads.g_minus, reads.slots_on * 200,
            reads.timing, reads.conditions,
        )  # fmt: skip
    with pytest.raises(InputError, match="cannot determine"):
        fit_reads(reads, np.full((2, 2), np.nan), TileParameters())


def test_a_damaged_model(tmp_path):
    path = tmp_path / "model.json"
    for text in ("{", '{"kind": "network"}', '{"kind": "tile", "schema_version": 1}', "[]"):
        path.write_text(text)
        with pytest.raises(DataError, match=r"model\.json is no fitted tile"):
            TileFit.load(path)
