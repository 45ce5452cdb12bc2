"""Layout view of a network: per layer a crossbar, the dendrites' bus, and a stack of neurons.

From left to right: input drivers, then for every layer spike lines, crossbar, dendrites, neurons.
Dendrites leave the crossbar at its bottom and reach their neurons in nested lines of met2 with a
grounded line between any two, so that no two of them ever cross or run side by side. Spike lines
change over from one stack to the next through met3, met2 and met1, one upright piece each, which
never meet. Rails and biases are joined on met4 above everything. All numbers in nm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from codesign.cells.crossbar_view import CrossbarGeometry
from codesign.cells.neuron_view import LINES_FROM
from codesign.layout.row import RowGeometry
from codesign.layout.sketch import Box, Sketch, up5

_NEST = 700  # dendrite to shield
_BUS_TOP = 900  # bottom rail of the crossbar to the first line of the bus
_SPIKE_STEP = 560  # upright pieces of spike lines
_MARGIN = 1200
_TRUNK_STEP = 1000
_TRUNK_HALF = 200


@dataclass(frozen=True)
class Stack:
    """Equal row cells on top of each other: drivers or the neurons of a layer."""

    cell: Sketch
    row: RowGeometry
    count: int
    pitch: int
    x: int

    @property
    def right(self) -> int:
        """Right edge of the cells."""
        return self.x + self.row.width

    @property
    def top(self) -> int:
        """Top of the last cell."""
        return self.count * self.pitch

    def track_y(self, index: int, net: str, half: str) -> int:
        """Height of a track of cell `index` (from 1)."""
        return (index - 1) * self.pitch + self.row.tracks[net, half]


@dataclass(frozen=True)
class Block:
    """One layer: where its crossbar starts, and its neurons."""

    crossbar_x: int
    crossbar: CrossbarGeometry
    neurons: Stack


def spike_channel_width(lines: int) -> int:
    """Space between a stack and the crossbar that its spike lines go to."""
    return 2 * _MARGIN + lines * _SPIKE_STEP


def dendrite_channel_width(dendrites: int) -> int:
    """Space between a crossbar and its neurons."""
    return 2 * _MARGIN + 2 * dendrites * _NEST


def draw_spike_lines(sketch: Sketch, source: Stack, target: Block) -> None:
    """Joins the lines of a stack's cells with the rows of the next crossbar."""
    first = source.right + _MARGIN
    g = target.crossbar
    pieces = [(i, net) for i in range(1, g.rows + 1) for net in ("sp", "spb")]
    for index, (row, net) in enumerate(pieces):
        x = first + index * _SPIKE_STEP
        y_in = source.track_y(row, net, "p" if net == "sp" else "n")
        _, y0, _, y1 = g.line_box(row, net == "spb")
        y_out = (y0 + y1) // 2
        start = source.right + 185
        sketch.rect("met2", source.right, y_in - 70, start, y_in + 70)
        sketch.via("via2", start, y_in)
        sketch.rect("met3", start - 165, y_in - 165, x + 165, y_in + 165)
        sketch.via("via2", x, y_in)
        low, high = min(y_in, y_out), max(y_in, y_out)
        # Pads nearer than the spacing rule become one.
        half = 130 if 0 < high - low - 300 < 140 else 70
        sketch.rect("met2", x - half, low - 70, x + half, high + 70)
        sketch.via("via", x, y_out, lower="x", upper="y")
        sketch.rect("met1", x - 160, y0, target.crossbar_x + g.left, y1)


def draw_dendrites(sketch: Sketch, block: Block) -> None:
    """The nested lines from a crossbar's dendrites to its neurons, and the shields in between."""
    g, n, x0 = block.crossbar, block.crossbar.columns, block.crossbar_x
    channel = x0 + g.right + _MARGIN
    for s in range(2 * n + 1):
        # s counts lines from the innermost: shields are even, dendrite n is 1, dendrite 1 is last.
        dendrite, shield = (2 * n + 1 - s) // 2, n - s // 2
        is_dendrite = s % 2 == 1
        x = x0 + (g.dendrite_x(dendrite) if is_dendrite else g.shield_x(shield))
        bus_y, turn_x = -_BUS_TOP - s * _NEST, channel + s * _NEST
        points = [(x, 0), (x, bus_y), (turn_x, bus_y)]
        if is_dendrite:
            y = block.neurons.track_y(dendrite, "dend", "p")
            points += [(turn_x, y), (block.neurons.x + 70, y)]
        elif shield < n:
            # A shield ends below the dendrite that turns off across its path.
            end = block.neurons.track_y(shield + 1, "dend", "p") - _NEST
            points.append((turn_x, end))
        else:
            points.append((turn_x, block.neurons.top))
        sketch.wire("met2", points, 140)


def draw_trunks(
    sketch: Sketch,
    drivers: Stack,
    blocks: Sequence[Block],
    nets: Sequence[str],
    controls: Sequence[str],
) -> dict[str, tuple[str, Box]]:
    """Joins rails and biases above everything; returns layer and box of the pin of each net.

    Control lines of layer l come back as `<control>_<l>`.
    """
    base = up5(max([drivers.top, *(max(b.neurons.top, b.crossbar.top) for b in blocks)]) + 2000)
    trunk_y = {net: base + i * _TRUNK_STEP for i, net in enumerate(nets)}
    end_y = base + len(nets) * _TRUNK_STEP
    x_left, x_right = drivers.x, blocks[-1].neurons.right
    pins: dict[str, tuple[str, Box]] = {}
    for net, y in trunk_y.items():
        sketch.rect("met4", x_left, y - _TRUNK_HALF, x_right, y + _TRUNK_HALF)
        pins[net] = ("met4", (x_left, y - _TRUNK_HALF, x_left + 600, y + _TRUNK_HALF))

    def rise(x: int, y0: int, net: str) -> None:
        sketch.rect("met3", x - 165, y0, x + 165, trunk_y[net] + 190)
        sketch.via("via3", x, trunk_y[net], lower="y", upper="x")

    for net in ("vss", "vdd"):
        rise(drivers.x + drivers.row.lines[net], 0, net)
    for layer, block in enumerate(blocks, start=1):
        stack = block.neurons
        for net, x in stack.row.lines.items():
            if net in trunk_y:
                rise(stack.x + x, stack.top + LINES_FROM, net)
            elif net in controls:
                left, right = stack.x + x - 165, stack.x + x + 165
                sketch.rect("met3", left, stack.top + LINES_FROM, right, end_y)
                pins[f"{net}_{layer}"] = ("met3", (left, end_y - 600, right, end_y))
        g = block.crossbar
        for net, x, half in (("vdd", g.strap_x, 150), ("vss", g.shield_x(0), 70)):
            x += block.crossbar_x
            y = trunk_y[net]
            sketch.rect("met2", x - half, g.top - g.synapse.height, x + half, y + 140)
            sketch.stack(x, y, "met2", "met4")
    return pins


def output_box(stack: Stack, index: int, net: str) -> Box:
    """The right end of an output's spike line."""
    y = stack.track_y(index, net, "p" if net == "sp" else "n")
    return (stack.right - 300, y - 70, stack.right, y + 70)


def areas_um2(blocks: Sequence[Block]) -> dict[str, float]:
    """Area of one synapse and of one neuron, in um^2, as they repeat."""
    synapse, neurons = blocks[0].crossbar.synapse, blocks[0].neurons
    return {
        "synapse_um2": synapse.pitch * synapse.height / 1e6,
        "neuron_um2": neurons.row.width * neurons.pitch / 1e6,
    }

