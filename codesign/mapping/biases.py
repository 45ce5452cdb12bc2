"""Weights to currents to gate biases, and back.

I = w C_eff V_th / T [arXiv:2412.09010]: one global scale, known from the fit. A positive weight is
carried by the N pair of its synapse, a negative one by the P pair; the other pair is off.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from codesign.cells import Network
from codesign.errors import DataError
from codesign.files import write_atomic

if TYPE_CHECKING:  # brings torch with it, which simulation workers need not load
    from codesign.characterize.model import FittedModel


@dataclass(frozen=True)
class LayerBiases:
    """Biases of one layer: arrays (post, pre), in V; `current_A` > 0 is a positive weight."""

    weight: np.ndarray
    current_A: np.ndarray
    bias_n_V: np.ndarray
    bias_p_V: np.ndarray


def bias_layers(
    weights: Sequence[np.ndarray],
    model: FittedModel,
    *,
    form: str = "extended",
    scale: tuple[float, float] = (1.0, 1.0),
) -> tuple[LayerBiases, ...]:
    """Biases that give the weights; `scale` multiplies positive and negative currents apart.

    A current smaller than every characterised one leaves its pair off. Raises DataError when a
    current is larger than what was characterised, or a weight is not finite.
    """
    layers = []
    for layer, weight in enumerate(weights, start=1):
        weight = np.asarray(weight, dtype=float)
        if not np.isfinite(weight).all():
            raise DataError(
                f"a weight of layer {layer} is not a finite number",
                remedy="run `codesign train` again",
            )
        factor = np.where(weight >= 0, scale[0], scale[1])
        current = weight * factor * _scales(model, layer, form, len(weight))
        layers.append(_biases(weight, current, model))
    return tuple(layers)


def weights_of(
    layers: Sequence[LayerBiases], model: FittedModel, form: str = "extended"
) -> list[np.ndarray]:
    """The weights that the model gives to biases: what the circuit computes, as the model sees
    it."""
    weights = []
    for layer, biases in enumerate(layers, start=1):
        current = np.zeros(biases.bias_n_V.shape)
        on_n, on_p = biases.bias_n_V > 0, biases.bias_p_V < model.supply_V
        current[on_n] += model.currents["n"].current(biases.bias_n_V[on_n])
        current[on_p] -= model.currents["p"].current(biases.bias_p_V[on_p])
        if not np.isfinite(current).all():
            raise DataError(
                f"biases of layer {layer} are outside the characterised range",
                remedy="make the mapping again from this model",
            )
        weights.append(current / _scales(model, layer, form, len(current)))
    return weights


def _scales(model: FittedModel, layer: int, form: str, neurons: int) -> np.ndarray:
    """Current of weight 1 of each neuron. Raises DataError for a model of another layer width."""
    scales = model.current_scales_A(layer, form)
    if len(scales) not in (1, neurons):
        raise DataError(
            f"layer {layer} has {neurons} neurons, the fitted model tells {len(scales)} apart",
            remedy="characterise and fit this network",
        )
    return scales


def bias_sources(network: Network, layers: Sequence[LayerBiases]) -> list[str]:
    """One DC source for each gate bias of a network, named after its port.

    Raises DataError when the biases are those of another network: a gate would be left floating.
    """
    found = tuple(biases.bias_n_V.shape for biases in layers)
    wanted = tuple((post, pre) for pre, post in network.sizes.connections)
    if not all(crossbar.biased for crossbar in network.crossbars):
        raise DataError(
            f"the synapses of {network.name} take no gate biases: their weights are device values",
            remedy="use synapses of kind current_source",
        )
    if found != wanted:
        raise DataError(
            f"biases are for layers {found} (post, pre), {network.name} has {wanted}",
            remedy="make the mapping again for this network",
        )
    lines = []
    for layer, biases in enumerate(layers, start=1):
        for (post, pre), bias_n in np.ndenumerate(biases.bias_n_V):
            pair = (("n", bias_n), ("p", biases.bias_p_V[post, pre]))
            for polarity, value in pair:
                port = network.bias_port(layer, post + 1, pre + 1, polarity)
                lines.append(f"v{port} {port} 0 dc {value:.9g}")
    return lines


def write_biases(path: Path, layers: Sequence[LayerBiases]) -> None:
    """mapping/biases.csv: layer, post, pre (from 1), weight, current_A, bias_n_V, bias_p_V."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["layer", "post", "pre", "weight", "current_A", "bias_n_V", "bias_p_V"])
    for layer, biases in enumerate(layers, start=1):
        for (post, pre), weight in np.ndenumerate(biases.weight):
            arrays = (biases.current_A, biases.bias_n_V, biases.bias_p_V)
            values = (weight, *(array[post, pre] for array in arrays))
            writer.writerow([layer, post + 1, pre + 1, *(f"{float(x):.12g}" for x in values)])
    write_atomic(path, text.getvalue())


def read_biases(path: Path) -> tuple[LayerBiases, ...]:
    """Biases from mapping/biases.csv. Raises DataError naming the file."""
    remedy = "run `codesign verify` again"
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        keys = [(int(row["layer"]), int(row["post"]), int(row["pre"])) for row in rows]
        layers = []
        for layer in range(1, max(key[0] for key in keys) + 1):
            own = [(key, row) for key, row in zip(keys, rows, strict=True) if key[0] == layer]
            shape = (max(key[1] for key, _ in own), max(key[2] for key, _ in own))
            if len(own) != shape[0] * shape[1]:
                raise ValueError(f"layer {layer} has {len(own)} rows, not {shape[0]} x {shape[1]}")
            arrays = []
            for column in ("weight", "current_A", "bias_n_V", "bias_p_V"):
                array = np.full(shape, np.nan)
                for (_, post, pre), row in own:
                    array[post - 1, pre - 1] = float(row[column])
                if not np.isfinite(array).all():
                    raise ValueError(f"layer {layer} has no {column} for some synapse")
                arrays.append(array)
            layers.append(LayerBiases(*arrays))
    except FileNotFoundError:
        raise DataError(f"{path}: there are no biases", remedy=remedy) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a table of biases: {error}", remedy=remedy) from error
    return tuple(layers)


def _biases(weight: np.ndarray, current: np.ndarray, model: FittedModel) -> LayerBiases:
    bias_n = np.zeros(weight.shape)
    bias_p = np.full(weight.shape, model.supply_V)
    # Currents below the smallest characterised one are leakage: such a pair stays off.
    on_n = current >= min(model.currents["n"].i0_A)
    on_p = -current >= min(model.currents["p"].i0_A)
    try:
        bias_n[on_n] = model.currents["n"].bias(current[on_n])
        bias_p[on_p] = model.currents["p"].bias(-current[on_p])
    except DataError as error:
        raise DataError(f"mapping weights: {error.message}", remedy=error.remedy) from error
    return LayerBiases(weight, current, bias_n, bias_p)
