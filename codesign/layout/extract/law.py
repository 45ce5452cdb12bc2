"""What a law of wire capacitances gives the extraction, for the wires of one layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codesign.layout.extract.rectangles import Index
from codesign.layout.extract.shapes import LAYERS
from codesign.pdk.parasitics import SUBSTRATE

# Layers with edges and a table entry of their own, from the lowest up.
WIRES = ("poly", "li1", "met1", "met2", "met3", "met4", "met5")
# Index of what is not covered by any conductor, after the layers.
BARE = len(LAYERS)
CLOSED, OPEN = 0, 1
# What a layer looks like to a wire above it, where that is not the layer itself.
_SEEN_AS = {"gate": "poly", "capm": "met3", "cap2m": "met4", "nwell": SUBSTRATE}

Floats = NDArray[np.floating[Any]]


class WireLaw(ABC):
    """Capacitances of the wires of one layer.

    area_F_per_m2: (BARE + 1,) to each layer seen below and to the substrate.
    fringe_F_per_m: (2, widths, BARE + 1, halo + 1), fringe of an edge to a layer that covers the
    view from the edge up to a distance, in database units; first axis: another edge ends the view
    (CLOSED) or none does within the halo (OPEN). widths is 1, or 2: the narrowest and widest wire.
    open_F_per_m: (widths,) fringe of an edge over bare substrate without another edge.
    """

    needs_cover = False

    def __init__(self, wire: str, widths: int, halo: int) -> None:
        self.wire = wire
        self.area_F_per_m2 = np.zeros(BARE + 1)
        self.fringe_F_per_m = np.zeros((2, widths, BARE + 1, halo + 1))
        self.open_F_per_m = np.zeros(widths)

    def below(self) -> list[tuple[int, str]]:
        """Index and name of everything that these wires can see below, the substrate last."""
        rank = LAYERS.index(self.wire)
        seen = [(k, _SEEN_AS.get(name, name)) for k, name in enumerate(LAYERS[:rank])]
        # Poly over diffusion is a gate; what poly has to diffusion is the transistor model's.
        if self.wire == "poly":
            seen = [(k, name) for k, name in seen if name != "diff"]
        return [*seen, (BARE, SUBSTRATE)]

    def above(self) -> list[tuple[int, str]]:
        """Index and name of the wires that these can see above. Upper plates of MIM capacitors
        only shield: towards their lower plate the device model holds all capacitance."""
        rank = LAYERS.index(self.wire)
        return [(k, name) for k, name in enumerate(LAYERS) if k > rank and name in WIRES]

    def wideness(self, width_m: Floats) -> Floats:
        """Place of wire widths between the two of `fringe_F_per_m`, 0 to 1."""
        return np.zeros(len(width_m))

    def crowding(
        self, space: Index | None, wideness: Floats, below: Floats, above: Floats
    ) -> Floats | float:
        """Factor on the fringe of edges with planes both below and above, which take field lines
        from each other. space: to the facing edge in database units, None where there is none.
        below, above: (n, BARE + 1) covered fractions of what the edge sees; BARE is the rest."""
        return 1.0

    @abstractmethod
    def coupling_F_per_m(
        self, space_m: Floats, wideness: Floats, below: Floats, above: Floats
    ) -> Floats:
        """Coupling per length of edges that face each other."""
