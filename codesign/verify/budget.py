"""The error budget of a verified network: what each of the model's terms moves, what is left.

Each layer is judged alone, with the spike times that SPICE gave for the layer before. A cause is
switched off in the model while everything else stays as fitted; nothing is simulated for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from codesign.characterize.currents import CurrentTable
from codesign.characterize.model import FittedModel
from codesign.mapping import LayerKnobs, weights_of
from codesign.pnn import PNNParameters, firing_time, membrane_potential
from codesign.verify.table_model import table_membranes

# What is switched off, and how; in the order of the report.
_TERMS: dict[str, tuple[str, Callable[[PNNParameters], PNNParameters]]] = {
    "curvature": (
        "current quadratic in v",
        lambda p: replace(p, curvature_plus=(), curvature_minus=()),
    ),
    "slope": (
        "reversal potential by weight",
        lambda p: replace(p, slope_plus=(), slope_minus=()),
    ),
    "delay": (
        "turn-on delay",
        lambda p: replace(p, kick_per_weight_plus=0.0, kick_per_weight_minus=0.0),
    ),
    "kick": ("charge of a spike", lambda p: replace(p, kick=0.0, kick_plus=(), kick_minus=())),
    "series": ("resistance of the gate", lambda p: replace(p, series=0.0)),
    "gate": ("what the gate keeps when it closes", lambda p: replace(p, gate=())),
    "off": (
        "leakage of waiting synapses",
        lambda p: replace(p, off_plus=0.0, off_minus=0.0),
    ),
    "coupling": ("neighbours' membranes", lambda p: replace(p, coupling=())),
    "offset": ("firing offset of a neuron", lambda p: replace(p, firing_offset=0.0)),
}
_CAPACITANCE = ("capacitance", "capacitance of a neuron")
_TABLE = ("form", "measured currents for the polynomials")


@dataclass(frozen=True)
class Contribution:
    """A cause in one layer: spike times without it minus those with it.

    `mean_ns`: what all spikes move by, which a fit without the term would put into the firing
    curve; `moves_ns`: rms about that; `rmse_ns`: error against SPICE without the term.
    """

    cause: str
    label: str
    layer: int
    mean_ns: float
    moves_ns: float
    rmse_ns: float


@dataclass(frozen=True)
class LayerBudget:
    """A layer's error against SPICE on SPICE's own input spikes, and what it consists of.

    `systematic_ns`: rms of the neurons' mean errors; `scatter_ns`: rms about those means.
    """

    layer: int
    rmse_ns: float
    systematic_ns: float
    scatter_ns: float
    neuron_mean_ns: tuple[float, ...]
    contributions: tuple[Contribution, ...]


def error_budget(
    knobs: Sequence[LayerKnobs],
    model: FittedModel,
    spikes_s: np.ndarray,
    t_spice_s: Sequence[np.ndarray],
    tables: Mapping[str, CurrentTable] | None = None,
) -> tuple[LayerBudget, ...]:
    """The budget of every layer. `spikes_s` (sample, input), `t_spice_s` per layer (sample,
    neuron), nan for silent, in s; `tables`: measured currents, for what the polynomials cost."""
    before, found = spikes_s, []
    for layer, simulated in enumerate(t_spice_s, start=1):
        found.append(_layer(list(knobs), model, layer, before, simulated, tables))
        before = simulated
    return tuple(found)


def as_json(budget: Sequence[LayerBudget]) -> dict[str, Any]:
    """The content of verify/budget.json."""
    layers = [asdict(layer) for layer in budget]
    return {"schema_version": 1, "layers": layers}


def _layer(
    knobs: list[LayerKnobs], model: FittedModel, layer: int, before_s: np.ndarray,
    simulated_s: np.ndarray, tables: Mapping[str, CurrentTable] | None,
) -> LayerBudget:  # fmt: skip
    phase = model.t_phase_s
    t_in = np.nan_to_num(before_s / phase, nan=2.0)
    params = model.parameters()[layer - 1]
    weight = weights_of(knobs, model)[layer - 1]
    times = _times(t_in, weight, params)
    fired = np.isfinite(simulated_s) & (times < 1)
    truth = simulated_s / phase

    def contribution(cause: str, label: str, without: np.ndarray) -> Contribution:
        moved = (without - times)[fired] * phase * 1e9
        mean = float(moved.mean()) if len(moved) else 0.0
        return Contribution(cause, label, layer, mean, _rms(moved - mean),
                            _rms((without - truth)[fired] * phase * 1e9))  # fmt: skip

    found = [
        contribution(cause, label, _times(t_in, weight, change(params)))
        for cause, (label, change) in _TERMS.items()
        if change(params) != params
    ]
    if relative := model.layers[layer - 1].forms["extended"].c_relative:
        same = weight * np.array(relative)[:, None]
        found.append(contribution(*_CAPACITANCE, _times(t_in, same, params)))
    if tables is not None:
        v = table_membranes(knobs, layer, model, tables, t_in)
        found.append(contribution(*_TABLE, _fire(torch.tensor(v), params)))
    error = np.where(fired, (times - truth) * phase * 1e9, np.nan)
    means = np.array([np.nanmean(e) if np.isfinite(e).any() else 0.0 for e in error.T])
    inside = error[fired]
    return LayerBudget(
        layer, _rms(inside), _rms(np.broadcast_to(means, error.shape)[fired]),
        _rms((error - means)[fired]), tuple(map(float, means)), tuple(found),
    )  # fmt: skip


def _times(t_in: np.ndarray, weight: np.ndarray, params: PNNParameters) -> np.ndarray:
    with torch.no_grad():
        v = membrane_potential(torch.tensor(t_in), torch.tensor(weight), params, method="exact")
    return _fire(v, params)


def _fire(v: torch.Tensor, params: PNNParameters) -> np.ndarray:
    with torch.no_grad():
        return firing_time(v, params, clip=False).clamp_min(0.0).numpy()


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else 0.0
