"""The pairing that comes nearest to one where circuits differ: what a diagnosis starts from.

Ports anchor it. Nets of both sides that look alike from farthest away are paired first: a fault
changes what is seen of it from as many steps as it is away, and ports, whose colours never change,
keep it from spreading over the supplies. From paired nets the pairing grows over their devices;
where several are alike, one is taken; what is left is paired by the number of devices that speak
for it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from codesign.layout.circuit import FlatDevice
from codesign.layout.lvs.graph import colours_by_round
from codesign.layout.lvs.kinds import kind_of
from codesign.layout.lvs.pairing import Joint, Side, common_ports, joint_graph

_ROUNDS = 8
# Pairs of devices that are weighed against each other, beyond which none are.
_MAX_COMPARED = 250_000
_Place = tuple[tuple[int, str | None], ...]
Names = tuple[str | None, str | None]


@dataclass
class Outcome:
    """What could be paired; pairs are (layout, schematic), None where there is no partner.
    `device_mismatches`: those that correspond but are on other nets, and those without partner."""

    nets: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    lonely_drawn: list[str] = field(default_factory=list)
    lonely_meant: list[str] = field(default_factory=list)
    device_mismatches: list[Names] = field(default_factory=list)
    wrong_sizes: list[tuple[str, str]] = field(default_factory=list)
    wrong_models: list[tuple[str, str]] = field(default_factory=list)


def nearest(layout: Side, schematic: Side) -> Outcome:
    """The nearest pairing of two circuits that differ."""
    joint = joint_graph(layout, schematic)
    search = _Search(layout, schematic, joint)
    for drawn, meant in common_ports(layout.circuit, schematic.circuit).items():
        search.pair_nets(drawn, meant)
    for depth in range(_ROUNDS, 0, -1):
        search.pair_alike(depth, only_unique=True)
    search.grow()
    for depth in range(_ROUNDS, 1, -1):
        search.pair_alike(depth, only_unique=False)
    search.pair_by_votes()
    search.pair_alike(1, only_unique=False)
    search.pair_by_votes()
    return _classified(search)


class _Search:
    def __init__(self, layout: Side, schematic: Side, joint: Joint) -> None:
        self.circuits = layout.circuit, schematic.circuit
        rounds = colours_by_round(joint.graph, joint.fixed, _ROUNDS)
        # Of the nets of each side, by the number of steps that were looked at.
        self.colours = [
            [{net: int(found[node]) for net, node in nets.items()} for nets in joint.nets]
            for found in rounds
        ]
        self.classes = tuple(
            {
                device.name: joint.graph.start[node]
                for device, node in zip(circuit.devices, nodes, strict=True)
            }
            for circuit, nodes in zip(self.circuits, joint.devices, strict=True)
        )
        self.around: tuple[dict[str, list[FlatDevice]], ...] = ({}, {})
        for side, circuit in enumerate(self.circuits):
            for device in circuit.devices:
                for net in dict.fromkeys(device.nodes):
                    self.around[side].setdefault(net, []).append(device)
        self.nets: dict[str, str] = {}
        self.back: dict[str, str] = {}
        self.devices: dict[str, tuple[FlatDevice, FlatDevice]] = {}
        self.taken: set[str] = set()
        self.votes: Counter[tuple[str, str]] = Counter()
        self.waiting: list[tuple[str, str]] = []

    def pair_nets(self, drawn: str, meant: str) -> None:
        """Take two nets for one."""
        if drawn not in self.nets and meant not in self.back:
            self.nets[drawn], self.back[meant] = meant, drawn
            self.waiting.append((drawn, meant))

    def pair_alike(self, depth: int, *, only_unique: bool) -> None:
        """Pair nets that look alike from `depth` steps away."""
        ours, theirs = self.colours[depth]
        groups: defaultdict[int, list[str]] = defaultdict(list)
        for net, colour in theirs.items():
            if net not in self.back:
                groups[colour].append(net)
        alike = Counter(colour for net, colour in ours.items() if net not in self.nets)
        for net, colour in ours.items():
            others = groups.get(colour, [])
            if net in self.nets or (only_unique and not alike[colour] == len(others) == 1):
                continue
            other = next((other for other in others if other not in self.back), None)
            if other is not None:
                self.pair_nets(net, other)
                if not only_unique:
                    self.grow()

    def pair_by_votes(self) -> None:
        """Pair nets by the devices that speak for it, most first."""
        while True:
            free = [
                (-count, pair)
                for pair, count in self.votes.items()
                if pair[0] not in self.nets and pair[1] not in self.back
            ]
            if not free:
                return
            self.pair_nets(*min(free)[1])
            self.grow()

    def grow(self) -> None:
        """Pair devices around paired nets, and nets that this decides."""
        while self.waiting:
            drawn, meant = self.waiting.pop()
            ours = self._groups(0, drawn)
            theirs = self._groups(1, meant)
            for key, mine in ours.items():
                yours = theirs.get(key, [])
                whole = all(net is not None for _, net in key[1])
                if whole or len(mine) == len(yours) == 1:
                    for one, other in zip(mine, yours, strict=False):
                        self._pair_devices(one, other)

    def _groups(self, side: int, net: str) -> dict[tuple[object, _Place], list[FlatDevice]]:
        groups: dict[tuple[object, _Place], list[FlatDevice]] = {}
        taken = self.devices if side == 0 else self.taken
        for device in self.around[side].get(net, ()):
            if device.name not in taken:
                key = (self.classes[side][device.name], self.place(side, device))
                groups.setdefault(key, []).append(device)
        return groups

    def place(self, side: int, device: FlatDevice) -> _Place:
        """Where a device is, in names of the schematic; None for nets without partner."""
        nodes = zip(kind_of(device).roles, device.nodes, strict=False)
        known = (
            (role, self.nets.get(net) if side == 0 else (net if net in self.back else None))
            for role, net in nodes
        )
        return tuple(sorted(known, key=lambda end: (end[0], end[1] or "")))

    def _pair_devices(self, one: FlatDevice, other: FlatDevice) -> None:
        self.devices[one.name] = (one, other)
        self.taken.add(other.name)
        ours, theirs = _free_ends(one, self.nets), _free_ends(other, self.back)
        for role, nets in ours.items():
            others = theirs.get(role, [])
            if not len(nets) == len(others) == 1:
                continue
            drawn, meant = nets[0], others[0]
            if self.colours[1][0].get(drawn) == self.colours[1][1].get(meant):
                self.pair_nets(drawn, meant)
            else:
                self.votes[drawn, meant] += 1


def _free_ends(device: FlatDevice, known: dict[str, str]) -> dict[int, list[str]]:
    """Nets without partner by role."""
    found: dict[int, list[str]] = {}
    for role, net in zip(kind_of(device).roles, device.nodes, strict=False):
        if net not in known:
            found.setdefault(role, []).append(net)
    return found


def _classified(search: _Search) -> Outcome:
    drawn, meant = search.circuits
    outcome = Outcome(nets=dict(search.nets))
    for one, other in search.devices.values():
        if search.place(0, one) == search.place(1, other):
            outcome.devices[one.name] = other.name
        else:
            outcome.device_mismatches.append((one.name, other.name))
    ours = [d for d in drawn.devices if d.name not in search.devices]
    theirs = [d for d in meant.devices if d.name not in search.taken]
    _pair_in_place(search, ours, theirs, outcome)
    _pair_nearby(search, ours, theirs, outcome)
    outcome.device_mismatches += [(d.name, None) for d in ours]
    outcome.device_mismatches += [(None, d.name) for d in theirs]
    used = [{net for d in circuit.devices for net in d.nodes} for circuit in search.circuits]
    outcome.lonely_drawn = [net for net in drawn.nets if net in used[0] - search.nets.keys()]
    outcome.lonely_meant = [net for net in meant.nets if net in used[1] - search.back.keys()]
    return outcome


def _pair_in_place(
    search: _Search, ours: list[FlatDevice], theirs: list[FlatDevice], outcome: Outcome
) -> None:
    """Devices on the same nets: of another size, or of another model."""
    for same_model, found in ((True, outcome.wrong_sizes), (False, outcome.wrong_models)):
        at: defaultdict[object, list[FlatDevice]] = defaultdict(list)
        for device in theirs:
            at[device.model if same_model else "", search.place(1, device)].append(device)
        for device in list(ours):
            there = at.get((device.model if same_model else "", search.place(0, device)))
            if there:
                other = there.pop(0)
                found.append((device.name, other.name))
                ours.remove(device)
                theirs.remove(other)


def _pair_nearby(
    search: _Search, ours: list[FlatDevice], theirs: list[FlatDevice], outcome: Outcome
) -> None:
    """Devices of one model with at least half of their terminals on the same nets."""
    if len(ours) * len(theirs) > _MAX_COMPARED:
        return
    weighed = []
    for i, one in enumerate(ours):
        mine = Counter(search.place(0, one))
        for j, other in enumerate(theirs):
            if one.model == other.model and len(one.nodes) == len(other.nodes):
                common = mine & Counter(search.place(1, other))
                count = sum(n for (_, net), n in common.items() if net is not None)
                weighed.append((-count, i, j))
    best = _best(weighed, len(ours), len(theirs))
    near = [(i, j) for i, j, count in best if 2 * count >= len(ours[i].nodes)]
    outcome.device_mismatches += [(ours[i].name, theirs[j].name) for i, j in near]
    for devices, indices in zip((ours, theirs), zip(*near, strict=True), strict=False):
        for index in sorted(indices, reverse=True):
            del devices[index]


def _best(
    weighed: Iterable[tuple[int, int, int]], count_a: int, count_b: int
) -> list[tuple[int, int, int]]:
    """Each at most once, the heaviest pairs first."""
    free_a, free_b = set(range(count_a)), set(range(count_b))
    found = []
    for weight, i, j in sorted(weighed):
        if i in free_a and j in free_b:
            free_a.remove(i)
            free_b.remove(j)
            found.append((i, j, -weight))
    return found
