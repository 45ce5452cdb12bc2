"""Weights that a user brings: which files are read, what is refused, what the circuit can carry."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from codesign.characterize.model import FittedModel
from codesign.cli import cli
from codesign.errors import DataError
from codesign.mapping import knob_layers, read_weights, weights_of, within_reach
from codesign.pnn import PNNParameters, RCSpikeNetwork
from codesign.pnn.io import save_network
from codesign.resources import resource_dir

LAYERS = (5, 4, 3)
MODEL = FittedModel.load(resource_dir("characterization") / "iris" / "model.json").averaged()
RANDOM = np.random.default_rng(1)
WEIGHTS = [RANDOM.uniform(-0.5, 0.5, shape) for shape in ((4, 5), (3, 4))]
SQUARE = np.full((5, 5), 0.25)


def named(*arrays: np.ndarray) -> dict[str, np.ndarray]:
    return {f"layers.{k}.weight": array for k, array in enumerate(arrays)}


def test_arrays_come_back_in_the_order_of_the_layers(tmp_path):
    np.savez(tmp_path / "a.npz", *WEIGHTS)
    np.savez_compressed(tmp_path / "b.NPZ", w2=WEIGHTS[1], w1=WEIGHTS[0])
    (tmp_path / "b.NPZ.npz").rename(tmp_path / "b.NPZ")
    save_file(named(*WEIGHTS), tmp_path / "c.safetensors")
    offsets = {"layers.0.bias": np.zeros(4), "layers.1.bias": np.zeros(3), "epoch": np.array(7)}
    save_file(named(*WEIGHTS) | offsets, tmp_path / "d.safetensors")
    np.savez(tmp_path / "e.npz", a=WEIGHTS[0], b=WEIGHTS[1], scale=np.ones(2))
    for name in ("a.npz", "b.NPZ", "c.safetensors", "d.safetensors", "e.npz"):
        for found, wanted in zip(read_weights(tmp_path / name, LAYERS), WEIGHTS, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_eleven_layers_are_counted_not_spelled(tmp_path):
    weights = [np.full((2, 2), float(k)) for k in range(11)]
    save_file(named(*weights), tmp_path / "w.safetensors")
    found = read_weights(tmp_path / "w.safetensors", (2,) * 12)
    assert [array[0, 0] for array in found] == list(range(11))


def test_integers_and_short_floats_are_numbers(tmp_path):
    tensors = {f"w{k}": torch.ones(s, dtype=torch.bfloat16) for k, s in enumerate([(4, 5), (3, 4)])}
    save_torch(tensors, tmp_path / "w.safetensors")
    np.savez(tmp_path / "w.npz", np.ones((4, 5), np.int8), np.ones((3, 4), np.float16))
    for name in ("w.safetensors", "w.npz"):
        for array in read_weights(tmp_path / name, LAYERS):
            assert array.dtype == float and (array == 1).all()


def test_networks_that_we_save_are_accepted(tmp_path):
    weights = [torch.from_numpy(array) for array in WEIGHTS]
    network = RCSpikeNetwork.from_weights(weights, [PNNParameters()] * 2)
    save_network(network, tmp_path / "weights.safetensors")
    found = read_weights(tmp_path / "weights.safetensors", LAYERS)
    for array, wanted in zip(found, WEIGHTS, strict=True):
        np.testing.assert_allclose(array, wanted, rtol=1e-6)


def bad(array: np.ndarray, value: float) -> np.ndarray:
    new = array.copy()
    new[1, 2] = value
    return new


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([w.T for w in WEIGHTS], "the other way round"),
        (WEIGHTS[:1], "has 1 arrays"),
        ([*WEIGHTS, WEIGHTS[0]], "has 3 arrays"),
        ([], "has 0 arrays"),
        ([WEIGHTS[0], bad(WEIGHTS[1], np.nan)], "layer 2, neuron 2, input 3 is no finite number"),
        ([bad(WEIGHTS[0], -np.inf), WEIGHTS[1]], "layer 1, neuron 2, input 3 is no finite number"),
        ([WEIGHTS[0], np.full((3, 4), "a")], "layer 2 holds no numbers"),
        ([WEIGHTS[0], np.ones((3, 4), complex)], "layer 2 holds no numbers"),
        ([WEIGHTS[0], np.ones((3, 4), bool)], "layer 2 holds no numbers"),
        ([WEIGHTS[0], np.full((3, 4), None)], "Object arrays cannot be loaded"),
        ([WEIGHTS[0], np.zeros((3, 0))], "the network needs (3, 4)"),
        ([WEIGHTS[0][None], WEIGHTS[1]], "the network needs (4, 5)"),
    ],
)
def test_arrays_of_another_network_are_refused(tmp_path, arrays, message):
    path = tmp_path / "mine.npz"
    np.savez(path, *arrays)
    with pytest.raises(DataError) as caught:
        read_weights(path, LAYERS)
    assert message in caught.value.message and "mine.npz" in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x08" + b"\0" * 7 + b"{", "half"])
def test_damaged_files_are_refused(tmp_path, suffix, content):
    path = tmp_path / f"mine{suffix}"
    if content == "half":
        if suffix == ".npz":
            np.savez(path, *WEIGHTS)
        else:
            save_file(named(*WEIGHTS), path)
        content = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"mine{suffix}"):
        read_weights(path, LAYERS)


def test_an_array_that_claims_to_be_huge_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**7, 10**7)}
    )
    for text in (header.getvalue(), header.getvalue() + b"\0" * 1000):
        with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
            archive.writestr("a.npy", text)
        with pytest.raises(DataError, match=r"w\.npz"):
            read_weights(tmp_path / "w.npz", LAYERS)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "w.csv").write_text("1,2\n")
    for name, message in (("w.csv", "safetensors or .npz"), ("w.npz", "no such file")):
        with pytest.raises(DataError, match=message):
            read_weights(tmp_path / name, LAYERS)


def test_what_the_circuit_cannot_carry_is_counted_and_brought_within_reach():
    curves = MODEL.currents
    weight = np.array([[0.5, -0.5, 0.0, 100.0, -200.0], [1e-9, -1e-9, 1e308, 0.3, -0.3]])
    (carried,), (reach,) = within_reach([weight], MODEL)
    assert (reach.synapses, reach.clipped, reach.below, reach.wrong_sign) == (10, 3, 2, 0)
    np.testing.assert_array_equal(carried[0, :3], weight[0, :3])
    np.testing.assert_array_equal(carried[1, [0, 1]], 0.0)
    assert carried[0, 3] == pytest.approx(reach.w_max_positive, rel=1e-6)
    assert carried[0, 4] == pytest.approx(-reach.w_max_negative, rel=1e-6)
    layers = knob_layers([carried], MODEL)
    np.testing.assert_allclose(layers[0].current_A[0, 3], max(curves["n"].i0_A), rtol=1e-6)
    np.testing.assert_allclose(layers[0].current_A[0, 4], -max(curves["p"].i0_A), rtol=1e-6)
    np.testing.assert_allclose(weights_of(layers, MODEL)[0], carried, rtol=1e-6, atol=1e-12)


def test_the_smallest_weight_is_the_smallest_current():
    reach = within_reach([np.zeros((1, 1))], MODEL)[1][0]
    just = np.array([[reach.w_min * 1.001, reach.w_min * 0.5]])
    # The smaller of the two polarities carries it.
    counts = [within_reach([sign * just], MODEL)[1][0].below for sign in (1, -1)]
    assert min(counts) == 1


def test_weights_beyond_the_trials_are_counted():
    scale = MODEL.current_scale_A(1)
    low, high = (i / scale for i in MODEL.validity.i_synapse_A)
    weight = np.array([[low * 1.01, -high * 0.99, low * 0.99, -high * 1.01, 1e6, 0.0, 1e-9]])
    reach = within_reach([weight], MODEL)[1][0]
    assert (reach.beyond_trials, reach.clipped, reach.below) == (3, 1, 1)
    assert reach.i_trials_A == MODEL.validity.i_synapse_A


@pytest.mark.parametrize(("kept", "wrong"), [("n", 2), ("p", 1)])
def test_a_sign_without_a_polarity_is_switched_off(kept, wrong):
    one = replace(MODEL, currents={kept: MODEL.currents[kept]})
    weight = np.array([[0.5, -0.5, -100.0]])
    (carried,), (reach,) = within_reach([weight], one)
    assert reach.wrong_sign == wrong and reach.clipped == (kept == "p")
    sign = {"n": 1, "p": -1}[kept]
    assert (carried * sign >= 0).all() and np.count_nonzero(carried) == 3 - wrong
    knob_layers([carried], one)


def design(folder: Path) -> Path:
    path = folder / "design.toml"
    path.write_text('name = "mine"\n[network]\nlayers = [5, 5, 5]\n')
    run = folder / "run" / "fit"
    run.mkdir(parents=True)
    source = resource_dir("characterization") / "iris" / "model.json"
    (run / "model.json").write_bytes(source.read_bytes())
    return path


def invoke(*arguments: str, folder: Path):
    return CliRunner().invoke(cli, [*arguments, "--run-dir", str(folder / "run")])


def test_map_says_what_it_changed(tmp_path):
    path = design(tmp_path)
    arrays = (bad(SQUARE, 50.0), bad(SQUARE, -1e-9))
    np.savez(tmp_path / "w.npz", *arrays, epoch=np.array(7))
    result = invoke("map", str(path), "--weights", str(tmp_path / "w.npz"), folder=tmp_path)
    assert result.exit_code == 0, result.output
    assert "layer 1: arr_0, 25 weights, 1 clipped" in " ".join(result.output.split())
    assert "layer 2: arr_1, 25 weights, 0 clipped to the largest, 1 below" in " ".join(
        result.output.split()
    )
    assert "1 at currents outside" in result.output and "not used: epoch" in result.output
    assert (tmp_path / "run" / "mapping" / "biases.csv").is_file()
    assert (tmp_path / "run" / "netlist" / "mine.trained.spice").is_file()


@pytest.mark.parametrize("command", ["map", "verify"])
@pytest.mark.parametrize("name", ["none.npz", "turned.npz", "text.txt"])
def test_bad_weights_are_bad_input(tmp_path, command, name):
    path = design(tmp_path)
    np.savez(tmp_path / "turned.npz", *(w.T for w in WEIGHTS))
    (tmp_path / "text.txt").write_text("1 2 3\n")
    assert invoke("generate", str(path), folder=tmp_path).exit_code == 0
    result = invoke(command, str(path), "--weights", str(tmp_path / name), folder=tmp_path)
    assert result.exit_code == 2, result.output
    assert name in " ".join(result.output.split())
