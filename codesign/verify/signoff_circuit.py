"""The nominal biases at another condition, and a tester's settings tuned for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from codesign.designs import Design
from codesign.errors import InputError
from codesign.verify.chips import Nominal, Samples
from codesign.verify.chips.population import nominal_figures
from codesign.verify.circuit import CircuitResult, TrainedCircuit
from codesign.verify.simulation import NetworkRunner
from codesign.verify.tuning import Knob, Tuned, tune

# Those of a design's neuron and timing that it has; steps and reach in V, of the phase as shares.
_BIASES = {
    "network.neuron.v_discharge": (0.01, 0.15),
    "network.neuron.v_sense": (0.02, 0.2),
    "network.neuron.v0": (0.01, 0.1),
}
_PHASE, _PHASE_STEP, _PHASE_REACH = "timing.t_phase", 0.02, 0.3
_FIGURES = ("rms_ns", "accuracy", "spikes_missed")


@dataclass(frozen=True)
class NominalCircuit:
    """A design at a condition, written with the nominal biases."""

    nominal: Nominal
    there: Design
    netlists: Path
    runner: NetworkRunner
    label: str

    @property
    def knobs(self) -> list[Knob]:
        """The settings that this design has."""
        found = [Knob(key, *of) for key, of in _BIASES.items() if self._value(key) is not None]
        phase = self.there.timing.t_phase
        return [*found, Knob(_PHASE, _PHASE_STEP * phase, _PHASE_REACH * phase)]

    def figures(self, test: Samples, values: Mapping[str, float], name: str) -> dict[str, Any]:
        """`rms_ns_<name>`, `accuracy_<name>` and `spikes_missed_<name>` of test samples; a changed
        phase counts as one."""
        result = self._run(test.inputs, values, f"{self.label}, {name}")
        figures = nominal_figures(self.nominal, test, result)
        return {f"{key}_{name}": figures[key] for key in _FIGURES}

    def no_figures(self, name: str) -> dict[str, Any]:
        """The same of a circuit that does not run."""
        return {f"{key}_{name}": None for key in _FIGURES}

    def tuned(self, samples: int) -> Tuned | None:
        """Settings tuned on training samples, over all layers' spikes; None where none runs."""
        nominal = self.nominal
        inputs = np.asarray(nominal.training[1 : 1 + samples])
        network = nominal.network
        said = network.times(inputs, network.nominal)
        meant = [np.where(t < 1, np.clip(t, 0, None), np.nan) for t in said]

        def measure(values: Mapping[str, float]) -> list[np.ndarray] | None:
            try:
                result = self._run(inputs, values, f"{self.label}, tuning")
            except InputError:
                # Settings that do not fit together, a phase and its period.
                return None
            if result.failed:
                return None
            return [t / nominal.phase_s for t in result.t_spike_s]

        start = {knob.name: float(self.there.value(knob.name)) for knob in self.knobs}
        return tune(self.knobs, start, measure, meant)

    def _value(self, key: str) -> float | None:
        try:
            value = self.there.value(key)
        except KeyError:
            return None
        return float(value) if isinstance(value, int | float) else None

    def _run(self, inputs: np.ndarray, values: Mapping[str, float], label: str) -> CircuitResult:
        """Samples, inputs in phases; spike times come back as those of the nominal phase."""
        changes: dict[str, Any] = dict(values)
        timing = self.there.timing
        phase_s = changes.get(_PHASE, timing.t_phase)
        if phase_s != timing.t_phase:
            changes["timing.t_period"] = timing.t_period + 2 * (phase_s - timing.t_phase)
        design = self.there.override(changes) if changes else self.there
        circuit = TrainedCircuit(design.setup(self.netlists), self.nominal.layers)
        found = self.runner.run(circuit, inputs * phase_s, label)
        share = self.nominal.phase_s / phase_s
        return replace(found, t_spike_s=tuple(t * share for t in found.t_spike_s))
