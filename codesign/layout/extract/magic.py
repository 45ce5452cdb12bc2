"""The official route: the user's magic with the technology file of $PDK_ROOT, run in batch.

magic is given a flat copy of the cell with the labels of the top cell alone (it loses labels that
lie on shapes of cells inside), and its .ext file is read: the netlist that it writes from that
books capacitance on other nets when hierarchy is on. Resistances
are not taken from magic: its `extresist` counts every coupling once more to the substrate.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import klayout.db as kdb
import numpy as np

from codesign.errors import InputError, MissingToolError, ToolError
from codesign.layout.circuit import FlatCircuit, FlatDevice, Parasitic
from codesign.layout.extract.audit import audit_ports, port_faults
from codesign.layout.extract.capacitance import NetCapacitances
from codesign.layout.extract.checks import check_drawing
from codesign.layout.extract.magic_ext import ExtDevice, ExtFile, parse_ext
from codesign.layout.extract.names import UNNAMED_SUBSTRATE, natural_key
from codesign.layout.extract.reader import Drawing, read_gds
from codesign.layout.extract.run import Mode, cell_name
from codesign.layout.extract.settle import MIN_CAPACITANCE_F, settle
from codesign.pdk import Interconnect

_DONE = "CODESIGN EXTRACTION DONE"
_SCRIPT = """\
crashbackups stop
drc off
gds read layout.gds
load {top}
select top cell
extract do local
extract no resistance
extract all
puts "{done}"
quit -noprompt
"""
_KINDS = {"nfet": "n", "pfet": "p", "cap_": "cap"}


@dataclass(frozen=True)
class Magic:
    """The program and the technology's start-up file."""

    program: Path
    start_file: Path

    @classmethod
    def find(cls) -> Magic:
        """`magic` on the PATH and the start-up file in $PDK_ROOT/$PDK (sky130A). Raises
        MissingToolError."""
        root, pdk = os.environ.get("PDK_ROOT"), os.environ.get("PDK", "sky130A")
        if not root:
            raise MissingToolError(
                "engine magic needs the official technology file, and PDK_ROOT is not set",
                remedy="install sky130A (ciel enable) and set PDK_ROOT, or use --engine own",
            )
        start_file = Path(root) / pdk / "libs.tech" / "magic" / f"{pdk}.magicrc"
        if not start_file.is_file():
            raise MissingToolError(
                f"engine magic: PDK_ROOT is set, but {start_file} does not exist",
                remedy="correct PDK_ROOT and PDK, or use --engine own",
            )
        program = shutil.which("magic")
        if program is None:
            raise MissingToolError(
                "magic is missing (not on the PATH)",
                remedy="install magic 8.3.4xx or later (8.3.105 of Debian is too old for this "
                "technology file), or use --engine own",
            )
        return cls(Path(program), start_file)

    def extract(self, drawing: Drawing, timeout_s: float = 1800.0) -> tuple[ExtFile, str]:
        """Run magic on a cell; returns its .ext file and its version. Raises ToolError."""
        top = cell_name(drawing)
        with tempfile.TemporaryDirectory(prefix="codesign-magic-") as scratch:
            folder = Path(scratch)
            _write_flat(drawing, folder / "layout.gds")
            script = _SCRIPT.format(top=top, done=_DONE)
            (folder / "extract.tcl").write_text(script, encoding="utf-8")
            command = [str(self.program), "-dnull", "-noconsole", "-rcfile"]
            try:
                done = subprocess.run(
                    [*command, str(self.start_file), "extract.tcl"],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=timeout_s,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise ToolError(
                    f"{self.program} did not extract {top}: {error}", remedy="use --engine own"
                ) from error
            log = done.stdout + done.stderr
            result = folder / f"{top}.ext"
            found = ExtFile()
            if _DONE in log and result.is_file():
                found = parse_ext(result.read_text(encoding="utf-8", errors="replace"))
            # magic ends with exit code 0 after most errors, and extracts an empty cell.
            if not found.technology.startswith("sky130") or not found.nodes:
                tail = "\n  ".join(log.strip().splitlines()[-6:])
                raise ToolError(
                    f"magic did not extract {top} (exit code {done.returncode}, technology "
                    f"{found.technology or 'unknown'}):\n  {tail}",
                    remedy="run magic on the layout by hand, or use --engine own",
                )
            version = re.search(r"Magic\s+(\d\S*)\s+revision\s+(\d+)", log)
            return found, ".".join(version.groups()) if version else "of unknown version"


def extract_with_magic(
    gds: Path,
    top: str,
    *,
    mode: Mode | str = Mode.C,
    corner: Interconnect | str = Interconnect.NOM,
    ports: Sequence[str] | None = None,
    unconnected: Collection[str] = (),
) -> FlatCircuit:
    """As `extract_circuit`, by magic: modes none and c, nominal interconnect."""
    if Mode(mode) is Mode.RC:
        raise InputError(
            "engine magic has no mode rc: magic's extresist counts coupling capacitance twice",
            remedy="use --engine own for resistances, or --mode c",
        )
    if Interconnect(corner) is not Interconnect.NOM:
        raise InputError(
            "engine magic extracts the nominal interconnect only",
            remedy="use --engine own for other corners",
        )
    magic = Magic.find()
    drawing = read_gds(gds, top)
    check_drawing(drawing)
    found, version = magic.extract(drawing)
    circuit = circuit_of(found, top, ports, unconnected, with_capacitors=Mode(mode) is Mode.C)
    header = f"extracted by magic {version} from cell {top}: mode {Mode(mode)}, interconnect nom"
    circuit = FlatCircuit(
        circuit.name,
        circuit.ports,
        circuit.devices,
        circuit.capacitors,
        comments=(header, f"technology {found.technology}", *circuit.comments),
    )
    if ports is not None:
        audit_ports(circuit, ports, unconnected)
    return circuit


def _write_flat(drawing: Drawing, path: Path) -> None:
    """A GDS file of the one cell, its shapes flat, texts only those of the top cell itself."""
    flat = kdb.Layout()
    flat.dbu = drawing.layout.dbu
    cell = flat.create_cell(drawing.cell.name)
    for index in drawing.layout.layer_indexes():
        layer = flat.layer(drawing.layout.get_info(index))
        cell.shapes(layer).insert(kdb.Region(drawing.cell.begin_shapes_rec(index)))
        for shape in drawing.cell.shapes(index).each(kdb.Shapes.STexts):
            cell.shapes(layer).insert(shape.text)
    flat.write(str(path))


def circuit_of(
    found: ExtFile,
    top: str,
    ports: Sequence[str] | None,
    unconnected: Collection[str],
    *,
    with_capacitors: bool,
) -> FlatCircuit:
    """The circuit of a .ext file. Raises InputError for shorts, ToolError for other devices."""
    names = _names(found)
    labels = sorted(
        {n for n in names.values() if not re.fullmatch(r"n\d+|" + UNNAMED_SUBSTRATE, n)},
        key=natural_key,
    )
    devices = tuple(
        _flat_device(device, number, found, names)
        for number, device in enumerate(
            sorted(found.devices, key=lambda d: (round(d.y_um, 3), d.x_um)), start=1
        )
    )
    substrate = names[found.node(found.substrate)]
    if ports is None:
        chosen = tuple(labels) + ((substrate,) if substrate == UNNAMED_SUBSTRATE else ())
    else:
        chosen = tuple(port for port in ports if port in {*labels, *unconnected})
    circuit = FlatCircuit(top, chosen, devices)
    comments = [f"substrate: net {substrate}"]
    capacitors: tuple[Parasitic, ...] = ()
    if with_capacitors:
        order = {node: number for number, node in enumerate(names)}
        pairs = [(order[found.node(a)], order[found.node(b)], c) for a, b, c in found.couplings]
        arrays = NetCapacitances(
            np.array([found.nodes.get(node, 0.0) for node in names]),
            np.array([pair[:2] for pair in pairs], np.int64).reshape(-1, 2),
            np.array([pair[2] for pair in pairs]),
        )
        used = {node for device in devices for node in device.nodes} | set(chosen)
        floating = [order[node] for node, name in names.items() if name not in used]
        settled = settle(
            arrays, tuple(names.values()), order[found.node(found.substrate)], floating
        )
        capacitors = settled.capacitors
        comments += settled.notes(MIN_CAPACITANCE_F)
    comments += [f"port {fault}" for fault in port_faults(circuit, chosen)] if not ports else []
    return FlatCircuit(top, chosen, devices, capacitors, comments=tuple(comments))


def _names(found: ExtFile) -> dict[str, str]:
    """Net name of every node: its label where there is one, else n1, n2, ..."""
    names, number = {}, 0
    spoken = {n for group in found.groups().values() for n in group}
    for node, group in found.groups().items():
        labels = sorted({n for n in group if not n.endswith("#") and "/" not in n})
        labels = [n for n in labels if n not in ("VSUBS", "None")] or labels
        if len(labels) > 1:
            raise InputError(
                f"labels {' and '.join(labels)} are on one net (a short)",
                remedy="separate the nets, or keep one of the labels",
            )
        if labels and labels[0] != "VSUBS":
            names[node] = labels[0]
        elif node == found.node(found.substrate):
            names[node] = UNNAMED_SUBSTRATE
        else:
            number += 1
            while f"n{number}" in spoken:
                number += 1
            names[node] = f"n{number}"
    return names


def _flat_device(
    device: ExtDevice, number: int, found: ExtFile, names: dict[str, str]
) -> FlatDevice:
    kind = _KINDS.get(device.model[:4])
    if kind is None or len(device.terminals) != (1 if kind == "cap" else 2):
        raise ToolError(
            f"magic found a {device.model} with {len(device.terminals)} terminals at "
            f"({device.x_um:.4g}, {device.y_um:.4g}) um, which codesign does not know",
            remedy="known are nfet_*, pfet_* and cap_mim_*",
        )
    gate, *others = (names[found.node(n)] for n in (device.gate, *device.terminals))
    place = (round(device.x_um, 4), round(device.y_um, 4))
    w, l = round(device.w_um, 6), round(device.l_um, 6)
    if kind == "cap":
        plates = (gate, others[0])
        return FlatDevice(
            f"c{number}", kind, device.model, plates, w, l, x_um=place[0], y_um=place[1]
        )
    (source, drain), bulk = others, names[found.node(device.substrate)]
    (as_um2, ps_um), (ad_um2, pd_um) = (junction or (None, None) for junction in device.junctions)
    nodes = (drain, gate, source, bulk)
    junctions = (as_um2, ad_um2, ps_um, pd_um)
    return FlatDevice(f"m{number}", kind, device.model, nodes, w, l, *junctions, *place)
