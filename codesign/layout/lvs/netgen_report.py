"""Reading netgen's answer: it exits with 0 whatever it found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codesign.errors import ToolError
from codesign.layout.circuit import FlatDevice
from codesign.layout.lvs.kinds import differences, kind_of
from codesign.layout.lvs.netgen_files import MARKER, NetgenFile, NetgenInput
from codesign.layout.lvs.pins import swapped_pin
from codesign.layout.lvs.report import Problem

_NONE = "(no matching"
_INSTANCE = re.compile(r"/?(k\d+k)(d\d+)")


@dataclass(frozen=True)
class _Net:
    """A net of netgen's lists of differences: own name, terminals on it, port markers on it."""

    name: str
    terminals: Counter[tuple[str, str]]
    pins: tuple[str, ...]


def verdict(answer: Mapping[str, Any], text: str, *, free_pins: bool = False) -> bool:
    """Whether netgen found the circuits equal, pins by name unless `free_pins`. Raises ToolError
    for an answer without a verdict."""
    if "Circuits match" not in text and "Netlists do not match" not in text:
        raise ToolError("netgen gave no verdict", remedy="compare with --engine klayout")
    ours, theirs = (_counts(side) for side in answer["devices"])
    nets = answer["nets"]
    different = answer.get("badnets") or answer.get("badelements") or answer.get("properties")
    # Markers do not always keep netgen from pairing other pins.
    moved = () if free_pins else tuple(_moved_pins(answer))
    return (
        "Netlists do not match" not in text
        and "Property errors" not in text
        and ours == theirs
        and int(nets[0]) == int(nets[1])
        and not different
        and not moved
    )


def netgen_problems(
    answer: Mapping[str, Any], text: str, given: NetgenInput
) -> tuple[Problem, ...]:
    """Differences from netgen's JSON answer and its report; none where it names none. Raises
    ToolError for an answer without a verdict."""
    if verdict(answer, text):
        return ()
    drawn, meant = [], []
    for ours, theirs in answer.get("badnets") or ():
        drawn += _nets(ours, given.layout, given.classes)
        meant += _nets(theirs, given.schematic, given.classes)
    return (
        *_devices(answer, given),
        *_sizes(answer.get("properties") or (), given),
        *_net_problems(drawn, meant, *map(int, answer["nets"])),
    )


def swapped_pins(answer: Mapping[str, Any], given: NetgenInput) -> tuple[Problem, ...]:
    """Pins that netgen paired under different names in a comparison that matched otherwise."""
    return tuple(
        swapped_pin(given.layout.nets[a], given.schematic.nets[b]) for a, b in _moved_pins(answer)
    )


def _moved_pins(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Pins that were paired under different names."""
    ours, theirs = answer.get("pins") or ((), ())
    for a, b in zip(ours, theirs, strict=True):
        if _NONE not in a and _NONE not in b and a != b:
            yield a, b


def _counts(classes: Any) -> Counter[str]:
    return Counter({name: int(count) for name, count in classes})


def _devices(answer: Mapping[str, Any], given: NetgenInput) -> Iterator[Problem]:
    ours, theirs = (_counts(side) for side in answer["devices"])
    alone: list[list[tuple[str, FlatDevice]]] = [[], []]
    for sides in answer.get("badelements") or ():
        for side, (elements, file) in enumerate(
            zip(sides, (given.layout, given.schematic), strict=True)
        ):
            present = (_instance(name, file) for name, *_ in elements if _NONE not in name)
            alone[side] += [found for found in present if found is not None]
    for kind, difference, side, other in (
        ("missing device", theirs - ours, 1, "layout"),
        ("extra device", ours - theirs, 0, "schematic"),
    ):
        for name, count in sorted(difference.items()):
            if name not in given.classes:
                continue
            model = given.classes[name].model
            suspects = tuple(sorted({own.name for cls, own in alone[side] if cls == name}))
            text = f"the {other} has {count} {model} fewer"
            if suspects:
                text += f"; among {', '.join(suspects[:10])}"
            named = ((), suspects) if side else (suspects, ())
            yield Problem(kind, text, *named)


def _instance(name: str, file: NetgenFile) -> tuple[str, FlatDevice] | None:
    """Class and device of an instance: netgen writes both in one word."""
    match = _INSTANCE.fullmatch(name)
    device = file.devices.get(match[2]) if match else None
    return None if match is None or device is None else (match[1], device)


def _sizes(properties: Any, given: NetgenInput) -> Iterator[Problem]:
    for (ours, _), (theirs, _) in properties:
        drawn, meant = _instance(ours, given.layout), _instance(theirs, given.schematic)
        if drawn is None or meant is None:
            continue
        a, b = drawn[1], meant[1]
        if words := differences(a, b):
            text = f"{b.name} (layout: {a.name}): {'; '.join(words)}"
            yield Problem("wrong size", text, (a.name,), (b.name,))
            continue
        # netgen takes parallel devices together: their number is a parameter to it.
        here, there = _alike(a, given.layout), _alike(b, given.schematic)
        kind = "missing device" if len(here) < len(there) else "extra device"
        text = f"the layout has {len(here)} {a.model} where the schematic has {len(there)}"
        yield Problem(
            kind,
            f"{text}: {', '.join((here, there)[len(here) < len(there)][:10])}",
            tuple(here),
            tuple(there),
        )


def _alike(device: FlatDevice, file: NetgenFile) -> list[str]:
    """Devices of a model on the same nets, by name."""
    same = (d for d in file.devices.values() if (d.model, d.nodes) == (device.model, device.nodes))
    return sorted(d.name for d in same)


def _nets(fragment: Any, file: NetgenFile, classes: Mapping[str, FlatDevice]) -> list[_Net]:
    nets = []
    for name, terminals in fragment:
        if _NONE in name:
            continue
        counts: Counter[tuple[str, str]] = Counter()
        pins = []
        for cls, terminal, count in terminals:
            if cls.startswith(MARKER):
                pins.append(cls.removeprefix(MARKER))
            elif cls in classes:
                counts[classes[cls].model, _terminal_words(classes[cls], terminal)] += count
        nets.append(_Net(file.nets.get(name, name), counts, tuple(pins)))
    return nets


def _terminal_words(device: FlatDevice, numbers: str) -> str:
    """Names of terminals: netgen numbers them from 1 and joins exchangeable ones by a bar."""
    names = kind_of(device).terminals
    words = [
        names[int(n) - 1] if n.isdigit() and 0 < int(n) <= len(names) else n
        for n in numbers.split("|")
    ]
    return " or ".join(words)


def _net_problems(
    drawn: list[_Net], meant: list[_Net], drawn_count: int, meant_count: int
) -> Iterator[Problem]:
    """Shorts and opens, and what is left as differing nets."""
    if drawn_count < meant_count:
        for one, parts in _sums(drawn, meant):
            a, b = (part.name for part in parts)
            text = f"{a} and {b} of the schematic are one net, {one.name}, in the layout"
            yield Problem("short", text, (one.name,), (a, b))
    if drawn_count > meant_count:
        for one, parts in _sums(meant, drawn):
            a, b = (part.name for part in parts)
            text = f"{one.name} of the schematic is in pieces in the layout: {a} and {b}"
            yield Problem("open", text, (a, b), (one.name,))
    for net in list(drawn):
        partner = next((m for m in meant if m.pins and m.pins == net.pins), None)
        if partner is not None:
            drawn.remove(net)
            meant.remove(partner)
            more = _listed(net.terminals - partner.terminals)
            fewer = _listed(partner.terminals - net.terminals)
            text = f"{net.name} has {more} more and {fewer} fewer in the layout"
            yield Problem("net", text, (net.name,), (partner.name,))
    for net in drawn:
        text = f"no net of the schematic is like {net.name} ({_listed(net.terminals)})"
        yield Problem("net", text, (net.name,), ())
    for net in meant:
        text = f"no net of the layout is like {net.name} ({_listed(net.terminals)})"
        yield Problem("net", text, (), (net.name,))


def _listed(terminals: Counter[tuple[str, str]]) -> str:
    """Terminals in words."""
    words = [f"{count} x {name} of {model}" for (model, name), count in sorted(terminals.items())]
    return ", ".join(words) or "nothing"


def _sums(whole: list[_Net], pieces: list[_Net]) -> Iterator[tuple[_Net, tuple[_Net, _Net]]]:
    """Nets whose terminals are those of two nets of the other side; found ones are removed."""
    for one in list(whole):
        pairs = (
            (a, b)
            for index, a in enumerate(pieces)
            for b in pieces[index + 1 :]
            if a.terminals + b.terminals == one.terminals
        )
        found = next(pairs, None)
        if found is not None:
            whole.remove(one)
            pieces.remove(found[0])
            pieces.remove(found[1])
            yield one, found
