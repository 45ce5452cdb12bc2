"""Networks of both neurons: shapes, what convolution and pooling mean, saving, gradients."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.errors import DataError
from codesign.pnn import (
    Architecture,
    PNNParameters,
    RCSpikeNetwork,
    Solution,
    SpikePool2d,
    SpikingConv2d,
    SpikingNetwork,
    TTFSLinear,
    first_spike_time,
    membrane_potential,
)
from codesign.pnn.initial import ttfs_initial_weight
from codesign.pnn.io import load_network, load_spiking_network, save_network

PARAMS = PNNParameters(e_plus=4.0, e_minus=-3.0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def images(batch=2, shape=(2, 6, 6), seed=0):
    return torch.rand(batch, *shape, dtype=torch.float64, generator=generator(seed))


def test_text_becomes_layers_over_the_input():
    net = Architecture("conv4-pool-conv8k5-pool3-20-10", (3, 16, 16))
    assert [layer.after for layer in net.layers] == [
        *((4, 16, 16), (4, 8, 8), (8, 8, 8), (8, 2, 2)),
        *((20, 1, 1), (10, 1, 1)),
    ]
    assert net.weight_shapes == [(4, 27), (8, 100), (20, 32), (10, 20)]
    assert (net.n_inputs, net.n_outputs) == (768, 10)


@pytest.mark.parametrize("text", ["", "conv", "conv4k2", "10--5", "pool9", "0", "dense5", "pool"])
def test_bad_layers_are_refused(text):
    with pytest.raises(ValueError, match=r"layer|weights"):
        Architecture(text, (1, 4, 4) if text != "pool" else (1, 1, 1))


def test_dense_rc_spike_networks_are_those_of_before():
    old = RCSpikeNetwork((6, 5, 3), PARAMS, dtype=torch.float64, generator=generator())
    new = SpikingNetwork(
        Architecture.dense((6, 5, 3)), PARAMS, dtype=torch.float64, generator=generator()
    )
    t = images(4, (6,))
    for a, b in zip(old(t, "dstd2", 4, 0.1), new(t, Solution("dstd2", 4, 0.1)), strict=True):
        assert torch.equal(a.t, b.t) and torch.equal(a.v, b.v)


@pytest.mark.parametrize("neuron", ["rc_spike", "ttfs"])
def test_a_convolution_is_the_neuron_on_every_patch(neuron):
    layer = SpikingConv2d(
        *((2, 6, 6), 3, PARAMS),
        neuron=neuron,
        t_max=3.0,
        dtype=torch.float64,
        generator=generator(),
    )
    t = images()
    solution = Solution("exact")
    out = layer(t, solution)
    assert out.t.shape == (2, 3, 6, 6)
    patch = t[:, :, 1:4, 2:5].reshape(2, -1)
    corner = torch.full((2, 2, 3, 3), 9.0, dtype=torch.float64)
    corner[:, :, 1:, 1:] = t[:, :, :2, :2]
    for inputs, at in ((patch, (2, 3)), (corner.reshape(2, -1), (0, 0))):
        if neuron == "rc_spike":
            expected = membrane_potential(inputs, layer.weight, PARAMS)
            torch.testing.assert_close(out.v[:, :, at[0], at[1]], expected)
        else:
            expected = first_spike_time(inputs, layer.weight, PARAMS, "exact", t_max=3.0)
            torch.testing.assert_close(out.t[:, :, at[0], at[1]], expected)


def test_pooling_passes_the_earliest_spike():
    t = images()
    out = SpikePool2d(3)(t)
    assert out.shape == (2, 2, 2, 2)
    assert out[1, 0, 1, 0] == t[1, 0, 3:, :3].min()


def test_each_layer_may_have_its_own_number_of_intervals():
    net = SpikingNetwork(
        Architecture.dense((6, 5, 3)), PARAMS, dtype=torch.float64, generator=generator()
    )
    t = images(4, (6,))
    hidden, out = net(t, Solution("dstd", (4, 9), 0.2))
    v = membrane_potential(t, net.weights[0], PARAMS, "dstd", 4, 0.2)
    torch.testing.assert_close(hidden.v, v)
    v = membrane_potential(hidden.t, net.weights[1], PARAMS, "dstd", 9, 0.2 * 4 / 9)
    torch.testing.assert_close(out.v, v)


def test_noise_spares_silent_neurons():
    net = SpikingNetwork(Architecture.dense((2, 2)), PARAMS, dtype=torch.float64)
    t = torch.tensor([[1.0, 1.0]], dtype=torch.float64)
    out = net(t, Solution("exact"), sigma=0.3, generator=generator())[0]
    assert out.v.tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("neuron", ["rc_spike", "ttfs"])
def test_save_and_load(tmp_path, neuron):
    net = SpikingNetwork(
        Architecture("conv2-pool-3", (1, 4, 4), neuron, 3.0), PARAMS, generator=generator()
    )
    save_network(net, tmp_path / "net.safetensors")
    again = load_spiking_network(tmp_path / "net.safetensors")
    assert again.architecture == net.architecture and again.params == net.params
    for a, b in zip(again.weights, net.weights, strict=True):
        assert torch.equal(a, b)
    with pytest.raises(DataError, match="holds no RC-Spike network"):
        load_network(tmp_path / "net.safetensors")
    dense = RCSpikeNetwork((3, 2), PARAMS)
    save_network(dense, tmp_path / "dense.safetensors")
    assert load_spiking_network(tmp_path / "dense.safetensors").architecture.text == "2"


def test_fresh_ttfs_neurons_fire_within_the_window():
    layer = TTFSLinear(50, 20, PARAMS, t_max=4.0, dtype=torch.float64, generator=generator())
    out = layer(images(8, (50,)), Solution("exact"))
    assert bool((out.t <= 4.0).all())
    for e in (0.5, 1.0, float("inf")):
        params = PNNParameters(e_plus=e)
        w = ttfs_initial_weight(
            *(9, 4, 3, params), t_ref=3.2, dtype=torch.float32, generator=generator()
        )
        assert bool(torch.isfinite(w).all()) and float(w.mean()) > 0.0


@pytest.mark.parametrize(("n_in", "text"), [(64, "32-10"), (784, "100-100-10")])
@pytest.mark.parametrize("t_ref", [2.0, 3.2])
def test_fresh_ttfs_networks_fire_about_where_asked_and_not_all_at_once(n_in, text, t_ref):
    net = Architecture(text, (1, 1, n_in), "ttfs", 4.0)
    params = net.records(PARAMS)
    weights = net.initial_weights(params, torch.float64, generator(), t_ref)
    outputs = net.forward(images(20, (n_in,)), weights, params, Solution("exact"))
    for layer in outputs:
        assert bool((layer.t <= 4.0).all())
        # Neurons that are all alike would get the same gradient.
        assert float(layer.t.std(dim=1).mean()) > 0.01
    assert abs(float(outputs[-1].t.mean()) - t_ref) < 0.3 * t_ref


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    neuron=st.sampled_from(["rc_spike", "ttfs"]),
    text=st.sampled_from(["5-3", "conv3-pool-4", "conv2k1-conv2-3"]),
    method=st.sampled_from(["exact", "dstd"]),
    dead=st.booleans(),
)
def test_gradients_of_networks_are_finite(seed, neuron, text, method, dead):
    net = SpikingNetwork(Architecture(text, (2, 4, 4), neuron, 3.0), PARAMS, generator=generator())
    if dead:
        with torch.no_grad():
            net.weights[0].mul_(-1.0)
    t = images(3, (32,), seed).float()
    outputs = net(t, Solution(method, 5), sigma=0.05, generator=generator(seed))
    sum(x.t_unclipped.sum() for x in outputs).backward()
    for w in net.weights:
        assert w.grad is None or bool(torch.isfinite(w.grad).all())
    assert bool((net.weights[0].grad != 0).any())
