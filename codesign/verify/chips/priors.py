"""How much chips differ, from the process's own statistics: deviations for `identify`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from codesign.bench import Setup
from codesign.cells.knobs import SIGN
from codesign.characterize.model import FittedModel
from codesign.errors import ToolError
from codesign.mapping import LayerKnobs
from codesign.pdk import Device
from codesign.verify.chips.model import NEURON

# Of a whole chip: thresholds move together by about 6 mV (the foundry's process statistics), oxide
# and mobility add a tenth to currents.
_CHIP_V, _CHIP_CURRENT = 0.010, 0.10
# Where no statistics are known: of a threshold, and of a current that no gate sets.
_THRESHOLD_V, _CURRENT = 0.010, 0.30
# Of a neuron: capacitance (the MIM's area capacitance varies by 2.7 % over chips, by 0.1 % on one),
# offset of its membrane or sensing threshold in thresholds, and discharge time (its discharger is
# biased near its threshold, as memory transistors are).
_NEURON = {"capacitance": 0.03, "offset": 0.03, "slope": 0.3}


def chip_prior(
    setup: Setup, model: FittedModel, layers: Sequence[LayerKnobs]
) -> list[np.ndarray]:
    """Deviation of every parameter of a chip, per layer (neuron, input + 3), as in `ChipModel`.

    A synapse's is that of its memory transistor's threshold times the slope of its current at the
    bias that it has; 0 where it is off.
    """
    found = []
    for knobs in layers:
        deviation = np.zeros(knobs.weight.shape)
        for polarity, curve in model.currents.items():
            value = knobs.values[polarity]
            on = (value != curve.off) & (knobs.current_A * SIGN[polarity] > 0)
            if not on.any():
                continue
            if not curve.is_bias:
                deviation[on] = _CURRENT
                continue
            axis = np.asarray(curve.values)
            slopes = np.abs(np.gradient(np.log(curve.i0_A), axis))
            per_volt = np.interp(value[on], axis, slopes)
            threshold = np.hypot(_threshold_V(setup, polarity), _CHIP_V)
            deviation[on] = np.hypot(per_volt * threshold, _CHIP_CURRENT)
        neurons = [np.full((len(deviation), 1), _NEURON[name]) for name in NEURON]
        found.append(np.concatenate([deviation, *neurons], axis=1))
    return found


def _threshold_V(setup: Setup, polarity: str) -> float:
    """Deviation of the threshold of the transistor that sets a polarity's current."""
    size = getattr(setup.network.synapse, f"memory_{polarity}", None)
    if size is None:
        return _THRESHOLD_V
    try:
        known = setup.process.threshold_deviation_V(
            Device(size.model, round(size.w * 1e6, 6), round(size.l * 1e6, 6))
        )
    except ToolError:
        # Identification works without a model library.
        return _THRESHOLD_V
    return known or _THRESHOLD_V
