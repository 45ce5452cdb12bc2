"""Capacitances of nets from their shapes: area, fringe with shielding, sidewall coupling (2.5-D).

Seen from a wire, straight down, every point of the plane belongs to the highest conductor below it,
or to the substrate; straight up, to the lowest conductor above. These two views of each layer (the
rectangles of all other conductors minus what covers them) hold all shielding between layers:

- area: the wire's overlap with each rectangle of the view below, and with bare substrate;
- fringe: an edge's field spreads over the gap beside it, up to the nearest edge of its own layer
  (at most the halo). A rectangle of the view between the distances d1 and d2 takes F(d2) - F(d1),
  where F(d) is the fringe to a plane of that layer reaching from the edge to d. What the view below
  takes is shielded from the substrate; lower wires' edges give their fringe to the view above;
- sidewall: two edges that face each other across a gap.

Couplings within a net drop out after they have shielded. Gates shield and are seen from above;
what is below them, and at their edges, is the transistor model's. The upper plates of MIM
capacitors shield, and are seen from above; towards their lower plate the device model holds all
capacitance. The lower plate's own capacitance to what is below it is in no model, and is counted.
"""

from __future__ import annotations

import numpy as np

from codesign.layout.extract.calibrated_law import CalibratedLaw
from codesign.layout.extract.constant_law import ConstantLaw
from codesign.layout.extract.foundry_law import FoundryLaw
from codesign.layout.extract.law import WireLaw
from codesign.layout.extract.rectangles import areas
from codesign.layout.extract.shapes import NetCapacitances, NetShapes
from codesign.layout.extract.tally import Tally
from codesign.layout.extract.views import views
from codesign.layout.extract.wires import WireExtractor, Wires
from codesign.pdk.parasitics import ParasiticTable

__all__ = ["NetCapacitances", "NetShapes", "capacitances"]


def capacitances(shapes: NetShapes, table: ParasiticTable) -> NetCapacitances:
    """Capacitance of each net to the substrate and of each pair of nets that couple.

    The law (`table.law`) is the foundry's interpolated tables or the constants of the official
    technology file; see their modules. Cost grows linearly with the shapes.
    """
    tally = Tally(shapes.n_nets)
    dbu_m = shapes.dbu_um * 1e-6
    halo = round(table.halo_um / shapes.dbu_um)
    wells, well_nets = shapes.layer("nwell")
    tally.ground(well_nets, table.well_F_per_m2 * dbu_m**2 * areas(wells))
    for wire, below, above in views(shapes):
        extractor = WireExtractor(
            _wires(shapes, wire), _law(wire, table, halo, dbu_m), dbu_m, halo, tally
        )
        extractor.area(below)
        extractor.edges(below, above)
    return tally.result()


def _wires(shapes: NetShapes, wire: str) -> Wires:
    """The wires of a layer; poly together with the gates in its plane."""
    boxes, nets = shapes.layer(wire)
    if wire != "poly":
        return Wires(boxes, nets, len(boxes), shapes.n_nets)
    gates, gate_nets = shapes.layer("gate")
    both, both_nets = np.concatenate((boxes, gates)), np.concatenate((nets, gate_nets))
    return Wires(both, both_nets, len(boxes), shapes.n_nets)


_LAWS: dict[str, type[FoundryLaw] | type[ConstantLaw]] = {
    "constant": ConstantLaw,
    "foundry": FoundryLaw,
    "calibrated": CalibratedLaw,
}


def _law(wire: str, table: ParasiticTable, halo: int, dbu_m: float) -> WireLaw:
    law = _LAWS[table.law]
    return law(wire, table, halo, dbu_m)
