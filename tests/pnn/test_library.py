"""Spiking networks in a stranger's hands: shapes, NaN, empty batches, numbers, bytes, copies."""

import copy
import pickle

import numpy as np
import pytest
import torch

from codesign.pnn import (
    Architecture,
    PNNParameters,
    RCSpikeNetwork,
    Solution,
    SpikingConv2d,
    SpikingNetwork,
    first_spike,
    membrane_potential,
    membrane_trace,
)
from codesign.pnn.io import load_network, load_spiking_network, save_network

PARAMS = PNNParameters(4.0, -4.0)
SOLUTIONS = [Solution("dstd2"), Solution("dstd"), Solution("exact")]
NEURONS = pytest.mark.parametrize("neuron", ["rc_spike", "ttfs"])


def times(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def network(text="conv4-pool-5", shape=(1, 4, 4), neuron="rc_spike"):
    draws = torch.Generator().manual_seed(2)
    return SpikingNetwork(Architecture(text, shape, neuron), PARAMS, generator=draws)


def test_images_are_those_of_the_architecture_or_flat():
    net, x = network(), times(3, 1, 4, 4)
    assert torch.equal(net(x)[-1].t, net(x.flatten(1))[-1].t)
    for shape in ((3, 4, 4, 1), (3, 1, 8, 8), (3, 1, 4, 2), (3, 8), (16,), (1, 4, 4), (3, 32)):
        with pytest.raises(ValueError, match="t_in must be"):
            net(torch.rand(shape))
    layer = SpikingConv2d((2, 4, 4), 3, PARAMS)
    assert layer(torch.rand(2, 2, 4, 4)).t.shape == (2, 3, 4, 4)
    for shape in ((2, 4, 4, 2), (2, 2, 8, 8), (2, 4, 4)):
        with pytest.raises(ValueError, match="t_in must be"):
            layer(torch.rand(shape))


@NEURONS
def test_nan_is_refused_and_infinity_is_no_spike(neuron):
    net = network("5-3", (1, 1, 6), neuron)
    t = times(4, 6)
    t[1, 2] = torch.nan
    for solution in SOLUTIONS:
        with pytest.raises(ValueError, match="NaN"):
            net(t, solution)
        silent = net(torch.full((1, 6), torch.inf), solution)[0]
        assert torch.isfinite(silent.t).all()
    weight = torch.rand(3, 6)
    for call in (membrane_potential, membrane_trace, first_spike):
        with pytest.raises(ValueError, match="NaN"):
            call(t, weight, PARAMS)


@NEURONS
@pytest.mark.parametrize("solution", SOLUTIONS, ids=lambda s: s.method)
def test_empty_batches(neuron, solution):
    net = network(neuron=neuron)
    outputs = net(torch.zeros(0, 1, 4, 4), solution)
    outputs[-1].t.sum().backward()
    assert [tuple(x.t.shape) for x in outputs] == [(0, 4, 4, 4), (0, 5)]
    assert all(w.grad is not None and not w.grad.any() for w in net.weights)


def test_empty_batches_in_the_kernels():
    weight = torch.rand(40, 50, requires_grad=True)
    for method in ("dstd2", "dstd", "exact"):
        v = membrane_potential(torch.zeros(0, 50), weight, PARAMS, method, backend="compiled")
        assert v.shape == (0, 40)
        assert not torch.autograd.grad(v.sum(), weight)[0].any()


def test_numbers_of_numpy_are_numbers(tmp_path):
    params = PNNParameters(
        np.float32(4.0), np.float64(-4.0), kick=np.float32(0.1), v_start=np.float64(0.25)
    )
    assert params == PNNParameters(4.0, -4.0, kick=0.1, v_start=0.25)
    assert Solution("dstd2", np.int64(10), np.float32(0.05)) == Solution("dstd2", 10, 0.05)
    assert Solution(steps=(np.int32(4), 8)).steps == Solution(steps=[4, 8]).steps == (4, 8)
    net = SpikingNetwork(Architecture("5-3", (np.int64(1), 1, 6)), params)
    assert torch.equal(net(times(2, 6))[0].v, net(times(2, 6), Solution(steps=np.int16(10)))[0].v)
    save_network(net, str(tmp_path / "x.safetensors"))
    assert load_spiking_network(str(tmp_path / "x.safetensors")).params == net.params


def test_equal_networks_are_equal_bytes(tmp_path):
    weights = [torch.rand(5, 6), torch.rand(3, 5)]
    dense = RCSpikeNetwork.from_weights(weights, PARAMS)
    for net, load in ((network("5-3", (1, 1, 6)), load_spiking_network), (dense, load_network)):
        seen = set()
        for k in range(8):
            save_network(net, tmp_path / f"{k}.safetensors")
            seen.add((tmp_path / f"{k}.safetensors").read_bytes())
        assert len(seen) == 1
        again = load(tmp_path / "0.safetensors")
        assert all(torch.equal(a, b) for a, b in zip(again.weights, net.weights, strict=True))
        save_network(again, tmp_path / "again.safetensors")
        assert (tmp_path / "again.safetensors").read_bytes() in seen


def test_second_derivatives_are_right_in_torch_and_refused_by_the_kernels():
    weight = (times(6, 12) / 3).double().requires_grad_()
    t = times(2, 12).double().requires_grad_()

    def penalty(backend):
        v = membrane_potential(t, weight, PARAMS, "dstd2", backend=backend).sum()
        (slope,) = torch.autograd.grad(v, t, create_graph=True)
        return torch.autograd.grad(slope.pow(2).sum(), weight)[0]

    assert float(penalty("torch").norm()) > 0
    with pytest.raises(RuntimeError, match="backend='torch'"):
        penalty("compiled")
    # First derivatives are those of the kernels also where a graph of them was asked for.
    v = membrane_potential(t, weight, PARAMS, "dstd2", backend="compiled").sum()
    found = torch.autograd.grad(v, weight, create_graph=True)[0]
    v = membrane_potential(t, weight, PARAMS, "dstd2", backend="torch").sum()
    torch.testing.assert_close(found, torch.autograd.grad(v, weight)[0])


@NEURONS
def test_copies_and_states(neuron):
    net, x = network(neuron=neuron), times(3, 1, 4, 4)
    want = net(x)[-1].t
    other = SpikingNetwork(net.architecture, PARAMS)
    other.load_state_dict(net.state_dict())
    for same in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), other):
        assert torch.equal(same(x)[-1].t, want)
    assert torch.equal(torch.nn.DataParallel(net)(x)[-1].t, want)


def test_given_weights_draw_nothing():
    weights = [torch.rand(5, 6), torch.rand(3, 5)]
    before = torch.get_rng_state()
    net = RCSpikeNetwork.from_weights(weights, PARAMS)
    SpikingNetwork.from_weights(Architecture("5-3", (1, 1, 6)), weights, PARAMS)
    assert torch.equal(torch.get_rng_state(), before) and net.layer_sizes == (6, 5, 3)
