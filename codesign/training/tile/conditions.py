"""The conditions a trained network is evaluated at, one effect after another, and how."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean, pstdev
from typing import Any

import torch
from torch import nn

from codesign.tile import TileParameters, analog_layers, calibrate, set_tile
from codesign.training.tile.hardware_aware import Samples, accuracy, logits_of


@dataclass(frozen=True)
class Condition:
    """params None: digital. columns: per-column gain and offset are calibrated. draws: of noise."""

    name: str
    params: TileParameters | None
    columns: bool = False
    draws: int = 1


def conditions(
    base: TileParameters, resistances_ohm: Sequence[float], draws: int = 3, drop_draws: int = 3
) -> tuple[Condition, ...]:
    """fp32; quantised inputs and converters; + read noise; + IR-drop at every resistance.

    Every analog one without and with per-column calibration. `base` brings pulses and converter.
    draws, drop_draws: of read noise without and with IR-drop.
    """
    free = replace(base, r_line_ohm=0.0, r_source_ohm=0.0, read_noise="off")
    steps = [("quantised", free, 1), ("noise", replace(free, read_noise="output"), draws)]
    steps += [
        (f"r={r:g}", replace(base, r_line_ohm=r, read_noise="output"), drop_draws)
        for r in resistances_ohm
    ]
    analog = [
        Condition(name + (", calibrated" if columns else ""), params, columns, count)
        for name, params, count in steps
        for columns in (False, True)
    ]
    return (Condition("fp32", None), *analog)


def evaluate(
    model: nn.Module,
    condition: Condition,
    tests: Mapping[str, Samples],
    calibration: Samples,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Accuracy at a condition by test: mean and spread over noise draws. The model is left at it.

    Input scales and converter ranges are always calibrated, on samples of the training set.
    """
    layers = analog_layers(model).values()
    for layer in layers:
        layer.params = condition.params
        layer.mapping = replace(layer.mapping, weight_noise=0.0, output_noise=0.0)
    if condition.params is not None:
        set_tile(model, generator=torch.Generator().manual_seed(seed))
        calibrate(
            model,
            list(calibration.by_length().batches(64)),
            columns=condition.columns,
            run=logits_of,
        )
    return {name: _accuracy(model, condition, test, seed) for name, test in tests.items()}


def _accuracy(model: nn.Module, condition: Condition, test: Samples, seed: int) -> dict[str, Any]:
    found = []
    start_s = time.process_time()
    for draw in range(condition.draws):
        set_tile(model, generator=torch.Generator().manual_seed(1000 * seed + draw))
        found.append(accuracy(model, test))
    return {
        "accuracy": mean(found),
        "spread": pstdev(found),
        "draws": len(found),
        "samples": len(test),
        "seconds": round(time.process_time() - start_s, 1),
    }
