"""Which cells a design consists of, and writing their netlists, each with its port list."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from codesign.cells.base import Cell, port_list
from codesign.cells.crossbar import Crossbar, CrossbarParameters
from codesign.cells.network import Network, NetworkParameters
from codesign.files import write_atomic


def design_cells(name: str, parameters: NetworkParameters) -> tuple[Cell, ...]:
    """Everything that is simulated of a design: synapse, neuron, input driver, crossbars, single
    columns, loads of spike lines, and the network `name`."""
    network = Network(parameters, name)
    cells = [
        network.synapse,
        network.neuron,
        network.input_driver,
        *network.crossbars,
        *(column_cell(parameters, crossbar.sizes.rows) for crossbar in network.crossbars),
        *(load_cell(parameters, size) for size in parameters.layers[2:]),
        network,
    ]
    return tuple({cell.name: cell for cell in cells}.values())


def column_cell(parameters: NetworkParameters, fan_in: int) -> Crossbar:
    """One dendrite with its synapses."""
    return crossbar_cell(parameters, fan_in, 1)


def crossbar_cell(parameters: NetworkParameters, rows: int, columns: int) -> Crossbar:
    """The crossbar of a layer."""
    sizes = CrossbarParameters(rows=rows, columns=columns, synapse=parameters.synapse)
    return Crossbar(sizes, f"crossbar_{rows}x{columns}")


def load_cell(parameters: NetworkParameters, fan_out: int) -> Crossbar:
    """The synapses that a spike line drives: one row of the next layer's crossbar."""
    return crossbar_cell(parameters, 1, fan_out)


def write_netlists(cells: Iterable[Cell], folder: Path) -> tuple[Path, ...]:
    """Write `<cell>.spice` and `<cell>.ports.json` for every cell; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for cell in cells:
        for suffix, text in ((".spice", cell.netlist()), (".ports.json", port_list(cell))):
            path = folder / f"{cell.name}{suffix}"
            write_atomic(path, text)
            written.append(path)
    return tuple(written)
