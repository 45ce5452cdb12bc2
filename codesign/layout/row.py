"""A row of logic: NMOS below, PMOS above, and all wires between them, for any sizes.

Transistors stand side by side with their gates upright and their gate contacts towards the middle;
neighbours share a diffusion where they share a net. Every source, drain and gate has a met1 column
of its own, every net a met2 track in each half that it has columns in, and a met3 line where it has
to cross from one half to the other or through the whole cell. No two columns are closer than
COLUMN, so no track has to look at another: tracks are packed from the rails inwards, crossing
lines are placed by an assignment that keeps the tracks short.

Heights, bottom to top: p-tap rail, N diffusion, N gate contacts, boundary, P gate contacts, P
diffusion, n-tap rail. All numbers in nm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from codesign.layout.row_draw import (
    draw_contact,
    draw_devices,
    draw_gate_column,
    draw_implants,
    draw_rails,
    draw_track,
)
from codesign.layout.row_place import (
    COLUMN,
    FIRST_TRACK,
    LINE,
    LINE_WIDTH,
    PAD,
    RAIL,
    TAP,
    TAP_TO_DIFFUSION,
    TO_BOUNDARY,
    TRACK,
    TRACK_TO_BOUNDARY,
    RowTransistor,
    place_devices,
)
from codesign.layout.row_wires import (
    RowPorts,
    assign_lines,
    crossing_nets,
    pack_tracks,
    track_spans,
)
from codesign.layout.sketch import Sketch, up5

__all__ = ["PAD", "RAIL", "TAP", "RowGeometry", "RowPorts", "RowTransistor", "draw_row"]


@dataclass(frozen=True)
class RowGeometry:
    """Where things ended up, in nm from the centre of the vss rail at the left edge.

    tracks: y by (net, half); lines: x of the met3 line by net; line_spans: its lower and upper end.
    """

    width: int
    vdd_y: int
    boundary_y: int
    tracks: dict[tuple[str, str], int]
    lines: dict[str, int]
    line_spans: dict[str, tuple[int, int]]


def draw_row(
    sketch: Sketch,
    nmos: Sequence[RowTransistor],
    pmos: Sequence[RowTransistor],
    ports: RowPorts,
    *,
    minimum_width: int = 0,
    line_bottom: int | None = None,
    line_top: int | None = None,
) -> RowGeometry:
    """Draws the row with the centre of its vss rail at y = 0 and its left edge at x = 0.

    Transistors keep their order; each may be turned around so that it shares a diffusion. Rails,
    wells and taps run over the whole width. line_bottom, line_top: ends of the met3 lines that run
    through the cell (default: the rails). Raises ValueError when a line finds no place.
    """
    halves = (place_devices(nmos, "n", "vss"), place_devices(pmos, "p", "vdd"))
    crossing = crossing_nets(halves, ports)
    least = max(half.right for half in halves) + 2 * COLUMN
    width = max(least, minimum_width, (len(crossing) + 1) * LINE)
    width = -(-width // 10) * 10
    lines = assign_lines(halves, crossing, ports, width)
    spans = {half.name: track_spans(half, halves, lines, ports, width) for half in halves}
    order = {name: pack_tracks(intervals, list(ports.right)) for name, intervals in spans.items()}
    counts = {name: max(rows.values(), default=-1) + 1 for name, rows in order.items()}
    w_n, w_p = (max((d.w for d, _ in half.devices), default=420) for half in halves)
    boundary = max(
        TAP_TO_DIFFUSION + w_n + TO_BOUNDARY,
        FIRST_TRACK + (counts["n"] - 1) * TRACK + TRACK_TO_BOUNDARY,
    )
    vdd_y = boundary + max(
        TO_BOUNDARY + w_p + TAP_TO_DIFFUSION,
        TRACK_TO_BOUNDARY + (counts["p"] - 1) * TRACK + FIRST_TRACK,
    )
    n_edge, p_edge = boundary - TO_BOUNDARY, boundary + TO_BOUNDARY
    tracks = {(net, "n"): FIRST_TRACK + row * TRACK for net, row in order["n"].items()}
    tracks |= {(net, "p"): vdd_y - FIRST_TRACK - row * TRACK for net, row in order["p"].items()}
    for half, edge, up in ((halves[0], n_edge, 1), (halves[1], p_edge, -1)):
        draw_devices(sketch, half, edge, up)
        rail_y = 0 if up > 0 else vdd_y
        for net, x, size in half.contacts:
            draw_contact(sketch, half, net, x, size, edge, up, rail_y, tracks)
        for net, x in half.gates:
            draw_gate_column(sketch, half, net, x, edge, up, rail_y, tracks)
        for net, (x0, x1) in spans[half.name].items():
            draw_track(sketch, half, net, x0, x1, tracks[net, half.name], lines)
    draw_rails(sketch, width, vdd_y, boundary)
    draw_implants(sketch, halves, n_edge, p_edge, width, vdd_y)
    bottom, top = line_bottom or 0, vdd_y if line_top is None else line_top
    through = {*ports.lines, "vdd", "vss"}
    ends = {
        net: _draw_line(sketch, net, x, tracks, vdd_y, (bottom, top) if net in through else None)
        for net, x in lines.items()
    }
    return RowGeometry(width, vdd_y, boundary, tracks, lines, ends)


def _draw_line(
    sketch: Sketch,
    net: str,
    x: int,
    tracks: Mapping[tuple[str, str], int],
    vdd_y: int,
    through: tuple[int, int] | None,
) -> tuple[int, int]:
    """A met3 line with vias to the net's tracks and its rail; returns its ends: `through`, or as
    far as the tracks need and the smallest area asks for."""
    ys = [tracks[net, half] for half in "np" if (net, half) in tracks]
    if net in ("vdd", "vss"):
        ys.append(0 if net == "vss" else vdd_y)
        sketch.stack(x, ys[-1], "met1", "met3")
    for y in ys:
        if y not in (0, vdd_y):
            sketch.via("via2", x, y)
    low, high = through or (min(ys) - 165, max(ys) + 165)
    if through is None and high - low < 800:
        middle = up5((low + high) / 2)
        low, high = middle - 400, middle + 400
    half_width = LINE_WIDTH // 2
    sketch.rect("met3", x - half_width, low, x + half_width, high)
    return low, high
