"""A row's transistors side by side: which way round, where their gates and contacts stand.

All numbers in nm.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from codesign.layout.sketch import up5

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


@dataclass
class Half:
    """Terminals of one half: columns (x) by net, and the net of each contact column."""

    name: str
    rail: str
    devices: list[tuple[RowTransistor, int]] = field(default_factory=list)  # device, gate's left
    contacts: list[tuple[str, int, int]] = field(default_factory=list)  # net, x, width of diffusion
    diffusions: list[tuple[int, int, int]] = field(default_factory=list)  # x0, x1, width
    gates: list[tuple[str, int]] = field(default_factory=list)
    right: int = 0


def place_devices(devices: Sequence[RowTransistor], name: str, rail: str) -> Half:
    """Columns from left to right; each device is turned so that neighbours share most nets."""
    half = Half(name, rail)
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


def columns_of(half: Half) -> dict[str, list[int]]:
    """x of every column that needs a track, by net; columns on the rail's net drop to the rail."""
    found: dict[str, list[int]] = {}
    for net, x in [(net, x) for net, x, _ in half.contacts] + half.gates:
        if net != half.rail:
            found.setdefault(net, []).append(x)
    return found
