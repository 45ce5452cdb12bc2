"""What a converted model keeps of the layers it had, and what it says of those it cannot have."""

import copy
import pickle
import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from codesign.tile import (
    AnalogConv2d,
    AnalogLinear,
    AnalogMultiheadAttention,
    StaysDigitalWarning,
    TileError,
    TileMapping,
    TileParameters,
    analog_layers,
    calibrate,
    convert,
    model_cost,
)

FREE = TileParameters(r_line_ohm=0.0, pulse_bits=None)
STEEP = TileParameters(r_line_ohm=500.0)


def close(found, want, share=1e-3):
    found, want = found.detach(), want.detach()
    return float((found - want).norm()) < share * float(want.norm())


def draw(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error", StaysDigitalWarning)
        yield


@pytest.fixture(autouse=True)
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("padding", [False, True])
def test_transformer_encoder_goes_through_its_tiles_in_evaluation(norm_first, padding):
    """Its fast path reads the weights; values are those with gradients, and near the digital."""
    layer = nn.TransformerEncoderLayer(
        32, 4, 64, dropout=0.0, batch_first=True, norm_first=norm_first
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = nn.TransformerEncoder(layer, 2).eval()
    x = draw(3, 5, 32)
    mask = torch.arange(5) >= torch.tensor([[5], [3], [2]]) if padding else None
    with torch.no_grad():
        want = model(x, src_key_padding_mask=mask)
    steep = convert(copy.deepcopy(model), STEEP)
    free = convert(model, FREE)
    seen = ~mask if padding else torch.ones(3, 5, dtype=torch.bool)
    with torch.no_grad():
        assert close(free(x, src_key_padding_mask=mask)[seen], want[seen])
        found = steep(x, src_key_padding_mask=mask)
    assert not close(found[seen], want[seen], 0.05)
    assert close(found, steep(x, src_key_padding_mask=mask), 1e-5)


def test_an_encoder_layer_with_some_layers_digital_calls_the_others():
    model = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True).eval()
    convert(model, STEEP, exclude=["self_attn", "linear1"])
    x = draw(2, 5, 32)
    with torch.no_grad():
        found = model(x)
    assert close(found, model(x), 1e-5) and model.linear2.called


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize(
    "options",
    [{}, {"bias": False}, {"kdim": 12, "vdim": 20}, {"add_bias_kv": True, "add_zero_attn": True}],
    ids=["plain", "no bias", "other sizes", "extra keys"],
)
def test_attention_on_free_tiles_is_attention(batch_first, options):
    m = nn.MultiheadAttention(32, 4, batch_first=batch_first, **options).eval()
    size = {"key": options.get("kdim", 32), "value": options.get("vdim", 32)}
    query, key, value = draw(3, 5, 32), draw(3, 5, size["key"]), draw(3, 5, size["value"])
    rows = 5 if batch_first else 3
    given = {"attn_mask": torch.ones(rows, rows).triu(1).bool(), "average_attn_weights": False}
    want, shares = m(query, key, value, **given)
    names = set(dict(m.named_parameters()))
    kept = m.out_proj.weight
    assert convert(m, FREE) is m and isinstance(m, AnalogMultiheadAttention)
    found, own_shares = m(query, key, value, **given)
    assert close(found, want) and close(own_shares, shares)
    assert set(dict(m.named_parameters())) == names and m.out_proj.weight is kept
    assert m(query, key, value, need_weights=False)[1] is None
    assert set(model_cost(m)) == {"query_tiles", "key_tiles", "value_tiles", "out_proj"}
    other = copy.deepcopy(m)
    assert other.query_tiles._owner[0] is other
    assert close(other(query, key, value, **given)[0], want)


def test_encoder_and_decoder_on_free_tiles():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = nn.Transformer(32, 4, 1, 2, 64, dropout=0.0, batch_first=True).eval()
    given = (draw(2, 5, 32), draw(2, 4, 32, seed=2))
    mask = nn.Transformer.generate_square_subsequent_mask(4)
    with torch.no_grad():
        want = model(*given, tgt_mask=mask, tgt_is_causal=True)
        found = convert(model, FREE)(*given, tgt_mask=mask, tgt_is_causal=True)
    assert close(found, want)
    model.train()(*given, tgt_mask=mask).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_attention_without_a_batch_and_with_its_output_digital():
    m = nn.MultiheadAttention(16, 2).eval()
    want = m(draw(5, 16), draw(5, 16), draw(5, 16))[0]
    convert(m, FREE, exclude=["out_proj"])
    assert not isinstance(m.out_proj, AnalogLinear)
    assert close(m(draw(5, 16), draw(5, 16), draw(5, 16))[0], want)


def test_attention_counts_its_drops():
    m = nn.MultiheadAttention(32, 4, batch_first=True).eval()
    x = draw(3, 5, 32)
    want = m(x, x, x)[0]
    convert(m, STEEP)
    assert not close(m(x, x, x)[0], want, 0.01)


PARAMETRISED = {
    "weight norm": parametrizations.weight_norm,
    "spectral norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
}


@pytest.mark.parametrize("name", PARAMETRISED)
@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_parametrised_layers_keep_their_parametrisation(name, kind):
    layer = nn.Linear(16, 8) if kind == "linear" else nn.Conv2d(4, 8, 2)
    model = nn.Sequential(PARAMETRISED[name](layer)).eval()
    x = draw(4, 16) if kind == "linear" else draw(4, 4, 3, 3)
    want, own = model(x), {n: id(p) for n, p in model.named_parameters()}
    keys = set(model.state_dict())
    convert(model, FREE)
    assert close(model(x), want)
    assert {n: id(p) for n, p in model.named_parameters()} == own
    assert keys <= set(model.state_dict())
    model(x).pow(2).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("how", ["pruned", "old weight norm"])
def test_layers_whose_weight_a_hook_writes(how):
    model = nn.Sequential(nn.Linear(16, 8))
    if how == "pruned":
        prune.l1_unstructured(model[0], "weight", 0.5)
    else:
        nn.utils.weight_norm(model[0])
    x = draw(4, 16)
    want, names = model(x), {n for n, _ in model.named_parameters()}
    convert(model, FREE)
    assert close(model(x), want) and {n for n, _ in model.named_parameters()} == names
    inner = next(p for n, p in model.named_parameters() if n.startswith("0.weight_"))
    model(x).sum().backward()
    assert inner.grad is not None and float(inner.grad.norm()) > 0
    with torch.no_grad():
        inner.zero_()
        inner[0] = 1.0
    assert not close(model(x), want, 0.1)
    if how == "pruned":
        prune.remove(model[0], "weight")
        assert "weight" in dict(model[0].named_parameters())


def test_hooks_stay():
    model, seen = nn.Sequential(nn.Linear(6, 3)), []
    model[0].register_forward_pre_hook(lambda m, args: seen.append("before"))
    handle = model[0].register_forward_hook(lambda m, args, out: 2 * out)
    x = draw(2, 6)
    want = model(x)
    convert(model, FREE)
    assert close(model(x), want) and seen == ["before"] * 2
    handle.remove()
    assert close(2 * model(x), want)


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Renamed(nn.Linear):
    """Computes what nn.Linear does."""


def test_a_subclass_goes_onto_tiles_where_its_product_is_the_base_class():
    model = nn.Sequential(Renamed(6, 6), Doubled(6, 3))
    x = draw(2, 6)
    want = model(x)
    with pytest.warns(StaysDigitalWarning, match=r"1 \(Doubled has a forward of its own\)"):
        convert(model, FREE)
    assert isinstance(model[0], AnalogLinear) and type(model[1]) is Doubled
    assert close(model(x), want)
    convert(nn.Sequential(nn.Linear(6, 6), Doubled(6, 3)), FREE, exclude=["1"])
    with pytest.raises(TileError, match="of its own"):
        AnalogLinear.from_linear(Doubled(2, 2), FREE)
    wrapped = nn.Linear(2, 2)
    wrapped.forward = lambda x: x
    with pytest.raises(TileError, match="of its own"):
        AnalogLinear.from_linear(wrapped, FREE)


def test_layers_without_weights_yet_are_refused():
    with pytest.raises(TileError, match="no weights yet"):
        convert(nn.Sequential(nn.LazyLinear(3)), FREE)


def test_what_stays_digital_is_said():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.rnn = nn.Embedding(5, 8), nn.LSTM(8, 8)
            self.mixed, self.out = nn.Parameter(torch.ones(8, 8)), nn.Linear(8, 2)

    with pytest.warns(StaysDigitalWarning) as caught:
        convert(Own(), FREE)
    text = str(caught[0].message)
    assert "rnn (LSTM)" in text and "the model itself (Own)" in text and "table" not in text


class Around(nn.Module):
    """Multiplies by one layer's weight itself."""

    def __init__(self):
        super().__init__()
        self.called, self.read = nn.Linear(6, 6), nn.Linear(6, 6)

    def forward(self, x):
        return nn.functional.linear(self.called(x), self.read.weight)


def test_a_layer_that_the_model_goes_around_is_said_once():
    model = convert(Around(), FREE)
    with pytest.warns(StaysDigitalWarning, match="did not call read"):
        model(draw(2, 6))
    model(draw(2, 6))
    with pytest.warns(StaysDigitalWarning, match="no batch reached read"):
        calibrate(model, [draw(2, 6)])


def test_conversion_twice_and_of_a_single_layer():
    model = nn.Linear(4, 2)
    assert convert(model, FREE) is model and isinstance(model, AnalogLinear)
    for done in (model, convert(nn.Sequential(nn.Linear(4, 2)), FREE)):
        with pytest.raises(TileError, match="to convert"):
            convert(done, FREE)


def test_conversion_leaves_torchs_generator_and_modes_alone():
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(), nn.Linear(4, 2)).train()
    model[2].eval()
    before = torch.get_rng_state()
    convert(model, FREE)
    assert torch.equal(torch.get_rng_state(), before)
    assert [m.training for m in model] == [True, True, False]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_dtype_of_the_model_is_kept_and_calibration_survives_half_precision(dtype):
    model = nn.Sequential(nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 4)).to(dtype)
    x = draw(6, 16).to(dtype)
    want = model(x)
    convert(model, FREE)
    found = model(x)
    assert found.dtype == dtype and close(found.double(), want.double(), 0.02)
    assert model[0].weight.dtype == dtype
    wide = dtype if dtype == torch.float64 else torch.float32
    assert model[0].full_scale_C.dtype == wide
    calibrate(model, [x])
    scale = model[0].input_scale.clone()
    assert float(scale) == float(model.half()[0].input_scale) or dtype == torch.float64
    with pytest.raises(TileError, match="one dtype"):
        model(draw(2, 16).double())


@pytest.mark.parametrize("module", [nn.Linear, nn.MultiheadAttention, "conv"])
def test_device_of_the_model_is_kept(module):
    """Of every buffer and parameter; meta stands for a device."""
    with torch.device("meta"):
        layer = nn.Conv2d(4, 4, 1) if module == "conv" else module(4, 4)
    model = nn.Sequential(layer)
    convert(model, FREE)
    assert analog_layers(model) and all(
        t.device.type == "meta" for t in (*model.buffers(), *model.parameters())
    )
    with torch.device("meta"):
        other = convert(nn.Sequential(nn.Linear(4, 4, device="cpu")), FREE)
    assert all(t.device.type == "cpu" for t in (*other.buffers(), *other.parameters()))


@pytest.mark.parametrize(
    "options",
    [
        {"stride": 2, "padding": 1}, {"padding": "same", "dilation": 2}, {"groups": 2},
        {"padding": (2, 1), "padding_mode": "reflect"}, {"bias": False, "stride": (1, 3)},
        {"groups": 4, "padding": "valid"},
    ],
    ids=str,
)  # fmt: skip
def test_convolution_on_free_tiles_is_convolution(options):
    conv = nn.Conv2d(4, 8, (3, 2), **options)
    model = nn.Sequential(conv)
    x = draw(2, 4, 7, 9).requires_grad_()
    want = model(x)
    slopes = torch.autograd.grad(want.pow(2).sum(), [x, *conv.parameters()])
    convert(model, FREE, mapping=TileMapping(tile_rows=7, tile_columns=3))
    assert isinstance(model[0], AnalogConv2d) and model[0].weight is conv.weight
    found = model(x)
    assert found.shape == want.shape and close(found, want)
    own = torch.autograd.grad(found.pow(2).sum(), [x, *model[0].parameters()])
    assert all(close(a, b) for a, b in zip(own, slopes, strict=True))
    assert close(model(x[0]), want[0]) and model(x[:0]).shape == (0, *want.shape[1:])
    assert model_cost(model)["0"].tiles == model[0].tiles


def test_convolution_loses_to_its_line_and_calibrates():
    model = nn.Sequential(nn.Conv2d(4, 6, 3, groups=2))
    x = draw(3, 4, 6, 6)
    want = model(x)
    convert(model, TileParameters(r_line_ohm=100.0))
    assert not close(model(x), want, 0.07)
    calibrate(model, [x])
    assert close(model(x), want, 0.06)
    for shape in ((3, 5, 6, 6), (3, 4, 2, 6), (4,)):
        with pytest.raises(TileError):
            model(torch.zeros(shape))


def test_converted_models_can_be_pickled_and_copied():
    model = convert(nn.Sequential(nn.Conv2d(2, 3, 2), nn.Flatten(), nn.Linear(12, 3)), STEEP)
    model[2].generator = torch.Generator().manual_seed(4)
    x = draw(2, 2, 3, 3)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(x), model(x))
        assert other[2].generator.initial_seed() == 4
        with torch.no_grad():
            other[2].weight.zero_()
    assert bool(model[2].weight.any())


def test_gpt2_goes_onto_tiles_whole():
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(
        n_layer=1, n_head=2, n_embd=32, vocab_size=64, n_positions=16, attn_pdrop=0.0,
        embd_pdrop=0.0, resid_pdrop=0.0, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    model = transformers.GPT2LMHeadModel(config)
    tokens = torch.arange(10).reshape(2, 5)
    want = model(tokens).logits
    convert(model, FREE)
    assert close(model(tokens).logits, want)
    assert len(analog_layers(model)) == 5
    assert model.lm_head.weight is model.transformer.wte.weight
    model(tokens).logits.sum().backward()
    assert model.transformer.h[0].attn.c_attn.weight.grad.shape == (32, 96)
