"""Reads netlists as typed records and writes them out again: a user's cell, or one that we wrote.

The rules are those of a design file: subcircuits with elements, parameters and model cards, and
nothing that commands the simulator, reads files or reaches outside the subcircuit.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from codesign.errors import InputError

# Number of nodes of each element; X takes what stands before its subcircuit's name.
_NODES = {"r": 2, "c": 2, "l": 2, "d": 2, "v": 2, "i": 2, "b": 2, "e": 4, "g": 4, "f": 2, "h": 2}
_NODES |= {"m": 4, "s": 4, "x": 0}
_MODEL_TYPES = frozenset({"d", "sw", "csw", "r", "c", "nmos", "pmos"})
_SAFE = re.compile(r"[\w.+\-*/(),={}'<>?:!&|^% \[\]#]*\Z")
_NAME = re.compile(r"[A-Za-z_][\w]*\Z")
_WORD = re.compile(r"(?:[^\s'{}=]|'[^']*'|\{[^{}]*\}|=)+")
MAX_CARDS, MAX_DEPTH = 200_000, 50


@dataclass(frozen=True)
class Element:
    """A card inside a subcircuit. `words`: what stands behind the nodes, the model's or called
    subcircuit's name first where there is one; `parameters` as written, keys in lower case."""

    name: str
    nodes: tuple[str, ...]
    words: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]
    line: int

    @property
    def calls(self) -> str | None:
        """Lower-case name of the subcircuit or device that an X card calls."""
        return self.words[0].lower() if self.name[0] in "xX" else None

    def with_parameters(self, values: Mapping[str, str]) -> Element:
        """The same card with some parameters set."""
        return replace(self, parameters=tuple({**dict(self.parameters), **values}.items()))

    @property
    def text(self) -> str:
        """The card."""
        pairs = (f"{key}={value}" for key, value in self.parameters)
        return " ".join((self.name, *self.nodes, *self.words, *pairs))


@dataclass(frozen=True)
class Subcircuit:
    """A `.subckt`: ports in order, parameters with their defaults, elements, model and parameter
    cards inside it."""

    name: str
    ports: tuple[str, ...]
    defaults: Mapping[str, str]
    elements: tuple[Element, ...]
    cards: tuple[str, ...] = ()
    line: int = 0

    @property
    def text(self) -> str:
        """The definition."""
        pairs = [f"{key}={value}" for key, value in self.defaults.items()]
        lines = [" ".join((".subckt", self.name, *self.ports, *pairs)), *self.cards]
        elements = [element.text for element in self.elements]
        return "\n".join([*lines, *elements, f".ends {self.name}"])


@dataclass(frozen=True)
class Netlist:
    """The subcircuits of a file by lower-case name; `source` names it in messages."""

    source: str
    subcircuits: Mapping[str, Subcircuit] = field(default_factory=dict)

    def subcircuit(self, name: str) -> Subcircuit:
        """One by name. Raises InputError with the nearest names."""
        found = self.subcircuits.get(name.lower())
        if found is not None:
            return found
        names = [s.name for s in self.subcircuits.values()]
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names[:10])}"
        raise InputError(f"{self.source}: there is no subcircuit {name!r}", remedy=hint)

    def below(self, name: str) -> list[Subcircuit]:
        """A subcircuit and those it calls, callees first. Raises InputError for a circle."""
        found: dict[str, Subcircuit] = {}
        self._collect(self.subcircuit(name), (), found)
        return list(found.values())

    def _collect(
        self, cell: Subcircuit, path: tuple[str, ...], found: dict[str, Subcircuit]
    ) -> None:
        key = cell.name.lower()
        if key in found:
            return
        if key in path:
            circle = " -> ".join((*path[path.index(key) :], key))
            raise InputError(
                f"{self.source}:{cell.line}: subcircuit {cell.name} contains itself ({circle})",
                remedy="break the circle",
            )
        if len(path) >= MAX_DEPTH:
            raise InputError(f"{self.source}: subcircuits are nested more than {MAX_DEPTH} deep")
        for element in cell.elements:
            called = self.subcircuits.get(element.calls or "")
            if called is not None:
                if len(element.nodes) != len(called.ports):
                    raise InputError(
                        f"{self.source}:{element.line}: {element.name} connects "
                        f"{len(element.nodes)} nodes, {called.name} has {len(called.ports)} ports"
                    )
                self._collect(called, (*path, key), found)
        found[key] = cell


def parse_netlist(text: str, source: str = "netlist") -> Netlist:
    """Read a netlist. Raises InputError naming file, line and what is allowed."""
    subcircuits: dict[str, Subcircuit] = {}
    current: Subcircuit | None = None
    elements: list[Element] = []
    cards: list[str] = []

    def fail(number: int, message: str, remedy: str | None = None) -> InputError:
        return InputError(f"{source}:{number}: {message}", remedy=remedy)

    for count, (number, card) in enumerate(_cards(text, source)):
        if count >= MAX_CARDS:
            raise fail(number, f"more than {MAX_CARDS} cards")
        keyword = card.split(None, 1)[0].lower()
        if keyword == ".subckt":
            if current is not None:
                raise fail(number, ".subckt inside a .subckt", "define it outside")
            current, elements, cards = _header(card, number, source), [], []
            if current.name.lower() in subcircuits:
                raise fail(number, f"subcircuit {current.name} is defined twice")
        elif keyword == ".ends":
            if current is None:
                raise fail(number, ".ends without .subckt")
            subcircuits[current.name.lower()] = replace(
                current, elements=tuple(elements), cards=tuple(cards)
            )
            current = None
        elif keyword in (".end", ".global"):
            _check_global(keyword, card, number, source)
        elif current is None:
            raise fail(
                number,
                f"{card[:60]!r} stands outside a .subckt",
                "put everything into a subcircuit; device models come from the process",
            )
        elif keyword.startswith("."):
            cards.append(_inner_card(keyword, card, number, source))
        else:
            elements.append(_element(card, number, source))
    if current is not None:
        raise fail(current.line, f"subcircuit {current.name} has no .ends")
    if not subcircuits:
        raise InputError(
            f"{source}: there is no .subckt", remedy="give a netlist with a subcircuit"
        )
    return Netlist(source, subcircuits)


def _header(card: str, number: int, source: str) -> Subcircuit:
    words, parameters = _split(card)
    words = [word for word in words if word.lower() not in ("params:", "param:")]
    if len(words) < 2 or not _NAME.match(words[1]):
        raise InputError(f"{source}:{number}: .subckt has no name, or one that is no identifier")
    ports = tuple(words[2:])
    if len({port.lower() for port in ports}) != len(ports):
        raise InputError(f"{source}:{number}: subcircuit {words[1]} has a port twice")
    return Subcircuit(words[1], ports, dict(parameters), (), (), number)


def _element(card: str, number: int, source: str) -> Element:
    words, parameters = _split(card)
    letter = words[0][0].lower()
    if letter not in _NODES:
        raise InputError(
            f"{source}:{number}: element {words[0]!r} may not be in a netlist",
            remedy=f"allowed elements: {', '.join(sorted(_NODES)).upper()}",
        )
    if not _NAME.match(words[0]):
        raise InputError(f"{source}:{number}: {words[0]!r} is no name of an element")
    if letter == "x":
        nodes, rest = words[1:-1], words[-1:]
    else:
        nodes, rest = words[1 : 1 + _NODES[letter]], words[1 + _NODES[letter] :]
    if (letter == "x" and not rest) or (letter != "x" and len(nodes) < _NODES[letter]):
        raise InputError(f"{source}:{number}: {words[0]} has too few nodes")
    return Element(words[0], tuple(nodes), tuple(rest), tuple(parameters), number)


def _inner_card(keyword: str, card: str, number: int, source: str) -> str:
    if keyword == ".param":
        return card
    if keyword == ".model":
        words = card.replace("(", " ( ").split()
        if len(words) > 2 and words[2].lower() in _MODEL_TYPES and "file" not in card.lower():
            return card
        raise InputError(
            f"{source}:{number}: this model card may not be in a netlist: {card[:60]!r}",
            remedy=f"allowed types: {', '.join(sorted(_MODEL_TYPES))}",
        )
    raise InputError(
        f"{source}:{number}: {keyword} may not be in a netlist",
        remedy="allowed are .subckt, .ends, .param and .model; device models come from the process",
    )


def _check_global(keyword: str, card: str, number: int, source: str) -> None:
    names = set(card.lower().split()[1:]) - {"0", "gnd", "vss"}
    if keyword == ".global" and names:
        raise InputError(
            f"{source}:{number}: global nets {', '.join(sorted(names))} reach outside the cell",
            remedy="make them ports of the subcircuit",
        )


def _cards(text: str, source: str) -> Iterator[tuple[int, str]]:
    """Logical lines with their numbers: continuations joined, comments dropped."""
    parts: list[str] = []
    start = 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = re.split(r"\s\$\s|;", line, maxsplit=1)[0].strip().lstrip("\ufeff")
        if stripped.startswith("*#"):
            raise InputError(f"{source}:{number}: {stripped[:40]!r} would command the simulator")
        if not stripped or stripped.startswith("*"):
            continue
        if not _SAFE.match(stripped) or not stripped.isascii():
            raise InputError(
                f"{source}:{number}: characters that no netlist needs: {stripped[:60]!r}",
                remedy="use letters, digits, _ and the signs of expressions",
            )
        if stripped.startswith("+"):
            parts.append(stripped[1:])
            continue
        if parts:
            yield start, " ".join(parts)
        parts, start = [stripped], number
    if parts:
        yield start, " ".join(parts)


def _split(card: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Words and `key=value` parameters of a card; values in quotes or braces may hold spaces."""
    words: list[str] = []
    parameters: list[tuple[str, str]] = []
    for word in _WORD.findall(re.sub(r"\s*=\s*", "=", card)):
        key, equals, value = word.partition("=")
        if equals:
            parameters.append((key.lower(), value))
        else:
            words.append(word)
    return words, parameters
