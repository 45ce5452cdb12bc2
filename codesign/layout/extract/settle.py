"""From the capacitance of every pair of nets to the capacitors of a netlist."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codesign.layout.circuit import Parasitic
from codesign.layout.extract.labels import natural_key

if TYPE_CHECKING:
    from codesign.layout.extract.capacitance import NetCapacitances

# Far below what a spike time or a delay can tell: a dendrite has tens of femtofarads.
MIN_CAPACITANCE_F = 1e-18


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
    links: dict[int, dict[int, float]] = {net: {} for net in range(len(names))}

    def add(a: int, b: int, value: float) -> None:
        if a != b and value > 0:
            links[a][b] = links[a].get(b, 0.0) + value
            links[b][a] = links[b].get(a, 0.0) + value

    for net, value in enumerate(found.ground_F.tolist()):
        add(net, substrate, value)
    for (a, b), value in zip(found.pair.tolist(), found.pair_F.tolist(), strict=True):
        add(a, b, value)
    moved, moved_F, eliminated = 0, 0.0, 0
    for net in sorted(set(floating) - {substrate}):
        around = links.pop(net)
        links[net] = {}
        eliminated += bool(around)
        total = sum(around.values())
        rest = {other: value * (1 - value / total) for other, value in around.items()}
        for other in around:
            del links[other][net]
        for a, b, value in _in_series(around, total, threshold_F):
            add(a, b, value)
            rest[a] -= value
            rest[b] -= value
        for other, value in rest.items():
            if other != substrate and value > 1e-9 * threshold_F:
                moved, moved_F = moved + 1, moved_F + value / 2
                add(other, substrate, value)
    kept: dict[tuple[int, int], float] = {}
    ground = {net: links[net].get(substrate, 0.0) for net in links}
    for a, around in links.items():
        for b, value in around.items():
            if a > b or substrate in (a, b):
                continue
            if value < threshold_F:
                moved, moved_F = moved + 1, moved_F + value
                ground[a] += value
                ground[b] += value
            else:
                kept[a, b] = value
    grounded = {(net, substrate): v for net, v in ground.items() if v > 0 and net != substrate}
    capacitors = (*_in_order(kept, names), *_in_order(grounded, names))
    return Settled(capacitors, moved, moved_F, eliminated)


def _in_order(
    values: dict[tuple[int, int], float], names: Sequence[str]
) -> Iterator[Parasitic]:
    """Capacitors in natural order of their nets' names, whatever the nets' numbers are."""
    used = {net for pair in values for net in pair}
    ordered = sorted(used, key=lambda net: (natural_key(names[net]), names[net]))
    rank = {net: number for number, net in enumerate(ordered)}
    sides = {pair: sorted(rank[net] for net in pair) for pair in values}
    for pair in sorted(values, key=lambda pair: sides[pair]):
        first, second = (names[ordered[number]] for number in sides[pair])
        yield Parasitic(first, second, values[pair])


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
