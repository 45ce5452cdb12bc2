"""How devices of a deck are called on the chip, so that every deck of a chip sees the same ones.

A device is called as in the schematic of the network, flattened: `xxbar_1.xs_2_3.memory_n`. Cells
that are simulated alone have no place on the chip; their devices are called after the deck's
instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from codesign.cells import Cell, Network, View
from codesign.cells.flatten import flat_circuit
from codesign.cells.names import neuron_instance, synapse_instance
from codesign.spice.chip import Places, parted

# Instances that stand for the whole chip: the network alone, or inside the trained one.
_CHIP = {"xnet": "", "xtop": "", "xtop.xnet": ""}
_FLAT = "xnet."
Key = tuple[str, ...]


def chip_places(
    view: View, cells: Iterable[Cell], definitions: Sequence[str], prefix: str
) -> Places:
    """Names of the devices in definitions of cells; in the layout view by the nets that they
    connect, which extraction calls as the schematic does. `prefix`: of the process's models."""
    known = {part.name.lower(): part for cell in cells for part in cell.cells()}
    texts, flat_cards = parted("\n".join(definitions))
    devices: dict[str, dict[str, str]] = {}
    # Cards of a network that was cut into columns stand in no definition.
    for network in (part for part in known.values() if isinstance(part, Network)):
        devices[""] = device_names(network, flat_cards, prefix)
    for name, definition in texts.items() if view is View.LAYOUT else ():
        flat = name.removesuffix("_trained")
        if flat in known:
            devices[name] = device_names(known[flat], definition.cards, prefix)
    return Places(_CHIP, devices)


def device_names(cell: Cell, cards: Iterable[str], prefix: str) -> dict[str, str]:
    """Name in the flattened schematic of each device among an extracted cell's cards, by the card's
    name without X; those that the schematic does not have are left out.

    Parallel devices that stand for one of the schematic have a number behind its name.
    """
    schematic: dict[Key, list[str]] = {}
    for device in flat_circuit(cell).devices:
        schematic.setdefault(_key(device.model, device.nodes), []).append(device.name.lower())
    found: dict[str, str] = {}
    taken: dict[Key, int] = {}
    for card in cards:
        words = [word for word in card.replace("\n+", " ").split() if "=" not in word]
        if card[0] not in "xX" or not words[-1].startswith(prefix):
            continue
        nodes = tuple(node.removeprefix(_FLAT) for node in words[1:-1])
        key = _key(words[-1].removeprefix(prefix), nodes)
        names = schematic.get(key, [])
        count = taken[key] = taken.get(key, 0) + 1
        if names:
            name = names[min(count, len(names)) - 1]
            more = count - len(names) + 1
            found[words[0][1:].lower()] = f"{name}.{more}" if more > 1 else name
    return found


def _key(model: str, nodes: Sequence[str]) -> Key:
    """The same for a device and for one with its ends exchanged."""
    if len(nodes) != 4:
        return (model, *sorted(nodes))
    drain, gate, source, bulk = nodes
    return (model, *sorted((drain, source)), gate, bulk)


def devices_by_instance(network: Network) -> dict[str, dict[str, str]]:
    """Names on the chip of the devices of each neuron and each synapse, by `neuron_path` or
    `synapse_path`, then by what they are called in the cell."""
    found: dict[str, dict[str, str]] = {}
    for device in flat_circuit(network).devices:
        name = device.name.lower()
        parts = name.split(".")
        depth = 2 if parts[0].startswith("xxbar_") else 1
        found.setdefault(".".join(parts[:depth]), {})[".".join(parts[depth:])] = name
    return found


def neuron_path(layer: int, index: int) -> str:
    """A neuron on the chip."""
    return f"x{neuron_instance(layer, index)}"


def synapse_path(layer: int, post: int, pre: int) -> str:
    """A synapse on the chip."""
    return f"xxbar_{layer}.x{synapse_instance(post, pre)}"
