"""The nominal biases at another condition, and a tester's settings tuned for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from codesign.bench import Setup
from codesign.errors import InputError
from codesign.verify.chips import Nominal, Samples
from codesign.verify.chips.population import nominal_figures
from codesign.verify.circuit import CircuitResult, TrainedCircuit
from codesign.verify.simulation import NetworkRunner
from codesign.verify.tuning import Knob, Tuned, tune

PHASE = "timing.t_phase"
# Settings by their keys: step in V and how far they go; of the phase as shares of it.
_BIASES = {
    "network.neuron.v_discharge": (0.01, 0.15),
    "network.neuron.v_sense": (0.02, 0.2),
    "network.neuron.v0": (0.01, 0.1),
}
SETTINGS = (*_BIASES, PHASE)
_PHASE_STEP, _PHASE_REACH = 0.02, 0.3
_FIGURES = ("rms_ns", "accuracy", "spikes_missed")


@dataclass(frozen=True)
class NominalCircuit:
    """The circuit at a condition, written with the nominal biases.

    settings: those of SETTINGS that it has, as they are; setup_at: the circuit with others, raising
    InputError for some that do not fit together.
    """

    nominal: Nominal
    settings: Mapping[str, float]
    setup_at: Callable[[Mapping[str, float]], Setup]
    runner: NetworkRunner
    label: str

    @property
    def knobs(self) -> list[Knob]:
        """What is tuned."""
        found = [Knob(key, *_BIASES[key]) for key in self.settings if key != PHASE]
        phase_s = self.settings[PHASE]
        return [*found, Knob(PHASE, _PHASE_STEP * phase_s, _PHASE_REACH * phase_s)]

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
                return None
            if result.failed:
                return None
            return [t / nominal.phase_s for t in result.t_spike_s]

        return tune(self.knobs, self.settings, measure, meant)

    def _run(self, inputs: np.ndarray, values: Mapping[str, float], label: str) -> CircuitResult:
        """Samples, inputs in phases; spike times come back as those of the nominal phase."""
        phase_s = values.get(PHASE, self.settings[PHASE])
        circuit = TrainedCircuit(self.setup_at(values), self.nominal.layers)
        found = self.runner.run(circuit, inputs * phase_s, label)
        share = self.nominal.phase_s / phase_s
        return replace(found, t_spike_s=tuple(t * share for t in found.t_spike_s))
