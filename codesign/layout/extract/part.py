"""A recognised device besides transistors and MIM capacitors, and how its ends are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from codesign.errors import InputError
from codesign.layout.extract.connect import Connected
from codesign.layout.extract.reader import Drawing
from codesign.layout.extract.rectangles import Boxes, Index, subtract
from codesign.layout.extract.unknown import Unknown
from codesign.pdk.recognition import DeviceRule, Recognition


@dataclass(frozen=True)
class End:
    """Where a device meets its net: a point, in database units, on a derived layer of `Connected`,
    or anywhere on the `substrate`."""

    net: int
    layer: str
    x: int
    y: int


@dataclass(frozen=True)
class Part:
    """A device as drawn; `ends` in the order of the model's nodes, sizes in um, further parameters
    by the names the model gives them. `card`: X, or the letter of an element with a model. `holds`:
    the box, in database units, in which the capacitances of its own nets are the model's."""

    kind: str
    model: str
    ends: tuple[End, ...]
    x_um: float
    y_um: float
    w_um: float = 0.0
    l_um: float = 0.0
    parameters: tuple[tuple[str, float], ...] = ()
    card: str = "X"
    subcircuit: str | None = None
    holds: tuple[int, int, int, int] | None = None

    @property
    def nets(self) -> tuple[int, ...]:
        """Net of each node."""
        return tuple(end.net for end in self.ends)

    def on(self, nodes: tuple[int, ...]) -> Part:
        """The same device with nodes in place of nets."""
        ends = (replace(end, net=node) for end, node in zip(self.ends, nodes, strict=True))
        return replace(self, ends=tuple(ends))


def without_held(parts: Iterable[Part], boxes: Boxes, owners: Index) -> tuple[Boxes, Index]:
    """Rectangles and their nets without what lies in the box of a device on these nets: its
    capacitances are in the device's model."""
    for part in parts:
        if part.holds is None or not len(boxes):
            continue
        mine = np.isin(owners, part.nets)
        left, source = subtract(boxes[mine], np.array([part.holds], np.int64))
        boxes = np.concatenate((boxes[~mine], left))
        owners = np.concatenate((owners[~mine], owners[mine][source]))
    return boxes, owners


@dataclass
class Finder:
    """What recognition works on; `left_out` gathers notes on what no model is for."""

    drawing: Drawing
    connected: Connected
    recognition: Recognition
    unknown: Unknown
    left_out: list[str]

    @property
    def dbu_um(self) -> float:
        """Database unit in um."""
        return self.connected.dbu_um

    def at(self, layer: str, x: int, y: int) -> End | None:
        """The net of a derived layer at a point, edges included; None where there is none."""
        boxes, owners = self.connected.boxes[layer], self.connected.owners[layer]
        x0, y0, x1, y1 = boxes.T
        hits = np.flatnonzero((x0 <= x) & (x <= x1) & (y0 <= y) & (y <= y1))
        return End(int(owners[hits[0]]), layer, x, y) if len(hits) else None

    def below(self, x: int, y: int) -> End:
        """What a device at a point lies in: its n-well, its isolated p-well, or the substrate."""
        for layer in ("nwell", "pwell"):
            end = self.at(layer, x, y)
            if end is not None:
                return end
        return End(self.connected.substrate, "substrate", x, y)

    def place(self, box: Any) -> str:
        """Where a klayout box is, for a message."""
        centre = box.center()
        return f"({centre.x * self.dbu_um:.4g}, {centre.y * self.dbu_um:.4g}) um"

    def centre_um(self, box: Any) -> tuple[float, float]:
        """The middle of a klayout box in um."""
        return box.center().x * self.dbu_um, box.center().y * self.dbu_um

    def refuse(self, what: str, box: Any, remedy: str) -> None:
        """Notes what is left out; raises InputError where that is not wanted."""
        message = f"{what} at {self.place(box)}"
        if self.unknown is Unknown.REFUSE:
            raise InputError(
                f"{self.drawing.source}: {message}",
                remedy=f"{remedy}, or extract the rest with --unknown leave-out",
            )
        self.left_out.append(f"{message} was left out")

    def usable(self, rule: DeviceRule | None, what: str, box: Any) -> DeviceRule | None:
        """The rule, unless it says that no model is for such a shape."""
        if rule is None or rule.unknown:
            text = rule.unknown if rule is not None else what
            self.refuse(f"{text}, for which there is no model,", box, "draw another device")
            return None
        return rule


Recogniser = Callable[[Finder], list[Part]]
