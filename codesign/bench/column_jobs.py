"""One deck of a column or an input line, and how to read it."""

from __future__ import annotations

from dataclasses import dataclass

from codesign.bench.measure import control_currents, rails
from codesign.bench.nodes import membrane_node, voltage
from codesign.bench.setup import Setup
from codesign.cells.names import dendrite, neuron_instance, spike_bar, spike_line
from codesign.spice import Deck, Transient

MAX_STEP_S = 10e-9
WAVE_STEP_S = 2e-9


@dataclass(frozen=True)
class ColumnJob:
    """One deck and how to read it: passes of a layer's frames, the first `warmup` discarded. Layer
    0 is an input line."""

    deck: Deck
    setup: Setup
    layer: int
    index: int
    passes: int
    warmup: int = 1

    @property
    def frames(self) -> list[float]:
        """Start of each measured pass's frame, s."""
        layer = max(self.layer - 1, 0)
        return [self.setup.timing.frame(layer, k) for k in range(self.warmup, self.passes)]

    @property
    def lines(self) -> dict[str, str]:
        """Vectors of the line and its complement."""
        names = {"sp": spike_line(self.layer, self.index)}
        if self.layer == 0 or "spb" in self.setup.neuron.port_names:
            names["spb"] = spike_bar(self.layer, self.index)
        return {key: voltage(node) for key, node in names.items()}

    @property
    def membrane(self) -> str:
        """Vector of the membrane."""
        own = f"x{neuron_instance(self.layer, self.index)}"
        return voltage(membrane_node(self.setup.neuron, own, dendrite(self.layer, self.index)))

    @property
    def controls(self) -> list[str]:
        """Vectors of the currents of the neuron's phase controls."""
        return control_currents(self.setup, self.layer) if self.layer else []

    @property
    def analysis(self) -> Transient:
        """How the deck is simulated."""
        timing = self.setup.timing
        stop = timing.frame(max(self.layer - 1, 0), self.passes - 1) + timing.t_period
        save = [*self.lines.values(), *rails(self.setup), *self.controls]
        if self.layer:
            save.append(self.membrane)
        return Transient(max(stop, timing.t_end) + timing.guard, MAX_STEP_S, tuple(save))
