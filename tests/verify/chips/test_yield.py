"""Yield over chips: rows as they finish, intervals, and which devices make the difference."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from codesign.bench import devices_by_instance, neuron_path, synapse_path
from codesign.pdk.variation import mismatch_draws
from codesign.verify.chips import ChipModel, Nominal, Samples
from codesign.verify.chips.pages import write_yield_page
from codesign.verify.chips.population import draw_chips
from codesign.verify.chips.yields import Specification, clopper_pearson, yield_metrics
from codesign.verify.circuit import CircuitResult
from codesign.verify.page import PageSetting


@dataclass
class Drawn:
    """Chips whose dischargers vary by 5 % and memory transistors by 4 %, and nothing else."""

    nominal: Nominal
    seeds: list[int] = field(default_factory=list)
    fails_at: int | None = None

    def __call__(self, seed: int, inputs_s: np.ndarray) -> CircuitResult:
        self.seeds.append(seed)
        network: ChipModel = self.nominal.network
        devices = devices_by_instance(self.nominal.setup.cell)
        chip = network.nominal
        for layer, own in enumerate(chip):
            for i in range(len(own)):
                neuron = devices[neuron_path(layer + 1, i + 1)]
                own[i, -1] = 0.05 * mismatch_draws(seed, neuron["dis_bias"])[0]
                for j in range(own.shape[1] - 3):
                    side = "mem_n" if network.weights[layer][i, j] > 0 else "mem_p"
                    name = devices[synapse_path(layer + 1, i + 1, j + 1)][side]
                    own[i, j] = 0.04 * mismatch_draws(seed, name)[0]
        times = [t * 1e-6 for t in network.times(inputs_s * 1e6, chip)]
        status = np.full(len(inputs_s), "ok", dtype="U24")
        if seed == self.fails_at:
            status[:] = "timeout"
            times = [np.full_like(t, np.nan) for t in times]
        found = [np.where((t >= 0) & (t < 1e-6), t, np.nan) for t in times]
        energy = np.where(status == "ok", 1e-11, np.nan)
        return CircuitResult(tuple(found), status, energy, energy, np.empty(0), 1e-9)


@pytest.fixture
def test_samples(nominal: Nominal) -> Samples:
    network, inputs = nominal.network, nominal.training[:12]
    labels = network.times(inputs, network.nominal)[-1][:, :3].argmin(axis=1)
    return Samples(inputs, labels, 3)


def test_clopper_pearson_is_the_exact_interval() -> None:
    # Values of the binomial distribution's own tables.
    assert clopper_pearson(18, 20) == pytest.approx((0.6830, 0.9877), abs=1e-4)
    assert clopper_pearson(0, 10) == pytest.approx((0.0, 0.3085), abs=1e-4)
    assert clopper_pearson(10, 10) == pytest.approx((0.6915, 1.0), abs=1e-4)


def test_contributors_are_those_that_vary(
    nominal: Nominal, test_samples: Samples, tmp_path: Path
) -> None:
    run = Drawn(nominal, fails_at=3)
    chips = draw_chips(nominal, range(1, 31), test_samples, run, tmp_path)
    table = pd.read_parquet(tmp_path / "chips.parquet")
    assert list(table["chip"]) == list(range(1, 31))
    assert list(table.columns[:6]) == [
        "chip", "status", "accuracy", "rmse_spike_time_ns", "spikes_missed",
        "energy_per_inference_J",
    ]  # fmt: skip
    assert set(table["variation"]) == {"all"} and list(table["seed"]) == list(table["chip"])
    assert table.set_index("chip")["status"][3] == "timeout"
    metrics = yield_metrics(nominal, chips, Specification(0.5, 60.0))
    good = (table.status == "ok") & (table.accuracy >= 0.5) & (table.rmse_spike_time_ns <= 60)
    assert metrics["passed"] == good.sum() and metrics["failed_simulations"] == 1
    low, high = metrics["yield_interval_95"]
    assert low < metrics["yield"] < high
    for layer in (1, 2):
        own = [c for c in metrics["contributors"] if c["layer"] == layer]
        leading = {c["device"] for c in own[:3]}
        assert leading == {"dis_bias", "synapse mem_n", "synapse mem_p"}
        assert sum(c["share"] for c in own[:3]) > 0.75
        assert abs(sum(c["share"] for c in own[3:])) < 0.2
    page = write_yield_page(tmp_path, nominal, table, metrics, PageSetting("", {}, 1))
    assert "dis_bias" in page.read_text(encoding="utf-8")


def test_rows_are_there_as_chips_finish(
    nominal: Nominal, test_samples: Samples, tmp_path: Path
) -> None:
    class Killed(Exception):
        pass

    run = Drawn(nominal)

    def dies(seed: int, inputs_s: np.ndarray) -> CircuitResult:
        if seed == 3:
            raise Killed
        return run(seed, inputs_s)

    with pytest.raises(Killed):
        draw_chips(nominal, range(1, 5), test_samples, dies, tmp_path)
    half = pd.read_parquet(tmp_path / "chips.parquet")
    assert list(half["chip"]) == [1, 2]
    draw_chips(nominal, range(1, 5), test_samples, run, tmp_path)
    whole = pd.read_parquet(tmp_path / "chips.parquet")
    pd.testing.assert_frame_equal(whole.head(2), half)
    assert list(whole["chip"]) == [1, 2, 3, 4]
