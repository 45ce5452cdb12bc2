"""What the capacitance engine takes: the rectangles of every plane with their nets."""

from __future__ import annotations

from codesign.layout.extract.capacitance import NetShapes
from codesign.layout.extract.connect import PLANES, Connected


def net_shapes(connected: Connected) -> NetShapes:
    """All planes of PLANES; those without shapes as empty arrays."""
    return NetShapes(
        connected.dbu_um,
        {plane: connected.boxes[plane] for plane in PLANES},
        {plane: connected.owners[plane] for plane in PLANES},
        connected.n_nets,
    )
