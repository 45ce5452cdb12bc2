"""MIM capacitors: a capm plate over met3 (cap_mim_m3_1), a cap2m plate over met4 (cap_mim_m3_2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from codesign.errors import InputError
from codesign.layout.extract.checks import place
from codesign.layout.extract.connect import Connected
from codesign.layout.extract.reader import Drawing

# Plate, the conductor below it, the model. Nodes are top plate (c0), bottom plate (c1).
_KINDS = (("capm", "met3", "cap_mim_m3_1"), ("cap2m", "met4", "cap_mim_m3_2"))


@dataclass(frozen=True)
class MIMCapacitor:
    """Nets by index: top plate, bottom plate. w along x, l along y, of the plate drawn."""

    model: str
    nets: tuple[int, int]
    w_um: float
    l_um: float
    x_um: float
    y_um: float


def mim_capacitors(drawing: Drawing, connected: Connected) -> Iterator[MIMCapacitor]:
    """All of a drawing. Raises InputError for a plate that is no rectangle or not over metal."""
    dbu = connected.dbu_um
    for plate, bottom, model in _KINDS:
        region = drawing.region(plate)
        bare = region - drawing.region(bottom)
        if not bare.is_empty():
            raise InputError(
                f"{drawing.source}: {plate} at {place(next(bare.each()).bbox(), dbu)} has no "
                f"{bottom} below",
                remedy=f"a MIM capacitor's bottom plate is {bottom} under all of {plate}",
            )
        for polygon in region.each():
            box = polygon.bbox()
            if not polygon.is_box():
                raise InputError(
                    f"{drawing.source}: {plate} at {place(box, dbu)} is no rectangle: its model "
                    "takes width and length",
                    remedy="draw the plate as one rectangle",
                )
            centre = box.center()
            nets = tuple(_net_at(connected, plane, centre.x, centre.y) for plane in (plate, bottom))
            yield MIMCapacitor(
                model,
                (nets[0], nets[1]),
                round(box.width() * dbu, 6),
                round(box.height() * dbu, 6),
                centre.x * dbu,
                centre.y * dbu,
            )


def _net_at(connected: Connected, plane: str, x: int, y: int) -> int:
    boxes, owners = connected.plane(plane)
    x0, y0, x1, y1 = boxes.T
    hits = np.flatnonzero((x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1))
    return int(owners[hits[0]])
