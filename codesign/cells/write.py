"""Writing the netlists of a design: one file per cell, each with its machine-readable port list."""

from __future__ import annotations

from pathlib import Path

from codesign.cells.base import Cell, port_list
from codesign.cells.network import Network, NetworkParameters
from codesign.files import write_atomic


def design_cells(name: str, parameters: NetworkParameters) -> tuple[Cell, ...]:
    """Cells whose netlists a design ships: synapse, neuron, crossbars and the network `name`."""
    network = Network(parameters, name)
    crossbars = {crossbar.name: crossbar for crossbar in network.crossbars}
    return (network.crossbars[0].synapse, network.neuron, *crossbars.values(), network)


def write_netlists(name: str, parameters: NetworkParameters, folder: Path) -> tuple[Path, ...]:
    """Write `<cell>.spice` and `<cell>.ports.json` for every cell of a design; returns the
    paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for cell in design_cells(name, parameters):
        for suffix, text in ((".spice", cell.netlist()), (".ports.json", port_list(cell))):
            path = folder / f"{cell.name}{suffix}"
            write_atomic(path, text)
            written.append(path)
    return tuple(written)
