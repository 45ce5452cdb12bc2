"""The fast model against the exact ladder: values, gradients, settings, backends."""

from dataclasses import replace

import pytest
import torch

from codesign.tile import TileParameters, load_number, pick_setting, tile_charge


def rms_error(found, want):
    """rms error as a share of the wanted output's rms."""
    return float((found.double() - want).pow(2).mean().sqrt() / want.pow(2).mean().sqrt())


@pytest.mark.parametrize("rows", [64, 128, 256, 512])
@pytest.mark.parametrize("r", [0.15, 0.35, 1.0, 2.0])
def test_default_setting_is_within_its_accuracy(rows, r, sample):
    x, plus, minus = sample(rows, 16, 4)
    params = TileParameters(r_line_ohm=r)
    want = tile_charge(x, plus, minus, params, "exact")
    assert rms_error(tile_charge(x, plus, minus, params), want) <= 1e-3
    single = [t.float() for t in (x, plus, minus)]
    assert rms_error(tile_charge(*single, params), want) <= 1e-3


@pytest.mark.parametrize("rows", [64, 256])
@pytest.mark.parametrize(
    "change", [lambda x: 0.1 * x, lambda x: x**3, torch.sign], ids=["short", "cubed", "at once"]
)
def test_accuracy_holds_for_other_pulses(rows, change, sample):
    """The activations of a network end early in the window, a few of them late."""
    x, plus, minus = sample(rows, 16, 4)
    params = TileParameters(r_line_ohm=1.0)
    want = tile_charge(change(x), plus, minus, params, "exact")
    assert rms_error(tile_charge(change(x), plus, minus, params), want) <= 1e-3


def test_slices_are_those_of_the_vector_alone(sample):
    x, plus, minus = sample(64, 4, 5)
    params = TileParameters(r_line_ohm=5.0, accuracy=1e-2)
    together = tile_charge(x, plus, minus, params)
    alone = torch.cat([tile_charge(one, plus, minus, params) for one in x.split(1)])
    assert torch.equal(together, alone)


@pytest.mark.parametrize("differential", ["shared", "paired"])
def test_accuracy_is_what_is_asked_for(differential, sample):
    x, plus, minus = sample(256, 12, 4)
    errors = []
    for accuracy in (1e-2, 3e-3, 1e-3, 3e-4):
        params = TileParameters(r_line_ohm=1.0, differential=differential, accuracy=accuracy)
        want = tile_charge(x, plus, minus, params, "exact")
        errors.append(rms_error(tile_charge(x, plus, minus, params), want))
        # Paired lines are subtracted: what is left is smaller than what each line's error is of.
        assert errors[-1] <= accuracy * (1.0 if differential == "shared" else 2.0)
    assert errors == sorted(errors, reverse=True)


def test_error_falls_with_the_square_of_elements_and_slices(sample):
    x, plus, minus = sample(256, 12, 4)
    want = tile_charge(x, plus, minus, TileParameters(r_line_ohm=1.0), "exact")

    def error(elements, slices):
        params = TileParameters(r_line_ohm=1.0, elements=elements, slices=slices)
        return rms_error(tile_charge(x, plus, minus, params), want)

    assert 3 < error(4, 127) / error(8, 127) < 5
    assert 3 < error(256, 8) / error(256, 16) < 5
    assert error(256, 127) < 1e-12


@pytest.mark.parametrize("rows,cols", [(1, 1), (1, 3), (2, 1), (37, 130)])
def test_backends_give_equal_numbers(rows, cols, sample, backends_agree):
    x, plus, minus = sample(rows, cols, 3)
    x[0, 0] = 0.0
    params = TileParameters(r_line_ohm=20.0, elements=5, slices=6)
    backends_agree((x, plus, minus), params)


@pytest.mark.parametrize("backend", ["torch", "compiled"])
@pytest.mark.parametrize("cell", ["gated", "rail"])
@pytest.mark.parametrize("differential", ["shared", "paired"])
def test_gradcheck(backend, cell, differential, sample):
    x, plus, minus = sample(7, 3, 2)
    # Away from slice edges, where the slope jumps, and in units of about one.
    x = (x * 0.9 + 0.03 * x.sign()).requires_grad_()
    g = [(1e6 * t + 0.5).requires_grad_() for t in (plus, minus)]
    params = TileParameters(
        cell=cell, r_line_ohm=2e3, pulse_bits=None, differential=differential,
        elements=3, slices=4, v_read_V=1.0, t_window_s=1.0,
    )  # fmt: skip

    def charge(pulse, g_plus, g_minus):
        return 1e6 * tile_charge(pulse, 1e-6 * g_plus, 1e-6 * g_minus, params, backend=backend)

    assert torch.autograd.gradcheck(charge, (x, *g), eps=1e-6, atol=1e-6, rtol=1e-5)


def test_gradients_are_the_exact_ladders(sample):
    x, plus, minus = sample(256, 4, 2)
    params = TileParameters(r_line_ohm=1.0, pulse_bits=None)
    toward = torch.randn(2, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    found = {}
    for method in ("exact", "fast"):
        leaves = [t.clone().requires_grad_() for t in (x, plus, minus)]
        q = tile_charge(*leaves, params, method)
        found[method] = torch.autograd.grad((q * toward).sum(), leaves)
    pulse, g_plus, g_minus = (
        rms_error(a, b) for a, b in zip(found["fast"], found["exact"], strict=True)
    )
    assert g_plus <= 0.01 and g_minus <= 0.01
    assert pulse <= 0.03


def test_exact_gradient_is_the_difference_quotient(sample):
    x, plus, minus = sample(12, 3, 2)
    params = TileParameters(r_line_ohm=500.0, pulse_bits=None)
    scale = 1e13

    def charge(pulse):
        return scale * tile_charge(pulse, plus, minus, params, "exact")

    x = (0.9 * x).requires_grad_()
    assert torch.autograd.gradcheck(charge, (x,), eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("backend", ["torch", "compiled"])
def test_a_pulse_that_ends_on_a_slice_edge_counts_once(backend, sample):
    _, plus, minus = sample(6, 2, 1)
    params = TileParameters(
        r_line_ohm=1.0, pulse_bits=None, elements=2, slices=4, v_read_V=1.0, t_window_s=1.0
    )
    x = torch.tensor([[0.25, -0.5, 0.75, 1.0, 0.0, 0.1]], dtype=torch.float64, requires_grad=True)
    q = tile_charge(x, plus, minus, params, backend=backend)
    (slope,) = torch.autograd.grad(q.sum(), x)
    # Nearly free lines: the slope of every pulse is its row's conductance, once.
    torch.testing.assert_close(slope[0], (plus - minus).sum(dim=1), rtol=1e-3, atol=0.0)


@pytest.mark.parametrize("method", ["exact", "fast"])
def test_rounding_passes_the_gradient_through(method, sample):
    x, plus, minus = sample(16, 3, 2)
    x[0, :4] = torch.tensor([0.0, 1e-4, -1e-4, 0.003])
    x.requires_grad_()
    q = tile_charge(x, plus, minus, TileParameters(r_line_ohm=0.35), method)
    (slope,) = torch.autograd.grad(q.sum(), x)
    want = ((plus - minus).sum(dim=1) * 0.2 * 127e-9).expand_as(slope)
    torch.testing.assert_close(slope, want, rtol=0.01, atol=2e-3 * float(want.abs().max()))


def test_setting_follows_the_load():
    light, heavy = pick_setting(0.01, 1e-3, 512), pick_setting(5.0, 1e-3, 512)
    assert light.elements < heavy.elements and light.slices < heavy.slices
    assert pick_setting(5.0, 1e-9, 16, slots=7) == pick_setting(50.0, 1e-12, 16, slots=7)
    g = torch.full((100, 2), 10e-6)
    assert load_number(g, 0.5, 0.0) == pytest.approx(0.5 * 10e-6 * 1e4, rel=1e-5)


@pytest.mark.parametrize("backend", ["torch", "compiled"])
@pytest.mark.parametrize("slices,most", [(127, 0.005), (32, 0.02)])
def test_slopes_of_rounded_pulses_are_the_exact_ladders(backend, slices, most, sample):
    """Rounded pulses end on slots, and so on edges of slices: the slope there is of both sides."""
    x, plus, minus = sample(48, 6, 4)
    params = TileParameters(r_line_ohm=100.0)
    toward = torch.randn(4, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def slope(method, **setting):
        leaf = x.clone().requires_grad_()
        given = replace(params, **setting)
        q = tile_charge(leaf, plus, minus, given, method, backend=backend)
        return torch.autograd.grad((q * toward).sum(), leaf)[0]

    want = slope("exact")
    assert rms_error(slope("fast", slices=slices, elements=48), want) <= most
