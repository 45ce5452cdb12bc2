"""Reading netgen's answer: it exits with 0 whatever it found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from codesign.errors import ToolError
from codesign.layout.lvs.pins import swapped_pin
from codesign.layout.lvs.report import Problem

_MARKER = "mark_p_"
_NONE = "(no matching"
_TERMINALS = {"1|3": "source or drain", "1": "drain", "2": "gate", "3": "source", "4": "bulk"}
_PLATES = {"1": "top plate", "2": "bottom plate"}
_SIZES = {"w": "width", "l": "length"}


@dataclass(frozen=True)
class _Net:
    """A net of netgen's lists of differences: own name, terminals on it, port markers on it."""

    name: str
    terminals: Counter[tuple[str, str]]
    pins: tuple[str, ...]


def netgen_problems(
    answer: Mapping[str, Any],
    text: str,
    layout: Mapping[str, str],
    schematic: Mapping[str, str],
    prefix: str,
) -> tuple[Problem, ...]:
    """Differences from netgen's JSON answer and its report; `layout` and `schematic` lead from the
    names in netgen's files to those of the circuits, `prefix` is that of its models. Raises
    ToolError for an answer without a verdict."""
    if "Circuits match" not in text and "Netlists do not match" not in text:
        raise ToolError(f"netgen gave no verdict: {text.strip()[-200:]!r}")
    drawn, meant = [], []
    for ours, theirs in answer.get("badnets") or ():
        drawn += _nets(ours, layout, prefix)
        meant += _nets(theirs, schematic, prefix)
    problems = [
        *_pins(answer["devices"]),
        *_devices(answer["devices"], answer.get("badelements") or (), layout, schematic, prefix),
        *_sizes(answer.get("properties") or (), layout, schematic, prefix),
        *_net_problems(drawn, meant, *map(int, answer["nets"])),
    ]
    clean = "Netlists do not match" not in text and "Property errors" not in text
    if not problems and not clean:
        problems.append(Problem("other", "netgen: " + " ".join(text.split())[-200:]))
    return tuple(problems)


def swapped_pins(
    answer: Mapping[str, Any], layout: Mapping[str, str], schematic: Mapping[str, str]
) -> tuple[Problem, ...]:
    """Pins that netgen paired under different names in a comparison that matched otherwise."""
    ours, theirs = answer["pins"]
    pairs = [
        (layout[a], schematic[b])
        for a, b in zip(ours, theirs, strict=True)
        if _NONE not in a and _NONE not in b and a != b
    ]
    return tuple(swapped_pin(a, b) for a, b in pairs)


def _counts(classes: Any) -> Counter[str]:
    return Counter({name: int(count) for name, count in classes})


def _pins(devices: Any) -> Iterator[Problem]:
    ours, theirs = (_counts(side) for side in devices)
    for name in sorted(theirs - ours):
        if name.startswith(_MARKER):
            port = name.removeprefix(_MARKER)
            yield Problem("missing pin", f"the layout has no pin {port}", (), (port,))
    for name in sorted(ours - theirs):
        if name.startswith(_MARKER):
            port = name.removeprefix(_MARKER)
            yield Problem("extra pin", f"the schematic has no pin {port}", (port,), ())


def _devices(
    devices: Any,
    fragments: Any,
    layout: Mapping[str, str],
    schematic: Mapping[str, str],
    prefix: str,
) -> Iterator[Problem]:
    ours, theirs = (_counts(side) for side in devices)
    alone: list[list[tuple[str, str]]] = [[], []]
    for sides in fragments:
        for side, (elements, names) in enumerate(zip(sides, (layout, schematic), strict=True)):
            present = (name for name, *_ in elements if _NONE not in name)
            alone[side] += [_instance(name, names, prefix) for name in present]
    for kind, difference, side, other in (
        ("missing device", theirs - ours, 1, "layout"),
        ("extra device", ours - theirs, 0, "schematic"),
    ):
        for name, count in sorted(difference.items()):
            if name.startswith(_MARKER):
                continue
            model = name.removeprefix(prefix)
            suspects = tuple(sorted({own for cls, own in alone[side] if cls == model}))
            text = f"the {other} has {count} {model} fewer"
            if suspects:
                text += f"; among {', '.join(suspects[:10])}"
            named = ((), suspects) if side else (suspects, ())
            yield Problem(kind, text, *named)


def _instance(name: str, names: Mapping[str, str], prefix: str) -> tuple[str, str]:
    """Model and own name of an instance: netgen writes them in one word."""
    match = re.fullmatch(rf"/?(?:{re.escape(prefix)})?(.*?)(d\d+)", name)
    if match is None:
        return "", name
    return match[1], names.get(match[2], match[2])


def _sizes(
    properties: Any, layout: Mapping[str, str], schematic: Mapping[str, str], prefix: str
) -> Iterator[Problem]:
    for (ours, our_values), (theirs, their_values) in properties:
        drawn = _instance(ours, layout, prefix)[1]
        meant = _instance(theirs, schematic, prefix)[1]
        intended = dict(their_values)
        parts = [
            f"{_SIZES.get(key, key)} is {value} um in the layout, "
            f"{intended.get(key)} um in the schematic"
            for key, value in our_values
        ]
        text = f"{meant} (layout: {drawn}): {'; '.join(parts)}"
        yield Problem("wrong size", text, (drawn,), (meant,))


def _nets(fragment: Any, names: Mapping[str, str], prefix: str) -> list[_Net]:
    nets = []
    for name, terminals in fragment:
        if _NONE in name:
            continue
        counts: Counter[tuple[str, str]] = Counter()
        pins = []
        for cls, terminal, count in terminals:
            if cls.startswith(_MARKER):
                pins.append(cls.removeprefix(_MARKER))
            else:
                counts[cls.removeprefix(prefix), terminal] += count
        nets.append(_Net(names.get(name, name), counts, tuple(pins)))
    return nets


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
    """Terminals in words: netgen numbers those of a transistor from drain to bulk."""
    words = []
    for (model, terminal), count in sorted(terminals.items()):
        names = _PLATES if model.startswith("cap") else _TERMINALS
        words.append(f"{count} x {names.get(terminal, terminal)} of {model}")
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
