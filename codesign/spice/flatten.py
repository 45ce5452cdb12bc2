"""A netlist without hierarchy: what a subcircuit expands to, its names as the simulator makes
them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from codesign.errors import InputError
from codesign.spice.expressions import evaluate
from codesign.spice.subcircuits import Element, Netlist, Subcircuit

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\Z", re.IGNORECASE)
_EXPRESSION = re.compile(r"'[^']*'\Z|\{[^{}]*\}\Z")
# Elements whose cards name other nodes or elements inside an expression.
_REACHING = "bfhBFH"
_GROUND = ("0", "gnd")


@dataclass(frozen=True)
class FlatNetlist:
    """The elements of a subcircuit and of everything in it, and the model cards they use.

    Node `mem` of instance `Xn_1_1` is `xn_1_1.mem`; ports keep their names. Lower case throughout.
    """

    ports: tuple[str, ...]
    elements: tuple[Element, ...]
    models: tuple[str, ...] = ()


@dataclass
class _Flattening:
    netlist: Netlist
    elements: list[Element] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)


def flatten(netlist: Netlist, top: str) -> FlatNetlist:
    """Expand a subcircuit; parameters become numbers.

    Raises InputError where a card reaches for nodes by an expression (B, F and H elements), and for
    circles.
    """
    cell = netlist.subcircuit(top)
    netlist.below(top)
    work = _Flattening(netlist)
    ports = {port.lower(): port.lower() for port in cell.ports}
    _expand(work, cell, "", ports, {})
    return FlatNetlist(tuple(ports), tuple(work.elements), tuple(work.models.values()))


def _expand(
    work: _Flattening,
    cell: Subcircuit,
    prefix: str,
    nets: Mapping[str, str],
    given: Mapping[str, float],
) -> None:
    known = _parameters(cell, given)
    models = {name: f"{cell.name.lower()}__{name}" for name in cell.models}
    for name, card in cell.models.items():
        words = card.split()
        work.models[models[name]] = " ".join((words[0], models[name], *words[2:]))
    for element in cell.elements:
        if element.name[0] in _REACHING:
            raise InputError(
                f"{work.netlist.source}:{element.line}: {element.name} names nodes inside an "
                "expression, so its circuit cannot be taken apart",
                remedy="simulate the network as a whole",
            )
        nodes = tuple(_net(node, prefix, nets) for node in element.nodes)
        values = tuple(_values(element.parameters, known))
        called = work.netlist.subcircuits.get(element.calls or "")
        if called is None:
            name = f"{element.name[0]}{prefix}{element.name}" if prefix else element.name
            made = tuple(_word(word, known, models) for word in element.words)
            work.elements.append(Element(name, nodes, made, values, element.line))
            continue
        inside = dict(zip((p.lower() for p in called.ports), nodes, strict=True))
        numbers = {key: evaluate(value) for key, value in values}
        _expand(work, called, f"{prefix}{element.name.lower()}.", inside, numbers)


def _net(node: str, prefix: str, nets: Mapping[str, str]) -> str:
    lower = node.lower()
    if lower in _GROUND:
        return "0"
    return nets.get(lower) or f"{prefix}{lower}"


def _parameters(cell: Subcircuit, given: Mapping[str, float]) -> dict[str, float]:
    known: dict[str, float] = {}
    for key, value in cell.defaults.items():
        known[key] = given[key] if key in given else evaluate(value, known)
    for key, value in cell.assigned:
        known[key.lower()] = evaluate(value, known)
    return known


def _values(
    pairs: tuple[tuple[str, str], ...], known: Mapping[str, float]
) -> Iterator[tuple[str, str]]:
    for key, value in pairs:
        # What is a number already stays as it is written.
        yield key, value if _PLAIN.match(value) else f"{evaluate(value, known):.12g}"


def _word(word: str, known: Mapping[str, float], models: Mapping[str, str]) -> str:
    if word.lower() in models:
        return models[word.lower()]
    if _EXPRESSION.match(word) or word.lower() in known:
        return f"{evaluate(word, known):.12g}"
    return word
