"""What is read off the waveforms of a neuron: when its line rose, where its membrane stood."""

from __future__ import annotations

import resource
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from codesign.bench.setup import Setup
from codesign.cells.names import layered
from codesign.spice import crossing_times, integral, value_at

_BEFORE_GATE_S, _BEFORE_START_S = 1e-9, 2e-9


def first_rise(
    time_s: np.ndarray, line_V: np.ndarray, start_s: float, setup: Setup
) -> float | None:
    """When a spike line first rises through half the supply within a phase, s after `start_s`.

    Looked for from a little before the phase on; None when the line stays low.
    """
    timing = setup.timing
    rises = crossing_times(time_s, line_V, setup.supply_V / 2, rising=True)
    inside = rises[(rises > start_s - 2 * timing.t_edge) & (rises < start_s + timing.t_phase)]
    return float(inside[0] - start_s) if len(inside) else None


@dataclass(frozen=True)
class Frame:
    """One layer's frame for one sample in a simulated run."""

    setup: Setup
    start_s: float

    def input_rise(self, time_s: np.ndarray, line_V: np.ndarray) -> float | None:
        """When an input line rose, s after accumulation starts."""
        start = self.start_s + self.setup.timing.t_accumulate
        return first_rise(time_s, line_V, start, self.setup)

    def spike(self, time_s: np.ndarray, line_V: np.ndarray) -> float | None:
        """When the neuron fired, s after the firing phase starts."""
        return first_rise(time_s, line_V, self.start_s + self.setup.timing.t_fire, self.setup)

    def membrane_start(self, time_s: np.ndarray, membrane_V: np.ndarray) -> float:
        """Membrane just before accumulation, V."""
        start = self.start_s + self.setup.timing.t_accumulate
        return value_at(time_s, membrane_V, start - _BEFORE_START_S)

    def membrane_end(self, time_s: np.ndarray, membrane_V: np.ndarray) -> float:
        """Membrane at the end of accumulation, before it is isolated, V."""
        timing = self.setup.timing
        end = self.start_s + timing.t_fire - timing.gate_lead - _BEFORE_GATE_S
        return value_at(time_s, membrane_V, end)


def rails(setup: Setup) -> dict[str, float]:
    """Voltage of each source that delivers energy, by the vector of its current: the supply, and
    fixed biases, gates among them, which deliver next to nothing."""
    found = {"vdd": setup.supply_V, **setup.neuron.biases, **setup.synapse.static}
    return {f"i(v{node})": value for node, value in found.items()}


def control_currents(setup: Setup, layer: int) -> list[str]:
    """Vectors of the currents of a layer's phase controls; layer from 1."""
    return [f"i(v{layered(c.port, layer)})" for c in setup.neuron.controls(setup.timing)]


def rail_energy(
    time_s: np.ndarray, wave: dict[str, np.ndarray], rails_V: dict[str, float],
    start_s: float, end_s: float,
) -> float:  # fmt: skip
    """Energy in J that sources delivered; `rails_V`: voltage by the vector of its current.

    ngspice counts current into a source's positive node, so delivered current is negative.
    """
    return -sum(
        voltage * integral(time_s, wave[name], start_s, end_s) for name, voltage in rails_V.items()
    )


def driver_energy(
    time_s: np.ndarray, wave: dict[str, np.ndarray], vectors: Iterable[str], supply_V: float,
    start_s: float, end_s: float,
) -> float:  # fmt: skip
    """Energy in J that drivers take from the supply to do what ideal sources did; `vectors` of
    their currents.

    The charge that left a source times the supply: a driver gets nothing back of it. What the
    driver's own transistors and their stages before take comes on top.
    """
    charge = sum(
        integral(time_s, np.maximum(-wave[name], 0.0), start_s, end_s) for name in vectors
    )
    return supply_V * charge


def children_cpu_s() -> float:
    """CPU time that processes started from here, and ended, have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
