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
from codesign.layout.extract.reader import Drawing
from codesign.layout.extract.rectangles import Boxes, Index

# Plane of the capacitance engine and of resistances -> the derived layers it is made of.
PLANES = {
    "nwell": ("nwell",),
    "diff": ("nsd", "psd", "ntap", "ptap"),
    "poly": ("poly",),
    "gate": ("ngate", "pgate"),
    "li1": ("li1",),
    "met1": ("met1",),
    "met2": ("met2",),
    "met3": ("met3",),
    "met4": ("met4",),
    "met5": ("met5",),
    "capm": ("capm",),
    "cap2m": ("cap2m",),
}
CUTS = ("licon", "mcon", "via", "via2", "via3", "via4", "via3_capm", "via4_cap2m")
# Pairs of derived layers that conduct where they touch.
_JOINTS = (
    *(("poly", gate) for gate in ("ngate", "pgate")),
    *((lower, "licon") for lower in ("nsd", "psd", "ntap", "ptap", "poly")),
    ("ntap", "nwell"),
    ("licon", "li1"),
    *(("li1", "mcon"), ("mcon", "met1"), ("met1", "via"), ("via", "met2")),
    *(("met2", "via2"), ("via2", "met3"), ("met3", "via3"), ("via3", "met4")),
    *(("met4", "via4"), ("via4", "met5")),
    # Vias on a MIM capacitor's top plate end there.
    *(("capm", "via3_capm"), ("via3_capm", "met4")),
    *(("cap2m", "via4_cap2m"), ("via4_cap2m", "met5")),
)
_SUBSTRATE = "substrate"
_WIRING = ("nwell", "poly", "li1", "met1", "met2", "met3", "met4", "met5")
_MAX_CORNERS = 16


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


@dataclass(frozen=True)
class Connected:
    """Nets 0 .. n_nets - 1 of a drawing, and what they are made of.

    boxes, owners: per derived layer (those of PLANES, and CUTS), disjoint rectangles (n, 4) in
    database units and the net of each (n,). substrate: index of the net that p-taps and NMOS
    bulks are on.
    """

    dbu_um: float
    n_nets: int
    substrate: int
    boxes: dict[str, np.ndarray]
    owners: dict[str, np.ndarray]
    transistors: tuple[Transistor, ...]
    slanted: int

    def plane(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Rectangles of a plane and the net of each."""
        parts = PLANES[name]
        return (
            np.concatenate([self.boxes[part] for part in parts]),
            np.concatenate([self.owners[part] for part in parts]),
        )


def connect(drawing: Drawing) -> Connected:
    """Extract transistors and nets. Raises InputError for what is no transistor of the process."""
    layers = _derived(drawing)
    models = {
        "n": _models(drawing, layers["ngate"], {"lvtn": "nfet_01v8_lvt"}),
        "p": _models(drawing, layers["pgate"], {"lvtn": "pfet_01v8_lvt", "hvtp": "pfet_01v8_hvt"}),
    }
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
    _refuse_odd_devices(drawing, extractor)
    circuit = extractor.netlist().circuit_by_name(drawing.cell.name)
    nets = list(circuit.each_net()) if circuit is not None else []
    index = {net.cluster_id: number for number, net in enumerate(nets)}
    substrate = next((n for n, net in enumerate(nets) if net.name == _SUBSTRATE), len(nets))
    boxes, owners, slanted = {}, {}, 0
    for name in (*(part for parts in PLANES.values() for part in parts), *CUTS):
        layer = extractor.layer_index(layers[name])
        pieces = (
            (number, extractor.polygons_of_net(net, layer, True)) for number, net in enumerate(nets)
        )
        boxes[name], owners[name], count = boxes_of(pieces, drawing.dbu_um)
        slanted += count
    transistors = list(_transistors(circuit, models, index, drawing.dbu_um)) if circuit else []
    return Connected(
        drawing.dbu_um,
        max(len(nets), substrate + 1),
        substrate,
        boxes,
        owners,
        tuple(_with_bulks(drawing, transistors, boxes["nwell"], owners["nwell"], substrate)),
        slanted,
    )


def _derived(drawing: Drawing) -> dict[str, Any]:
    """The conducting layers, diffusion by what implant and well make of it."""
    get = drawing.region
    active = (get("diff") + get("tap")).merged()
    gates = get("poly") & active
    bare = active - gates
    n_type, p_type = bare & get("nsdm"), bare & get("psdm")
    well = get("nwell")
    layers = {
        "nwell": well,
        "nsd": n_type - well,
        "psd": p_type & well,
        "ntap": n_type & well,
        "ptap": p_type - well,
        "poly": get("poly") - gates,
        "ngate": gates.inside(get("nsdm")).outside(well),
        "pgate": gates.inside(get("psdm")).inside(well),
    }
    odd = gates - layers["ngate"] - layers["pgate"]
    if not odd.is_empty():
        raise InputError(
            f"{drawing.source}: poly over diffusion at "
            f"{place(next(odd.each()).bbox(), drawing.dbu_um)} is no "
            "transistor: it needs nsdm outside nwell or psdm inside",
            remedy="correct implant and well around it",
        )
    for name in ("licon", "li1", "mcon", "met1", "via", "met2", "via2", "met3", "met4", "met5"):
        layers[name] = get(name)
    for cut, plate in (("via3", "capm"), ("via4", "cap2m")):
        layers[plate] = get(plate)
        layers[f"{cut}_{plate}"] = get(cut).interacting(get(plate))
        layers[cut] = get(cut) - layers[f"{cut}_{plate}"]
    for name in _WIRING:
        # A supply net's polygon has thousands of corners: every via would be tested against all.
        layers[name] = layers[name].dup()
        layers[name].break_polygons(_MAX_CORNERS, 0.0)
    # klayout does not take one region under two names.
    return {name: region.dup() for name, region in layers.items()}


def _refuse_odd_devices(drawing: Drawing, extractor: Any) -> None:
    for entry in extractor.each_log_entry():
        if entry.severity in (kdb.Severity.Warning, kdb.Severity.Error):
            box = entry.geometry.bbox().to_itype(drawing.dbu_um)
            where = f" at {place(box, drawing.dbu_um)}" if not box.empty() else ""
            raise InputError(
                f"{drawing.source}: a transistor{where} is not drawn as one: {entry.message}",
                remedy="a gate needs diffusion on both sides",
            )


def _transistors(
    circuit: Any,
    models: dict[str, dict[tuple[int, int], str]],
    index: dict[int, int],
    dbu_um: float,
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
        yield Transistor(
            kind,
            models[kind].get(centre, f"{kind}fet_01v8"),
            (net["D"], net["G"], net["S"], -1),
            value("W"),
            value("L"),
            value("AS"),
            value("AD"),
            value("PS"),
            value("PD"),
            at.x,
            at.y,
        )


def _with_bulks(
    drawing: Drawing, transistors: list[Transistor], wells: Boxes, owners: Index, substrate: int
) -> Iterator[Transistor]:
    """The bulk of an NMOS is the substrate, that of a PMOS the well at its gate's centre."""
    centres = [
        (round(t.x_um / drawing.dbu_um), round(t.y_um / drawing.dbu_um)) for t in transistors
    ]
    points = np.array([(x, y, x, y) for x, y in centres], np.int64).reshape(-1, 4)
    under = np.full(len(transistors), -1)
    i, j = near_pairs(points, wells)
    under[i] = owners[j]
    for t, well in zip(transistors, under.tolist(), strict=True):
        yield replace(t, nets=(*t.nets[:3], substrate if t.kind == "n" else well))


def _models(drawing: Drawing, gates: Any, marked: dict[str, str]) -> dict[tuple[int, int], str]:
    """Model by centre of the gate, for gates under a marker layer."""
    models: dict[tuple[int, int], str] = {}
    for layer, model in marked.items():
        marker = drawing.region(layer)
        inside = gates.inside(marker)
        partly = gates.interacting(marker).not_inside(marker) & marker
        if not partly.is_empty():
            raise InputError(
                f"{drawing.source}: {layer} covers only part of the gate at "
                f"{place(next(partly.each()).bbox(), drawing.dbu_um)}",
                remedy=f"{layer} covers a gate whole or not at all",
            )
        for polygon in inside.each():
            centre = polygon.bbox().center()
            at = (centre.x, centre.y)
            if at in models:
                raise InputError(
                    f"{drawing.source}: the gate at {place(polygon.bbox(), drawing.dbu_um)} is "
                    "under lvtn and hvtp, for which there is no model",
                    remedy="draw one of the two",
                )
            models[at] = model
    return models
