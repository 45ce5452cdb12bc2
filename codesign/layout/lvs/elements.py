"""Elements of a netlist as devices of the process and as ideal parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from codesign.errors import InputError
from codesign.layout.circuit import FlatDevice, Parasitic
from codesign.layout.lvs.kinds import kind_named
from codesign.layout.lvs.models import Model, Models
from codesign.layout.lvs.prepare import SHORT
from codesign.layout.multiples import MULTIPLES, copies, multiplicity
from codesign.spice.expressions import evaluate
from codesign.spice.loose import LooseCard, LooseNetlist, values_of

_METRES_BELOW, _SQUARE_METRES_BELOW = 1e-3, 1e-6
_JUNCTIONS = ("as", "ad", "ps", "pd")
# Parameters of a card that may decide what is compared.
_WANTED = frozenset({"w", "l", "nf", *_JUNCTIONS, *MULTIPLES})
_SIZED = ("n", "p", "cap", "res", "varactor")
# Elements with a model behind so many nodes at least, and those of which one may have a value.
_NODES = {"m": 4, "d": 2, "q": 3, "r": 2, "c": 2}
_VALUED = "rc"


@dataclass(frozen=True)
class Place:
    """Where an instance stands: prefix of names inside, flat nets of its ports, values of
    parameters, and what contains it."""

    prefix: str
    nets: Mapping[str, str]
    names: Mapping[str, float]
    path: tuple[str, ...]


@dataclass
class Elements:
    """Reads the cards of a netlist's elements."""

    netlist: LooseNetlist
    models: Models
    _known: dict[tuple[str, float], Model | None] = field(default_factory=dict)

    def fail(self, message: str, line: int | None = None, remedy: str | None = None) -> InputError:
        """An error in the file, at a line."""
        place = f"{self.netlist.source}:{line}" if line else self.netlist.source
        return InputError(f"{place}: {message}", remedy=remedy)

    def values(
        self, card: LooseCard, wanted: Mapping[str, str], names: Mapping[str, float]
    ) -> dict[str, float]:
        """Values of a card's parameters, where they have one: an expression may use the names
        around it and the card's other parameters."""
        values = {key: plain for key, text in wanted.items() if (plain := _plain(text)) is not None}
        if len(values) < len(wanted):
            rest = {key: text for key, text in wanted.items() if key not in values}
            values |= values_of(rest, {**values, **names})
        return values

    def nodes(
        self, card: LooseCard, count: int, place: Place, *, exact: bool = False
    ) -> tuple[str, ...]:
        """Flat names of a card's first nodes; `exact`: of all before its last word."""
        given = [word for word in card.words[:-1] if word != "/"] if exact else card.words[:count]
        if len(given) != count:
            raise self.fail(f"{card.name} has {len(given)} nodes, needs {count}", card.line)
        return tuple(self._net(node.lower(), place) for node in given)

    def _net(self, node: str, place: Place) -> str:
        inside = node if node in self.netlist.global_nets else f"{place.prefix}{node}"
        return place.nets.get(node) or inside

    def read(self, card: LooseCard, place: Place) -> Parasitic | tuple[FlatDevice, ...]:
        """What an element is. Raises InputError for what no layout has."""
        letter = card.name[0].lower()
        if letter == "x":
            index = len(card.words) - 1
        elif letter in _NODES:
            index = self._model_index(card, _NODES[letter])
        else:
            raise self.fail(
                f"{card.name!r} cannot be compared with a layout",
                card.line,
                f"use devices of {self.models.process.name}, C and R",
            )
        if index < 0 and letter in _VALUED:
            return self._parasitic(card, letter, place)
        return self._device(card, index, place)

    def _model_index(self, card: LooseCard, nodes: int) -> int:
        """Where among a card's words its model is: -1 where a resistor or capacitor has none."""
        words = card.words
        known = (i for i in range(nodes, len(words)) if self._model(words[i], 0.0) is not None)
        found = next(known, None)
        if found is None:
            return -1 if card.name[0].lower() in _VALUED else min(nodes, len(words) - 1)
        return found

    def _model(self, word: str, w_um: float) -> Model | None:
        key = (word, w_um)
        if key not in self._known:
            self._known[key] = self.models.named(word, w_um)
        return self._known[key]

    def _parasitic(self, card: LooseCard, letter: str, place: Place) -> Parasitic:
        node_a, node_b = self.nodes(card, 2, place)
        text = " ".join(card.words[2:3]) or card.parameters.get(letter, "?")
        return Parasitic(node_a, node_b, self._number(card, text, place.names))

    def _device(self, card: LooseCard, index: int, place: Place) -> tuple[FlatDevice, ...]:
        word = card.words[index] if card.words else "?"
        texts = {k: v for k, v in card.parameters.items() if k in _WANTED}
        values = self.values(card, texts, place.names)
        w_um = self._um(values.get("w", 0.0))
        model = self._model(word, round(w_um, 6))
        if model is None:
            raise self.fail(
                f"{card.name}: {word.lower()!r} is neither a subcircuit of the file nor a device "
                f"of {self.models.process.name}",
                card.line,
                "write the subcircuits of the circuit into one file",
            )
        nodes = self._device_nodes(card, index, model, place)
        w_um = w_um if model.w_um is None else model.w_um
        l_um = self._um(values.get("l", 0.0))
        if model.kind in _SIZED and model.name != SHORT:
            self._check_sizes(card, texts, values, place, given=model.w_um is not None)
        else:
            values = self.values(card, card.parameters, place.names)
        others = self._others(model.kind, values)
        try:
            return copies(
                FlatDevice(
                    f"{place.prefix}{card.name[1:].lower()}",
                    *(model.kind, model.name, nodes, round(w_um, 6), round(l_um, 6)),
                    *(self._junction(key, values) for key in _JUNCTIONS),
                    parameters=others,
                ),
                multiplicity(values),
            )
        except InputError as error:
            raise self.fail(error.message, card.line, error.remedy) from error

    def _device_nodes(
        self, card: LooseCard, index: int, model: Model, place: Place
    ) -> tuple[str, ...]:
        words = card.words[:index]
        kind = kind_named(model.kind)
        if kind is not None:
            most = len(kind.terminals)
            if model.kind == "res" and not self.models.has_body(model.name):
                # What the resistor lies in is no node of its model.
                words = words[: most - 1]
            if not most - kind.optional <= len(words) <= most:
                raise self.fail(f"{card.name} has {len(words)} nodes, needs {most}", card.line)
        return tuple(self._net(node.lower(), place) for node in words)

    def _check_sizes(
        self,
        card: LooseCard,
        texts: Mapping[str, str],
        values: Mapping[str, float],
        place: Place,
        *,
        given: bool,
    ) -> None:
        """Raises for sizes that are missing, or have no value."""
        missing = {"l"} - set(texts) if given else {"w", "l"} - set(texts)
        if missing:
            raise self.fail(f"{card.name} has no {' and no '.join(sorted(missing))}", card.line)
        for key in ("w", "l", *MULTIPLES):
            if key in texts and key not in values:
                self._number(card, texts[key], place.names)

    def _number(self, card: LooseCard, text: str, names: Mapping[str, float]) -> float:
        if (plain := _plain(text)) is not None:
            return plain
        try:
            return evaluate(text, names)
        except InputError as error:
            raise self.fail(f"{card.name}: {error.message}", card.line, error.remedy) from None

    def _others(self, kind: str, values: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
        """Parameters besides width and length that describe the device."""
        if kind not in ("diode", "box"):
            return ()
        return tuple((k, v) for k, v in values.items() if k not in _WANTED)

    def _um(self, value: float) -> float:
        """A length in um. A scale below 1e-3 makes metres, a bigger one um."""
        scale = self.netlist.scale
        if abs(value) < _METRES_BELOW:
            return value * 1e6
        if scale is None:
            return value
        return value * scale * (1e6 if scale < _METRES_BELOW else 1.0)

    def _junction(self, key: str, values: Mapping[str, float]) -> float | None:
        value = values.get(key)
        if value is None or key in ("ps", "pd"):
            return None if value is None else self._um(value)
        return value * 1e12 if abs(value) < _SQUARE_METRES_BELOW else value


@lru_cache(maxsize=10_000)
def _plain(text: str) -> float | None:
    """The value of a text without names."""
    try:
        return evaluate(text)
    except InputError:
        return None
