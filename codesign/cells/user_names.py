"""Names of a user's nets and elements as they are written out."""

from __future__ import annotations

import re
from collections.abc import Collection

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*\Z")
_VOLTAGE = re.compile(r"\bv\(\s*([^(),\s]+)\s*(?:,\s*([^(),\s]+)\s*)?\)", re.IGNORECASE)
_CURRENT = re.compile(r"\bi\(\s*([^(),\s]+)\s*\)", re.IGNORECASE)
# What a simulator takes for its own ground.
GROUNDS = frozenset({"0", "gnd"})


def plain_name(name: str) -> str:
    """A net's name as it is written out: an identifier that no simulator takes for its ground."""
    lower = name.lower()
    if _IDENTIFIER.match(lower) and lower not in GROUNDS:
        return lower
    return "n_" + re.sub(r"[^a-z0-9_]", "_", lower)


def element_name(name: str) -> str:
    """An element's name as it is written out."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def renamed(text: str, nets: Collection[str], elements: Collection[str]) -> str:
    """An expression with the names of nets and elements as they are written out; `nets`,
    `elements`: those that there are, in lower case. Raises ValueError naming one that is not."""

    def voltage(found: re.Match[str]) -> str:
        names = [name for name in found.groups() if name]
        for name in names:
            if name.lower() not in nets:
                raise ValueError(f"net {name!r}")
        return f"v({','.join(map(plain_name, names))})"

    def current(found: re.Match[str]) -> str:
        if found[1].lower() not in elements:
            raise ValueError(f"element {found[1]!r}")
        return f"i({element_name(found[1])})"

    return _CURRENT.sub(current, _VOLTAGE.sub(voltage, text))
