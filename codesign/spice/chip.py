"""The devices of one chip: every device of a deck gets the mismatch that its name on the chip has.

Cells are defined once and placed often, so that all instances share their devices' cards. On a chip
they differ: here every instance gets a definition of its own, in which each device card has its own
random numbers. Instances and nodes keep their names, so a deck is saved and measured as before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from codesign.pdk.variation import MISMATCH_PARAMETERS, mismatch_draws

_HEAD = re.compile(r"(?P<head>[^={}']*?)(?P<given>(?:\s+\w+\s*=.*)?)\Z", re.DOTALL)


@dataclass(frozen=True)
class Places:
    """How devices of a deck are called on the chip.

    A device is called after the instances that it is in and its card without the X,
    `xnet.xxbar_1.xs_2_3.memory_n`. instances: path of an instance in the deck, and what stands for
    it in the chip's names: "" for the chip itself, `{"xtop.xnet": ""}`; the longest one counts.
    devices: by definition and card (both in lower case, the card without its X), the name of a
    device inside that definition, where cards are numbered: an extracted layout.
    """

    instances: Mapping[str, str] = field(default_factory=dict)
    devices: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def name(self, path: str, definition: str, card: str) -> str:
        """Name on the chip of the device on card `card` of a definition placed at `path`."""
        inside = self.devices.get(definition, {}).get(card)
        if inside is None:
            # A flattened card is named after its instances: xxbar_1.xs_2_3.xmem_n.
            instances, dot, own = card.rpartition(".")
            inside = f"{instances}{dot}{own.removeprefix('x')}" if dot else card
        parts = path.split(".") if path else []
        for length in range(len(parts), 0, -1):
            known = self.instances.get(".".join(parts[:length]))
            if known is not None:
                parts = [*([known] if known else []), *parts[length:]]
                break
        return ".".join([*parts, inside])


@dataclass(frozen=True)
class Definition:
    """A `.subckt` of a deck: its cards, header and end among them."""

    name: str
    cards: tuple[str, ...]


def individual(netlist: str, seed: int, places: Places) -> str:
    """The netlist of the chip with this seed: definitions per instance, random numbers per device.

    X cards that call nothing the netlist defines are devices of the process.
    """
    definitions, top = parted(netlist)
    chip = _Chip(definitions, seed, places)
    cards = [chip.card(card, "", "") for card in top]
    return "\n".join([*chip.made, *cards])


class _Chip:
    """Definitions of one chip as they are made, callees first."""

    def __init__(
        self, definitions: Mapping[str, Definition], seed: int, places: Places
    ) -> None:
        self.definitions, self.seed, self.places = definitions, seed, places
        self.made: list[str] = []
        self._count = 0

    def card(self, card: str, path: str, definition: str) -> str:
        """A card that stands in a definition placed at `path`."""
        if card[0] not in "xX":
            return card
        flat = card.replace("\n+", " ")
        found = _HEAD.match(flat)
        if found is None:
            return card
        words = found["head"].split()
        name, called = words[0].lower(), words[-1].lower()
        if called not in self.definitions:
            draws = mismatch_draws(self.seed, self.places.name(path, definition, name[1:]))
            given = zip(MISMATCH_PARAMETERS, draws, strict=True)
            return card + "\n+ " + " ".join(f"{key}={value:.9g}" for key, value in given)
        own = self._define(called, f"{path}.{name}" if path else name)
        return _wrapped([*words[:-1], own, found["given"].strip()])

    def _define(self, called: str, path: str) -> str:
        """Name of the definition that stands at a path alone."""
        cell = self.definitions[called]
        inner = [self.card(card, path, called) for card in cell.cards[1:-1]]
        self._count += 1
        name = f"{cell.name}_chip{self._count}"
        header = re.sub(r"^(\.subckt\s+)\S+", rf"\g<1>{name}", cell.cards[0], flags=re.I)
        self.made.append("\n".join([header, *inner, f".ends {name}"]))
        return name


def parted(netlist: str) -> tuple[dict[str, Definition], list[str]]:
    """Definitions by lower-case name, and the cards outside of them; comments are dropped."""
    definitions: dict[str, Definition] = {}
    top: list[str] = []
    inside: list[str] | None = None
    for card in _cards(netlist.splitlines()):
        keyword = card.split(None, 1)[0].lower()
        if keyword == ".subckt":
            inside = [card]
        elif inside is None:
            top.append(card)
        else:
            inside.append(card)
            if keyword == ".ends":
                name = inside[0].split()[1]
                definitions.setdefault(name.lower(), Definition(name, tuple(inside)))
                inside = None
    return definitions, top


def _cards(lines: Iterable[str]) -> list[str]:
    cards: list[str] = []
    for line in lines:
        stripped = line.strip()
        if not stripped or stripped.startswith("*"):
            continue
        if stripped.startswith("+") and cards:
            cards[-1] += "\n" + stripped
        else:
            cards.append(stripped)
    return cards


def _wrapped(words: Iterable[str], width: int = 200) -> str:
    lines, line = [], ""
    for word in words:
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = "+"
        line = f"{line} {word}" if line else word
    return "\n".join([*lines, line]).rstrip()
