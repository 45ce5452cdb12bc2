"""The loss and the limits of weights."""

import pytest
import torch

from codesign.pnn import LayerOutput, PNNParameters
from codesign.training import TrainingParameters, train
from codesign.training.losses import training_loss
from codesign.training.projection import feasible_weight
from tests.training.iris import iris

PARAMS = PNNParameters(e_plus=2.8, e_minus=-1.53, e_dis=6.5, t_end=0.995)


def test_loss_is_the_published_one_when_the_ranges_hold():
    generator = torch.Generator().manual_seed(0)
    times = 0.2 + 0.6 * torch.rand(4, 3, dtype=torch.float64, generator=generator)
    hidden = 0.2 + 0.6 * torch.rand(4, 2, dtype=torch.float64, generator=generator)
    labels = torch.tensor([0, 2, 1, 0])
    weights = [torch.ones(2, 2, dtype=torch.float64)]
    training = iris(
        loss={
            "softmax_scale": 0.07,
            "temporal_penalty": 0.1,
            "t_ref": 0.9,
            "weight_norm": 0.01,
            "early_penalty": 0.2,
            "t_quiet": 1.0,
        }
    )
    outputs = [LayerOutput(hidden, hidden, hidden), LayerOutput(times, times, times)]
    loss = training_loss(outputs, labels, weights, 3, training)
    softmax = torch.softmax(-times / 0.07, dim=1)
    expected = -torch.log(softmax[range(4), labels]).mean() + 0.01 * 4
    expected += 0.1 * (times - 0.9).square().sum() / 4
    expected += 0.2 * ((times - 1).square().sum() + (hidden - 1).square().sum()) / 4
    torch.testing.assert_close(loss, expected)


def test_range_penalty_pulls_a_silent_neuron_back():
    t = torch.tensor([[0.3, 0.5, 1.7]], dtype=torch.float64, requires_grad=True)
    outputs = [LayerOutput(t, t.clamp(0, 1), t)]
    training_loss(outputs, torch.tensor([0]), [], 3, iris()).backward()
    assert t.grad[0, 2] > 0


def test_hidden_neurons_may_be_silent_where_they_are_allowed_to():
    hidden = torch.tensor([[0.3, 1.4]], dtype=torch.float64, requires_grad=True)
    last = torch.tensor([[0.3, 0.6, 1.7]], dtype=torch.float64, requires_grad=True)

    def gradients(**circuit):
        outputs = [LayerOutput(t, t.clamp(0, 1), t) for t in (hidden, last)]
        training = iris(circuit={"range_penalty": 200.0, "t_late": 0.87, **circuit})
        loss = training_loss(outputs, torch.tensor([0]), [], 3, training)
        return torch.autograd.grad(loss, (hidden, last))

    held, free = gradients(), gradients(silent_hidden=True)
    assert held[0][0, 1] > 1.0
    assert abs(free[0][0, 1]) < 0.1 * held[0][0, 1]
    # Neither too early, nor outputs that come late.
    torch.testing.assert_close(free[0][0, 0], held[0][0, 0])
    torch.testing.assert_close(free[1], held[1])


def test_rows_without_a_label_count_for_the_ranges_only():
    t = torch.full((2, 3), 0.5, dtype=torch.float64)
    t[0, 1:] = 0.8
    labels = torch.tensor([0])

    def loss(times):
        outputs = [LayerOutput(times, times, times)]
        return training_loss(outputs, labels, [], 3, iris())

    torch.testing.assert_close(loss(t), loss(t[:1]))
    t[1, 0] = 1.2
    assert loss(t) > loss(t[:1]) + 1.0


def test_projection_is_nearest_and_passes_gradients():
    w = torch.tensor([-2.0, -0.012, -0.008, 0.0, 0.009, 0.015, 0.5, 3.0], requires_grad=True)
    out = feasible_weight(w, 0.02, 1.0)
    torch.testing.assert_close(
        out.detach(), torch.tensor([-1.0, -0.02, 0.0, 0.0, 0.0, 0.02, 0.5, 1.0])
    )
    out.sum().backward()
    assert bool((w.grad == 1).all())


@pytest.mark.parametrize(("signs", "sign"), [("positive", 1), ("negative", -1)])
def test_weights_of_a_sign_that_the_cells_lack_become_zero(signs, sign):
    w = torch.tensor([-2.0, -0.015, 0.0, 0.015, 0.5], requires_grad=True)
    out = feasible_weight(w, 0.02, 1.0, signs)
    both = feasible_weight(w, 0.02, 1.0).detach()
    torch.testing.assert_close(out.detach(), torch.where(both * sign > 0, both, 0.0))
    out.sum().backward()
    assert bool((w.grad == 1).all())
    training = iris(epochs=3, evaluate_every=0, circuit={"signs": signs})
    result = train(PARAMS, (5, 5, 5), training)
    assert all(bool((sign * w >= 0).all()) for w in result.weights)
    assert any(bool((w != 0).any()) for w in result.weights)


def test_defaults_add_nothing_to_the_cross_entropy():
    times = torch.tensor([[0.2, 0.6, 1.4]], dtype=torch.float64)
    outputs = [LayerOutput(times, times, times), LayerOutput(times, times, times)]
    weights = [torch.ones(2, 2, dtype=torch.float64)]
    loss = training_loss(outputs, torch.tensor([1]), weights, 2, TrainingParameters())
    torch.testing.assert_close(loss, -torch.log_softmax(-times / 0.07, dim=1)[0, 1])
