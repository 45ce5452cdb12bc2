"""Convolutions without patches: shares on the image and patches made in parts say the same."""

from dataclasses import replace

import pytest
import torch

from codesign.pnn import (
    TTFS,
    Architecture,
    PNNParameters,
    RCSpike,
    Solution,
    SpikeAvgPool2d,
    SpikingConv2d,
    SpikingNetwork,
    patches,
    window,
)
from codesign.pnn.membrane import membrane_images, membrane_potential
from codesign.pnn.ttfs import first_spike, first_spike_images
from codesign.pnn.window import Window
from tests.pnn.membranes import BY_CURRENT, FULL, LINEAR, SLOPED

SERIES = replace(FULL, series=0.03)
WINDOWS = [Window(3, padding=1), Window(3, 2, 1), Window(4, 3, 2, 2), Window(1), Window(5, 1, 0, 4)]


def data(see: Window, batch=3, dtype=torch.float64):
    generator = torch.Generator().manual_seed(3)
    t = torch.rand(batch, 4, 7, 6, dtype=dtype, generator=generator) * 1.2 - 0.05
    t[0, 0] = 0.25
    t[1, 1] = torch.inf
    n_in = 4 // see.groups * see.kernel**2
    w = 0.7 * torch.randn(8, n_in, dtype=dtype, generator=generator)
    return t.requires_grad_(), w.requires_grad_()


def gradients(call, t, w):
    out = call(t, w)
    probe = torch.linspace(0.3, 1.0, out.numel(), dtype=out.dtype).view(out.shape)
    return out.detach(), *torch.autograd.grad((out * probe).sum(), (t, w))


def by_patches(layer, t, w, see, params):
    """layer(spikes, weight, params) of every patch as a row of one large call."""
    columns, n_out = see.patches(t, torch.inf), len(w) // see.groups
    shape = (t.shape[0], see.size_after(t.shape[2]), see.size_after(t.shape[3]), -1)
    groups = enumerate(zip(columns, w.chunk(see.groups), strict=True))
    rows = [layer(c, x, params.of_neurons(g * n_out, (g + 1) * n_out)) for g, (c, x) in groups]
    return torch.cat([x.view(shape) for x in rows], dim=3).permute(0, 3, 1, 2)


def check(images, dense, see, params, tolerance=1e-12):
    t, w = data(see)
    expected = gradients(lambda t, w: by_patches(dense, t, w, see, params), t, w)
    for a, b in zip(gradients(images, t, w), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("see", WINDOWS)
@pytest.mark.parametrize("method", ["dstd", "dstd2"])
@pytest.mark.parametrize("params", [LINEAR, SLOPED, FULL, BY_CURRENT, SERIES])
def test_shares_on_the_image_are_those_of_patches(params, method, see, monkeypatch):
    monkeypatch.setattr(window, "_MOST_BYTES", {"cpu": 20_000})
    solution = Solution(method, 4, 0.1, 1.3)
    check(
        lambda t, w: membrane_images(t, w, params, solution, see, backend="torch"),
        lambda t, w, own: membrane_potential(t, w, own, solution, backend="torch"),
        *(see, params),
    )


@pytest.mark.parametrize("see", WINDOWS[1:3])
@pytest.mark.parametrize("params", [LINEAR, SLOPED])
def test_first_spikes_of_shares_are_those_of_patches(params, see):
    solution = Solution("dstd", 9, 0.05)
    options = {"t_max": 1.5, "kappa": 0.7, "backend": "torch"}
    check(
        lambda t, w: first_spike_images(t, w + 0.3, params, solution, see, **options).t,
        lambda t, w, own: first_spike(t, w + 0.3, own, solution, **options).t,
        *(see, params),
    )


@pytest.mark.parametrize("see", WINDOWS)
@pytest.mark.parametrize("method", ["exact", "dstd2"])
def test_patches_made_in_parts_are_those_made_at_once(method, see, monkeypatch):
    monkeypatch.setattr(patches, "_MOST_BYTES", 3_000)
    solution = Solution(method, 4)
    params = replace(SLOPED, v_start=tuple(0.01 * k for k in range(8)))
    for backend in ("auto", "compiled"):
        check(
            lambda t, w, b=backend: membrane_images(t, w, params, solution, see, b),
            lambda t, w, own: membrane_potential(t, w, own, solution, backend="torch"),
            *(see, params, 1e-11),
        )


@pytest.mark.parametrize("neuron", [RCSpike(), TTFS(2.0)])
def test_a_neuron_without_an_own_convolution_goes_patch_by_patch(neuron):
    layer = SpikingConv2d(
        *((4, 7, 6), 8, LINEAR), kernel=3, stride=2, groups=2, neuron=neuron, dtype=torch.float64
    )
    t, _ = data(layer.window)
    solution = Solution("dstd", 5)
    own = layer(t, solution)
    plain = super(type(neuron), neuron).convolve(t, layer.weight, LINEAR, solution, layer.window)
    for a, b in zip(own[:3], plain[:3], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_stride_padding_groups_and_mean_times_in_text():
    net = Architecture("conv8k4s2p1g2-avgpool-conv6p0-5", (2, 16, 16))
    assert [layer.after for layer in net.layers] == [(8, 8, 8), (8, 4, 4), (6, 2, 2), (5, 1, 1)]
    assert net.weight_shapes == [(8, 16), (6, 72), (5, 24)]
    out = SpikingNetwork(net, PNNParameters(4.0, -4.0))(torch.rand(2, 512))
    assert [x.t.shape for x in out] == [(2, 8, 8, 8), (2, 6, 2, 2), (2, 5)]
    t = torch.tensor([[[[0.1, 0.3], [0.2, 1.0]]]])
    torch.testing.assert_close(SpikeAvgPool2d()(t), torch.tensor([[[[0.4]]]]))


@pytest.mark.parametrize("text", ["conv4g3", "conv3g2", "conv4k9p0", "conv4k3p3", "conv4s0"])
def test_convolutions_that_do_not_fit_are_refused(text):
    with pytest.raises(ValueError, match=text):
        Architecture(text, (2, 6, 6))


@pytest.mark.parametrize("method", ["exact", "dstd2"])
def test_channels_of_one_place_are_coupled_whatever_their_group(method):
    see, solution = Window(3, 2, 1, 2), Solution(method, 4)
    t, w = data(see)
    alone, both = (
        membrane_images(t, w, params, solution, see)
        for params in (LINEAR, replace(LINEAR, coupling=((1, 6, 0.25),)))
    )
    others = [0, *range(2, alone.shape[1])]
    torch.testing.assert_close(both[:, others], alone[:, others])
    # Conductances leave a part of the neighbour's movement.
    left = (both[:, 1] - alone[:, 1]) / (0.25 * alone[:, 6])
    assert ((left > 0.1) & (left < 1.0)).all()
