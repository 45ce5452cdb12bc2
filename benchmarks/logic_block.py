"""A digital block of any size, drawn here: rows of small standard cells with wires over them.

Rows of 2.72 um share their rails and n-wells; cells are inverters, buffers, NAND, NOR and
decoupling capacitors of pfet_01v8_hvt and nfet_01v8, with tap cells in columns under the power
straps. Each first input is driven by the neighbour's output on met1; the others by a cell nearby,
on met2 columns and a met3 track. Net names are texts on purpose 5, ports pin shapes with texts on
purpose 16, as digital flows write them.
"""

from __future__ import annotations

import bisect
import random
from dataclasses import dataclass, field
from pathlib import Path

import gdstk

from codesign.layout.sketch import Sketch

PITCH, ROW = 500, 2720
PIN_Y, RAIL_HALF = 1190, 240
TAP_PERIOD = 24_000
TAP_WIDTH = 2000
TRACK = 680
# Row of gates: net of every contact column (G ground or supply, Y output, . none) below and above.
KINDS = {
    "inv": ("GY", "GY"),
    "buf": ("GYGYG", "GYGYG"),
    "nand2": ("G.Y", "GYG"),
    "nor2": ("GYG", "G.Y"),
    "nand3": ("G..Y", "GYGY"),
    "nor3": ("GYGY", "G..Y"),
    "decap": ("GG", "GG"),
}
# How often each is placed. Half of the transistors of a real block's rows are fill.
WEIGHTS = {"inv": 3, "buf": 1, "nand2": 4, "nor2": 3, "nand3": 1, "nor3": 1, "decap": 5}


def inputs(kind: str) -> int:
    """Gates with a net each: a buffer's fingers share one."""
    return {"buf": 1, "decap": 0}.get(kind, len(KINDS[kind][0]) - 1)


def gates(kind: str) -> int:
    """Poly lines of a cell: two transistors each."""
    return len(KINDS[kind][0]) - 1


def width(kind: str) -> int:
    """Width of a cell, nm."""
    return TAP_WIDTH if kind == "tap" else PITCH * (gates(kind) + 2)


def cell(kind: str) -> Sketch:
    """One standard cell, its corner on the middle of the ground rail."""
    sketch = Sketch(f"cell_{kind}")
    w = width(kind)
    if kind == "tap":
        _tap(sketch)
    else:
        _logic(sketch, kind)
    for y in (0, ROW):
        sketch.rect("met1", 0, y - RAIL_HALF, w, y + RAIL_HALF)
        sketch.rect("li1", 0, y - 85, w, y + 85)
        for x in range(PITCH // 2, w, PITCH):
            sketch.centred("mcon", x, y, 170, 170)
    sketch.rect("nwell", -180, 1305, w + 180, ROW)
    return sketch


def _tap(sketch: Sketch) -> None:
    for y, implant, edge in ((560, "psdm", (0, 1000)), (2160, "nsdm", (1420, ROW))):
        sketch.centred("tap", TAP_WIDTH // 2, y, 1200, 420)
        sketch.rect(implant, 0, edge[0], TAP_WIDTH, edge[1])
        for x in (700, 1300):
            sketch.centred("licon", x, y, 170, 170)
            low, high = (0, y + 165) if y < ROW // 2 else (y - 165, ROW)
            sketch.rect("li1", x - 85, low, x + 85, high)


def _logic(sketch: Sketch, kind: str) -> None:
    below, above = KINDS[kind]
    w, n = width(kind), gates(kind)
    sketch.rect("diff", 355, 260, PITCH * (n + 1) + 145, 910)
    sketch.rect("diff", 355, 1510, PITCH * (n + 1) + 145, 2460)
    sketch.rect("nsdm", 0, 0, w, 1035)
    sketch.rect("psdm", 0, 1385, w, ROW)
    sketch.rect("hvtp", 0, 1305, w, ROW)
    sketch.rect("npc", 0, 1005, w, 1375)
    for x in _gate_columns(kind):
        sketch.rect("poly", x - 75, 130, x + 75, 2590)
        sketch.centred("poly", x, PIN_Y, 270, 330)
        sketch.centred("licon", x, PIN_Y, 170, 170)
        sketch.centred("li1", x, PIN_Y, 170, 330)
        if kind != "decap":
            _pad(sketch, x)
    xs = range(PITCH, PITCH * (n + 2), PITCH)
    output = PITCH * n + 750
    for nets, bar, rails in ((below, (680, 850), (405,)), (above, (1550, 1720), (2315, 1975))):
        for x, net in zip(xs, nets, strict=True):
            if net == "G":
                for y in rails:
                    sketch.centred("licon", x, y, 170, 170)
                low, high = (0, rails[0] + 85) if rails[0] < PIN_Y else (rails[1] - 85, ROW)
                sketch.rect("li1", x - 165, low, x + 165, high)
            elif net == "Y":
                sketch.centred("licon", x, sum(bar) // 2, 170, 170)
        if "Y" in nets:
            sketch.rect("li1", xs[nets.index("Y")] - 165, bar[0], output + 85, bar[1])
    if kind == "decap":
        _tie(sketch)
    else:
        sketch.rect("li1", output - 85, 680, output + 85, 1720)
        _pad(sketch, output)
    if kind == "buf":
        columns = _gate_columns(kind)
        sketch.rect("met1", columns[0] - 130, PIN_Y - 85, columns[-1] + 130, PIN_Y + 85)


def _tie(sketch: Sketch) -> None:
    """Gate of a decoupling capacitor to the supply; the one transistor that conducts."""
    sketch.rect("li1", 665, 1025, 1085, 1355)
    sketch.rect("li1", 915, 1025, 1085, 2000)


def _gate_columns(kind: str) -> list[int]:
    return [PITCH * i + 750 for i in range(gates(kind))]


def _pad(sketch: Sketch, x: int) -> None:
    sketch.centred("mcon", x, PIN_Y, 170, 170)
    sketch.centred("met1", x, PIN_Y, 260, 320)


@dataclass
class _Track:
    """Stretches in use along one line."""

    used: list[tuple[int, int]] = field(default_factory=list)

    def is_free(self, low: int, high: int) -> bool:
        at = bisect.bisect_left(self.used, (low, low))
        if at and self.used[at - 1][1] > low:
            return False
        return at == len(self.used) or self.used[at][0] >= high

    def use(self, low: int, high: int) -> None:
        bisect.insort(self.used, (low, high))


@dataclass(frozen=True)
class Placed:
    """A cell in its place: pins by x, in the order of its gates, the output last."""

    kind: str
    x: int
    row: int

    @property
    def pin_y(self) -> int:
        return self.row * ROW + (ROW - PIN_Y if self.row % 2 else PIN_Y)

    @property
    def pins(self) -> tuple[int, ...]:
        columns = _gate_columns(self.kind)[: inputs(self.kind)]
        return (*(self.x + x for x in columns), self.x + PITCH * gates(self.kind) + 750)


class LogicBlock:
    """Rows of cells with at least `transistors` transistors; the same seed draws the same block."""

    def __init__(self, transistors: int, seed: int = 1, name: str = "block") -> None:
        self.name = name
        self._random = random.Random(seed)
        self.top = Sketch(name)
        self.names: list[tuple[str, int, int, int]] = []
        self._columns: dict[int, _Track] = {}
        self._tracks: dict[int, _Track] = {}
        self.library_cells = {kind: cell(kind) for kind in (*KINDS, "tap")}
        self.rows: list[list[Placed]] = []
        self.transistors = 0
        self.straps: set[int] = set()
        self._place(transistors)
        self._route()
        self._power()

    def _place(self, transistors: int) -> None:
        # A square: half the transistors of a row's width of cells.
        mean = sum(width(k) * v for k, v in WEIGHTS.items()) / sum(
            2 * gates(k) * v for k, v in WEIGHTS.items()
        )
        self.row_width = max(20_000, round((transistors * mean * ROW) ** 0.5 / PITCH) * PITCH)
        kinds, weights = zip(*WEIGHTS.items(), strict=True)
        while self.transistors < transistors or len(self.rows) % 2:
            row, x, number = [], 0, len(self.rows)
            while x < self.row_width:
                kind = self._random.choices(kinds, weights)[0]
                next_tap = -(-x // TAP_PERIOD) * TAP_PERIOD
                if x + width(kind) > next_tap:
                    kind, x = "tap", next_tap
                self._put(kind, x, number)
                if kind != "tap":
                    self.transistors += 2 * gates(kind)
                    row.append(Placed(kind, x, number))
                x += width(kind)
            self._join_row(number, x)
            self.rows.append(row)

    def _put(self, kind: str, x: int, row: int) -> None:
        mirrored = bool(row % 2)
        self.top.place(self.library_cells[kind], x, (row + mirrored) * ROW, mirrored=mirrored)
        if kind == "tap":
            self.straps.add(x + TAP_WIDTH // 2)

    def _join_row(self, number: int, end: int) -> None:
        """Rails and n-well through the gaps that are left before columns of tap cells."""
        for y in (number * ROW, (number + 1) * ROW):
            self.top.rect("met1", 0, y - RAIL_HALF, end, y + RAIL_HALF)
        low, high = (0, ROW - 1305) if number % 2 else (1305, ROW)
        self.top.rect("nwell", -180, number * ROW + low, end + 180, number * ROW + high)

    def _route(self) -> None:
        logic = [c for row in self.rows for c in row if c.kind != "decap"]
        by_row: dict[int, list[Placed]] = {}
        for c in logic:
            by_row.setdefault(c.row, []).append(c)
        for row in by_row.values():
            for before, after in zip([None, *row[:-1]], row, strict=True):
                self._neighbour(before, after)
        sinks: dict[Placed, list[tuple[int, Placed]]] = {}
        for c in logic:
            for x in c.pins[1:-1]:
                row = by_row.get(c.row + self._random.choice((-1, 0, 1)), by_row[c.row])
                near = bisect.bisect_left([other.x for other in row], c.x)
                at = near + self._random.randrange(-5, 6)
                driver = row[min(max(at, 0), len(row) - 1)]
                sinks.setdefault(driver, []).append((x, c))
        for number, (driver, pins) in enumerate(sinks.items()):
            while pins and not self._net(f"net_{number}", driver, pins):
                self._shorten(pins)

    def _neighbour(self, before: Placed | None, after: Placed) -> None:
        """First input: from the neighbour's output on met1, a port where something is between."""
        x, y = after.pins[0], after.pin_y
        if before is not None and before.x + width(before.kind) == after.x:
            self.top.rect("met1", before.pins[-1], y - 85, x, y + 85)
            return
        self._port("met1", (x - 130, y - 160, x + 130, y + 160), f"in\\[{len(self.top.pins)}\\]")

    def _port(self, layer: str, box: tuple[int, int, int, int], name: str) -> None:
        self.top.pins.append((layer, box, name))

    def _shorten(self, pins: list[tuple[int, Placed]]) -> None:
        """A pin without a way is joined with the one beside it."""
        x, c = pins.pop()
        self.top.rect("met1", x - PITCH, c.pin_y - 85, x, c.pin_y + 85)

    def _net(self, name: str, driver: Placed, pins: list[tuple[int, Placed]]) -> bool:
        ends = [(driver.pins[-1], driver.pin_y), *((x, c.pin_y) for x, c in pins)]
        xs = [x for x, _ in ends]
        low, high = min(xs) - 400, max(*xs, min(xs) + 420) + 400
        middle = sorted(y for _, y in ends)[len(ends) // 2]
        nearest = round((middle - TRACK // 2) / TRACK)
        for step in range(24):
            number = nearest + (step + 1) // 2 * (1 if step % 2 else -1)
            y = number * TRACK + TRACK // 2
            if not 0 < y < len(self.rows) * ROW:
                continue
            spans = [(x, min(y, at) - 330, max(y, at) + 330) for x, at in ends]
            track = self._tracks.setdefault(y, _Track(self._blocked(y)))
            columns = [self._columns.setdefault(x, _Track()) for x, _, _ in spans]
            if track.is_free(low, high) and all(
                column.is_free(a, b) for column, (_, a, b) in zip(columns, spans, strict=True)
            ):
                track.use(low, high)
                for column, (_, a, b) in zip(columns, spans, strict=True):
                    column.use(a, b)
                self._draw(name, ends, y)
                return True
        return False

    def _blocked(self, y: int) -> list[tuple[int, int]]:
        """Where the stacks from rails to straps are in the way of a track."""
        if min(y % ROW, -y % ROW) > TRACK:
            return []
        return sorted((x - 1200, x + 1200) for x in self.straps)

    def _draw(self, name: str, ends: list[tuple[int, int]], y: int) -> None:
        xs = [x for x, _ in ends]
        # At least the smallest area of met3.
        self.top.rect("met3", min(xs) - 165, y - 165, max(*xs, min(xs) + 420) + 165, y + 165)
        for x, at in ends:
            self.top.centred("via", x, at, 150, 150)
            self.top.centred("met2", x, at, 270, 320)
            self.top.rect("met2", x - 70, min(at, y), x + 70, max(at, y))
            self.top.centred("via2", x, y, 200, 200)
            self.top.centred("met2", x, y, 280, 370)
        self.names.append((name, 70, min(xs), y))

    def _power(self) -> None:
        """Straps of met4 over the columns of tap cells, joined to every second rail."""
        height = len(self.rows) * ROW
        for index, x in enumerate(sorted(self.straps)):
            net = index % 2
            self.top.rect("met4", x - 800, -RAIL_HALF, x + 800, height + RAIL_HALF)
            name = ("VGND", "VPWR")[net]
            self._port("met4", (x - 800, 0, x + 800, 1600), name)
            for rail in range(net, len(self.rows) + 1, 2):
                for cut, layer, size in (("via", "met2", 150), ("via2", "met3", 200)):
                    for dx in (-500, 0, 500):
                        self.top.centred(cut, x + dx, rail * ROW, size, size)
                    self.top.centred(layer, x, rail * ROW, 1600, 400)
                for dx in (-500, 0, 500):
                    self.top.centred("via3", x + dx, rail * ROW, 200, 200)

    def write(self, path: Path) -> None:
        """The block as a GDS file: ports on purpose 16, net names on purpose 5."""
        library = self.top.library()
        top = next(c for c in library.cells if c.name == self.name)
        for label in top.labels:
            label.texttype = 16
        for text, layer, x, y in self.names:
            top.add(gdstk.Label(text, (x / 1000, y / 1000), layer=layer, texttype=5))
        library.write_gds(path)
