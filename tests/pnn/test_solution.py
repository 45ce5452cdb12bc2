"""A `Solution` does what its method and grid do as arguments, everywhere."""

import pytest
import torch

from codesign.pnn import (
    TTFS,
    PNNParameters,
    RCSpikeLinear,
    RCSpikeNetwork,
    Solution,
    SpikingLinear,
    first_spike,
    first_spike_time,
    membrane_potential,
    membrane_trace,
    network_forward,
)

PARAMS = PNNParameters(e_plus=4.0, e_minus=-3.0)
GRIDS = [("exact", 10, 0.0, 1.0), ("dstd", 6, 0.1, 1.0), ("dstd2", 10, 0.05, 1.5)]


def inputs(seed=0):
    generator = torch.Generator().manual_seed(seed)
    t = torch.rand(3, 8, dtype=torch.float64, generator=generator)
    return t, torch.randn(4, 8, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("grid", GRIDS)
def test_membranes(grid):
    t, w = inputs()
    solution = Solution(*grid)
    assert torch.equal(
        membrane_potential(t, w, PARAMS, solution), membrane_potential(t, w, PARAMS, *grid)
    )
    assert torch.equal(
        membrane_trace(t, w, PARAMS, solution).v, membrane_trace(t, w, PARAMS, *grid).v
    )


@pytest.mark.parametrize("method", ["exact", "dstd"])
def test_first_spikes(method):
    t, w = inputs()
    offset = 0.0 if method == "exact" else 0.02
    by_name = first_spike(t, w.abs(), PARAMS, method, 12, 3.0, 3.0 * offset)
    by_record = first_spike(t, w.abs(), PARAMS, Solution(method, 12, offset), t_max=3.0)
    assert torch.equal(by_name.t, by_record.t) and bool(by_name.fired.any())
    moments = Solution("dstd2" if method == "dstd" else "exact", 12, offset, 2.0)
    assert torch.equal(first_spike_time(t, w.abs(), PARAMS, moments, t_max=3.0), by_name.t)


def test_layers_and_networks():
    t, _ = inputs()
    how = {"dtype": torch.float64, "generator": torch.Generator().manual_seed(1)}
    layer, net = RCSpikeLinear(8, 3, PARAMS, **how), RCSpikeNetwork((8, 5, 3), PARAMS, **how)
    solution = Solution("dstd", 7, 0.1)
    assert torch.equal(layer(t, solution).t, layer(t, "dstd", 7, 0.1).t)
    assert torch.equal(net(t, solution)[1].t, net(t, "dstd", 7, 0.1)[1].t)
    by_record = network_forward(t, net.weights, net.params, solution)
    assert torch.equal(by_record[1].t, net(t, "dstd", 7, 0.1)[1].t)
    each = network_forward(t, net.weights, net.params, Solution("dstd", (7, 14), 0.1))
    assert torch.equal(each[0].t, by_record[0].t)
    ttfs = SpikingLinear(8, 3, PARAMS, TTFS(3.0), **how)
    expected = first_spike_time(t, ttfs.weight, PARAMS, "dstd", 7, 3.0, 3.0 * 0.1)
    assert torch.equal(ttfs(t, solution).t, expected)


@pytest.mark.parametrize(
    ("solution", "message"),
    [
        (Solution("euler"), "method must be one of"),
        (Solution("dstd", 0), "at least 1"),
        (Solution("dstd", 5, 0.2), "offset"),
        (Solution("dstd", 5, warp=9.0), "warp"),
        (Solution("dstd", (5, 6)), "one number of steps"),
    ],
)
def test_what_does_not_fit_is_refused(solution, message):
    t, w = inputs()
    with pytest.raises(ValueError, match=message):
        membrane_potential(t, w, PARAMS, solution)


def test_a_grid_beside_a_solution_is_refused():
    t, w = inputs()
    for call in (membrane_potential, first_spike_time):
        with pytest.raises(ValueError, match="are in the Solution"):
            call(t, w, PARAMS, Solution("dstd", 5), steps=7)
