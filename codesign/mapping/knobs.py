"""Weights to currents to the knobs of synapses, and back.

I = w C_eff V_th / T [arXiv:2412.09010]: one global scale, known from the fit. A positive weight is
carried by polarity N of its synapse, a negative one by P; the other one is off.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from codesign.cells.knobs import SIGN
from codesign.errors import DataError

if TYPE_CHECKING:  # brings torch with it, which simulation workers need not load
    from codesign.characterize.model import FittedModel


@dataclass(frozen=True)
class LayerKnobs:
    """Knobs of one layer: arrays (post, pre). `current_A` > 0 is a positive weight; `values`: by
    polarity, in V for bias knobs, else as the cell takes them."""

    weight: np.ndarray
    current_A: np.ndarray
    values: Mapping[str, np.ndarray]


def knob_layers(
    weights: Sequence[np.ndarray],
    model: FittedModel,
    *,
    form: str = "extended",
    scale: tuple[float, float] = (1.0, 1.0),
) -> tuple[LayerKnobs, ...]:
    """Knobs that give the weights; `scale` multiplies positive and negative currents apart.

    A current smaller than every characterised one leaves its polarity off. Raises DataError when a
    current is larger than what was characterised, of a sign that the synapse does not have, or a
    weight is not finite.
    """
    layers = []
    for layer, given in enumerate(weights, start=1):
        weight = np.asarray(given, dtype=float)
        if not np.isfinite(weight).all():
            raise DataError(
                f"a weight of layer {layer} is not a finite number",
                remedy="correct the weights, or run `codesign train` again",
            )
        factor = np.where(weight >= 0, scale[0], scale[1])
        current = weight * factor * scales_A(model, layer, form, len(weight))
        layers.append(LayerKnobs(weight, current, _values(current, model)))
    return tuple(layers)


def weights_of(
    layers: Sequence[LayerKnobs],
    model: FittedModel,
    form: str = "extended",
    *,
    or_meant: bool = False,
) -> list[np.ndarray]:
    """The weights that the model gives to knobs: what the circuit computes, as the model sees
    it. or_meant: outside the characterised range, where the knobs of another chip may be, the
    weights that were meant, instead of a DataError."""
    weights = []
    for layer, knobs in enumerate(layers, start=1):
        current = np.zeros(knobs.current_A.shape)
        for polarity, curve in model.currents.items():
            value = knobs.values[polarity]
            on = value != curve.off
            current[on] += SIGN[polarity] * curve.current(value[on])
        known = np.isfinite(current)
        if not known.all() and not or_meant:
            raise DataError(
                f"knobs of layer {layer} are outside the characterised range",
                remedy="make the mapping again from this model",
            )
        found = current / scales_A(model, layer, form, len(current))
        weights.append(np.where(known, found, knobs.weight))
    return weights


def scales_A(model: FittedModel, layer: int, form: str, neurons: int) -> np.ndarray:
    """Current of weight 1 of each neuron, (neurons, 1) or (1, 1). Raises DataError for a model of
    another layer width."""
    if layer > len(model.layers):
        raise DataError(
            f"the fitted model has {len(model.layers)} layers, the weights more",
            remedy="characterise and fit this network",
        )
    scales = model.current_scales_A(layer, form)
    if len(scales) not in (1, neurons):
        raise DataError(
            f"layer {layer} has {neurons} neurons, the fitted model tells {len(scales)} apart",
            remedy="characterise and fit this network",
        )
    return scales


def _values(current: np.ndarray, model: FittedModel) -> dict[str, np.ndarray]:
    found = {}
    carried = np.zeros(current.shape, dtype=bool)
    for polarity, curve in model.currents.items():
        own = SIGN[polarity] * current
        # Currents below the smallest characterised one are leakage: such a polarity stays off.
        on = own >= min(curve.i0_A)
        value = np.full(current.shape, curve.off)
        try:
            value[on] = curve.value(own[on])
        except DataError as error:
            raise DataError(f"mapping weights: {error.message}", remedy=error.remedy) from error
        found[polarity] = value
        carried |= own >= 0
    if not carried.all():
        sign = "negative" if "n" in model.currents else "positive"
        raise DataError(
            f"mapping weights: there are {sign} weights, and the synapse has no polarity for them",
            remedy=f'train with signs = "{"positive" if sign == "negative" else "negative"}" in '
            "[training.circuit]",
        )
    return found
