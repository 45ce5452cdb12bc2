"""Transistors and nets of a drawing: derived layers and klayout's connectivity, flat."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import klayout.db as kdb
import numpy as np

from codesign.errors import InputError
from codesign.layout.extract.boxes import boxes_of, near_pairs
from codesign.layout.extract.checks import place
from codesign.layout.extract.derive import Derived, derive
from codesign.layout.extract.gates import marks_over
from codesign.layout.extract.reader import Drawing
from codesign.layout.extract.rectangles import Boxes, Index
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
_SUBSTRATE = "substrate"


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

    boxes, owners: per derived layer (those of PLANES, DEEP and CUTS), disjoint rectangles (n, 4) in
    database units and the net of each (n,). substrate: index of the net that p-taps and NMOS
    bulks are on where no deep n-well isolates them. derived: the regions that this was made of.
    notes: devices that were left out.
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
    layers = derived.layers
    extractor = kdb.LayoutToNetlist(drawing.cell.name, drawing.dbu_um)
    for name, region in layers.items():
        extractor.register(region, name)
    for kind in ("n", "p"):
        # Terminal shapes on layers of their own: put on the drawn ones they would count twice.
        active, gate = layers[f"{kind}sd"], layers[f"{kind}gate"]
        source_drain, on_gate = kdb.Region(), kdb.Region()
        extractor.register(source_drain, f"{kind}_sd_terminal")
        extractor.register(on_gate, f"{kind}_gate_terminal")
        terminals = {"SD": active, "G": gate}
        terminals |= {"tS": source_drain, "tD": source_drain, "tG": on_gate}
        # Three terminals: a bulk layer under all of them makes the cost grow with the square.
        extractor.extract_devices(kdb.DeviceExtractorMOS3Transistor(f"{kind}fet"), terminals)
        extractor.connect(source_drain, active)
        extractor.connect(on_gate, gate)
    for region in layers.values():
        extractor.connect(region)
    for lower, upper in _JOINTS:
        extractor.connect(layers[lower], layers[upper])
    extractor.connect_global(layers["ptap"], _SUBSTRATE)
    extractor.extract_netlist()
    notes = [*derived.notes, *_odd_devices(drawing, extractor, unknown)]
    circuit = extractor.netlist().circuit_by_name(drawing.cell.name)
    nets = list(circuit.each_net()) if circuit is not None else []
    index = {net.cluster_id: number for number, net in enumerate(nets)}
    substrate = next((n for n, net in enumerate(nets) if net.name == _SUBSTRATE), len(nets))
    boxes, owners, slanted = {}, {}, 0
    for name in (*(part for parts in PLANES.values() for part in parts), *DEEP, *CUTS):
        layer = extractor.layer_index(layers[name])
        pieces = (
            (number, extractor.polygons_of_net(net, layer, True)) for number, net in enumerate(nets)
        )
        boxes[name], owners[name], count = boxes_of(pieces, drawing.dbu_um)
        slanted += count
    choice = _Choice(drawing, recognition, layers)
    transistors = list(_transistors(circuit, choice, index, drawing.dbu_um)) if circuit else []
    notes += choice.left_out(unknown)
    return Connected(
        drawing.dbu_um,
        max(len(nets), substrate + 1),
        substrate,
        boxes,
        owners,
        tuple(_with_bulks(drawing, transistors, boxes, owners, substrate)),
        slanted,
        derived,
        tuple(notes),
    )


def _odd_devices(drawing: Drawing, extractor: Any, unknown: Unknown) -> list[str]:
    """A note for every gate without diffusion on both sides. Raises InputError for the first one,
    unless what is unknown is left out."""
    notes = []
    for entry in extractor.each_log_entry():
        if entry.severity in (kdb.Severity.Warning, kdb.Severity.Error):
            box = entry.geometry.bbox().to_itype(drawing.dbu_um)
            where = f" at {place(box, drawing.dbu_um)}" if not box.empty() else ""
            if unknown is Unknown.REFUSE:
                raise InputError(
                    f"{drawing.source}: a transistor{where} is not drawn as one: {entry.message}",
                    remedy="a gate needs diffusion on both sides",
                )
            notes.append(f"a gate{where} was left out: {entry.message}")
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
                f"{self._drawing.source}: the gate at {where} is that of a {what}",
                remedy="draw another transistor, or extract the rest with --unknown leave-out",
            )
        return [f"{what} at {where} was left out" for what, where in self._unknown]


def _transistors(
    circuit: Any, choice: _Choice, index: dict[int, int], dbu_um: float
) -> Iterator[Transistor]:
    """The transistors, still without their bulks."""
    for device in circuit.each_device():
        kind = device.device_class().name[0]
        at = device.trans.disp
        centre = (round(at.x / dbu_um), round(at.y / dbu_um))
        net = {
            definition.name: index[found.cluster_id]
            for definition in device.device_class().terminal_definitions()
            if (found := device.net_for_terminal(definition.id())) is not None
        }
        value = device.parameter
        rule = choice.rule(kind, centre, value("W"))
        if rule is None:
            continue
        yield Transistor(
            kind,
            rule.model,
            (net["D"], net["G"], net["S"], -1),
            value("W"),
            value("L"),
            value("AS"),
            value("AD"),
            value("PS"),
            value("PD"),
            at.x,
            at.y,
            rule.subcircuit,
        )


def _with_bulks(
    drawing: Drawing,
    transistors: list[Transistor],
    boxes: dict[str, Boxes],
    owners: dict[str, Index],
    substrate: int,
) -> Iterator[Transistor]:
    """The bulk of a PMOS is the well at its gate's centre, that of an NMOS the isolated p-well
    there, or the substrate."""
    centres = [
        (round(t.x_um / drawing.dbu_um), round(t.y_um / drawing.dbu_um)) for t in transistors
    ]
    points = np.array([(x, y, x, y) for x, y in centres], np.int64).reshape(-1, 4)
    bulks = {}
    for kind, well, missing in (("n", "pwell", substrate), ("p", "nwell", -1)):
        under = np.full(len(transistors), missing)
        i, j = near_pairs(points, boxes[well])
        under[i] = owners[well][j]
        bulks[kind] = under.tolist()
    for number, t in enumerate(transistors):
        yield replace(t, nets=(*t.nets[:3], bulks[t.kind][number]))
