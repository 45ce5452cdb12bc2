"""Transistors and nets of a drawing, flat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import klayout.db as kdb
import numpy as np

from codesign.errors import InputError
from codesign.layout.extract.boxes import near_pairs
from codesign.layout.extract.checks import place
from codesign.layout.extract.derive import Derived, derive
from codesign.layout.extract.gates import marks_over
from codesign.layout.extract.mos import Channels, channels
from codesign.layout.extract.nets import Nets, find_nets
from codesign.layout.extract.reader import Drawing
from codesign.layout.extract.unknown import Unknown
from codesign.pdk import default_process
from codesign.pdk.recognition import DeviceRule, Recognition, first

# Plane of the capacitance engine and of resistances -> the derived layers it is made of.
PLANES = {
    "nwell": ("nwell",),
    "diff": ("nsd", "psd", "ntap", "ptap", "iptap"),
    "poly": ("poly",),
    "gate": ("ngate", "pgate", "tapgate", "oddgate"),
    "li1": ("li1",),
    "met1": ("met1",),
    "met2": ("met2",),
    "met3": ("met3",),
    "met4": ("met4",),
    "met5": ("met5",),
    "capm": ("capm",),
    "cap2m": ("cap2m",),
}
# Wells that no wire's capacitance goes to.
DEEP = ("dnwell", "pwell")
CUTS = ("licon", "mcon", "via", "via2", "via3", "via4", "via3_capm", "via4_cap2m")
# Pairs of derived layers that conduct where they touch.
_JOINTS = (
    *(("poly", gate) for gate in ("ngate", "pgate", "tapgate", "oddgate")),
    *(("tapgate", gate) for gate in ("ngate", "pgate")),
    *((lower, "licon") for lower in ("nsd", "psd", "ntap", "ptap", "iptap", "poly")),
    ("ntap", "nwell"),
    *(("iptap", "pwell"), ("nwell", "dnwell")),
    ("licon", "li1"),
    *(("li1", "mcon"), ("mcon", "met1"), ("met1", "via"), ("via", "met2")),
    *(("met2", "via2"), ("via2", "met3"), ("met3", "via3"), ("via3", "met4")),
    *(("met4", "via4"), ("via4", "met5")),
    # Vias on a MIM capacitor's top plate end there.
    *(("capm", "via3_capm"), ("via3_capm", "met4")),
    *(("cap2m", "via4_cap2m"), ("via4_cap2m", "met5")),
)


@dataclass(frozen=True)
class Transistor:
    """A transistor as drawn; nets by index: drain, gate, source, bulk. Sizes um, um^2."""

    kind: str
    model: str
    nets: tuple[int, int, int, int]
    w_um: float
    l_um: float
    as_um2: float
    ad_um2: float
    ps_um: float
    pd_um: float
    x_um: float
    y_um: float
    subcircuit: str | None = None


@dataclass(frozen=True)
class Connected:
    """Nets 0 .. n_nets - 1 of a drawing, and what they are made of.

    transistors: from the lowest left one up. boxes, owners: per derived layer (those of PLANES,
    DEEP and CUTS), disjoint rectangles (n, 4) in database units and the net of each (n,).
    substrate: index of the net that p-taps and NMOS bulks are on where no deep n-well isolates
    them. derived: the regions that this was made of. notes: devices that were left out.
    """

    dbu_um: float
    n_nets: int
    substrate: int
    boxes: dict[str, np.ndarray]
    owners: dict[str, np.ndarray]
    transistors: tuple[Transistor, ...]
    slanted: int
    derived: Derived
    notes: tuple[str, ...] = ()

    def below(self, x: int, y: int) -> int:
        """Net of the p-type ground at a point in database units: of an isolated p-well, or the
        substrate."""
        boxes = self.boxes["pwell"]
        hits = (boxes[:, :2] <= (x, y)).all(axis=1) & (boxes[:, 2:] >= (x, y)).all(axis=1)
        return int(self.owners["pwell"][hits.argmax()]) if hits.any() else self.substrate

    def plane(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Rectangles of a plane and the net of each."""
        parts = PLANES[name]
        return (
            np.concatenate([self.boxes[part] for part in parts]),
            np.concatenate([self.owners[part] for part in parts]),
        )


def connect(
    drawing: Drawing,
    recognition: Recognition | None = None,
    unknown: Unknown = Unknown.REFUSE,
) -> Connected:
    """Extract transistors and nets; `recognition` is the default process's unless given. Raises
    InputError for what is no transistor of the process, unless what is unknown is left out."""
    recognition = recognition or default_process().recognition
    derived = derive(drawing, recognition, unknown)
    layers = derived.shapes
    parts = (*(part for parts in PLANES.values() for part in parts), *DEEP, *CUTS)
    nets = find_nets({name: layers[name] for name in parts}, _JOINTS, "ptap", drawing.dbu_um)
    choice = _Choice(drawing, recognition, layers)
    notes = list(derived.notes)
    transistors: list[Transistor] = []
    for kind in ("n", "p"):
        gate, active = f"{kind}gate", f"{kind}sd"
        found, odd = channels(
            (nets.boxes[gate], nets.owners[gate]),
            (nets.boxes[active], nets.owners[active]),
            (layers[gate], layers[active]),
        )
        notes += _odd_gates(drawing, odd, unknown)
        transistors += _transistors(kind, found, choice, drawing.dbu_um)
    notes += choice.left_out(unknown)
    transistors.sort(key=lambda t: (round(t.y_um, 3), t.x_um))
    return Connected(
        drawing.dbu_um,
        nets.count,
        nets.substrate,
        nets.boxes,
        nets.owners,
        tuple(_with_bulks(drawing, transistors, nets)),
        nets.slanted,
        derived,
        tuple(notes),
    )


def _odd_gates(
    drawing: Drawing, odd: list[tuple[np.ndarray, int]], unknown: Unknown
) -> list[str]:
    """A note for every gate that is no transistor's. Raises InputError for the first one, unless
    what is unknown is left out."""
    notes = []
    for box, pieces in odd:
        where = place(kdb.Box(*box.tolist()), drawing.dbu_um)
        what = f"{pieces} pieces of diffusion" if pieces else "no diffusion"
        if unknown is Unknown.REFUSE:
            raise InputError(
                f"{drawing.source}: a transistor at {where} is not drawn as one: its gate meets "
                f"{what}",
                remedy="a gate needs diffusion on both sides",
            )
        notes.append(f"a gate at {where} was left out: it meets {what}")
    return notes


class _Choice:
    """Chooses the model of each transistor by what covers its gate; remembers what has none."""

    def __init__(self, drawing: Drawing, recognition: Recognition, layers: dict[str, Any]) -> None:
        self._drawing = drawing
        self._rules, self._marks = {}, {}
        for kind in ("n", "p"):
            rules = recognition.channel(recognition.transistors, kind)
            self._rules[kind] = rules
            marks = recognition.marks(rules)
            self._marks[kind] = marks_over(drawing, layers[f"{kind}gate"], marks)
        self._unknown: list[tuple[str, str]] = []

    def rule(self, kind: str, centre: tuple[int, int], w_um: float) -> DeviceRule | None:
        """What the transistor is; None where there is no model for it."""
        marks = self._marks[kind].get(centre, set())
        rule = first(self._rules[kind], marks, w_um=w_um)
        if rule is not None and not rule.unknown:
            return rule
        x, y = (value * self._drawing.dbu_um for value in centre)
        what = rule.unknown if rule is not None else "transistor that no rule is about"
        self._unknown.append((what, f"({x:.4g}, {y:.4g}) um"))
        return None

    def left_out(self, unknown: Unknown) -> list[str]:
        """Notes on transistors without a model. Raises InputError unless they may be left out."""
        if self._unknown and unknown is Unknown.REFUSE:
            what, where = self._unknown[0]
            raise InputError(
                f"{self._drawing.source}: no model is for the gate at {where}: {what}",
                remedy="draw another transistor, or extract the rest with --unknown leave-out",
            )
        return [f"{what} at {where} was left out" for what, where in self._unknown]


def _transistors(
    kind: str, found: Channels, choice: _Choice, dbu_um: float
) -> Iterator[Transistor]:
    """The transistors of one kind, still without their bulks."""
    sizes = np.stack(
        [
            *(found.w * dbu_um, found.l * dbu_um),
            *(found.area * dbu_um**2).T,
            *(found.perimeter * dbu_um).T,
        ],
        axis=1,
    )
    nets = np.stack((found.drain, found.gate, found.source), axis=1)
    for box, (drain, gate, source), size in zip(
        found.box.tolist(), nets.tolist(), sizes.tolist(), strict=True
    ):
        centre = kdb.Box(*box).center()
        w, l, as_um2, ad_um2, ps_um, pd_um = size
        rule = choice.rule(kind, (centre.x, centre.y), w)
        if rule is not None:
            of, (x, y) = (drain, gate, source, -1), (centre.x * dbu_um, centre.y * dbu_um)
            junctions = (as_um2, ad_um2, ps_um, pd_um)
            yield Transistor(kind, rule.model, of, w, l, *junctions, x, y, rule.subcircuit)


def _with_bulks(
    drawing: Drawing, transistors: list[Transistor], nets: Nets
) -> Iterator[Transistor]:
    """The bulk of a PMOS is the well at its gate's centre, that of an NMOS the isolated p-well
    there, or the substrate."""
    centres = [
        (round(t.x_um / drawing.dbu_um), round(t.y_um / drawing.dbu_um)) for t in transistors
    ]
    points = np.array([(x, y, x, y) for x, y in centres], np.int64).reshape(-1, 4)
    bulks = {}
    for kind, well, missing in (("n", "pwell", nets.substrate), ("p", "nwell", -1)):
        under = np.full(len(transistors), missing)
        i, j = near_pairs(points, nets.boxes[well])
        under[i] = nets.owners[well][j]
        bulks[kind] = under.tolist()
    for number, t in enumerate(transistors):
        yield replace(t, nets=(*t.nets[:3], bulks[t.kind][number]))
