"""Terms of the membrane equation one by one: kicks, reversal potentials, start, end, traces."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from codesign.pnn import PNNParameters, membrane_potential, membrane_trace, membrane_waveform
from tests.pnn.membranes import FULL, LINEAR, METHODS, spikes, weights


@pytest.mark.parametrize("method", METHODS)
def test_kicks_add_at_every_arriving_spike_whatever_its_weight(method):
    params = PNNParameters(kick=0.01, kick_per_weight_plus=-0.02, kick_per_weight_minus=-0.05)
    t = torch.tensor([[0.15, 0.3, 0.85, 1.0, torch.inf]], dtype=torch.float64)
    w = torch.tensor([[0.0, 0.4, -0.2, 0.7, 0.7]], dtype=torch.float64)
    v = membrane_potential(t, w, params, method, steps=5)
    expected = 0.4 * 0.7 - 0.2 * 0.15 + 3 * 0.01 - 0.02 * 0.4 - 0.05 * -0.2
    assert v.item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("method", ["dstd", "dstd2"])
def test_kicks_converge_to_the_exact_solution(method):
    t, w = spikes(50, 5), weights(4, 5)
    exact = membrane_potential(t, w, FULL)
    coarse, fine = (
        (membrane_potential(t, w, FULL, method, m) - exact).abs().mean() for m in (8, 256)
    )
    assert fine < 2e-5
    assert fine < coarse / 10


def test_reversal_potential_follows_the_weight():
    """A synapse at (1 + u)^2 w_ref acts like a constant reversal potential of that synapse."""
    u = 0.6
    w = torch.full((1, 1), 0.25 * (1 + u) ** 2, dtype=torch.float64)
    t = torch.zeros(1, 1, dtype=torch.float64)
    sloped = PNNParameters(e_plus=2.0, slope_plus=(0.1, -0.02), slope_minus=(9.0,))
    same = PNNParameters(e_plus=1 / (0.5 + 0.1 * u - 0.02 * u * u))
    torch.testing.assert_close(membrane_potential(t, w, sloped), membrane_potential(t, w, same))


@pytest.mark.parametrize("method", METHODS)
def test_accumulation_ends_at_t_end(method):
    params = PNNParameters(t_end=0.8)
    t = torch.tensor([[0.3, 0.8, 0.9]], dtype=torch.float64)
    w = torch.ones(1, 3, dtype=torch.float64)
    v = membrane_potential(t, w, params, method, steps=5, offset=0.07)
    assert v.item() == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("offset", [0.0, 0.06])
def test_start_value_decays_by_leak_alone(method, offset):
    params = PNNParameters(leak=0.7, v_start=0.3)
    t = torch.full((1, 1), torch.inf, dtype=torch.float64)
    v = membrane_potential(t, torch.ones_like(t), params, method, 10, offset)
    assert v.item() == pytest.approx(0.3 * np.exp(-0.7), abs=1e-12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("params", [LINEAR, FULL], ids=["linear", "full"])
def test_each_neuron_may_start_elsewhere(method, params):
    t, w = spikes(4, 6), weights(3, 6)
    starts = (-0.05, 0.0, 0.1)
    together = membrane_potential(t, w, replace(params, v_start=starts), method, 6, 0.05)
    for o, start in enumerate(starts):
        alone = membrane_potential(t, w[o : o + 1], replace(params, v_start=start), method, 6, 0.05)
        torch.testing.assert_close(together[:, o : o + 1], alone)
    with pytest.raises(ValueError, match="v_start has 2 values for 3 neurons"):
        membrane_potential(t, w, replace(params, v_start=(0.0, 0.1)), method)


@pytest.mark.parametrize("method", METHODS)
def test_trace_ends_at_the_membrane_and_waveform_passes_through_it(method):
    t, w = spikes(3, 5), weights(2, 5)
    trace = membrane_trace(t, w, FULL, method, 6)
    assert trace.t.shape == trace.v.shape[:2]
    torch.testing.assert_close(trace.v[-1], membrane_potential(t, w, FULL, method, 6))
    if method == "exact":
        assert bool((trace.t.diff(dim=0) >= 0).all())
        wave = membrane_waveform(t[:1], w, FULL, trace.t[1:, 0].clamp_min(1e-9).tolist())
        arrived = (t[0] < FULL.t_end).sum()
        # At an arrival the trace holds the value after the kick, the waveform the one before.
        kicks = trace.v[1:, 0] - wave[:, 0]
        assert float(kicks[:arrived].abs().max()) < 0.02
        torch.testing.assert_close(wave[-1, 0], trace.v[-1, 0])


@pytest.mark.parametrize("method", METHODS)
def test_kicks_by_current_spare_weight_zero(method):
    params = PNNParameters(kick_plus=(0.01, 0.02), kick_minus=(-0.03, 0.01), w_ref=0.25)
    t = torch.tensor([[0.15, 0.3, 0.85, 1.0]], dtype=torch.float64)
    w = torch.tensor([[0.0, 0.36, -0.16, 0.7]], dtype=torch.float64)
    v = membrane_potential(t, w, params, method, steps=5)
    expected = 0.36 * 0.7 - 0.16 * 0.15 + (0.01 + 0.02 * 0.2) + (-0.03 + 0.01 * -0.2)
    assert v.item() == pytest.approx(expected, abs=1e-12)
