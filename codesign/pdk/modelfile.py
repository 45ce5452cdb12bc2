"""Reads the text of a file of the continuous models: parameters, subcircuits, model bins.

Nothing is evaluated: the cards keep their text, so that what ngspice computes from a part of the
library is what it computes from the whole. Sizes are compared the way ngspice 39 bins do it
(inpgmod.c, `in_range`): a bin takes lengths and widths from lmin to lmax and wmin to wmax, both
ends included, and the first bin in the file's order wins.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_BIN_LIMIT = re.compile(r"\b(lmin|lmax|wmin|wmax)\s*=\s*([0-9.]+(?:[eE][+-]?\d+)?)", re.IGNORECASE)
_MICRO = 1e-6


@dataclass(frozen=True)
class ModelBin:
    """One `.model NAME.k` card and the sizes it holds for, in metres."""

    text: str
    lmin_m: float
    lmax_m: float
    wmin_m: float
    wmax_m: float

    def holds(self, w_um: float, l_um: float) -> bool:
        """Whether ngspice may choose this bin for a transistor of that drawn size."""
        return _within(l_um * _MICRO, self.lmin_m, self.lmax_m) and _within(
            w_um * _MICRO, self.wmin_m, self.wmax_m
        )


@dataclass(frozen=True)
class Subcircuit:
    """A `.subckt`: its text without binned models, the binned models, subcircuits it calls."""

    name: str
    head: str
    bins: tuple[ModelBin, ...]
    tail: str
    calls: tuple[str, ...]

    @property
    def text(self) -> str:
        """Everything, as in the file."""
        return "\n".join([self.head, *(b.text for b in self.bins), self.tail])


@dataclass(frozen=True)
class ModelFile:
    """Top-level parameter and option cards of a model file, and its subcircuits by name."""

    parameters: str
    subcircuits: dict[str, Subcircuit]
    comments: tuple[str, ...]


def parse_models(text: str, prefix: str) -> ModelFile:
    """Parse the text of a model file, whose subcircuits' names begin with `prefix`."""
    parameters: list[str] = []
    subcircuits: dict[str, Subcircuit] = {}
    body: list[str] | None = None
    for card in _cards(text):
        keyword = card.split(None, 1)[0].lower()
        if keyword == ".subckt":
            body = [card]
        elif keyword == ".ends" and body is not None:
            subcircuit = _subcircuit([*body, card], prefix)
            subcircuits[subcircuit.name] = subcircuit
            body = None
        elif body is not None:
            body.append(card)
        elif keyword in (".param", ".option", ".options"):
            parameters.append(card)
    comments = tuple(line for line in text.splitlines() if line.startswith("*"))
    return ModelFile("\n".join(parameters), subcircuits, comments)


def _cards(text: str) -> list[str]:
    """Cards with their continuation lines; comment and empty lines dropped (also between them)."""
    cards: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped.startswith("*"):
            continue
        if stripped.startswith("+") and cards:
            cards[-1] += "\n" + stripped
        else:
            cards.append(stripped)
    return cards


def _subcircuit(cards: list[str], prefix: str) -> Subcircuit:
    name = cards[0].split()[1]
    head: list[str] = []
    bins: list[ModelBin] = []
    tail: list[str] = []
    calls: list[str] = []
    for card in cards:
        limits = {m[1].lower(): float(m[2]) for m in _BIN_LIMIT.finditer(card)}
        if card.lower().startswith(".model") and len(limits) == 4:
            bins.append(
                ModelBin(card, limits["lmin"], limits["lmax"], limits["wmin"], limits["wmax"])
            )
            continue
        if card[0] in "xX":
            words = [w for w in card.replace("\n+", " ").split() if "=" not in w]
            calls += [w for w in words if w.startswith(prefix)]
        (tail if bins else head).append(card)
    return Subcircuit(name, "\n".join(head), tuple(bins), "\n".join(tail), tuple(calls))


def _within(value: float, low: float, high: float) -> bool:
    return low < value < high or _close(value, low) or _close(value, high)


def _close(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=1e-9)
