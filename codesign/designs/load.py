"""Kinds of design files, and reading one of any kind."""

from __future__ import annotations

from pathlib import Path

from codesign.designs.base import DesignFile
from codesign.errors import DesignError
from codesign.records import parse_toml, read_text

_KINDS: dict[str, type[DesignFile]] = {}
_DEFAULT = "network"


def register_design(kind: type[DesignFile]) -> type[DesignFile]:
    """Make a kind of design known by its `kind_name`; usable as a class decorator."""
    _KINDS[kind.kind_name] = kind
    return kind


def design_kinds() -> dict[str, type[DesignFile]]:
    """All kinds by name, that of files without a `kind` first."""
    return dict(sorted(_KINDS.items(), key=lambda item: item[0] != _DEFAULT))


def load_design(path: Path) -> DesignFile:
    """The design in a file: a network's, or what it says with `kind`.

    Raises DesignError naming file, key and what is allowed.
    """
    text = read_text(
        path, "design file", remedy="write one with `codesign init NAME`, or correct the path"
    )
    table = parse_toml(text, str(path))
    kind = table.get("kind", _DEFAULT)
    known = isinstance(kind, str) and kind in _KINDS
    if not known or (kind == _DEFAULT and "kind" in table):
        allowed = ", ".join(f'"{name}"' for name in design_kinds() if name != _DEFAULT)
        raise DesignError(
            f"{path}: kind: {kind!r} is not allowed here; allowed: {allowed}, or none for a "
            "network",
            remedy="a kind of your own comes from the plugin that registers it: "
            "codesign --plugin FILE (docs/extending.md)",
        )
    return _KINDS[kind].from_text(text, str(path))
