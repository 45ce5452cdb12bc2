"""A cell's layout as a user gave it: a GDS file, and whether a crossbar can be drawn from it.

A crossbar abuts its synapses: rails, spike line and complement run on met1 across the cell, the
dendrite on met2 down it, rows are mirrored and share their rails. A user's cell fits when it has an
abutment box (a prBoundary rectangle) and pins that reach the box's edges that way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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

    def fits(self, nodes: Mapping[str, str]) -> bool:
        """Whether a crossbar can be drawn from it; `nodes`: our port name by the user's."""
        try:
            self.geometry(nodes)
        except InputError:
            return False
        return True

    def geometry(self, nodes: Mapping[str, str]) -> SynapseGeometry:
        """Dimensions for abutment. Raises InputError saying what does not fit."""
        from codesign.cells.abutment import read_geometry

        return read_geometry(self.path, self.top, nodes)

    def draw(self, sketch: Sketch) -> None:
        """Put the given cell into a sketch."""
        sketch.take_gds(self.path, self.top)
