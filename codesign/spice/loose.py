"""Netlists as people have them, read and never run: hand-written ones, those of schematic editors
(xschem, CDL) and of layout tools.

Where `netlist` takes what a simulator may be given and nothing else, this takes what it can use and
leaves the rest: cards outside subcircuits, control blocks, options, includes, sources. Nothing of
the text reaches a simulator.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from codesign.errors import InputError
from codesign.spice.cards import Card
from codesign.spice.expressions import evaluate

# A word, a `key = value` with whatever the value is quoted in, or a lone sign.
_TOKEN = re.compile(r"(?:[^\s'{}=\"]|'[^']*'|\{[^{}]*\}|\"[^\"]*\")+|=")
_KEY = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
# CDL writes a model and sizes behind a $, which is a comment elsewhere.
_CDL = re.compile(r"(?:\s*\$(?:\[[\w.]+\]|\w+=\S+))+\s*\Z")
_COMMENT = re.compile(r"(?:^|(?<=[\s,]))\$|;|//")
# xschem writes the top schematic's subcircuit as a comment.
_COMMENTED = re.compile(r"\*\*\s*(\.(?:subckt|ends)\b.*)", re.IGNORECASE)
_SCALE = ("scale",)


@dataclass(frozen=True)
class LooseCard:
    """An element's card; `words` behind the name, `parameters` as written with keys in lower
    case."""

    name: str
    words: tuple[str, ...]
    parameters: Mapping[str, str]
    line: int


@dataclass
class LooseSubcircuit:
    """A subcircuit with the cards of its elements, not yet understood. `defaults`: parameters of
    its first line; `assigned`: of `.param` cards in it, in order."""

    name: str
    ports: tuple[str, ...]
    line: int
    defaults: dict[str, str] = field(default_factory=dict)
    assigned: dict[str, str] = field(default_factory=dict)
    cards: list[LooseCard] = field(default_factory=list)

    def is_same(self, other: LooseSubcircuit) -> bool:
        """Whether another definition says the same, whatever its line."""
        mine, theirs = (
            [(c.name, c.words, c.parameters) for c in one.cards] for one in (self, other)
        )
        heads = (self.ports, self.defaults, self.assigned)
        return heads == (other.ports, other.defaults, other.assigned) and mine == theirs


@dataclass(frozen=True)
class LooseNetlist:
    """Subcircuits by lower-case name, in the order of the file. `parameters`: of `.param` cards
    outside; `scale`: of `.option scale`, None where there is none; `global_nets` in lower case."""

    source: str
    subcircuits: dict[str, LooseSubcircuit]
    parameters: dict[str, str]
    scale: float | None
    global_nets: frozenset[str]

    def subcircuit(self, name: str | None) -> LooseSubcircuit:
        """One by name, the last of the file for None. Raises InputError with the nearest names."""
        if name is None:
            return next(reversed(self.subcircuits.values()))
        found = self.subcircuits.get(name.lower())
        if found is None:
            known = [subcircuit.name for subcircuit in self.subcircuits.values()]
            close = difflib.get_close_matches(name, known, n=3)
            raise InputError(
                f"{self.source}: there is no subcircuit {name!r}",
                remedy=f"did you mean {' or '.join(close)}?"
                if close
                else f"there are: {known[:10]}",
            )
        return found


def parse_loose(text: str, source: str) -> LooseNetlist:
    """Read a netlist. Raises InputError, naming file and line, for subcircuits that do not nest or
    are defined twice, quotes that do not pair, and a file without subcircuits."""
    return _Parser(source).parsed(text)


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.subcircuits: dict[str, LooseSubcircuit] = {}
        self.parameters: dict[str, str] = {}
        self.options: dict[str, str] = {}
        self.global_nets = {"0"}
        self.current: LooseSubcircuit | None = None

    def parsed(self, text: str) -> LooseNetlist:
        in_control = False
        for card in _logical_lines(text, self.source):
            keyword = card.keyword
            if keyword in (".control", ".endc"):
                in_control = keyword == ".control"
            elif not in_control:
                self._take(card, keyword)
        if self.current is not None:
            raise InputError(f"{self.source}: subcircuit {self.current.name} has no .ends")
        if not self.subcircuits:
            raise InputError(
                f"{self.source}: no .subckt in the file",
                remedy="give a netlist with a subcircuit",
            )
        return LooseNetlist(
            self.source,
            self.subcircuits,
            self.parameters,
            self._scale(),
            frozenset(self.global_nets),
        )

    def _scale(self) -> float | None:
        given = self.options.get("scale")
        return None if given is None else evaluate(given)

    def _take(self, card: Card, keyword: str) -> None:
        inside = self.current
        if keyword == ".subckt":
            self._open(card)
        elif keyword in (".ends", ".eom"):
            if inside is None:
                raise card.fail(".ends without .subckt")
            known = self.subcircuits.setdefault(inside.name.lower(), inside)
            if not known.is_same(inside):
                raise card.fail(
                    f"subcircuit {inside.name} is defined twice, in line {known.line} differently"
                )
            self.current = None
        elif keyword == ".global":
            self.global_nets.update(card.text.lower().split()[1:])
        elif keyword in (".param", ".parameter", ".parameters"):
            target = self.parameters if inside is None else inside.assigned
            target.update(_split(card)[1])
        elif keyword in (".option", ".options"):
            self.options.update(_split(card)[1])
        elif not keyword.startswith(".") and inside is not None:
            words, parameters = _split(card)
            if words:
                inside.cards.append(LooseCard(words[0], tuple(words[1:]), parameters, card.line))

    def _open(self, card: Card) -> None:
        if self.current is not None:
            raise card.fail(".subckt inside a .subckt", "define it outside")
        words, parameters = _split(card)
        words = [word for word in words if word.lower() not in ("params:", "param:", "/")]
        if len(words) < 2:
            raise card.fail(".subckt has no name")
        ports = tuple(words[2:])
        if len({port.lower() for port in ports}) != len(ports):
            raise card.fail(f"subcircuit {words[1]} has a port twice")
        self.current = LooseSubcircuit(words[1], ports, card.line, parameters)


def _logical_lines(text: str, source: str) -> Iterator[Card]:
    """Cards: continuations joined, also across comments and empty lines."""
    parts: list[str] = []
    start = 0
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        stripped = _bare(line)
        if not stripped:
            continue
        if stripped.startswith("+"):
            if not parts:
                raise InputError(f"{source}:{number}: + continues no line")
            parts.append(stripped[1:])
            continue
        if parts:
            yield Card(" ".join(parts), start, source)
        parts, start = [stripped], number
    if parts:
        yield Card(" ".join(parts), start, source)


def _bare(line: str) -> str:
    """A line without its comment."""
    stripped = line.strip()
    if stripped.startswith("*"):
        commented = _COMMENTED.match(stripped)
        return commented[1] if commented else ""
    if (cdl := _CDL.search(stripped)) is not None:
        return stripped[: cdl.start()] + cdl[0].replace("$[", " ").replace("]", "").replace(
            "$", " "
        )
    return _COMMENT.split(stripped, maxsplit=1)[0].strip()


def _split(card: Card) -> tuple[list[str], dict[str, str]]:
    """Words and `key=value` parameters of a card."""
    if _TOKEN.sub("", card.text).strip():
        raise card.fail("quotes or braces do not pair", "write expressions as '...' or {...}")
    tokens = _TOKEN.findall(card.text)
    words: list[str] = []
    parameters: dict[str, str] = {}
    index = 0
    while index < len(tokens):
        word, follows = tokens[index], tokens[index + 1 : index + 3]
        if follows[:1] == ["="] and len(follows) == 2 and _KEY.match(word):
            parameters[word.lower()] = follows[1]
            index += 3
        else:
            words += [word] if word != "=" else []
            index += 1
    return words, parameters


def values_of(texts: Mapping[str, str], names: Mapping[str, float]) -> dict[str, float]:
    """Values of those parameters that can be evaluated, in any order, from `names` and each other;
    a name that both have is that of `names`."""
    found: dict[str, float] = {}
    left = dict(texts)
    while left:
        before = len(left)
        for key, text in list(left.items()):
            try:
                found[key] = evaluate(text, {**found, **names})
            except InputError:
                continue
            del left[key]
        if len(left) == before:
            break
    return found
