"""A network with its weights in place: bias knobs as sources, device values in cards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from codesign.bench.setup import Setup
from codesign.bench.views import Definitions, split_definitions
from codesign.cells import Network
from codesign.cells.names import synapse_instance
from codesign.errors import DataError
from codesign.layout.circuit import wrapped
from codesign.spice.netlist import Netlist, Subcircuit, parse_netlist

# Values of a layer's knobs by polarity, arrays (post, pre).
KnobValues = Mapping[str, np.ndarray]
# Device values of single synapses: by (column, row), then by parameter.
DeviceValues = Mapping[tuple[int, int], Mapping[str, float]]
TOP = "xtop"


def trained_name(network: Network) -> str:
    """Name of the subcircuit of a network with its weights."""
    return f"{network.name}_trained"


def outer_ports(network: Network) -> list[str]:
    """Ports of the network without its knobs: those of the trained one."""
    knobs = {port for *_, port in network.knob_ports()}
    return [port for port in network.port_names if port not in knobs]


def trained_netlist(setup: Setup, layers: Sequence[KnobValues], digits: int = 9) -> str:
    """Subcircuit definitions, and `<name>_trained`: the network with every knob set. `digits`: of
    the voltages of bias knobs.

    Its ports are those of the network without the knobs. Raises DataError when the values are those
    of another network: a gate would be left floating.
    """
    network = setup.cell
    _check_shapes(network, layers)
    definitions, cards = setup.views.placed(network, "xnet")
    if network.synapse.value_knobs:
        texts = split_definitions("\n".join(definitions))
        definitions = _with_values(texts, network, layers)
    name = trained_name(network)
    lines = [
        *definitions,
        f"* cell {name}: the trained network, weights in place",
        *wrapped(f".subckt {name}", outer_ports(network)),
        *knob_sources(network, layers, digits),
        *cards,
        f".ends {name}",
    ]
    return "\n".join(lines) + "\n"


def knob_sources(
    network: Network, layers: Sequence[KnobValues], digits: int = 9
) -> list[str]:
    """One DC source for each bias knob of a network, named after its port. `digits`: of its
    voltage; trials have more, since tables keep what was drawn."""
    _check_shapes(network, layers)
    return [
        f"v{port} {port} 0 dc {layers[layer - 1][polarity][post - 1, pre - 1]:.{digits}g}"
        for layer, post, pre, polarity, port in network.knob_ports()
    ]


def _check_shapes(network: Network, layers: Sequence[KnobValues]) -> None:
    wanted = tuple((post, pre) for pre, post in network.sizes.connections)
    for polarity in network.synapse.knobs:
        found = tuple(values[polarity].shape for values in layers if polarity in values)
        if found != wanted:
            raise DataError(
                f"weights are for layers {found} (post, pre), {network.name} has {wanted}",
                remedy="make the mapping again for this network",
            )


def _with_values(
    texts: Definitions, network: Network, layers: Sequence[KnobValues]
) -> list[str]:
    """Definitions in which every layer has a crossbar of its own with its device values."""
    netlist: Netlist = parse_netlist("\n".join(texts.values()), network.name)
    made: Definitions = {}
    top = netlist.subcircuit(network.name)
    elements = list(top.elements)
    for number, (crossbar, values) in enumerate(zip(network.crossbars, layers, strict=True), 1):
        own = {
            (post, pre): {
                knob.name: values[polarity][post - 1, pre - 1]
                for polarity, knob in network.synapse.value_knobs.items()
            }
            for post, pre in crossbar.places()
        }
        name = f"{crossbar.name}_{number}"
        made[name] = _set_crossbar(netlist.subcircuit(crossbar.name), name, own)
        elements = [
            replace(e, words=(name,)) if e.name.lower() == f"xxbar_{number}" else e
            for e in elements
        ]
    kept = {k: v for k, v in texts.items() if k != network.name}
    return [*(kept | made).values(), replace(top, elements=tuple(elements)).text + "\n"]


def set_crossbars(
    definitions: Sequence[str], programmed: Mapping[str, DeviceValues]
) -> list[str]:
    """A definition `<crossbar>_set` of each programmed crossbar, with the device values of its
    synapses; those that are not named stay off."""
    if not programmed:
        return []
    netlist = parse_netlist("\n".join(definitions), "deck")
    return [
        _set_crossbar(netlist.subcircuit(name), f"{name}_set", values)
        for name, values in programmed.items()
    ]


def _set_crossbar(cell: Subcircuit, name: str, values: DeviceValues) -> str:
    given = {
        f"x{synapse_instance(*place)}": {key: f"{value:.9g}" for key, value in own.items()}
        for place, own in values.items()
    }
    elements = tuple(e.with_parameters(given.get(e.name.lower(), {})) for e in cell.elements)
    return replace(cell, name=name, elements=elements).text + "\n"
