"""From the capacitance of every pair of nets to the capacitors of a netlist."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from codesign.layout.circuit import Parasitic
from codesign.layout.extract.labels import natural_key
from codesign.layout.extract.law import Floats
from codesign.layout.extract.rectangles import Index

if TYPE_CHECKING:
    from codesign.layout.extract.capacitance import NetCapacitances

# Far below what a spike time or a delay can tell: a dendrite has tens of femtofarads.
MIN_CAPACITANCE_F = 1e-18
# Pairs (n, 2) of nets, and the capacitance of each.
Links = tuple[Index, Floats]


@dataclass(frozen=True)
class Settled:
    """Capacitors, and what became of the rest: how many couplings went to ground (those through an
    eliminated net counted per end), how many floating nets were eliminated."""

    capacitors: tuple[Parasitic, ...]
    moved: int
    moved_F: float
    eliminated: int

    def notes(self, threshold_F: float) -> Iterator[str]:
        """Lines for the netlist's header."""
        if self.moved:
            yield (
                f"{self.moved} couplings below {threshold_F * 1e15:g} fF, "
                f"{self.moved_F * 1e15:.3g} fF in total, became capacitance to the substrate at "
                "both ends; the total of every net is as extracted"
            )
        if self.eliminated:
            yield (
                f"{self.eliminated} nets without terminal or label were eliminated: as floating "
                "conductors they couple their neighbours in series"
            )


def settle(
    found: NetCapacitances,
    names: Sequence[str],
    substrate: int,
    floating: Collection[int],
    threshold_F: float = MIN_CAPACITANCE_F,
) -> Settled:
    """Capacitors between named nets, in natural order of the names; those to the substrate last.

    Capacitance to the substrate goes to the net `substrate`. A floating net carries no charge:
    eliminating it leaves C_ik C_jk / sum_k between each two of its neighbours, exactly. Couplings
    below `threshold_F` go to the substrate at both ends, which keeps the total of each net.
    """
    count = len(names)
    nets = np.arange(len(found.ground_F))
    link = np.concatenate((found.pair, np.stack((nets, np.full(len(nets), substrate)), axis=1)))
    links = _summed(link, np.concatenate((found.pair_F, found.ground_F)), count)
    moved, moved_F, eliminated = 0, 0.0, 0
    inner = sorted(set(floating) - {substrate})
    if inner:
        links, moved, moved_F, eliminated = _without(links, inner, substrate, count, threshold_F)
    pair, value_F = links
    to_substrate = (pair == substrate).any(axis=1)
    ground = np.zeros(count)
    # The partner of the substrate is what is left of the sum.
    np.add.at(ground, pair[to_substrate].sum(axis=1) - substrate, value_F[to_substrate])
    small = ~to_substrate & (value_F < threshold_F)
    for end in (0, 1):
        np.add.at(ground, pair[small, end], value_F[small])
    moved, moved_F = moved + int(small.sum()), moved_F + float(value_F[small].sum())
    kept = ~to_substrate & ~small
    ground[substrate] = 0.0
    on_ground = np.flatnonzero(ground > 0)
    grounded = np.stack((on_ground, np.full(len(on_ground), substrate)), axis=1)
    capacitors = (
        *_in_order(pair[kept], value_F[kept], names),
        *_in_order(grounded, ground[on_ground], names),
    )
    return Settled(capacitors, moved, moved_F, eliminated)


def _summed(pair: Index, value_F: Floats, count: int) -> Links:
    """Each pair once, lower index first, in ascending order; none within a net."""
    use = (pair[:, 0] != pair[:, 1]) & (value_F > 0)
    pair = np.sort(pair[use], axis=1)
    key, back = np.unique(pair[:, 0] * count + pair[:, 1], return_inverse=True)
    total_F = np.bincount(back.reshape(-1), value_F[use], minlength=len(key))
    return np.stack(np.divmod(key, count), axis=1), total_F


def _without(
    links: Links, floating: Sequence[int], substrate: int, count: int, threshold_F: float
) -> tuple[Links, int, float, int]:
    """The links between all other nets after `floating` ones are eliminated; how many couplings
    went to the substrate with what in total, how many nets were eliminated."""
    pair, value_F = links
    is_inner = np.zeros(count, bool)
    is_inner[list(floating)] = True
    touched = is_inner[pair].any(axis=1)
    around_of: dict[int, dict[int, float]] = {net: {} for net in floating}
    new: list[tuple[int, int, float]] = []

    def add(a: int, b: int, farad: float) -> None:
        if a == b or farad <= 0:
            return
        inner = [(one, other) for one, other in ((a, b), (b, a)) if one in around_of]
        for one, other in inner:
            around_of[one][other] = around_of[one].get(other, 0.0) + farad
        if not inner:
            new.append((a, b, farad))

    for (a, b), farad in zip(pair[touched].tolist(), value_F[touched].tolist(), strict=True):
        add(a, b, farad)
    moved, moved_F, eliminated = 0, 0.0, 0
    for net in floating:
        around = around_of.pop(net)
        eliminated += bool(around)
        total = sum(around.values())
        rest = {other: farad * (1 - farad / total) for other, farad in around.items()}
        for other in around:
            if other in around_of:
                del around_of[other][net]
        for a, b, farad in _in_series(around, total, threshold_F):
            add(a, b, farad)
            rest[a] -= farad
            rest[b] -= farad
        for other, farad in rest.items():
            if other != substrate and farad > 1e-9 * threshold_F:
                moved, moved_F = moved + 1, moved_F + farad / 2
                add(other, substrate, farad)
    more = np.array([link[:2] for link in new], np.int64).reshape(-1, 2)
    all_F = np.concatenate((value_F[~touched], np.array([link[2] for link in new])))
    return (
        _summed(np.concatenate((pair[~touched], more)), all_F, count), moved, moved_F, eliminated
    )


def _in_order(pair: Index, value_F: Floats, names: Sequence[str]) -> Iterator[Parasitic]:
    """Capacitors in natural order of their nets' names, whatever the nets' numbers are."""
    used = np.unique(pair).tolist()
    ordered = sorted(used, key=lambda net: (natural_key(names[net]), names[net]))
    rank = np.zeros(len(names), np.int64)
    rank[ordered] = np.arange(len(ordered))
    sides = np.sort(rank[pair], axis=1)
    order = np.lexsort((sides[:, 1], sides[:, 0]))
    for (a, b), farad in zip(sides[order].tolist(), value_F[order].tolist(), strict=True):
        yield Parasitic(names[ordered[a]], names[ordered[b]], farad)


def _in_series(
    around: dict[int, float], total: float, threshold_F: float
) -> Iterator[tuple[int, int, float]]:
    """Pairs of a floating net's neighbours with C_a C_b / total of at least the threshold: a long
    line has thousands of neighbours, and nearly all pairs of them are far below it."""
    ranked = sorted(around.items(), key=lambda item: (-item[1], item[0]))
    for position, (a, to_a) in enumerate(ranked):
        for b, to_b in ranked[position + 1 :]:
            value = to_a * to_b / total
            if value < threshold_F:
                break
            yield a, b, value
