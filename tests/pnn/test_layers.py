import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from codesign.errors import DataError
from codesign.pnn import PNNParameters, RCSpikeLinear, RCSpikeNetwork, firing_time
from codesign.pnn.io import load_network, save_network
from codesign.pnn.membrane import membrane_potential

PARAMS = (PNNParameters(2.8, -1.53, e_dis=6.5), PNNParameters(2.6, -1.6, t_end=0.995))


def network(dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return RCSpikeNetwork((5, 4, 3), PARAMS, dtype=dtype, generator=generator)


def inputs(batch=6, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(batch, 5, dtype=torch.float64, generator=generator)


def test_network_is_its_layers_one_after_the_other_each_with_its_parameters():
    net, t = network(), inputs()
    hidden, out = net(t, method="exact")
    v1 = membrane_potential(t, net.weights[0], PARAMS[0])
    v2 = membrane_potential(firing_time(v1, PARAMS[0]), net.weights[1], PARAMS[1])
    torch.testing.assert_close(hidden.v, v1)
    torch.testing.assert_close(out.v, v2)
    torch.testing.assert_close(out.t, firing_time(v2, PARAMS[1]))
    assert net.layer_sizes == (5, 4, 3)


def test_silent_and_early_neurons():
    layer = RCSpikeLinear(2, 2, PNNParameters(), dtype=torch.float64)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[-1.0, 0.0], [3.0, 0.0]]))
    out = layer(torch.tensor([[0.5, 0.5]], dtype=torch.float64), method="exact")
    assert out.t.tolist() == [[1.0, 0.0]]
    assert out.t_unclipped.tolist() == [[1.5, -0.5]]


def test_noise_comes_from_the_generator_alone():
    net, t = network(), inputs()

    def run(seed):
        torch.manual_seed(seed + 100)
        generator = torch.Generator().manual_seed(seed)
        return net(t, sigma=0.02, generator=generator)[-1].t

    torch.testing.assert_close(run(1), run(1), rtol=0, atol=0)
    assert not torch.equal(run(1), run(2))


def test_same_seed_same_weights_and_dtype_is_explicit():
    for a, b in zip(network().weights, network().weights, strict=True):
        assert torch.equal(a, b)
    assert network(torch.float32).weights[0].dtype == torch.float32


def test_gradients_reach_every_weight_through_both_layers():
    net = network()
    outputs = net(inputs(), method="dstd2", steps=4, offset=0.1)
    outputs[-1].t_unclipped.sum().backward()
    assert all(bool(w.grad.abs().sum() > 0) for w in net.weights)


def test_sizes_and_parameters_must_fit():
    with pytest.raises(ValueError, match="3 layers need 3"):
        RCSpikeNetwork((5, 5, 5, 5), PARAMS)
    with pytest.raises(ValueError, match="layer_sizes"):
        RCSpikeNetwork((5,), PNNParameters())


def test_neuron_values_reach_the_layers():
    shifted = replace(PARAMS[1], v_start=(0.01, 0.0, -0.02), firing_offset=(0.0, 0.03, 0.01))
    net = RCSpikeNetwork((5, 4, 3), (PARAMS[0], shifted), dtype=torch.float64)
    hidden, out = net(inputs(), method="exact")
    v = membrane_potential(hidden.t, net.weights[1], shifted)
    torch.testing.assert_close(out.v, v)
    torch.testing.assert_close(out.t, firing_time(v, shifted))


@pytest.mark.parametrize("params", [PARAMS, (PARAMS[0], replace(PARAMS[1], v_start=(0.1,) * 3))])
def test_save_and_load(tmp_path, params):
    net = RCSpikeNetwork((5, 4, 3), params, dtype=torch.float64)
    save_network(net, tmp_path / "net.safetensors")
    again = load_network(tmp_path / "net.safetensors")
    assert again.params == net.params
    for a, b in zip(again.weights, net.weights, strict=True):
        assert torch.equal(a, b)
    assert [x.name for x in tmp_path.iterdir()] == ["net.safetensors"]


def test_damaged_and_missing_files_are_named(tmp_path):
    path = tmp_path / "net.safetensors"
    with pytest.raises(DataError, match="does not exist"):
        load_network(path)
    save_network(network(), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"net\.safetensors is damaged"):
        load_network(path)


def test_importing_the_room_needs_torch_alone():
    code = (
        "import sys, codesign.pnn;"
        "bad = {'pydantic', 'pandas', 'sklearn', 'PySpice', 'safetensors', 'numba'};"
        "bad &= set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
