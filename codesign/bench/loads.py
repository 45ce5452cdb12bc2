"""What the next layer's synapses are to a spike line: a capacitance, measured once per line."""

from __future__ import annotations

from dataclasses import dataclass

from codesign.bench.cut import LOAD_SUPPLY, NetworkCut
from codesign.bench.decks import DeckBuilder
from codesign.bench.setup import Setup
from codesign.cells.names import spike_bar, spike_line
from codesign.spice import Transient, integral, pwl, run_batch

# The ramp of a line: as steep as drivers make it.
_RAMP_AT_S, _RAMP_S = 1e-9, 0.2e-9


@dataclass(frozen=True)
class LineLoad:
    """`c_F`: what delays the line's edge, the charge until half the supply over the voltage;
    `charge_C`: of the whole edge."""

    c_F: float
    charge_C: float

    def energy_J(self, supply_V: float) -> float:
        """What a spike takes beyond the energy of `c_F`."""
        return (self.charge_C - self.c_F * supply_V) * supply_V


def measured_loads(cut: NetworkCut, layer: int, timeout_s: float) -> dict[str, LineLoad] | None:
    """The synapses of the next layer on the lines of a layer's neurons, by net; None where they
    could not be simulated.

    All lines of the layer in one deck, without their drivers, each ramped as by a spike; the
    synapses with their knobs set, their dendrites at the reset voltage.
    """
    setup = cut.setup
    rest: dict[str, float] = {}
    cards: dict[str, None] = {}
    held: dict[str, None] = {}
    for index in range(1, setup.network.layers[layer] + 1):
        part = cut.column(layer, index)
        cards |= dict.fromkeys((*part.load, *part.knobs.values()))
        held |= dict.fromkeys(part.held)
        lines = {spike_line(layer, index): 0.0, spike_bar(layer, index): setup.supply_V}
        named = {word for card in part.load for word in card.split()}
        rest |= {net: volts for net, volts in lines.items() if net in named}
    builder = DeckBuilder(setup, f"{setup.name}: loads of the lines of layer {layer}")
    builder.define([*cut.models, *cards], [setup.cell]).supplies()
    builder.source(f"v{LOAD_SUPPLY}", LOAD_SUPPLY, setup.supply_V)
    for net in held:
        builder.drive(net, setup.neuron.v0)
    for net, volts in rest.items():
        builder.drive(net, pwl(_ramp(setup, volts)))
    names = {net: f"i(v_{net})" for net in rest}
    analysis = Transient(2 * (_RAMP_AT_S + _RAMP_S), _RAMP_S / 10, tuple(names.values()))
    result = run_batch(builder.deck(), analysis, process=setup.process, timeout_s=timeout_s)
    if not result.ok:
        return None
    time, found = result.waveforms["time"], {}
    for net, name in names.items():
        moved = [
            abs(integral(time, result.waveforms[name], _RAMP_AT_S, end))
            for end in (_RAMP_AT_S + _RAMP_S / 2, analysis.stop_s)
        ]
        found[net] = LineLoad(moved[0] / (setup.supply_V / 2), moved[1])
    return found


def _ramp(setup: Setup, rest_V: float) -> list[tuple[float, float]]:
    end_s = _RAMP_AT_S + _RAMP_S
    return [(0.0, rest_V), (_RAMP_AT_S, rest_V), (end_s, setup.supply_V - rest_V)]
