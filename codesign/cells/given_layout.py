"""A cell's layout as a user gave it: a GDS file, and whether a crossbar can be drawn from it.

A crossbar abuts its synapses: rails, spike line and complement run on met1 across the cell, the
dendrite on met2 down it, rows are mirrored and share their rails. A user's cell fits when it has an
abutment box (a prBoundary rectangle) and pins that reach the box's edges that way.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from codesign.cells.synapse_geometry import SynapseGeometry
from codesign.errors import InputError
from codesign.layout.sketch import Sketch


@dataclass(frozen=True)
class GivenLayout:
    """A GDS file, its cell, and the cell's ports in netlist order."""

    path: Path
    top: str
    ports: tuple[str, ...]

    def check(self) -> None:
        """Raises InputError when the file is no layout of the cell with a label for every port."""
        from codesign.layout.extract.labels import labels
        from codesign.layout.extract.reader import read_gds

        drawing = read_gds(self.path, self.top)
        found = sorted({label.text for label in labels(drawing)})
        for port in self.ports:
            if port not in found:
                lower = {text.lower(): text for text in found}
                near = difflib.get_close_matches(port.lower(), lower, n=1)
                hint = f"; did you mean its {lower[near[0]]!r}?" if near else ""
                raise InputError(
                    f"{self.path}: cell {self.top} has no label {port!r}{hint}",
                    remedy="label every port of the netlist, spelled as there, in the cell itself, "
                    "on the layer's label or pin purpose",
                )

    @cached_property
    def digest(self) -> str:
        """Digest of the file's content."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def obstacle(self, nodes: Mapping[str, str]) -> str | None:
        """Why no crossbar can be drawn from it, None when it can; `nodes`: our port name by the
        user's."""
        try:
            self.geometry(nodes)
        except InputError as error:
            return error.message
        return None

    def geometry(self, nodes: Mapping[str, str]) -> SynapseGeometry:
        """Dimensions for abutment. Raises InputError saying what does not fit."""
        found = _read(self.path, self.top, tuple(nodes.items()), self.digest)
        if isinstance(found, InputError):
            raise found
        return found

    def draw(self, sketch: Sketch) -> None:
        """Put the given cell into a sketch, the corner of its abutment box at (0, 0)."""
        from codesign.cells.abutment import outline_corner

        sketch.take_gds(self.path, self.top, outline_corner(self.path, self.top))


@lru_cache(maxsize=32)
def _read(
    path: Path, top: str, nodes: tuple[tuple[str, str], ...], digest: str
) -> SynapseGeometry | InputError:
    # A cell is made often, and asked each time; an answer that is an error is kept as well.
    from codesign.cells.abutment import read_geometry

    del digest
    try:
        return read_geometry(path, top, dict(nodes))
    except InputError as error:
        return error
