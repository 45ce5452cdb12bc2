"""Which models the installed library defines, by name, without reading what they are."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from codesign.errors import MissingToolError
from codesign.pdk.library import ModelLibrary

_INCLUDE = re.compile(r"^\s*\.include\s+[\"']?([^\"'\s]+)", re.IGNORECASE | re.MULTILINE)
_DEFINED = re.compile(r"^\s*\.(?:subckt|model)\s+(\S+)", re.IGNORECASE | re.MULTILINE)


def library_names(library: ModelLibrary) -> frozenset[str] | None:
    """Subcircuits and models that the library's main file includes, in small letters; None when no
    library is installed."""
    try:
        return names_in(library.find().lib_file)
    except (MissingToolError, OSError):
        return None


@cache
def names_in(lib_file: Path) -> frozenset[str]:
    """What a library's main file and those that it includes define, in small letters."""
    main = lib_file.read_text(encoding="latin-1")
    found = set(_DEFINED.findall(main))
    for name in dict.fromkeys(_INCLUDE.findall(main)):
        path = lib_file.parent / name
        if path.is_file():
            found.update(_DEFINED.findall(path.read_text(encoding="latin-1")))
    return frozenset(name.lower() for name in found)
