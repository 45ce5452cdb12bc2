"""A row's wires: which nets cross its halves, where, and on which track each net lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from codesign.layout.row_place import LINE, Half, columns_of


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


def crossing_nets(halves: Sequence[Half], ports: RowPorts) -> list[str]:
    """Nets that need a met3 line, in a fixed order."""
    both = set(columns_of(halves[0])) & set(columns_of(halves[1]))
    for side in (ports.left, ports.right):
        for net, half in side.items():
            if any(net in columns_of(other) for other in halves if other.name != half):
                both.add(net)
    nets = {*both, *ports.lines, *ports.near, "vdd", "vss"}
    return sorted(nets)


def assign_lines(
    halves: Sequence[Half], nets: Sequence[str], ports: RowPorts, width: int
) -> dict[str, int]:
    from scipy.optimize import linear_sum_assignment

    places = np.arange(LINE // 2 + 5, width - LINE // 2, LINE)
    cost = np.zeros((len(nets), len(places)))
    for i, net in enumerate(nets):
        for half in halves:
            xs = columns_of(half).get(net, [])
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


def track_spans(
    half: Half, halves: Sequence[Half], lines: Mapping[str, int], ports: RowPorts, width: int
) -> dict[str, tuple[int, int]]:
    """Ends of the track of every net that needs one in this half, pads included."""
    found = {}
    columns = columns_of(half)
    edges = {net for side in (ports.left, ports.right) for net, h in side.items() if h == half.name}
    other = next(h for h in halves if h is not half)
    for net in dict.fromkeys([*columns, *sorted(edges)]):
        xs = columns.get(net, [])
        reach = [(x - 160, x + 160) for x in xs]
        crosses = net in lines and (xs or net in edges)
        if net in lines and (net in columns_of(other) or net in ports.lines or net in ports.near
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


def pack_tracks(
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
