"""What is simulated, in one record: the network's cells, its phases, the conditions, the views."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from codesign.bench.views import CellViews
from codesign.cells import Network, NetworkParameters, PhaseTiming, View
from codesign.cells.neuron import Neuron
from codesign.cells.synapse import Synapse
from codesign.pdk import Conditions, Process


@dataclass(frozen=True)
class Setup:
    """Everything that decides a simulation besides its stimulus.

    conditions: corner, interconnect, temperature, supply, variation and chip seed; views: which
    netlists stand for the cells; name: of the network's cell.
    """

    network: NetworkParameters = field(default_factory=NetworkParameters)
    timing: PhaseTiming = field(default_factory=PhaseTiming)
    conditions: Conditions = field(default_factory=Conditions)
    views: CellViews = field(default_factory=CellViews)
    name: str = "network"

    @property
    def process(self) -> Process:
        """The process whose models are simulated."""
        return self.views.process

    @property
    def supply_V(self) -> float:
        """Supply voltage."""
        return self.conditions.supply_V

    @property
    def view(self) -> View:
        """View of the cells."""
        return self.views.view

    @property
    def neuron(self) -> Neuron:
        """The neuron cell."""
        return self.network.neuron.cell()

    @property
    def synapse(self) -> Synapse:
        """The synapse cell."""
        return self.network.synapse.cell()

    @property
    def cell(self) -> Network:
        """The network cell."""
        return Network(self.network, self.name)

    @property
    def fan_ins(self) -> tuple[int, ...]:
        """Distinct numbers of synapses on a dendrite."""
        return tuple(sorted({fan_in for fan_in, _ in self.network.connections}))

    @property
    def fan_outs(self) -> tuple[int, ...]:
        """Distinct numbers of synapses on a neuron's spike line; the output layer has none."""
        return tuple(sorted({0, *self.network.layers[2:]}))

    @property
    def accumulation_end(self) -> float:
        """When the membrane stops following the dendrite, in phases from accumulation on."""
        end = self.neuron.accumulation_end(self.timing) - self.timing.t_accumulate
        return min(end / self.timing.t_phase, 1.0)

    def at(self, **changes: Any) -> Setup:
        """This setup with other conditions: `setup.at(corner=Corner.SS, supply_V=1.71)`."""
        return dataclasses.replace(
            self, conditions=dataclasses.replace(self.conditions, **changes)
        )

    def in_view(self, view: View) -> Setup:
        """This setup in another view of the cells."""
        return dataclasses.replace(self, views=self.views.in_view(view))

    def condition_columns(self) -> dict[str, Any]:
        """Columns of a table's row that say what it was simulated at."""
        return condition_columns(self.conditions)


def condition_columns(conditions: Conditions) -> dict[str, Any]:
    """Columns of a table's row that say what it was simulated at."""
    return {
        "corner": conditions.corner.value,
        "interconnect": conditions.interconnect.value,
        "temperature_C": conditions.temperature_C,
        "supply_V": conditions.supply_V,
        "variation": conditions.variation.value,
        "seed": conditions.seed,
    }
