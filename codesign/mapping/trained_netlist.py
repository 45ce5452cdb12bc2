"""Writing a trained network back into its netlist."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codesign.cells import CellViews, Network, View
from codesign.files import write_atomic
from codesign.layout.circuit import wrapped
from codesign.mapping.biases import LayerBiases, bias_sources


def trained_netlist(
    network: Network, layers: Sequence[LayerBiases], views: CellViews | None = None
) -> str:
    """Subcircuit definitions, and `<name>_trained`: the network with every gate bias in place.

    Its ports are those of the network without the biases. `views`: which view of the network
    (default: schematic, with comments).
    """
    definitions, cards = (views or CellViews()).placed(network, "xnet")
    if views is None or views.view is View.SCHEMATIC:
        definitions = [network.netlist()]
    biases = {
        port
        for layer, crossbar in enumerate(network.crossbars, start=1)
        for *_, port_n, port_p in crossbar.bias_ports()
        for port in (f"{port_n}_{layer}", f"{port_p}_{layer}")
    }
    outer = [port for port in network.port_names if port not in biases]
    name = f"{network.name}_trained"
    lines = [
        *definitions,
        f"* cell {name}: the trained network, gate biases as sources",
        *wrapped(f".subckt {name}", outer),
        *bias_sources(network, layers),
        *cards,
        f".ends {name}",
    ]
    return "\n".join(lines) + "\n"


def write_trained_netlist(
    path: Path, network: Network, layers: Sequence[LayerBiases], views: CellViews | None = None
) -> None:
    """Write `trained_netlist` atomically."""
    write_atomic(path, trained_netlist(network, layers, views))
