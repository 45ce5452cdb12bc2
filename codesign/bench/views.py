"""Which netlist stands for a cell in a simulation: its schematic, or its extracted layout.

Where a run directory is given, the netlists are those that `generate` wrote there; else cells are
drawn, and extracted, on the spot.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from codesign.cells.base import Cell, View
from codesign.cells.flatten import flat_circuit
from codesign.cells.given_layout import GivenLayout
from codesign.errors import CheckFailed, DataError
from codesign.layout.circuit import FlatCircuit, wrapped
from codesign.pdk import Device, Interconnect, Process, default_process
from codesign.spice.expressions import evaluate

# ngspice 39 gives up on a subcircuit with more than about a thousand nodes (N_GLOBAL_NODES).
_MOST_PORTS = 900
# Couplings below this go to ground at both ends: a third less time in ngspice; on a membrane of
# 175 fF a neighbour's volt through such a coupling is 0.06 mV.
SIMULATED_FROM_F = 1e-17
_SIZE = re.compile(r"\b([wl]|nf)=([0-9.eE+-]+)(?=\s|$)", re.IGNORECASE)

EXTRACTED = ".extracted.spice"
Definitions = dict[str, str]


@dataclass(frozen=True)
class CellViews:
    """Netlists of cells in one view; extraction at the given interconnect corner.

    `process`: whose devices and layers they have. `folder`: where `generate` wrote them, and
    `texts` what it wrote, by cell: see `written`; workers elsewhere need not reach the folder.
    """

    view: View = View.SCHEMATIC
    interconnect: Interconnect = Interconnect.NOM
    folder: Path | None = None
    process: Process = field(default_factory=default_process)
    texts: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def written(self, folder: Path) -> CellViews:
        """These views with the netlists that `generate` wrote to a folder."""
        suffix = EXTRACTED if self.view is View.LAYOUT else ".spice"
        texts = {}
        for path in sorted(folder.glob(f"*{suffix}")):
            name = path.name.removesuffix(suffix)
            if "." not in name:
                texts[name] = _read(path)
        return replace(self, folder=folder, texts=texts)

    def in_view(self, view: View) -> CellViews:
        """The same cells in another view."""
        other = replace(self, view=view, folder=None, texts={})
        return other if self.folder is None else other.written(self.folder)

    def definitions(self, cells: Iterable[Cell]) -> list[str]:
        """Subcircuit definitions that the cells need, each once, sub-cells first."""
        texts: Definitions = {}
        for cell in cells:
            for name, text in self._of(cell).items():
                texts.setdefault(name, text)
        return list(texts.values())

    def placed(self, cell: Cell, instance: str) -> tuple[list[str], list[str]]:
        """Definitions, and the cards that place a cell as `instance`, each port on the node of its
        name."""
        if self.view is View.LAYOUT and cell.abuts and len(cell.port_names) > _MOST_PORTS:
            return [], self._flat(cell).cards(instance)
        return self.definitions([cell]), wrapped(instance, [*cell.port_names, cell.name])

    def devices(self, cells: Iterable[Cell]) -> frozenset[Device]:
        """Every (model, W, L) that the cells use."""
        found: set[Device] = set()
        for cell in cells:
            for text in self._of(cell).values():
                found |= sizes_in(text, self.process.model_prefix)
            if self.view is View.SCHEMATIC or not cell.abuts:
                # Sizes that are expressions in a knob stand in no text.
                found |= cell.devices()
        return frozenset(found)

    def _of(self, cell: Cell) -> Definitions:
        if self.folder is None:
            return drawn_definitions(cell, self.view, self.interconnect, self.process)
        return split_definitions(self._text(cell))

    def _text(self, cell: Cell) -> str:
        if cell.name not in self.texts:
            raise DataError(
                f"{self.folder} has no netlist of {cell.name} in the {self.view} view",
                remedy="run `codesign generate` again",
            )
        return self.texts[cell.name]

    def _flat(self, cell: Cell) -> FlatCircuit:
        if self.folder is None:
            return extracted(cell, self.interconnect, self.process)
        from codesign.layout.lvs import read_circuit

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{cell.name}{EXTRACTED}"
            path.write_text(self._text(cell), encoding="utf-8")
            return read_circuit(path, cell.name)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} cannot be read: {error}", remedy="run `codesign generate` again"
        ) from error


def drawn_definitions(
    cell: Cell, view: View, interconnect: Interconnect, process: Process | None = None
) -> Definitions:
    """Definitions of a cell and everything in it, drawn now; in the layout view extracted, part by
    part where the parts cannot be drawn as one."""
    if view is View.SCHEMATIC:
        return {part.name: part.schematic.text for part in cell.cells()}
    if cell.given_layout is not None:
        inside = _given(cell, interconnect, process)
        return {inside.name: inside.spice(), cell.name: cell.schematic.text}
    if cell.abuts:
        return {cell.name: extracted(cell, interconnect, process).spice()}
    texts: Definitions = {}
    for child in cell.schematic.children:
        texts |= drawn_definitions(child, view, interconnect, process)
    return texts | {cell.name: cell.schematic.text}


def split_definitions(text: str) -> Definitions:
    """The `.subckt` definitions in a netlist by name, comments left out."""
    found: Definitions = {}
    lines: list[str] = []
    name = ""
    for line in text.splitlines():
        if line.startswith("*") or not line.strip():
            continue
        if line.lower().startswith(".subckt"):
            name, lines = line.split()[1], []
        lines.append(line)
        if line.lower().startswith(".ends"):
            found[name] = "\n".join(lines) + "\n"
    return found


def sizes_in(text: str, prefix: str) -> set[Device]:
    """Devices of the process in a definition, those whose sizes are plain numbers; `prefix`: of
    their models' names."""
    found: set[Device] = set()
    for card in text.replace("\n+", " ").splitlines():
        start = card.find(prefix)
        if card[:1] not in "xX" or start < 0:
            continue
        sizes = {key.lower(): evaluate(value) for key, value in _SIZE.findall(card, start)}
        if {"w", "l"} <= set(sizes):
            model = card[start:].split(None, 1)[0].removeprefix(prefix)
            w_um = round(sizes["w"] / max(sizes.get("nf", 1.0), 1.0), 6)
            found.add(Device(model, w_um, round(sizes["l"], 6)))
    return found


def extracted(
    cell: Cell,
    interconnect: Interconnect = Interconnect.NOM,
    process: Process | None = None,
) -> FlatCircuit:
    """The circuit that a cell's layout extracts to, with capacitances, its nets named as in the
    flattened schematic (`xn_1_1.mem`).

    Draws, extracts and compares with the schematic; the same cell is extracted once. Raises
    CheckFailed when layout and schematic differ, InputError for a cell without a layout view.
    """
    process = process or default_process()
    parameters = cell.parameters.model_dump_json()
    # What a user's files say is in no parameter.
    given = "".join(part.given_layout.digest for part in cell.cells() if part.given_layout)
    if any(part.is_given for part in cell.cells()):
        given += cell.netlist()
    kind = type(cell).__qualname__
    key = (kind, cell.name, parameters, given, interconnect, str(process.folder))
    if (known := _extracted().get(key)) is None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{cell.name}.gds"
            cell.layout.write_gds(path)
            known = extract_named(cell, path, interconnect, process)
        _extracted()[key] = known
    return known


def extract_named(
    cell: Cell, gds: Path, interconnect: Interconnect, process: Process | None = None
) -> FlatCircuit:
    """`extracted`, from a layout file of the cell."""
    from codesign.layout.extract import extract_circuit
    from codesign.layout.lvs import compare

    found = extract_circuit(
        gds, cell.name, mode="c", corner=interconnect, ports=cell.port_names,
        min_capacitance_F=SIMULATED_FROM_F, process=process,
    )  # fmt: skip
    report = compare(found, flat_circuit(cell))
    if not report.match:
        raise CheckFailed(f"layout of {cell.name} is not its schematic\n{report.text()}")
    return found.renamed(report.nets)


def _given(cell: Cell, interconnect: Interconnect, process: Process | None) -> FlatCircuit:
    """The extracted circuit of a layout that was given, under the name and with the ports of the
    subcircuit inside the cell. Raises CheckFailed when it differs from the netlist."""
    layout = cell.given_layout
    assert layout is not None
    inside = cell.schematic.children[0]
    circuit = extract_given(layout, inside, interconnect, process)
    from codesign.layout.lvs import compare

    report = compare(circuit, flat_circuit(inside))
    if not report.match:
        raise CheckFailed(f"layout {layout.path} is not its netlist\n{report.text()}")
    return circuit.renamed(report.nets)


def extract_given(
    layout: GivenLayout, inside: Cell, interconnect: Interconnect, process: Process | None
) -> FlatCircuit:
    """Extract a given layout; named as the subcircuit it belongs to."""
    from codesign.layout.extract import extract_circuit

    found = extract_circuit(
        layout.path, layout.top, mode="c", corner=interconnect, ports=layout.ports,
        min_capacitance_F=SIMULATED_FROM_F, process=process,
    )  # fmt: skip
    names = dict(zip(layout.ports, inside.port_names, strict=True))
    return replace(found.renamed(names), name=inside.name)


@cache
def _extracted() -> dict[tuple[str, ...], FlatCircuit]:
    return {}
