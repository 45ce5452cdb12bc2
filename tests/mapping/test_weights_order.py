"""Which array of a user's file is which layer, and what else may be in it."""

from __future__ import annotations

import numpy as np
import pytest

from codesign.errors import DataError
from codesign.mapping import read_given, read_weights

LAYERS = (5, 4, 3)
WEIGHTS = [np.full((4, 5), 0.25), np.full((3, 4), 0.5)]
SQUARE = np.full((5, 5), 0.25)


@pytest.mark.parametrize(
    ("names", "layers"),
    [
        (("encoder", "classifier"), (5, 5, 5)),
        (("fc1.weight", "fc2.weight", "out.weight"), (5, 5, 5, 5)),
        (("w1", "w01"), (5, 5, 5)),
        (("layer²", "layer¹"), (5, 5, 5)),
    ],
)
def test_an_order_that_neither_names_nor_shapes_tell_is_refused(tmp_path, names, layers):
    np.savez(tmp_path / "enc.npz", **dict.fromkeys(names, SQUARE))
    with pytest.raises(DataError, match="tell which layer is which") as caught:
        read_weights(tmp_path / "enc.npz", layers)
    assert all(name in caught.value.message for name in names)
    assert "number the arrays" in caught.value.remedy


def test_shapes_tell_the_order_where_names_do_not(tmp_path):
    np.savez(tmp_path / "a.npz", encoder=WEIGHTS[0], classifier=WEIGHTS[1])
    assert read_given(tmp_path / "a.npz", LAYERS).names == ("encoder", "classifier")
    out = np.ones((3, 5))
    np.savez(tmp_path / "b.npz", fc10=SQUARE, fc9=-SQUARE, a=out)
    assert read_given(tmp_path / "b.npz", (5, 5, 5, 3)).names == ("fc9", "fc10", "a")
    np.savez(tmp_path / "c.npz", encoder=WEIGHTS[0].T, classifier=WEIGHTS[1].T)
    with pytest.raises(DataError, match="other way round"):
        read_weights(tmp_path / "c.npz", LAYERS)


@pytest.mark.parametrize(
    ("weight", "bias"),
    [("l{}.weight", "l{}.bias"), ("w{}", "b{}"), ("coefs_{}", "intercepts_{}"), ("{}.w", "{}.b")],
)
def test_biases_are_refused_unless_zero(tmp_path, weight, bias):
    path = tmp_path / "w.npz"
    weights = {weight.format(k): array for k, array in enumerate(WEIGHTS)}
    for last in (0.0, 0.5, np.nan):
        biases = {bias.format(0): np.zeros(4), bias.format(1): np.array([0.0, 0.0, last])}
        np.savez(path, **weights, **biases, epoch=7)
        if last == 0.0:
            given = read_given(path, LAYERS)
            assert given.names == tuple(weights) and given.unused == (*biases, "epoch")
            continue
        with pytest.raises(DataError, match="bias spike") as caught:
            read_weights(path, LAYERS)
        assert bias.format(1) in caught.value.message and "column" in caught.value.remedy
