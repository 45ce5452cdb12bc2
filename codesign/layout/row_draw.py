"""The shapes of a row: devices, their columns, tracks, rails, wells and implants."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from codesign.layout.row_place import COLUMN, PAD, RAIL, TAP, Half, columns_of
from codesign.layout.sketch import Sketch, up5


def draw_track(
    sketch: Sketch, half: Half, net: str, x0: int, x1: int, y: int, lines: Mapping[str, int]
) -> None:
    sketch.rect("met2", x0, y - 70, x1, y + 70)
    pads = [(x - 160, x + 160) for x in columns_of(half).get(net, [])]
    if net in lines:
        pads.append((lines[net] - 185, lines[net] + 185))
    pads.sort()
    for (_, end), (start, _) in itertools.pairwise(pads):
        # Pads of a track nearer than the spacing rule become one.
        if 0 < start - end < 140:
            sketch.rect("met2", end, y - 130, start, y + 130)


def draw_devices(sketch: Sketch, half: Half, edge: int, up: int) -> None:
    for x0, x1, w in half.diffusions:
        sketch.rect("diff", x0, edge, x1, edge - up * w)
    special: dict[str, list[tuple[int, int, int]]] = {"lvtn": [], "hvtp": []}
    for device, left in half.devices:
        pad = PAD[half.name]
        sketch.rect("poly", left, edge - up * (device.w + 130), left + device.l, edge + up * pad)
        centre = left + device.l // 10 * 5
        sketch.rect(
            "poly", centre - 165, edge + up * (pad - 135), centre + 165, edge + up * (pad + 135)
        )
        layer = {"lvt": "lvtn", "hvt": "hvtp"}.get(device.model[-3:])
        if layer:
            special[layer].append((left - 180, left + device.l + 180, device.w))
    for layer, boxes in special.items():
        merged: list[tuple[int, int, int]] = []
        for x0, x1, w in boxes:
            # Implants nearer than their spacing rule become one.
            if merged and x0 - merged[-1][1] < 380:
                start, _, deepest = merged.pop()
                x0, w = start, max(w, deepest)
            merged.append((x0, x1, w))
        for x0, x1, w in merged:
            sketch.rect(layer, x0, edge + up * 180, x1, edge - up * (w + 180))


def draw_contact(
    sketch: Sketch, half: Half, net: str, x: int, w: int, edge: int, up: int, rail_y: int,
    tracks: Mapping[tuple[str, str], int],
) -> None:  # fmt: skip
    """Contacts down a source or drain, and its met1 column to its track or rail."""
    count = max((w - 120 + 170) // 340, 1)
    middle = edge - up * up5(w / 2)
    length = 170 + (count - 1) * 340
    low = up5(middle - length / 2)
    for k in range(count):
        sketch.rect("licon", x - 85, low + 340 * k, x + 85, low + 340 * k + 170)
    sketch.rect("li1", x - 85, low - 80, x + 85, low + length + 80)
    count = max((length - 170) // 360 + 1, 1)
    start = up5(middle - (170 + (count - 1) * 360) / 2)
    for k in range(count):
        sketch.rect("mcon", x - 85, start + 360 * k, x + 85, start + 360 * k + 170)
    reach = [start - 60, start + (count - 1) * 360 + 230]
    _finish_column(sketch, half, net, x, reach, up, rail_y, tracks)


def draw_gate_column(
    sketch: Sketch, half: Half, net: str, x: int, edge: int, up: int, rail_y: int,
    tracks: Mapping[tuple[str, str], int],
) -> None:  # fmt: skip
    y = edge + up * PAD[half.name]
    sketch.rect("licon", x - 85, y - 85, x + 85, y + 85)
    sketch.rect("li1", x - 165, y - 85, x + 165, y + 85)
    sketch.rect("mcon", x - 85, y - 85, x + 85, y + 85)
    _finish_column(sketch, half, net, x, [y - 145, y + 145], up, rail_y, tracks)


def _finish_column(
    sketch: Sketch, half: Half, net: str, x: int, reach: list[int], up: int, rail_y: int,
    tracks: Mapping[tuple[str, str], int],
) -> None:  # fmt: skip
    if net == half.rail:
        reach.append(rail_y)
    elif (net, half.name) in tracks:
        y = tracks[net, half.name]
        sketch.via("via", x, y, lower="y", upper="x")
        reach += [y - 160, y + 160]
    low, high = min(reach), max(reach)
    short = 365 - (high - low)
    if short > 0:
        # The smallest area of met1, grown towards the row's own rail.
        low, high = (low - up5(short), high) if up > 0 else (low, high + up5(short))
    sketch.rect("met1", x - 115, low, x + 115, high)


def draw_rails(sketch: Sketch, width: int, vdd_y: int, boundary: int) -> None:
    for y in (0, vdd_y):
        sketch.rect("tap", 0, y - TAP, width, y + TAP)
        sketch.rect("li1", 0, y - 85, width, y + 85)
        sketch.rect("met1", 0, y - RAIL, width, y + RAIL)
        count = (width - 410) // COLUMN + 1
        first = up5((width - (count - 1) * COLUMN) / 2)
        for k in range(count):
            x = first + k * COLUMN
            for cut in ("licon", "mcon"):
                sketch.rect(cut, x - 85, y - 85, x + 85, y + 85)
    sketch.rect("nwell", -180, boundary, width + 180, vdd_y + TAP + 180)


def draw_implants(
    sketch: Sketch, halves: Sequence[Half], n_edge: int, p_edge: int, width: int, vdd_y: int
) -> None:
    sketch.rect("psdm", -125, -TAP - 125, width + 125, TAP + 125)
    sketch.rect("nsdm", -125, vdd_y - TAP - 125, width + 125, vdd_y + TAP + 125)
    # Gate contacts of both halves are too near for poly openings of their own.
    gates = [x for half in halves for _, x in half.gates]
    if gates:
        sketch.rect("npc", min(gates) - 185, n_edge + 90, max(gates) + 185, p_edge - 90)
    for half, layer, edge, up in zip(halves, ("nsdm", "psdm"), (n_edge, p_edge), (1, -1),
                                     strict=True):  # fmt: skip
        if half.devices:
            x0 = min(d[0] for d in half.diffusions)
            x1 = max(d[1] for d in half.diffusions)
            deepest = max(d.w for d, _ in half.devices)
            sketch.rect(layer, x0 - 125, edge + up * 125, x1 + 125, edge - up * (deepest + 125))
