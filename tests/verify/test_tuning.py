"""Global settings tuned on a circuit whose answer is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from codesign.verify.tuning import Knob, tune

KNOBS = [Knob("slope", 0.01, 0.3), Knob("offset", 0.01, 0.3)]
START = {"slope": 1.0, "offset": 0.0}
V = np.linspace(0.1, 0.9, 24).reshape(6, 4)


def spikes(values: Mapping[str, float], slope: float = 1.2, offset: float = 0.06) -> np.ndarray:
    """A neuron that is slower than it should be and sees a shifted membrane; silent when late."""
    t = (1.0 - V - offset + values["offset"]) * slope / values["slope"] ** 2
    return np.where(t < 1.0, t, np.nan)


def test_settings_undo_what_they_can() -> None:
    meant = [1.0 - V]
    found = tune(KNOBS, START, lambda values: [spikes(values)], meant)
    assert found is not None and found.rms_before > 0.03
    assert found.rms_after < 0.02 * found.rms_before
    assert found.values["slope"] == pytest.approx(1.2**0.5, abs=0.01)
    assert found.values["offset"] == pytest.approx(0.06, abs=0.01)
    assert found.runs < 20


def test_settings_stay_within_their_reach() -> None:
    short = [Knob("slope", 0.01, 0.02), Knob("offset", 0.01, 0.0)]
    found = tune(short, START, lambda values: [spikes(values)], [1.0 - V])
    assert found is not None and found.rms_after < found.rms_before
    assert abs(found.values["slope"] - 1.0) < 0.0201 and found.values["offset"] == 0.0


def test_a_missing_spike_counts_as_a_phase_and_a_failed_run_is_no_answer() -> None:
    silent = tune(KNOBS, START, lambda _: [np.full_like(V, np.nan)], [1.0 - V])
    assert silent is not None and silent.rms_after == 1.0
    assert tune(KNOBS, START, lambda _: None, [1.0 - V]) is None

    def fragile(values: Mapping[str, float]) -> list[np.ndarray] | None:
        return None if values["offset"] > 0.005 else [spikes(values)]

    found = tune(KNOBS, START, fragile, [1.0 - V])
    assert found is not None and found.rms_after < found.rms_before
