"""Layers on tiles, conversion of models, calibration, cost."""

import pytest
import torch
from torch import nn

from codesign.tile import (
    AdcParameters,
    AnalogLinear,
    TileCosts,
    TileError,
    TileMapping,
    TileParameters,
    analog_layers,
    calibrate,
    convert,
    layer_cost,
    model_cost,
    read_energy,
    set_tile,
)

FREE = TileParameters(r_line_ohm=0.0, pulse_bits=None)
REAL = TileParameters(r_line_ohm=2.0, adc=AdcParameters(bits=9))


def network(seed=1):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(40, 24), nn.Tanh(), nn.Linear(24, 7))


def inputs(count=60, seed=2):
    return torch.randn(count, 40, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("rows,columns", [(512, 512), (16, 512), (512, 5), (7, 3), (1, 1)])
def test_free_tiles_of_any_size_are_the_linear_layer(rows, columns):
    linear = nn.Linear(40, 24)
    mapping = TileMapping(tile_rows=rows, tile_columns=columns)
    layer = AnalogLinear.from_linear(linear, FREE, mapping)
    x = inputs(6).reshape(2, 3, 40)
    torch.testing.assert_close(layer(x), linear(x), rtol=1e-4, atol=1e-5)
    assert layer.tiles == -(-40 // rows) * -(-24 // columns)


def test_gradients_are_those_of_the_linear_layer():
    linear = nn.Linear(12, 5)
    layer = AnalogLinear.from_linear(linear, FREE)
    x = torch.randn(8, 12, generator=torch.Generator().manual_seed(1), requires_grad=True)
    found = torch.autograd.grad(layer(x).pow(2).sum(), [x, *layer.parameters()])
    want = torch.autograd.grad(linear(x).pow(2).sum(), [x, *linear.parameters()])
    for a, b in zip(found, want, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_conversion_keeps_what_is_excluded_and_shares_what_is_shared():
    shared = nn.Linear(8, 8)
    model = nn.Sequential(shared, nn.ReLU(), shared, nn.Linear(8, 2))
    convert(model, FREE, exclude=["3"])
    assert model[0] is model[2] and isinstance(model[0], AnalogLinear)
    assert type(model[3]) is nn.Linear and list(analog_layers(model)) == ["0"]
    assert isinstance(convert(nn.Linear(2, 2), FREE), AnalogLinear)
    with pytest.raises(TileError, match="no module is called"):
        convert(network(), FREE, exclude=["classifier"])
    with pytest.raises(TileError, match="no linear layer"):
        convert(nn.Sequential(nn.ReLU()), FREE)


def test_state_of_a_converted_model_is_the_models():
    model = convert(network(), REAL)
    plain = network(3)
    plain.load_state_dict(
        {k: v for k, v in model.state_dict().items() if k.endswith(("weight", "bias"))}
    )
    torch.testing.assert_close(plain[0].weight, model[0].weight)


def test_calibration_brings_the_digital_outputs_back():
    x = inputs(400)
    plain, model = network(), convert(network(), REAL, mapping=TileMapping(tile_rows=24))
    for layer in analog_layers(model).values():
        layer.params = TileParameters(r_line_ohm=40.0, adc=AdcParameters(bits=9))
    want = plain(x)
    errors = []
    for columns in (False, True):
        calibrate(model, [x[:200], x[200:]], columns=columns)
        errors.append(((model(x) - want).pow(2).mean().sqrt() / want.std()).item())
    assert errors[1] < 0.8 * errors[0] and errors[1] < 0.1
    layer = model[0]
    assert layer.input_scale > 2 and (layer.full_scale_C > 0).all()
    assert layer.recorder is None and layer.params.r_line_ohm == 40.0


def test_calibration_without_batches_or_tiles():
    with pytest.raises(TileError, match="at least one batch"):
        calibrate(convert(network(), REAL), [])
    with pytest.raises(TileError, match="converted model"):
        calibrate(network(), [inputs()])


def test_noise_of_training_is_off_in_evaluation_and_repeats_by_seed():
    mapping = TileMapping(weight_noise=0.05, output_noise=0.05)
    model = convert(network(), FREE, mapping=mapping)
    x = inputs(5)

    def run(seed):
        return set_tile(model, generator=torch.Generator().manual_seed(seed))(x)

    model.train()
    assert torch.equal(run(1), run(1)) and not torch.equal(run(1), run(2))
    model.eval()
    torch.testing.assert_close(run(1), network()(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("noise", ["off", "output"])
def test_training_through_the_tile_learns(noise):
    params = TileParameters(r_line_ohm=20.0, read_noise=noise)
    model = convert(network(), params)
    set_tile(model, generator=torch.Generator().manual_seed(1))
    x = inputs(200)
    labels = (x[:, :7]).argmax(dim=1)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(40):
        loss = nn.functional.cross_entropy(model(x), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_a_layer_without_any_weight_or_input_stays_finite():
    layer = AnalogLinear(6, 3, params=REAL)
    with torch.no_grad():
        layer.weight.zero_()
    for x in (torch.zeros(2, 6), torch.ones(2, 6)):
        y = layer(x)
        assert torch.isfinite(y).all()
        torch.testing.assert_close(y, layer.bias.expand_as(y))


def test_changing_the_tiles_size_later_is_refused():
    with pytest.raises(TileError, match="cannot change"):
        set_tile(convert(network(), FREE), mapping=TileMapping(tile_rows=3))
    for key, value in (("tile_rows", 0), ("g_max_S", 0.0), ("weight_noise", -1.0)):
        with pytest.raises(TileError, match=key):
            TileMapping(**{key: value})


def test_cost_of_a_layer():
    layer = AnalogLinear(40, 24, params=REAL, mapping=TileMapping(tile_rows=20))
    half, whole = layer_cost(layer, 0.5), layer_cost(layer, 1.0)
    assert whole.read_J == pytest.approx(2 * half.read_J) and whole.tiles == 2
    assert whole.latency_s == pytest.approx(127e-9 + 130e-9)
    free = layer_cost(layer, 1.0, TileCosts(0.0, 0.0, 0.0, 0.0))
    assert free.energy_J == pytest.approx(free.read_J)
    assert set(model_cost(convert(network(), REAL))) == {"0", "2"}
    with pytest.raises(TileError, match="mean_pulse"):
        layer_cost(layer, 2.0)


def test_read_energy_is_v_squared_g_t(sample):
    x, plus, minus = sample(8, 3, 2)
    want = ((x.abs() * 127e-9) @ (plus + minus).sum(dim=1)) * 0.04
    torch.testing.assert_close(
        read_energy(x, plus, minus, TileParameters()), want, rtol=1e-12, atol=0
    )
