"""Conducting layers of a drawing: diffusion by implant and well, conductors without resistors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import klayout.db as kdb

from codesign.errors import InputError
from codesign.layout.extract.checks import place
from codesign.layout.extract.reader import Drawing
from codesign.layout.extract.unknown import Unknown
from codesign.pdk.recognition import Recognition

_CUTS = ("licon", "mcon", "via", "via2", "via3", "via4")
_METALS = ("li1", "met1", "met2", "met3", "met4", "met5")
_WIRING = ("nwell", "poly", *_METALS)
_MAX_CORNERS = 16


@dataclass(frozen=True)
class Derived:
    """Regions by name. shapes: what conducts; bodies: the resistors cut out of a conductor; notes:
    what was left out."""

    shapes: dict[str, Any]
    bodies: dict[str, Any]
    notes: tuple[str, ...]


def derive(drawing: Drawing, recognition: Recognition, unknown: Unknown) -> Derived:
    """The layers of a drawing that conduct. Raises InputError for gates that are no transistors,
    unless what is unknown is left out: then they conduct as poly."""
    get = drawing.region
    active = (get("diff") + get("tap")).merged()
    well = get("nwell")
    crossing = get("poly") & active
    # Poly over a tap is a varactor, or belongs to a cell of the SRAM core.
    allowed = (get("nsdm") & well) + get("core")
    tap_gates = ((get("poly") & get("tap")) - get("diff")) & allowed
    gates = crossing - tap_gates
    bare = active - crossing
    n_type, p_type = bare & get("nsdm"), bare & get("psdm")
    wells = _isolated_wells(drawing)
    p_taps = p_type - well
    layers = {
        "dnwell": get("dnwell"),
        "nwell": well,
        "pwell": wells,
        "nsd": n_type - well,
        "psd": p_type & well,
        "ntap": n_type & well,
        "ptap": p_taps - wells,
        "iptap": p_taps & wells,
        "poly": get("poly") - crossing,
        "ngate": gates.inside(get("nsdm")).outside(well),
        "pgate": gates.inside(get("psdm")).inside(well),
        "tapgate": tap_gates,
    }
    odd = gates - layers["ngate"] - layers["pgate"]
    layers["oddgate"] = odd
    notes = _odd_gates(drawing, odd, unknown)
    layers |= {name: get(name) for name in (*_METALS, *_CUTS)}
    for rule in recognition.between:
        layers[rule.cut] = layers[rule.cut] - get(rule.layer)
    for cut, plate in (("via3", "capm"), ("via4", "cap2m")):
        layers[plate] = get(plate)
        layers[f"{cut}_{plate}"] = layers[cut].interacting(get(plate))
        layers[cut] = layers[cut] - layers[f"{cut}_{plate}"]
    bodies = _cut_resistors(drawing, recognition, layers)
    for name in _WIRING:
        # A supply net's polygon has thousands of corners: every via would be tested against all.
        layers[name] = layers[name].dup()
        layers[name].break_polygons(_MAX_CORNERS, 0.0)
    return Derived(layers, bodies, notes)


def _isolated_wells(drawing: Drawing) -> Any:
    """P-wells over a deep n-well that n-well closes in on all sides: a gap in the ring joins them
    to the substrate."""
    well = drawing.region("nwell")
    inside = (drawing.region("dnwell") - well).merged()
    if inside.is_empty():
        return inside
    return inside.not_interacting(inside.edges() - well.edges())


def _odd_gates(drawing: Drawing, odd: Any, unknown: Unknown) -> tuple[str, ...]:
    if odd.is_empty():
        return ()
    where = place(next(odd.each()).bbox(), drawing.dbu_um)
    if unknown is Unknown.LEAVE_OUT:
        return (
            f"{odd.count()} places with poly over diffusion that are no transistor were left out "
            f"(first at {where}): nsdm outside nwell or psdm inside is missing",
        )
    raise InputError(
        f"{drawing.source}: poly over diffusion at {where} is no "
        "transistor: it needs nsdm outside nwell or psdm inside",
        remedy="correct implant and well around it",
    )


def _cut_resistors(
    drawing: Drawing, recognition: Recognition, layers: dict[str, Any]
) -> dict[str, Any]:
    """Cuts the shapes under resistor marks out of their conductors; what was cut, by conductor."""
    marks: dict[str, Any] = {}
    for rule in recognition.resistors:
        marked = drawing.region(rule.mark)
        if not marked.is_empty():
            marks[rule.conductor] = marks.get(rule.conductor, kdb.Region()) + marked
    bodies = {}
    for conductor, marked in marks.items():
        body = (layers[conductor] & marked).merged()
        if not body.is_empty():
            bodies[conductor] = body
            layers[conductor] = layers[conductor] - body
    return bodies
