"""BERT and ALBERT of transformers on tiles: converted, calibrated, run, trained through."""

import pytest
import torch
from torch import nn

from codesign.tile import (
    AdcParameters,
    AnalogLinear,
    TileParameters,
    analog_layers,
    calibrate,
    convert,
    set_tile,
)

transformers = pytest.importorskip(
    "transformers",
    reason="transformers is not installed: BERT and ALBERT are NOT TESTED (pip install '.[dev]')",
)

FREE = TileParameters(r_line_ohm=0.0, pulse_bits=None)
REAL = TileParameters(r_line_ohm=2.0, adc=AdcParameters(bits=9))
LAYERS = 3


def build(kind):
    sizes = dict(
        vocab_size=50, hidden_size=16, num_hidden_layers=LAYERS, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=20, num_labels=2,
        **({"embedding_size": 8} if kind == "Albert" else {}),
    )  # fmt: skip
    torch.manual_seed(1)
    config = getattr(transformers, f"{kind}Config")(**sizes)
    return getattr(transformers, f"{kind}ForSequenceClassification")(config).eval()


def batch():
    ids = torch.randint(0, 50, (6, 9), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[:, 7:] = 0
    return {"input_ids": ids, "attention_mask": mask}


# Q, K, V, output and two layers of the feed-forward part, and the pooler; ALBERT has one such layer
# for all depths, and a matrix behind its narrow embeddings.
@pytest.mark.parametrize("kind,count", [("Bert", 6 * LAYERS + 1), ("Albert", 6 + 2)])
def test_bert_and_albert(kind, count):
    model, inputs = build(kind), batch()
    with torch.no_grad():
        want = model(**inputs).logits
        convert(model, FREE, exclude=["classifier"])
        torch.testing.assert_close(model(**inputs).logits, want, rtol=1e-3, atol=1e-4)
    layers = analog_layers(model)
    assert len(layers) == count and type(model.classifier) is nn.Linear
    assert all(isinstance(layer, AnalogLinear) for layer in layers.values())

    set_tile(model, REAL)
    calibrate(model, [inputs])
    found = model(**inputs).logits
    assert torch.isfinite(found).all() and not torch.equal(found, want)
    assert (found - want).pow(2).mean() < 0.05 * want.pow(2).mean()

    labels = torch.tensor([0, 1, 0, 1, 0, 1])
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(8):
        loss = nn.functional.cross_entropy(model(**inputs).logits, labels)
        optimiser.zero_grad()
        loss.backward()
        losses.append(float(loss.detach()))
        # The gradient reaches every tile, and the embeddings before the first one.
        for layer in layers.values():
            assert torch.isfinite(layer.weight.grad).all() and layer.weight.grad.abs().max() > 0
        optimiser.step()
    embeddings = model.get_input_embeddings().weight.grad
    assert torch.isfinite(embeddings).all() and embeddings.abs().max() > 0
    assert losses[-1] < losses[0]
