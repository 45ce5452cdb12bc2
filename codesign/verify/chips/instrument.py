"""What gives the spike times of a chip: a simulator here, a tester elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from codesign.bench import Setup
from codesign.errors import SimulationError
from codesign.mapping import LayerKnobs
from codesign.pdk import Variation
from codesign.verify.circuit import TrainedCircuit
from codesign.verify.simulation import NetworkRunner


@dataclass(frozen=True)
class Spikes:
    """Spike times of every layer, (sample, neuron) in s, inf for silent, and energy (sample,) in J,
    nan where it is not known."""

    layers_s: tuple[np.ndarray, ...]
    energy_J: np.ndarray


class Instrument(Protocol):
    """A chip that can be written and shown patterns."""

    def spikes(self, layers: Sequence[LayerKnobs], inputs_s: np.ndarray, label: str) -> Spikes:
        """Spike times for inputs (sample, input) in s with these knobs."""
        ...


@dataclass(frozen=True)
class SpiceChip:
    """A chip in ngspice: the network with its own devices, run by `runner`."""

    setup: Setup
    runner: NetworkRunner

    @property
    def name(self) -> str:
        """What the chip is called in progress and messages."""
        return f"chip {self.setup.conditions.seed}"

    def spikes(self, layers: Sequence[LayerKnobs], inputs_s: np.ndarray, label: str) -> Spikes:
        """Raises SimulationError when one of the simulations fails: a chip of which some answers
        are not known is not measured."""
        circuit = TrainedCircuit(self.setup, tuple(layers))
        found = self.runner.run(circuit, inputs_s, f"{self.name}, {label}")
        if found.failed:
            status = sorted(set(found.status[found.status != "ok"]))
            raise SimulationError(
                f"{self.name}: {found.failed} of {len(inputs_s)} samples failed "
                f"({', '.join(status)})",
                remedy="run again with --debug; finished simulations are kept",
            )
        silent_as_inf = [np.where(np.isnan(t), np.inf, t) for t in found.t_spike_s]
        return Spikes(tuple(silent_as_inf), found.energy_J)


def chip_setup(setup: Setup, seed: int) -> Setup:
    """The same circuit on the chip with this seed."""
    conditions = replace(setup.conditions, variation=Variation.ALL, seed=seed)
    return replace(setup, conditions=conditions)
