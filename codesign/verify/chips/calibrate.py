"""A chip calibrated: measured, identified, written again, and again as long as it moves far.

Patterns are random; test samples decide nothing and are only looked at for the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from codesign.bench import Setup
from codesign.characterize.model import FittedModel
from codesign.mapping import LayerKnobs, weights_of
from codesign.verify.chips.identify import Identified, identify
from codesign.verify.chips.instrument import Instrument
from codesign.verify.chips.model import NEURON, ChipModel
from codesign.verify.chips.observed import Observed
from codesign.verify.chips.patterns import NO_SPIKE, choose_patterns
from codesign.verify.chips.priors import chip_prior
from codesign.verify.chips.rewrite import new_knobs, wanted_gains

# Of a spike time, in s: the fitted model against SPICE on one chip.
NOISE_S = 0.1e-9
# Shares of the patterns that rounds take; change of a current that makes another round.
_SHARES, _FAR = (0.5, 0.25, 0.25), 0.05
# How well the nominal curve foretells a current after a move, as a share of the move's logarithm.
_CURVE = 0.1
_LEAST = 0.01


@dataclass(frozen=True)
class Nominal:
    """What was meant: the circuit's model and setup, its knobs and the training samples' spikes
    (sample, input) in phases."""

    setup: Setup
    model: FittedModel
    layers: tuple[LayerKnobs, ...]
    training: np.ndarray

    @property
    def network(self) -> ChipModel:
        """The network that was meant."""
        weights = weights_of(self.layers, self.model)
        return ChipModel(tuple(weights), tuple(self.model.parameters()))

    @property
    def phase_s(self) -> float:
        """The phase in s."""
        return self.model.t_phase_s


@dataclass(frozen=True)
class Round:
    """One measurement and what it told: patterns and spikes in s, the model with the weights that
    were written then, the chip found, and the knobs written after it."""

    inputs_s: np.ndarray
    layers_s: tuple[np.ndarray, ...]
    model: ChipModel
    found: Identified
    knobs: tuple[LayerKnobs, ...]

    def foretold(self, inputs: np.ndarray) -> list[np.ndarray]:
        """Spike times in phases that the chip then gives, unclipped, for inputs in phases."""
        return self.model.times(inputs, self.found.values)


@dataclass(frozen=True)
class Calibration:
    """A chip's rounds, in order; `outputs_only`: whether hidden spikes were not looked at."""

    rounds: tuple[Round, ...]
    outputs_only: bool

    @property
    def patterns(self) -> int:
        """How many patterns the chip was shown."""
        return sum(len(one.inputs_s) for one in self.rounds)

    @property
    def knobs(self) -> tuple[LayerKnobs, ...]:
        """The chip's own knobs."""
        return self.rounds[-1].knobs


def calibrate(
    nominal: Nominal,
    chip: Instrument,
    patterns: int,
    rng: np.random.Generator,
    *,
    outputs_only: bool = False,
) -> Calibration:
    """Measure, identify and write a chip again, with at most so many patterns."""
    network, phase = nominal.network, nominal.phase_s
    prior = chip_prior(nominal.setup, nominal.model, nominal.layers)
    model, layers, start = network, nominal.layers, None
    rounds: list[Round] = []
    shown = 0
    for share in np.cumsum(_SHARES):
        count = max(1, round(float(share) * patterns)) - shown
        if count <= 0:
            break
        inputs = choose_patterns(model, prior, count, NOISE_S / phase, rng, outputs_only)
        one = _round(nominal, chip, inputs, model, layers, prior, start, outputs_only)
        rounds.append(one)
        shown += count
        if max(float(np.abs(m).max(initial=0.0)) for m in _move(one)) <= _FAR:
            break
        layers = one.knobs
        model, prior, start = after_writing(one)
    return Calibration(tuple(rounds), outputs_only)


def identified_round(
    nominal: Nominal,
    observed: Observed,
    model: ChipModel,
    layers: Sequence[LayerKnobs],
    prior: Sequence[np.ndarray],
    start: Sequence[np.ndarray] | None = None,
) -> Round:
    """What observations of a chip with knobs `layers` tell, and the knobs to write next."""
    phase = nominal.phase_s
    found = identify(model, observed, prior, NOISE_S / phase, start)
    wanted = wanted_gains(nominal.network, model, found.values, nominal.training)
    gains = [own[:, : -len(NEURON)] for own in found.values]
    knobs = new_knobs(nominal.model, layers, gains, wanted, nominal.setup.supply_V)
    layers_s = tuple(t * phase for t in observed.layers)
    return Round(observed.inputs * phase, layers_s, model, found, knobs)


def after_writing(one: Round) -> tuple[ChipModel, list[np.ndarray], list[np.ndarray]]:
    """Model, prior deviations and means for a chip that was written after a round."""
    weights, priors, starts = [], [], []
    for before, knobs, own, error, old in zip(
        one.model.weights, one.knobs, one.found.values, one.found.errors, one.found.prior,
        strict=True,
    ):  # fmt: skip
        synapses = before.shape[1]
        aim = _log_ratio(knobs.weight, before)
        weights.append(before * np.exp(aim))
        start = own.copy()
        start[:, :synapses] = 0.0
        deviation = error.copy()
        move = aim - own[:, :synapses]
        spread = np.sqrt(error[:, :synapses] ** 2 + (_CURVE * move) ** 2 + _LEAST**2)
        deviation[:, :synapses] = np.where(old[:, :synapses] > 0, spread, 0.0)
        priors.append(deviation)
        starts.append(start)
    return one.model.rewritten(weights), priors, starts


def _log_ratio(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    on = (old != 0) & (new != 0)
    return np.where(on, np.log(np.abs(np.where(on, new, 1.0) / np.where(on, old, 1.0))), 0.0)


def _move(one: Round) -> list[np.ndarray]:
    """Change of the logarithm of every current that a round's writing makes."""
    moves = []
    for before, knobs, own in zip(one.model.weights, one.knobs, one.found.values, strict=True):
        move = _log_ratio(knobs.weight, before) - own[:, : before.shape[1]]
        moves.append(np.where(before != 0, move, 0.0))
    return moves


def _round(
    nominal: Nominal, chip: Instrument, inputs: np.ndarray, model: ChipModel,
    layers: Sequence[LayerKnobs], prior: Sequence[np.ndarray],
    start: Sequence[np.ndarray] | None, outputs_only: bool,
) -> Round:  # fmt: skip
    phase = nominal.phase_s
    label = "calibrate" if start is None else "calibrate again"
    seen = chip.spikes(layers, inputs * phase, label)
    times = [np.where(t < phase, t / phase, np.inf) for t in seen.layers_s]
    if outputs_only:
        times[:-1] = [np.full_like(t, np.nan) for t in times[:-1]]
    observed = Observed(np.where(inputs < 1, inputs, NO_SPIKE), tuple(times))
    found = identified_round(nominal, observed, model, layers, prior, start)
    return replace(found, layers_s=seen.layers_s)
