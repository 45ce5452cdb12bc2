"""Reading a SPICE netlist of the process's devices as one flat circuit.

What is read: `.subckt` with X instances of the library's models and of other subcircuits of the
file, C and R between nets, `+` continuations, comments, `.global`. Names are those ngspice gives:
net `mem` of instance `Xn_1` is `xn_1.mem`. Widths and lengths are in um, as the continuous models
take them; a value below 1e-3 is taken as metres.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit, FlatDevice, Parasitic
from codesign.pdk import Process, default_process

MAX_DEVICES = 2_000_000
_IGNORED = frozenset({".param", ".option", ".options", ".include", ".lib", ".temp", ".end"})
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(meg|[tgkmunpfa])?[a-z]*\Z")
_SUFFIX = {"t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
_SUFFIX |= {"f": 1e-15, "a": 1e-18}
_METRES_BELOW = 1e-3


@dataclass(frozen=True)
class _Element:
    """A card inside a subcircuit: its name, its words and parameters, and its line."""

    name: str
    words: tuple[str, ...]
    parameters: Mapping[str, str]
    line: int


@dataclass
class _Subcircuit:
    name: str
    ports: tuple[str, ...]
    elements: list[_Element] = field(default_factory=list)


def read_circuit(
    path: Path, top: str | None = None, *, process: Process | None = None
) -> FlatCircuit:
    """The subcircuit `top` of a netlist file (the last of the file by default), flattened.

    `process`: whose models these are, the default one unless given.
    Raises InputError, naming file and line, for what cannot be read: no subcircuit, unknown models,
    wrong numbers of nodes, subcircuits that contain themselves.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="strict")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the netlist {path}: {error}") from error
    return _Reader(str(path), text, process or default_process()).flat(top)


class _Reader:
    def __init__(self, source: str, text: str, process: Process) -> None:
        self.source = source
        self.process, self.prefix = process, process.model_prefix
        self.subcircuits: dict[str, _Subcircuit] = {}
        self.globals = {"0"}
        self._parse(text)

    def fail(self, message: str, line: int | None = None, remedy: str | None = None) -> InputError:
        place = f"{self.source}:{line}" if line else self.source
        return InputError(f"{place}: {message}", remedy=remedy)

    def _parse(self, text: str) -> None:
        current: _Subcircuit | None = None
        for number, card in _cards(text):
            words, parameters = _split(card)
            keyword = words[0].lower()
            if keyword == ".subckt":
                if current is not None or len(words) < 2:
                    raise self.fail(".subckt inside a .subckt, or without a name", number)
                current = _Subcircuit(words[1], tuple(words[2:]))
                if current.name.lower() in self.subcircuits:
                    raise self.fail(f"subcircuit {current.name} is defined twice", number)
            elif keyword == ".ends":
                if current is None:
                    raise self.fail(".ends without .subckt", number)
                self.subcircuits[current.name.lower()] = current
                current = None
            elif keyword == ".global":
                self.globals.update(word.lower() for word in words[1:])
            elif keyword in _IGNORED or current is None:
                continue
            elif keyword[0] in "xcr":
                current.elements.append(_Element(words[0], tuple(words[1:]), parameters, number))
            else:
                raise self.fail(
                    f"{words[0]!r} cannot be compared with a layout",
                    number,
                    f"use X instances of {self.prefix} models, C and R",
                )
        if current is not None:
            raise self.fail(f"subcircuit {current.name} has no .ends")
        if not self.subcircuits:
            raise self.fail("no .subckt in the file", None, "give a netlist with a subcircuit")

    def flat(self, top: str | None) -> FlatCircuit:
        name = next(reversed(self.subcircuits)) if top is None else top.lower()
        if name not in self.subcircuits:
            known = [subcircuit.name for subcircuit in self.subcircuits.values()]
            close = difflib.get_close_matches(str(top), known, n=3)
            raise self.fail(
                f"there is no subcircuit {top!r}",
                None,
                f"did you mean {' or '.join(close)}?" if close else f"there are: {known[:10]}",
            )
        cell = self.subcircuits[name]
        nets = {port.lower(): port for port in cell.ports}
        if len(nets) != len(cell.ports):
            raise self.fail(f"subcircuit {cell.name} has a port twice")
        devices: list[FlatDevice] = []
        parasitics: dict[str, list[Parasitic]] = {"c": [], "r": []}
        for element, prefix, names in self._expanded(cell, "", nets, (name,)):
            kind = element.name[0].lower()
            if kind == "x":
                devices.append(self._device(element, prefix, names))
            else:
                text = " ".join(element.words[2:3]) or element.parameters.get(kind, "?")
                node_a, node_b = self._nodes(element, 2, names, prefix)
                parasitics[kind].append(Parasitic(node_a, node_b, self._number(element, text)))
            if len(devices) > MAX_DEVICES:
                raise self.fail(f"subcircuit {cell.name} has more than {MAX_DEVICES} devices")
        capacitors, resistors = (tuple(parasitics[kind]) for kind in "cr")
        return FlatCircuit(
            *(cell.name, cell.ports, tuple(devices), capacitors, resistors),
            model_prefix=self.prefix,
        )

    def _expanded(
        self, cell: _Subcircuit, prefix: str, nets: Mapping[str, str], path: tuple[str, ...]
    ) -> Iterator[tuple[_Element, str, Mapping[str, str]]]:
        """All primitive elements: with the prefix of names inside, and flat nets of the ports."""
        for element in cell.elements:
            called = element.words[-1].lower() if element.words else ""
            if element.name[0].lower() != "x" or called not in self.subcircuits:
                yield element, prefix, nets
                continue
            if called in path:
                raise self.fail(f"subcircuit {called} contains itself", element.line)
            inner = self.subcircuits[called]
            nodes = self._nodes(element, len(inner.ports), nets, prefix, exact=True)
            below = dict(zip((port.lower() for port in inner.ports), nodes, strict=True))
            yield from self._expanded(
                inner, f"{prefix}{element.name.lower()}.", below, (*path, called)
            )

    def _nodes(
        self,
        element: _Element,
        count: int,
        nets: Mapping[str, str],
        prefix: str,
        *,
        exact: bool = False,
    ) -> tuple[str, ...]:
        given = element.words[:-1] if exact else element.words[:count]
        if len(given) != count:
            raise self.fail(f"{element.name} has {len(given)} nodes, needs {count}", element.line)
        lower = (node.lower() for node in given)
        return tuple(
            nets.get(node) or (node if node in self.globals else f"{prefix}{node}")
            for node in lower
        )

    def _device(self, element: _Element, prefix: str, nets: Mapping[str, str]) -> FlatDevice:
        model = (element.words[-1] if element.words else "?").lower()
        kind = _kind(model, self.prefix)
        if kind is None:
            raise self.fail(
                f"{element.name}: {model!r} is neither a subcircuit of the file nor a transistor "
                f"or MIM capacitor of {self.process.name}",
                element.line,
                "write the subcircuits of the circuit into one file",
            )
        nodes = self._nodes(element, 2 if kind == "cap" else 4, nets, prefix, exact=True)
        values = {key: self._number(element, text) for key, text in element.parameters.items()}
        missing = {"w", "l"} - set(values)
        if missing:
            raise self.fail(
                f"{element.name} has no {' and no '.join(sorted(missing))}", element.line
            )
        w_um, l_um = (_um(values[key]) for key in "wl")
        if kind != "cap":
            w_um *= values.get("m", values.get("mult", 1.0))
        return FlatDevice(
            f"{prefix}{element.name[1:].lower()}",
            *(kind, model.removeprefix(self.prefix), nodes, round(w_um, 6), round(l_um, 6)),
            *(values.get(key) for key in ("as", "ad", "ps", "pd")),
        )

    def _number(self, element: _Element, text: str) -> float:
        match = _NUMBER.match(text.lower().strip("'{}\""))
        if match is None:
            raise self.fail(
                f"{element.name}: {text!r} is no number", element.line, "give plain numbers"
            )
        return float(match[1]) * _SUFFIX.get(match[2] or "", 1.0)


def _um(value: float) -> float:
    return value * 1e6 if abs(value) < _METRES_BELOW else value


def _kind(model: str, prefix: str) -> str | None:
    if not model.startswith(prefix):
        return None
    name = model.removeprefix(prefix)
    for start, kind in (("nfet", "n"), ("pfet", "p"), ("cap_mim", "cap")):
        if name.startswith(start):
            return kind
    return None


def _cards(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with their numbers: continuations joined, comments dropped."""
    card, start = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = re.split(r"\s\$|;", line, maxsplit=1)[0].strip()
        if not stripped or stripped.startswith("*"):
            continue
        if stripped.startswith("+"):
            card += " " + stripped[1:]
            continue
        if card:
            yield start, card
        card, start = stripped, number
    if card:
        yield start, card


def _split(card: str) -> tuple[list[str], dict[str, str]]:
    """Words and `key=value` parameters of a card."""
    words, parameters = [], {}
    for word in re.sub(r"\s*=\s*", "=", card).split():
        key, equals, value = word.partition("=")
        if equals:
            parameters[key.lower()] = value
        else:
            words.append(word)
    return words, parameters
