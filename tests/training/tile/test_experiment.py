"""The comparison of trainings in small: digits through tiles with long, thin lines."""

import json

import pytest
import torch
from torch import nn

from codesign.designs import load_design
from codesign.designs.tile_network import TileNetworkDesign
from codesign.errors import DataError
from codesign.resources import resource_dir
from codesign.tile import AdcParameters, TileMapping, TileParameters
from codesign.training.tile import Samples, conditions, fine_tune, prepare
from codesign.training.tile.experiment import Budget, Experiment, kinds_of, run_experiment
from codesign.training.tile.hardware_aware import HardwareAware, accuracy
from codesign.training.tile.snippets import read_reviews, read_snippets

R_OHM = 200.0


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    x = torch.tensor(data.data / 16, dtype=torch.float32)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    return x[order], torch.tensor(data.target)[order]


def build(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))


def experiment(
    digits, kinds=("plain", "gaussian", "tile", "tile_calibrated"), seeds=(1, 2), steps=150
):
    x, y = digits
    return Experiment(
        name="digits",
        build=build,
        train=Samples({"x": x[:1200]}, y[:1200]),
        calibration=Samples({"x": x[:200]}, y[:200]),
        tests={"digits": Samples({"x": x[1200:]}, y[1200:])},
        tile=TileParameters(r_line_ohm=R_OHM / 2, accuracy=5e-3, adc=AdcParameters(bits=8)),
        mapping=TileMapping(),
        aware=kinds_of(kinds, 0.03, 1e-2),
        budget=Budget(steps, steps, 64, 3e-3, 1e-3),
        resistances_ohm=(R_OHM,),
        seeds=seeds,
        draws=1,
    )


def test_training_with_the_tile_protects_against_ir_drop_and_noise_does_not(digits, tmp_path):
    summary = run_experiment(experiment(digits), tmp_path)
    assert summary["complete"] and json.loads((tmp_path / "experiment.json").read_text())
    found = {
        kind: {name: value["accuracy"] for name, value in by_condition.items()}
        for kind, by_condition in summary["accuracy"]["digits"].items()
    }
    drop = f"r={R_OHM:g}"
    for kind in ("plain", "gaussian"):
        # Converters and read noise cost nothing; IR-drop does, and calibration gets most back.
        assert found[kind]["noise"] > found[kind]["fp32"] - 0.02
        assert found[kind][drop] < found[kind]["fp32"] - 0.04
        assert found[kind][f"{drop}, calibrated"] > found[kind][drop] + 0.02
        assert found["tile"][drop] > found[kind][drop] + 0.01
        # Calibration first and the tile in the loop then is the best of both.
        both = found["tile_calibrated"]
        assert both[f"{drop}, calibrated"] > found[kind][f"{drop}, calibrated"]
        assert both["fp32"] > found["tile"]["fp32"]


def test_an_interrupted_experiment_goes_on(digits, tmp_path, monkeypatch):
    small = experiment(digits, ("plain",), (1,), 5)
    first = run_experiment(small, tmp_path)
    pieces = sorted(tmp_path.glob("plain-1-*.json"))
    assert len(pieces) == len(conditions(small.tile, small.resistances_ohm))
    pieces[-1].unlink()
    kept = {path: path.stat().st_mtime_ns for path in pieces[:-1]}
    again = run_experiment(small, tmp_path)
    assert again["accuracy"] == first["accuracy"]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_every_kind_drops_into_a_training_loop(digits):
    x, y = digits
    samples = Samples({"x": x[:256]}, y[:256])
    from codesign.tile import convert

    for kind in ("plain", "gaussian", "tile"):
        params = TileParameters(r_line_ohm=50.0)
        losses = []
        for _ in range(2):
            model = convert(build(1), params)
            prepare(model, HardwareAware(kind), params, torch.Generator().manual_seed(1))
            losses.append(fine_tune(model, samples, steps=30, batch=64, learning_rate=5e-3, seed=1))
        assert losses[0] == losses[1] and losses[0][-1] < 0.9 * losses[0][0]


def test_shipped_designs():
    for name in ("tile-bert", "tile-albert"):
        design = load_design(resource_dir("designs") / f"{name}.toml")
        assert isinstance(design, TileNetworkDesign)
        assert {"plain", "gaussian", "tile_calibrated"} <= set(design.training.kinds)
    assert design.with_seed(7).seed == 7


def test_sentences_and_what_is_none(tmp_path):
    with pytest.raises(DataError, match="fetch"):
        read_snippets(tmp_path)
    known = "neither good nor bad but long"
    (tmp_path / "snippets.txt").write_text(f"1\t2.5\tfine\n2\t0.1\t{known}\n3\t-1.0\tdull\n")
    (tmp_path / "reviews.csv").write_text(
        "category,text\nfresh,good\nplot,a man\nrotten,bad\nfresh,better\n"
        f"rotten,so {known} indeed\n"
    )
    assert read_snippets(tmp_path).labels == (1, 0)
    # No plots, no sentences of the first set, as many of either label.
    assert read_reviews(tmp_path).texts == ("good", "bad")
    first, rest = read_snippets(tmp_path).split(1, seed=1)
    assert len(first) == len(rest) == 1
    (tmp_path / "snippets.txt").write_text("1\tx\n")
    with pytest.raises(DataError, match="line 1"):
        read_snippets(tmp_path)


def test_training_and_measuring_put_modes_and_torchs_generator_back(digits):
    """Dropout follows from the seed of the training, not from what ran before."""
    train = experiment(digits).train

    def trained(before):
        torch.manual_seed(before)
        state = torch.get_rng_state()
        with torch.random.fork_rng():
            model = build(1).append(nn.Dropout(0.5))
        fine_tune(model, train, steps=3, batch=8, learning_rate=1e-2, seed=4)
        model[1].eval()
        modes = [m.training for m in model.modules()]
        accuracy(model, train)
        assert [m.training for m in model.modules()] == modes and not all(modes)
        assert torch.equal(torch.get_rng_state(), state)
        return [p.detach().clone() for p in model.parameters()]

    with torch.random.fork_rng():
        for a, b in zip(trained(1), trained(2), strict=True):
            assert torch.equal(a, b)
