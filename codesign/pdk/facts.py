"""Where a process is, and its tables: a folder of TOML files, read by this module alone."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from codesign.errors import InputError, ToolError
from codesign.resources import resource_dir

# The process of a design that names none.
DEFAULT_PROCESS = "sky130"
SEARCH_VARIABLE = "CODESIGN_PDK"
_PROCESS_FILE = "process.toml"
_REMEDY = "correct it (docs: a process), or install codesign again where it is a shipped one"


def process_folder(name: str | Path) -> Path:
    """The folder of a process, absolute.

    A shipped one by its name, else a folder by its path, else a folder of that name in one of
    `$CODESIGN_PDK` (separated as in PATH). Raises InputError, listing the known ones.
    """
    text = str(name)
    candidates = [Path(text)]
    if text and not isinstance(name, Path) and Path(text).name == text:
        shipped = resource_dir("pdk") / text
        candidates = [shipped, Path(text), *(folder / text for folder in _search_path())]
    for folder in candidates:
        if (folder / _PROCESS_FILE).is_file():
            return folder.resolve()
    raise InputError(
        f"there is no process {text!r}"
        + ("" if len(candidates) > 1 else f": {text} is no folder with a {_PROCESS_FILE}"),
        remedy=f"known are {', '.join(known_processes())}; for one of your own give the path of "
        f"its folder, or name in ${SEARCH_VARIABLE} the folder it lies in",
    )


def known_processes() -> tuple[str, ...]:
    """Names of the shipped processes and of those in `$CODESIGN_PDK`."""
    roots = (resource_dir("pdk"), *_search_path())
    found = (path.parent.name for root in roots for path in sorted(root.glob(f"*/{_PROCESS_FILE}")))
    return tuple(dict.fromkeys(found))


def _search_path() -> tuple[Path, ...]:
    listed = os.environ.get(SEARCH_VARIABLE, "").split(os.pathsep)
    return tuple(Path(folder) for folder in listed if folder)


@cache
def read_facts(path: Path) -> dict[str, Any]:
    """A table of a process, read once: callers must not change it. Raises ToolError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ToolError(f"cannot read the process facts {path}: {error}", remedy=_REMEDY) from error


@contextmanager
def facts_of(path: Path) -> Iterator[dict[str, Any]]:
    """The table for a block that makes records of it; what the block cannot use is a ToolError
    that names the file."""
    facts = read_facts(path)
    try:
        yield facts
    except KeyError as error:
        raise ToolError(f"{path} lacks the key {error}", remedy=_REMEDY) from error
    except (AttributeError, IndexError, TypeError, ValueError, StopIteration) as error:
        raise ToolError(f"{path} cannot be used: {error}", remedy=_REMEDY) from error
