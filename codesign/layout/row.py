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

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from codesign.layout.sketch import Sketch, up5

COLUMN = 400  # met1 columns with via pads of 260, 140 apart
TRACK = 420  # met2 tracks with pads of 280 and 260
LINE = 640  # met3 lines
BREAK = 560  # contact to contact across a gap of 270 between two diffusions
# A diffusion changes its width at a contact that two transistors share: .25 beyond both gates.
CONTACT_TO_GATE = 255
END = 145  # diffusion beyond the centre of its last contact
TAP = 145  # half height of a tap strip
RAIL = 130  # half height of a met1 rail
TAP_TO_DIFFUSION = 415  # centre of the rail to the nearest diffusion
# Edge of the diffusion to the centre of a gate contact: .19 to diffusion, and .11 to its p implant.
PAD = {"n": 275, "p": 320}
TO_BOUNDARY = 560  # edge of the diffusion to the boundary of the halves, at least
FIRST_TRACK = 430  # centre of the rail to the first track
TRACK_TO_BOUNDARY = 230
LINE_WIDTH = 330  # as wide as a pad, so that pads make no notches


@dataclass(frozen=True)
class RowTransistor:
    """A transistor to be placed; sizes in nm."""

    name: str
    model: str
    w: int
    l: int
    drain: str
    gate: str
    source: str


@dataclass(frozen=True)
class RowPorts:
    """Which nets leave the row, and how.

    lines: nets with a met3 line through the whole height (controls, biases; the rails always
    have one). left, right: nets whose track runs to that edge, by half ("n" or "p").
    near: nets whose crossing line must lie within [x0, x1], measured from the left edge.
    """

    lines: tuple[str, ...] = ()
    left: Mapping[str, str] = field(default_factory=dict)
    right: Mapping[str, str] = field(default_factory=dict)
    near: Mapping[str, tuple[int, int]] = field(default_factory=dict)


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


@dataclass
class _Half:
    """Terminals of one half: columns (x) by net, and the net of each contact column."""

    name: str
    rail: str
    devices: list[tuple[RowTransistor, int]] = field(default_factory=list)  # device, gate's left
    contacts: list[tuple[str, int, int]] = field(default_factory=list)  # net, x, width of diffusion
    diffusions: list[tuple[int, int, int]] = field(default_factory=list)  # x0, x1, width
    gates: list[tuple[str, int]] = field(default_factory=list)
    right: int = 0


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
    halves = (_place(nmos, "n", "vss"), _place(pmos, "p", "vdd"))
    crossing = _crossing(halves, ports)
    least = max(half.right for half in halves) + 2 * COLUMN
    width = max(least, minimum_width, (len(crossing) + 1) * LINE)
    width = -(-width // 10) * 10
    lines = _assign_lines(halves, crossing, ports, width)
    spans = {half.name: _intervals(half, halves, lines, ports, width) for half in halves}
    order = {name: _pack(intervals, list(ports.right)) for name, intervals in spans.items()}
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
        _draw_devices(sketch, half, edge, up)
        rail_y = 0 if up > 0 else vdd_y
        for net, x, size in half.contacts:
            _draw_contact(sketch, half, net, x, size, edge, up, rail_y, tracks)
        for net, x in half.gates:
            _draw_gate_column(sketch, half, net, x, edge, up, rail_y, tracks)
        for net, (x0, x1) in spans[half.name].items():
            _draw_track(sketch, half, net, x0, x1, tracks[net, half.name], lines)
    _draw_rails(sketch, width, vdd_y, boundary)
    _draw_implants(sketch, halves, n_edge, p_edge, width, vdd_y)
    bottom, top = line_bottom or 0, vdd_y if line_top is None else line_top
    ends = {}
    for net, x in lines.items():
        ys = [tracks[net, half] for half in "np" if (net, half) in tracks]
        if net in ("vdd", "vss"):
            ys.append(0 if net == "vss" else vdd_y)
            sketch.stack(x, ys[-1], "met1", "met3")
        for y in ys:
            if y not in (0, vdd_y):
                sketch.via("via2", x, y)
        through = net in ports.lines or net in ("vdd", "vss")
        low, high = (bottom, top) if through else (min(ys) - 165, max(ys) + 165)
        if not through and high - low < 800:
            middle = up5((low + high) / 2)
            low, high = middle - 400, middle + 400
        half_width = LINE_WIDTH // 2
        sketch.rect("met3", x - half_width, low, x + half_width, high)
        ends[net] = (low, high)
    return RowGeometry(width, vdd_y, boundary, tracks, lines, ends)


def _place(devices: Sequence[RowTransistor], name: str, rail: str) -> _Half:
    """Columns from left to right; each device is turned so that neighbours share most nets."""
    half = _Half(name, rail)
    x, previous, size, start = COLUMN, None, 0, 0
    for device, flipped in zip(devices, _orientations(devices), strict=True):
        left, right = device.source, device.drain
        if flipped:
            left, right = right, left
        reach = max(COLUMN, up5(device.l / 2) + CONTACT_TO_GATE)
        if previous == left and not _apart(half.devices[-1][0], device):
            shared = True
            half.contacts[-1] = (left, x, min(size, device.w))
        else:
            shared = False
            x += BREAK if previous is not None else 0
            start = x - END
            half.contacts.append((left, x, device.w))
        centre = x + reach
        gate_left = centre - device.l // 10 * 5
        half.devices.append((device, gate_left))
        half.gates.append((device.gate, centre))
        half.diffusions.append((x if shared else start, centre + reach, device.w))
        x, previous, size = centre + reach, right, device.w
        half.contacts.append((right, x, device.w))
        # The next device cuts the diffusion at the contact when it is shared, else beyond it.
        x0, _, w = half.diffusions[-1]
        half.diffusions[-1] = (x0, x, w)
    ends = [x for _, x, _ in half.contacts]
    starts = {x0 for x0, _, _ in half.diffusions}
    half.diffusions = [
        (x0, x1 if x1 in starts else x1 + END, w) for x0, x1, w in half.diffusions
    ]
    half.right = max(ends, default=0) + END
    return half


def _apart(one: RowTransistor, other: RowTransistor) -> bool:
    """Whether two transistors need implants too far apart (.38) to share a diffusion."""
    return {one.model[-3:], other.model[-3:]} == {"lvt", "hvt"}


def _orientations(devices: Sequence[RowTransistor]) -> list[bool]:
    """Which devices to turn around, so that as many neighbours as possible share a net."""
    if not devices:
        return []
    best: list[tuple[int, list[bool]]] = [(0, [False]), (0, [True])]
    for before, device in itertools.pairwise(devices):
        step = []
        for flip in (False, True):
            left = device.drain if flip else device.source
            choices = []
            for score, flips in best:
                right = before.source if flips[-1] else before.drain
                choices.append((score + (right == left), [*flips, flip]))
            step.append(max(choices, key=lambda c: c[0]))
        best = step
    return max(best, key=lambda c: c[0])[1]


def _columns(half: _Half) -> dict[str, list[int]]:
    """x of every column that needs a track, by net; columns on the rail's net drop to the rail."""
    found: dict[str, list[int]] = {}
    for net, x in [(net, x) for net, x, _ in half.contacts] + half.gates:
        if net != half.rail:
            found.setdefault(net, []).append(x)
    return found


def _crossing(halves: Sequence[_Half], ports: RowPorts) -> list[str]:
    """Nets that need a met3 line, in a fixed order."""
    both = set(_columns(halves[0])) & set(_columns(halves[1]))
    for side in (ports.left, ports.right):
        for net, half in side.items():
            if any(net in _columns(other) for other in halves if other.name != half):
                both.add(net)
    nets = {*both, *ports.lines, *ports.near, "vdd", "vss"}
    return sorted(nets)


def _assign_lines(
    halves: Sequence[_Half], nets: Sequence[str], ports: RowPorts, width: int
) -> dict[str, int]:
    from scipy.optimize import linear_sum_assignment

    places = np.arange(LINE // 2 + 5, width - LINE // 2, LINE)
    cost = np.zeros((len(nets), len(places)))
    for i, net in enumerate(nets):
        for half in halves:
            xs = _columns(half).get(net, [])
            if net in ("vdd", "vss") and not xs:
                continue
            xs = xs + [0] * (ports.left.get(net) == half.name)
            xs = xs + [width] * (ports.right.get(net) == half.name)
            if xs:
                cost[i] += np.clip(min(xs) - places, 0, None) + np.clip(places - max(xs), 0, None)
        if net in ports.near:
            low, high = ports.near[net]
            cost[i, (places < low) | (places > high)] = 1e9
    rows, columns = linear_sum_assignment(cost)
    if cost[rows, columns].max(initial=0) >= 1e9:
        raise ValueError("no place for a crossing line that has to be near something")
    return {nets[i]: int(places[j]) for i, j in zip(rows, columns, strict=True)}


def _intervals(
    half: _Half, halves: Sequence[_Half], lines: Mapping[str, int], ports: RowPorts, width: int
) -> dict[str, tuple[int, int]]:
    """Ends of the track of every net that needs one in this half, pads included."""
    found = {}
    columns = _columns(half)
    edges = {net for side in (ports.left, ports.right) for net, h in side.items() if h == half.name}
    other = next(h for h in halves if h is not half)
    for net in dict.fromkeys([*columns, *sorted(edges)]):
        xs = columns.get(net, [])
        reach = [(x - 160, x + 160) for x in xs]
        crosses = net in lines and (xs or net in edges)
        if net in lines and (net in _columns(other) or net in ports.lines or net in ports.near
                             or net in edges or net in ("vdd", "vss")) and crosses:
            reach.append((lines[net] - 185, lines[net] + 185))
        if net in edges and ports.left.get(net) == half.name:
            reach.append((0, 320))
        if net in edges and ports.right.get(net) == half.name:
            reach.append((width - 320, width))
        if len(reach) > 1:
            low, high = min(r[0] for r in reach), max(r[1] for r in reach)
            found[net] = (low, max(high, low + 500))
    return found


def _pack(
    intervals: Mapping[str, tuple[int, int]], first: Sequence[str]
) -> dict[str, int]:
    """Track number of each net, from the rail inwards, so that no two meet on a track.

    Nets in `first` get the outermost tracks, where what leaves the cell is far apart.
    """
    rows: list[list[tuple[int, int]]] = []
    chosen = {}
    order = sorted(intervals, key=lambda net: (net not in first, intervals[net], net))
    for net in order:
        low, high = intervals[net]
        free = (
            row
            for row, taken in enumerate(rows)
            if all(low >= end + 140 or high <= start - 140 for start, end in taken)
        )
        row = next(free, len(rows))
        if row == len(rows):
            rows.append([])
        rows[row].append((low, high))
        chosen[net] = row
    return chosen


def _draw_track(
    sketch: Sketch, half: _Half, net: str, x0: int, x1: int, y: int, lines: Mapping[str, int]
) -> None:
    sketch.rect("met2", x0, y - 70, x1, y + 70)
    pads = [(x - 160, x + 160) for x in _columns(half).get(net, [])]
    if net in lines:
        pads.append((lines[net] - 185, lines[net] + 185))
    pads.sort()
    for (_, end), (start, _) in itertools.pairwise(pads):
        # Pads of a track nearer than the spacing rule become one.
        if 0 < start - end < 140:
            sketch.rect("met2", end, y - 130, start, y + 130)


def _draw_devices(sketch: Sketch, half: _Half, edge: int, up: int) -> None:
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


def _draw_contact(
    sketch: Sketch, half: _Half, net: str, x: int, w: int, edge: int, up: int, rail_y: int,
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


def _draw_gate_column(
    sketch: Sketch, half: _Half, net: str, x: int, edge: int, up: int, rail_y: int,
    tracks: Mapping[tuple[str, str], int],
) -> None:  # fmt: skip
    y = edge + up * PAD[half.name]
    sketch.rect("licon", x - 85, y - 85, x + 85, y + 85)
    sketch.rect("li1", x - 165, y - 85, x + 165, y + 85)
    sketch.rect("mcon", x - 85, y - 85, x + 85, y + 85)
    _finish_column(sketch, half, net, x, [y - 145, y + 145], up, rail_y, tracks)


def _finish_column(
    sketch: Sketch, half: _Half, net: str, x: int, reach: list[int], up: int, rail_y: int,
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


def _draw_rails(sketch: Sketch, width: int, vdd_y: int, boundary: int) -> None:
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


def _draw_implants(
    sketch: Sketch, halves: Sequence[_Half], n_edge: int, p_edge: int, width: int, vdd_y: int
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
