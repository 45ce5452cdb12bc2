"""Designs without a circuit: training is their only step."""

import json
from pathlib import Path

import pytest

from codesign.designs import Design
from codesign.errors import DesignError, InputError
from codesign.flow import MODEL_STEPS, RunOptions, run_flow

TEXT = """
name = "small"

[model]
layers = "8-3"
e_plus = 3.0
e_minus = -2.0

[training]
dataset = "iris"
epochs = 3
evaluate_every = 1
"""


def test_training_is_the_only_step_and_is_skipped_when_up_to_date(tmp_path: Path, capsys):
    design = Design.from_text(TEXT)
    first = run_flow(MODEL_STEPS, design, tmp_path, RunOptions())
    assert [(step.name, step.status) for step in first.steps] == [("train", "done")]
    metrics = json.loads((tmp_path / "train" / "metrics.json").read_text())
    assert metrics["layer_sizes"] == [5, 8, 3]
    assert "train network | test" in capsys.readouterr().err
    again = run_flow(MODEL_STEPS, design, tmp_path, RunOptions())
    assert again.steps[0].status == "up to date"
    with pytest.raises(InputError, match="unknown step 'verify'"):
        run_flow(MODEL_STEPS, design, tmp_path, RunOptions("verify", "verify"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('layers = "8-3"\nlayer = 1', "did you mean layers"),
        ('layers = "eight"', "model.layers"),
        ('layers = "8-3"\nneuron = "lif"', "model.neuron"),
        ('layers = "8-3"\ne_dis = 0.5', "model.e_dis"),
    ],
)
def test_bad_models_name_their_key(line: str, message: str):
    with pytest.raises(DesignError, match=message):
        Design.from_text(TEXT.replace('layers = "8-3"', line))
