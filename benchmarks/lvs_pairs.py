"""Layout against schematic on random pairs: equal ones drawn differently, and ones with one fault.

    python -m benchmarks.lvs_pairs [--pairs 3000] [--netgen 300] [--seed 0]

A random schematic of gates with stacks, differential pairs, mirrors, pass gates, parallel MIM
capacitors, resistors, diodes, bipolars and varactors is drawn in another way that is the same
circuit: nets and devices under other names and in another order, sources and drains, ends of
resistors and the sides of a MIM exchanged, transistors and whole stacks in fingers, resistors in
pieces, pins that a symmetry of the circuit exchanges. Its partner has one fault more: a size, a
model, a device missing or there twice, a terminal on another net, two nets that touch, a net in
two pieces, two labels exchanged. Prints JSON: how many equal pairs match and how many different
ones do, by kind of fault; exits with 1 when an equal pair does not match, or a different one does.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from codesign.layout.circuit import FlatCircuit, FlatDevice
from codesign.layout.lvs import compare, compare_with_netgen
from codesign.layout.lvs.kinds import kind_of

SUPPLIES = ("VDD", "VSS")
N_MODELS, P_MODELS = ("nfet_01v8", "nfet_01v8_lvt"), ("pfet_01v8", "pfet_01v8_hvt")
WIDTHS, LENGTHS = (0.42, 0.5, 0.65, 1.0, 1.2, 2.0), (0.15, 0.18, 0.35, 1.0)


@dataclass(frozen=True)
class Pair:
    """A schematic, a layout of it, and what was done to the layout ("" for an equal one)."""

    schematic: FlatCircuit
    layout: FlatCircuit
    fault: str = ""


class Builder:
    """A random schematic, block by block."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.devices: list[FlatDevice] = []
        self.signals = [f"in{i}" for i in range(rng.randint(2, 6))]
        self.ports = list(self.signals)
        self.exchangeable: list[tuple[str, str]] = []
        self.count = 0

    def new_net(self) -> str:
        """An inner net."""
        self.count += 1
        return f"net{self.count}"

    def signal(self) -> str:
        """Something to drive a gate."""
        return self.rng.choice(self.signals)

    def add(self, kind: str, model: str, nodes: str, w: float, l: float, **values: float) -> None:
        """A device."""
        name = f"{kind}{len(self.devices)}"
        parameters = tuple(values.items())
        device = FlatDevice(name, kind, model, tuple(nodes.split()), w, l, parameters=parameters)
        self.devices.append(device)

    def fet(self, kind: str, drain: str, gate: str, source: str, w: float, l: float) -> None:
        """A transistor with its bulk on the supply."""
        models, bulk = (N_MODELS, "VSS") if kind == "n" else (P_MODELS, "VDD")
        model = models[self.rng.random() < 0.2]
        self.add(kind, model, f"{drain} {gate} {source} {bulk}", w, l)

    def stack(self, kind: str, top: str, gates: list[str], bottom: str, w: float) -> None:
        """Transistors in series."""
        nodes = [top, *(self.new_net() for _ in gates[1:]), bottom]
        for index, gate in enumerate(gates):
            self.fet(kind, nodes[index], gate, nodes[index + 1], w, 0.15)

    def gate(self) -> None:
        """A complementary gate: stacks on one side, parallel transistors on the other."""
        out, width = self.new_net(), self.rng.choice(WIDTHS)
        inputs = [self.signal() for _ in range(self.rng.randint(1, 4))]
        series, parallel = ("n", "p") if self.rng.random() < 0.5 else ("p", "n")
        rails = {"n": "VSS", "p": "VDD"}
        self.stack(series, out, inputs, rails[series], width)
        for signal in inputs:
            self.fet(parallel, out, signal, rails[parallel], 2 * width, 0.15)
        self.signals.append(out)

    def two_ways(self) -> None:
        """A stack in two fingers, drawn from either end: the pins can be exchanged."""
        out, gates = self.new_net(), [self.signal() for _ in range(self.rng.randint(2, 3))]
        if self.rng.random() < 0.5:
            # Pins that are on nothing else: exchanging them gives the same circuit.
            gates[0], gates[-1] = f"{out}_a", f"{out}_b"
            self.ports += (gates[0], gates[-1])
            self.exchangeable.append((gates[0], gates[-1]))
        width, kind = self.rng.choice(WIDTHS), self.rng.choice("np")
        rail = {"n": "VSS", "p": "VDD"}[kind]
        state = self.rng.getstate()
        self.stack(kind, out, gates, rail, width)
        self.rng.setstate(state)
        self.stack(kind, out, gates[::-1], rail, width)
        self.signals.append(out)

    def pair(self) -> None:
        """A differential pair with a mirror."""
        left, right, tail = self.new_net(), self.new_net(), self.new_net()
        w, l = self.rng.choice(WIDTHS), self.rng.choice(LENGTHS)
        model = self.rng.choice(N_MODELS)
        for out, signal in ((left, self.signal()), (right, self.signal())):
            self.add("n", model, f"{out} {signal} {tail} VSS", w, l)
            self.add("p", P_MODELS[0], f"{out} {left} VDD VDD", 2 * w, l)
        self.fet("n", tail, self.signal(), "VSS", 2 * w, l)
        self.signals.append(right)

    def passive(self) -> None:
        """MIM capacitors, resistors, diodes, bipolars or varactors."""
        rng = self.rng
        a, b = self.signal(), rng.choice((*SUPPLIES, self.signal(), self.new_net()))
        what = rng.choice(("cap", "cap", "res", "res", "diode", "bipolar", "varactor"))
        for _ in range(rng.randint(1, 3)):
            if what == "cap":
                w, l = rng.choice((2.0, 5.0, 10.0)), rng.choice((2.0, 5.0, 10.0))
                self.add("cap", "cap_mim_m3_1", f"{a} {b}", w, l)
            elif what == "res":
                body = rng.random() < 0.5
                model, nodes = (
                    ("res_high_po", f"{a} {b} VSS") if body else ("res_generic_po", f"{a} {b}")
                )
                self.add("res", model, nodes, rng.choice((0.35, 0.69)), rng.choice((2.0, 5.0)))
            elif what == "diode":
                side = rng.choice((0.5, 1.0, 2.0))
                sizes = {"area": side * side * 1e12, "perim": side * 4e6}
                self.add("diode", "diode_pw2nd_05v5", f"VSS {a}", 0, 0, **sizes)
            elif what == "bipolar":
                self.add("bipolar", "pnp_05v5_W3p40L3p40", f"VSS {b} {a}", 0, 0)
            else:
                self.add("varactor", "cap_var_lvt", f"{a} {b} VSS", 1.0, rng.choice((0.5, 1.0)))
            if rng.random() < 0.4:
                b = self.new_net()
        if b not in self.signals and b not in SUPPLIES:
            self.signals.append(b)

    def circuit(self, blocks: int) -> FlatCircuit:
        """A circuit of so many blocks, some of them several times."""
        for _ in range(blocks):
            block = self.rng.choice((self.gate, self.gate, self.two_ways, self.pair, self.passive))
            for _ in range(self.rng.choice((1, 1, 1, 2, 4))):
                block()
        outputs = self.rng.sample(self.signals, min(2, len(self.signals)))
        ports = dict.fromkeys((*self.ports, *outputs, *SUPPLIES))
        used = {node for device in self.devices for node in device.nodes}
        return FlatCircuit("c", tuple(p for p in ports if p in used), tuple(self.devices))


def drawn(circuit: FlatCircuit, rng: random.Random) -> FlatCircuit:
    """The same circuit as a layout might have it."""
    devices = list(_in_fingers(circuit, rng))
    devices = [_turned(device, rng) for device in _in_pieces(devices, rng)]
    rng.shuffle(devices)
    named = tuple(replace(device, name=f"m{i}") for i, device in enumerate(devices))
    found = replace(circuit, devices=named)
    inner = [net for net in found.nets if net not in circuit.ports]
    names = [f"n{index}" for index in range(len(inner))]
    rng.shuffle(names)
    return found.renamed(dict(zip(inner, names, strict=True)))


def _in_fingers(circuit: FlatCircuit, rng: random.Random) -> Iterator[FlatDevice]:
    """Some transistors in fingers, some stacks in fingers with inner nets of their own."""
    stacks = _stacks(circuit)
    members = {device.name: stack for stack in stacks for device in stack}
    done = set()
    for device in circuit.devices:
        stack = members.get(device.name, [device])
        if device.name in done:
            continue
        done.update(d.name for d in stack)
        fingers = rng.choice((1, 1, 2, 3)) if device.kind in ("n", "p") else 1
        apart = rng.random() < 0.7
        inner = _inner(stack)
        for finger in range(fingers):
            names = {net: f"{net}_{finger}" for net in inner} if apart and finger else {}
            for d in stack:
                nodes = tuple(names.get(node, node) for node in d.nodes)
                yield replace(d, nodes=nodes, w_um=round(d.w_um / fingers, 9))


def _stacks(circuit: FlatCircuit) -> list[list[FlatDevice]]:
    """Chains of two and more transistors whose inner nets nothing else is on."""
    on: dict[str, list[tuple[FlatDevice, int]]] = {}
    for device in circuit.devices:
        for index, node in enumerate(device.nodes):
            on.setdefault(node, []).append((device, index))
    links: dict[str, list[str]] = {}
    for net, ends in on.items():
        channel = all(d.kind in ("n", "p") and index in (0, 2) for d, index in ends)
        if (
            net not in circuit.ports
            and channel
            and len({d.name for d, _ in ends}) == len(ends) == 2
        ):
            (a, _), (b, _) = ends
            links.setdefault(a.name, []).append(b.name)
            links.setdefault(b.name, []).append(a.name)
    by_name = {device.name: device for device in circuit.devices}
    found, seen = [], set()
    for name in links:
        if name in seen:
            continue
        chain, waiting = [], [name]
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                chain.append(by_name[one])
                waiting += links[one]
        found.append(chain)
    return found


def _inner(stack: list[FlatDevice]) -> set[str]:
    """Nets between the transistors of a stack."""
    if len(stack) < 2:
        return set()
    ends = Counter(node for d in stack for node in (d.nodes[0], d.nodes[2]))
    gates = {node for d in stack for node in (d.nodes[1], d.nodes[3])}
    outer = {net for net, count in ends.items() if count != 2}
    return set(ends) - outer - gates if len(outer) == 2 else set()


def _in_pieces(devices: list[FlatDevice], rng: random.Random) -> Iterator[FlatDevice]:
    for number, device in enumerate(devices):
        if device.kind != "res" or rng.random() < 0.7:
            yield device
            continue
        pieces = rng.randint(2, 3)
        inner = [f"between{number}_{i}" for i in range(1, pieces)]
        nodes = [device.nodes[0], *inner, device.nodes[1]]
        for i in range(pieces):
            ends = (nodes[i], nodes[i + 1], *device.nodes[2:])
            yield replace(device, nodes=ends, l_um=device.l_um / pieces)


def _turned(device: FlatDevice, rng: random.Random) -> FlatDevice:
    if rng.random() < 0.5:
        return device
    if device.kind == "cap":
        return replace(device, w_um=device.l_um, l_um=device.w_um)
    if (pins := kind_of(device).exchangeable) is None:
        return device
    nodes = list(device.nodes)
    first, second = pins
    nodes[first], nodes[second] = nodes[second], nodes[first]
    return replace(device, nodes=tuple(nodes))


def signature(circuit: FlatCircuit) -> tuple[Any, ...]:
    """What equal circuits have in common, counted without any search: what is on each port and how
    often each kind of net is there. Sizes are totals of what is alike."""
    on: dict[str, Counter[tuple[Any, ...]]] = {net: Counter() for net in circuit.ports}
    for device in circuit.devices:
        kind = kind_of(device)
        for role, node in zip(kind.roles, device.nodes, strict=False):
            side = sorted((device.w_um, device.l_um))
            size = side if device.kind == "cap" else (device.w_um, device.l_um)
            key = (device.model, role, *map(lambda s: round(s, 4), size), device.parameters)
            on.setdefault(node, Counter())[key] += 1
    ports = {port.lower(): frozenset(on.pop(port).items()) for port in circuit.ports}
    return (
        frozenset(ports.items()),
        frozenset(Counter(frozenset(found.items()) for found in on.values()).items()),
    )


def _wrong_size(circuit: FlatCircuit, rng: random.Random) -> FlatCircuit | None:
    device = rng.choice(circuit.devices)
    if not device.w_um:
        return None
    key, factor = rng.choice(("w_um", "l_um")), rng.choice((0.8, 1.1, 1.25, 2.0))
    changed = replace(device, **{key: round(getattr(device, key) * factor, 3)})
    return _with(circuit, device, (changed,))


def _wrong_model(circuit: FlatCircuit, rng: random.Random) -> FlatCircuit | None:
    device = rng.choice(circuit.devices)
    others = {"n": N_MODELS, "p": P_MODELS, "cap": ("cap_mim_m3_1", "cap_mim_m3_2")}
    models = [m for m in others.get(device.kind, ()) if m != device.model]
    return _with(circuit, device, (replace(device, model=models[0]),)) if models else None


def _missing(circuit: FlatCircuit, rng: random.Random) -> FlatCircuit | None:
    return _with(circuit, rng.choice(circuit.devices), ())


def _twice(circuit: FlatCircuit, rng: random.Random) -> FlatCircuit | None:
    device = rng.choice(circuit.devices)
    return _with(circuit, device, (device, replace(device, name="again")))


def _other_net(circuit: FlatCircuit, rng: random.Random) -> FlatCircuit | None:
    device = rng.choice(circuit.devices)
    nodes = list(device.nodes)
    nodes[rng.randrange(len(nodes))] = rng.choice(circuit.nets)
    return _with(circuit, device, (replace(device, nodes=tuple(nodes)),))


def _short(circuit: FlatCircuit, rng: random.Random) -> FlatCircuit | None:
    inner = [net for net in circuit.nets if net not in circuit.ports]
    if not inner:
        return None
    one = rng.choice(inner)
    other = rng.choice([net for net in circuit.nets if net != one])
    return circuit.renamed({one: other})


def _open(circuit: FlatCircuit, rng: random.Random) -> FlatCircuit | None:
    device = rng.choice(circuit.devices)
    nodes = list(device.nodes)
    place = rng.randrange(len(nodes))
    if sum(d.nodes.count(nodes[place]) for d in circuit.devices) < 2:
        return None
    nodes[place] = "loose"
    return _with(circuit, device, (replace(device, nodes=tuple(nodes)),))


def _labels(circuit: FlatCircuit, rng: random.Random) -> FlatCircuit | None:
    if len(circuit.ports) < 2:
        return None
    first, second = rng.sample(circuit.ports, 2)
    return exchanged(circuit, first, second)


def _with(circuit: FlatCircuit, device: FlatDevice, instead: tuple[FlatDevice, ...]) -> FlatCircuit:
    devices = []
    for one in circuit.devices:
        devices += instead if one is device else (one,)
    return replace(circuit, devices=tuple(devices))


FAULTS: dict[str, Callable[[FlatCircuit, random.Random], FlatCircuit | None]] = {
    "wrong size": _wrong_size,
    "wrong model": _wrong_model,
    "missing device": _missing,
    "device twice": _twice,
    "terminal on another net": _other_net,
    "short": _short,
    "open": _open,
    "labels exchanged": _labels,
}


def exchanged(circuit: FlatCircuit, first: str, second: str) -> FlatCircuit:
    """The labels of two pins exchanged."""
    return replace(circuit.renamed({first: second, second: first}), ports=circuit.ports)


def pairs(seed: int, *, equal: bool) -> Iterator[Pair]:
    """Endless pairs of one kind."""
    rng = random.Random(f"{seed} {equal}")
    while True:
        builder = Builder(rng)
        schematic = builder.circuit(rng.randint(1, 8))
        if equal:
            layout = schematic
            for first, second in builder.exchangeable:
                layout = exchanged(layout, first, second) if rng.random() < 0.5 else layout
            yield Pair(schematic, drawn(layout, rng))
            continue
        fault = rng.choice(tuple(FAULTS))
        wrong = FAULTS[fault](schematic, rng)
        # Some changes give an equal circuit; what differs in a count cannot.
        if wrong is not None and signature(wrong) != signature(schematic):
            yield Pair(schematic, drawn(wrong, rng), fault)


def measure(engine: Callable[..., Any], count: int, seed: int) -> dict[str, Any]:
    """How `count` equal and `count` different pairs come out."""
    start = time.perf_counter()
    matched: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    devices: list[int] = []
    unexpected: list[int] = []
    for equal in (True, False):
        for number, pair in zip(range(count), pairs(seed, equal=equal), strict=False):
            match = engine(pair.layout, pair.schematic).match
            kind = pair.fault or "equal"
            asked[kind] += 1
            matched[kind] += match
            devices.append(len(pair.layout.devices))
            if match != equal:
                unexpected.append(number)
    return {
        "equal_pairs": asked["equal"],
        "equal_pairs_matched": matched["equal"],
        "different_pairs": asked.total() - asked["equal"],
        "different_pairs_matched": matched.total() - matched["equal"],
        "faults": {kind: asked[kind] for kind in FAULTS},
        "devices_mean": sum(devices) / max(len(devices), 1),
        "devices_most": max(devices, default=0),
        "unexpected": unexpected[:20],
        "seconds": round(time.perf_counter() - start, 1),
    }


def main() -> int:
    """Print the figures; 0 when all are as they should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--netgen", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    result = {"klayout": measure(compare, options.pairs, options.seed)}
    if options.netgen:
        result["netgen"] = measure(compare_with_netgen, options.netgen, options.seed)
    holds = all(
        found["equal_pairs_matched"] == found["equal_pairs"]
        and found["different_pairs_matched"] == 0
        for found in result.values()
    )
    print(json.dumps({"seed": options.seed, **result, "holds": holds}, indent=1))
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
