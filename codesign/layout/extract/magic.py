"""The official route: the user's magic with the technology file of $PDK_ROOT, run in batch.

magic is given a flat copy of the cell with the labels of the top cell alone (it loses labels that
lie on shapes of cells inside), and its .ext file is read: the netlist that it writes from that
books capacitance on other nets when hierarchy is on. Resistances
are not taken from magic: its `extresist` counts every coupling once more to the substrate.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import klayout.db as kdb

from codesign.errors import InputError, MissingToolError, ToolError
from codesign.layout.circuit import FlatCircuit
from codesign.layout.extract.audit import audit_ports
from codesign.layout.extract.checks import check_drawing
from codesign.layout.extract.labels import check_labels
from codesign.layout.extract.magic_circuit import circuit_of
from codesign.layout.extract.magic_ext import ExtFile, parse_ext
from codesign.layout.extract.reader import Drawing, read_gds
from codesign.layout.extract.run import Mode, cell_name
from codesign.pdk import Interconnect, Process, default_process
from codesign.processes import run_program

_DONE = "CODESIGN EXTRACTION DONE"
_SCRIPT = """\
crashbackups stop
drc off
gds read layout.gds
load {{{top}}}
select top cell
extract do local
extract no resistance
extract all
puts "{done}"
quit -noprompt
"""


@dataclass(frozen=True)
class Magic:
    """The program and the start-up file of the process's technology."""

    program: Path
    start_file: Path
    process: Process

    @classmethod
    def find(cls, process: Process) -> Magic:
        """`magic` on the PATH and the start-up file in $PDK_ROOT/$PDK. Raises
        MissingToolError."""
        start_file, pdk = process.magic_start_file(), process.model_library.pdk
        if start_file is None:
            raise MissingToolError(
                "engine magic needs the official technology file, and PDK_ROOT is not set",
                remedy=f"install {pdk} (ciel enable) and set PDK_ROOT, or use --engine own",
            )
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
        return cls(Path(program), start_file, process)

    def extract(self, drawing: Drawing, timeout_s: float = 1800.0) -> tuple[ExtFile, str]:
        """Run magic on a cell; returns its .ext file and its version. Raises ToolError."""
        top = cell_name(drawing)
        with tempfile.TemporaryDirectory(prefix="codesign-magic-") as scratch:
            folder = Path(scratch)
            _write_flat(drawing, folder / "layout.gds")
            script = _SCRIPT.format(top=top, done=_DONE)
            (folder / "extract.tcl").write_text(script, encoding="utf-8")
            code, log = self._run(folder, top, timeout_s)
            result = folder / f"{top}.ext"
            found = ExtFile()
            if _DONE in log and result.is_file():
                text = result.read_text(encoding="utf-8", errors="replace")
                found = parse_ext(text, self.process.model_prefix)
        # magic ends with exit code 0 after most errors, and extracts an empty cell.
        if not found.technology.startswith(self.process.magic_technology) or not found.nodes:
            tail = "\n  ".join(log.strip().splitlines()[-6:])
            raise ToolError(
                f"magic did not extract {top} (exit code {code}, technology "
                f"{found.technology or 'unknown'}):\n  {tail}",
                remedy="run magic on the layout by hand, or use --engine own",
            )
        version = re.search(r"Magic\s+(\d\S*)\s+revision\s+(\d+)", log)
        return found, ".".join(version.groups()) if version else "of unknown version"

    def _run(self, folder: Path, top: str, timeout_s: float) -> tuple[int, str]:
        """Exit code and output."""
        command = [str(self.program), "-dnull", "-noconsole", "-rcfile"]
        try:
            done = run_program(
                [*command, str(self.start_file), "extract.tcl"], folder=folder, timeout_s=timeout_s
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolError(
                f"{self.program} did not extract {top}: {error}", remedy="use --engine own"
            ) from error
        return done.code, done.output


def extract_with_magic(
    gds: Path,
    top: str | None = None,
    *,
    mode: Mode | str = Mode.C,
    corner: Interconnect | str = Interconnect.NOM,
    ports: Sequence[str] | None = None,
    unconnected: Collection[str] = (),
    process: Process | None = None,
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
    process = process or default_process()
    magic = Magic.find(process)
    drawing = read_gds(gds, top, technology=process.technology)
    check_drawing(drawing)
    pins = {label.text for label in check_labels(drawing, ports, unconnected) if label.is_pin}
    found, version = magic.extract(drawing)
    top = cell_name(drawing)
    circuit = circuit_of(
        found, top, ports, unconnected, with_capacitors=Mode(mode) is Mode.C, pins=pins
    )
    header = f"extracted by magic {version} from cell {top}: mode {Mode(mode)}, interconnect nom"
    circuit = replace(
        circuit,
        comments=(header, f"technology {found.technology}", *circuit.comments),
        model_prefix=process.model_prefix,
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
            text = shape.text
            text.string = text.string.replace("\\", "")
            cell.shapes(layer).insert(text)
    flat.write(str(path))
