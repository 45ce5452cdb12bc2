"""The foundry's law: its tables of wire arrays, interpolated over width, space and planes."""

from __future__ import annotations

import numpy as np

from codesign.layout.extract.law import CLOSED, OPEN, Floats, WireLaw
from codesign.layout.extract.rectangles import Index
from codesign.pdk.parasitics import SUBSTRATE, ParasiticTable, Stack

# Below this a coupling of the tables (F/m) is rounding: 1e-4 aF/um.
_FLOOR = 1e-16
# Exponents of the decay of coupling beyond the widest space of the tables.
_DECAY = (1.5, 8.0)


class FoundryLaw(WireLaw):
    """Interpolates the foundry's arrays of wires; gives their entries back where they apply.

    Coupling and fringe are interpolated in logarithms of the space and, between the table's two
    widths, linearly in the logarithm of the width; wires narrower or wider than both count as the
    nearer. An edge over partly covered ground couples as the mean over its stacks, by covered
    fraction below times covered fraction above. The fringe that a plane collects up to a distance d
    from an edge is the table's at the space d. Beyond the widest space of the table the coupling
    decays as its last two entries do, and the fringe takes what it loses: an edge's sum stays. An
    edge without a neighbour has this sum as its fringe, all within the halo.
    """

    needs_cover = True

    def __init__(self, wire: str, table: ParasiticTable, halo: int, dbu_m: float) -> None:
        super().__init__(wire, 2, halo)
        arrays = table.wires[wire]
        self._log_width = np.log(arrays.width_m)
        halo_m = halo * dbu_m
        self._curves = {
            planes: _Curves(arrays.space_m, stack, halo_m)
            for planes, stack in arrays.stacks.items()
        }
        distance_m = np.arange(1, halo + 1) * dbu_m
        bare = self._curves[SUBSTRATE, None]
        for k, name in self.below():
            curves = self._curves[name, None]
            fringe = curves.fringe(distance_m)
            self.area_F_per_m2[k] = arrays.stacks[name, None].area_F_per_m2
            self.fringe_F_per_m[CLOSED, :, k, 1:] = fringe
            self.fringe_F_per_m[OPEN, :, k, 1:] = (
                fringe * (curves.edge_F_per_m / fringe[:, -1])[:, None]
            )
        for k, name in self.above():
            # What a plane above adds to the fringe over bare substrate; what it takes from it in
            # turn, where edges are far apart, is in the crowding.
            added = self._curves[SUBSTRATE, name].fringe(distance_m) - bare.fringe(distance_m)
            self.fringe_F_per_m[:, :, k, 1:] = np.maximum.accumulate(np.maximum(added, 0.0), axis=1)
        self.open_F_per_m[:] = bare.edge_F_per_m
        self._crowding = self._crowding_of_stacks(distance_m)

    def _crowding_of_stacks(
        self, distance_m: Floats
    ) -> dict[tuple[str, str], tuple[Floats, Floats]]:
        """Fringe to both planes over the sum of that to each alone: (2, halo + 1) by space, and
        (2,) without a facing edge."""
        crowding: dict[tuple[str, str], tuple[Floats, Floats]] = {}
        for low_k, low in self.below():
            for high_k, high in self.above():
                if (low, high) in crowding:
                    continue
                both = self._curves[low, high]
                alone = self.fringe_F_per_m[:, :, low_k, 1:] + self.fringe_F_per_m[:, :, high_k, 1:]
                ratio = np.ones((2, len(distance_m) + 1))
                ratio[:, 1:] = both.fringe(distance_m) / alone[CLOSED]
                crowding[low, high] = (ratio, both.edge_F_per_m / alone[OPEN, :, -1])
        return crowding

    def wideness(self, width_m: Floats) -> Floats:
        narrow, wide = self._log_width
        return np.clip((np.log(np.maximum(width_m, 1e-12)) - narrow) / (wide - narrow), 0.0, 1.0)

    def coupling_F_per_m(
        self, space_m: Floats, wideness: Floats, below: Floats, above: Floats
    ) -> Floats:
        coupling = np.zeros(len(space_m))
        for planes, weight in self._weights(below, above):
            where = np.flatnonzero(weight > 0)
            narrow, wide = self._curves[planes].coupling(space_m[where])
            mix = wideness[where]
            coupling[where] += weight[where] * ((1 - mix) * narrow + mix * wide)
        return coupling

    def crowding(
        self, space: Index | None, wideness: Floats, below: Floats, above: Floats
    ) -> Floats:
        factor = np.ones(len(wideness))
        for (low, high), weight in self._weights(below, above):
            where = np.flatnonzero(weight > 0)
            if high is None or not len(where):
                continue
            ratio, far = self._crowding[low, high]
            narrow, wide = far if space is None else ratio[:, space[where]]
            mix = wideness[where]
            factor[where] -= weight[where] * (1 - (1 - mix) * narrow - mix * wide)
        return factor

    def _weights(self, below: Floats, above: Floats) -> list[tuple[tuple[str, str | None], Floats]]:
        """Fraction of each stack in what the edges see, from the fractions below and above."""
        lower: dict[str, Floats] = {}
        for k, name in self.below():
            lower[name] = lower.get(name, 0.0) + below[:, k]
        upper: dict[str | None, Floats] = {name: above[:, k] for k, name in self.above()}
        upper[None] = 1.0 - sum(upper.values(), np.zeros(len(above)))
        return [
            ((low, high), below_fraction * above_fraction)
            for low, below_fraction in lower.items()
            for high, above_fraction in upper.items()
        ]


class _Curves:
    """Coupling and fringe of one stack over the space, for its two widths."""

    def __init__(self, space_m: Floats, stack: Stack, halo_m: float) -> None:
        coupling = np.maximum(stack.coupling_F_per_m, _FLOOR)
        fringe = stack.fringe_F_per_m
        # (2,) both of an edge far from others.
        self.edge_F_per_m = stack.coupling_F_per_m[:, -1] + fringe[:, -1]
        near_m = space_m[0] * np.array([1e-3, 1e-2, 1e-1])
        steps = max(int(np.ceil(np.log2(max(halo_m / space_m[-1], 1.0)))), 0) + 2
        far_m = space_m[-1] * 2.0 ** np.arange(1, steps + 1)
        first = np.log(coupling[:, 1] / coupling[:, 0]) / np.log(space_m[1] / space_m[0])
        # Towards zero space coupling grows, no faster than between facing plates.
        grow = np.clip(first, -1.0, -0.3)[:, None]
        last = np.log(coupling[:, -2] / coupling[:, -1]) / np.log(space_m[-1] / space_m[-2])
        decay = np.clip(last, *_DECAY)[:, None]
        coupling_near = coupling[:, :1] * (near_m / space_m[0]) ** grow
        coupling_far = coupling[:, -1:] * (far_m / space_m[-1]) ** -decay
        fringe_near = fringe[:, :1] * near_m / space_m[0]
        fringe_far = np.maximum(self.edge_F_per_m[:, None] - coupling_far, fringe[:, -1:])
        self._log_space = np.log(np.concatenate((near_m, space_m, far_m)))
        self._log_coupling = np.log(np.concatenate((coupling_near, coupling, coupling_far), axis=1))
        self._log_fringe = np.log(
            np.maximum.accumulate(np.concatenate((fringe_near, fringe, fringe_far), axis=1), axis=1)
        )

    def coupling(self, space_m: Floats) -> Floats:
        """(2, n) coupling per length at spaces, for the narrow and the wide wire."""
        return self._at(self._log_coupling, space_m)

    def fringe(self, space_m: Floats) -> Floats:
        """(2, n) fringe per length of an edge with its neighbour at these spaces."""
        return self._at(self._log_fringe, space_m)

    def _at(self, curve: Floats, space_m: Floats) -> Floats:
        x = np.log(space_m)
        return np.exp(np.stack([np.interp(x, self._log_space, row) for row in curve]))
