"""Reads netlists as typed records and writes them out again: a user's cell, or one that we wrote.

The rules are those of a design file: subcircuits with elements, parameters and model cards, and
nothing that commands the simulator, reads files or reaches outside the subcircuit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from codesign.errors import InputError
from codesign.spice.cards import Card, logical_lines
from codesign.spice.subcircuits import Element, Netlist, Subcircuit

__all__ = ["Element", "Netlist", "Subcircuit", "parse_netlist"]

# Number of nodes of each element; X takes what stands before its subcircuit's name.
_NODES = {"r": 2, "c": 2, "l": 2, "d": 2, "v": 2, "i": 2, "b": 2, "e": 4, "g": 4, "f": 2, "h": 2}
_NODES |= {"m": 4, "s": 4, "x": 0}
_MODEL_TYPES = frozenset({"d", "sw", "csw", "r", "c", "nmos", "pmos"})
_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
_ELEMENT_NAME = re.compile(r"[A-Za-z][\w.\[\]<>:#!+-]*\Z", re.ASCII)


@dataclass
class _Open:
    """A subcircuit whose `.ends` has not come yet."""

    header: Subcircuit
    card: Card
    elements: list[Element] = field(default_factory=list)
    assigned: list[tuple[str, str]] = field(default_factory=list)
    models: dict[str, str] = field(default_factory=dict)

    def closed(self) -> Subcircuit:
        return replace(
            self.header,
            elements=tuple(self.elements),
            assigned=tuple(self.assigned),
            models=self.models,
        )


def parse_netlist(text: str, source: str = "netlist") -> Netlist:
    """Read a netlist. Raises InputError naming file, line and what is allowed."""
    subcircuits: dict[str, Subcircuit] = {}
    global_nets: dict[str, Card] = {}
    current: _Open | None = None
    for card in logical_lines(text, source):
        keyword = card.keyword
        if keyword == ".subckt":
            if current is not None:
                raise card.fail(".subckt inside a .subckt", "define it outside")
            current = _Open(_header(card), card)
            if current.header.name.lower() in subcircuits:
                raise card.fail(f"subcircuit {current.header.name} is defined twice")
        elif keyword == ".ends":
            if current is None:
                raise card.fail(".ends without .subckt")
            _check_end(card, current)
            subcircuits[current.header.name.lower()] = current.closed()
            current = None
        elif keyword == ".global":
            global_nets |= dict.fromkeys(card.text.lower().split()[1:], card)
        elif keyword == ".end":
            continue
        elif keyword.startswith(".") and keyword not in (".param", ".model"):
            raise card.fail(
                f"{keyword} may not be in a netlist",
                "allowed are .subckt, .ends, .param and .model; device models come from the "
                "process",
            )
        elif current is None:
            raise card.fail(
                f"{card.text[:60]!r} stands outside a .subckt",
                "put everything into a subcircuit (xschem: 'top level is a .subckt'); device "
                "models come from the process",
            )
        else:
            _take(card, current)
    if current is not None:
        raise current.card.fail(f"subcircuit {current.header.name} has no .ends")
    if not subcircuits:
        raise InputError(
            f"{source}: there is no .subckt", remedy="give a netlist with a subcircuit"
        )
    _check_globals(subcircuits, global_nets)
    return Netlist(source, subcircuits)


def _header(card: Card) -> Subcircuit:
    words, parameters = card.split()
    words = [word for word in words if word.lower() not in ("params:", "param:")]
    if len(words) < 2 or not _NAME.match(words[1]):
        raise card.fail(".subckt has no name, or one that is no identifier")
    ports = tuple(words[2:])
    if len({port.lower() for port in ports}) != len(ports):
        raise card.fail(f"subcircuit {words[1]} has a port twice")
    return Subcircuit(words[1], ports, dict(parameters), (), line=card.line)


def _check_end(card: Card, ended: _Open) -> None:
    """Whether a name behind .ends is that of the subcircuit."""
    name = " ".join(card.text.split()[1:])
    if name.lower() not in ("", ended.header.name.lower()):
        raise card.fail(
            f".ends {name[:60]} ends the subcircuit {ended.header.name} of line {ended.card.line}",
            f"write .ends {ended.header.name}, or .ends alone",
        )


def _take(card: Card, inside: _Open) -> None:
    """Adds a card to a subcircuit."""
    if card.keyword == ".param":
        words, parameters = card.split()
        if len(words) > 1 or not parameters:
            raise card.fail("a .param card is `.param name=value`")
        inside.assigned += parameters
    elif card.keyword == ".model":
        name, text = _model(card)
        inside.models[name] = text
    else:
        inside.elements.append(_element(card))


def _element(card: Card) -> Element:
    words, parameters = card.split()
    if not words:
        raise card.fail(f"{card.text[:40]!r} is no element")
    letter = words[0][0].lower()
    if letter not in _NODES:
        raise card.fail(
            f"element {words[0]!r} may not be in a netlist",
            f"allowed elements: {', '.join(sorted(_NODES)).upper()}",
        )
    if not _ELEMENT_NAME.match(words[0]):
        raise card.fail(f"{words[0]!r} is no name of an element")
    if any(key == "file" for key, _ in parameters):
        raise card.fail(f"{words[0]} would read a file", "give its values in the netlist")
    if letter == "x":
        nodes, rest = words[1:-1], words[-1:]
    else:
        nodes, rest = words[1 : 1 + _NODES[letter]], words[1 + _NODES[letter] :]
    if len(nodes) < max(_NODES[letter], 1) or (letter == "x" and not _NAME.match(rest[0])):
        raise card.fail(f"{words[0]} has too few nodes, or calls no subcircuit")
    return Element(words[0], tuple(nodes), tuple(rest), tuple(parameters), card.line)


def _model(card: Card) -> tuple[str, str]:
    before, parenthesis, behind = card.text.partition("(")
    if parenthesis and len(before.split()) == 3:
        inside, closing, rest = behind.rpartition(")")
        words, given = before.split(), inside if closing and not rest.strip() else "("
    else:
        words, given = card.text.split()[:3], " ".join(card.text.split()[3:])
    kind = words[2].lower() if len(words) == 3 else ""
    if kind not in _MODEL_TYPES or not _NAME.match(words[1]):
        raise card.fail(
            f"this model card may not be in a netlist: {card.text[:60]!r}",
            f"allowed types: {', '.join(sorted(_MODEL_TYPES))}",
        )
    others, parameters = card.split(given)
    if others or any(key == "file" for key, _ in parameters):
        raise card.fail(f"model {words[1][:60]}: its parameters are `name=value`, and no files")
    pairs = [f"{key}={value}" for key, value in parameters]
    return words[1].lower(), " ".join((".model", words[1], kind, *pairs))


def _check_globals(subcircuits: Mapping[str, Subcircuit], nets: Mapping[str, Card]) -> None:
    """Global nets may be named, when nobody relies on it: each cell has them as ports."""
    for cell in subcircuits.values():
        ports = {port.lower() for port in cell.ports}
        for element in cell.elements:
            for node in element.nodes:
                if node.lower() in nets and node.lower() not in ports:
                    raise nets[node.lower()].fail(
                        f"global net {node} reaches into {cell.name} from outside",
                        f"make {node} a port of {cell.name}",
                    )
