"""A new design file: the shipped one, commented as it is, under another name."""

from __future__ import annotations

import re
from pathlib import Path

from codesign.errors import InputError
from codesign.records import NAME_PATTERN
from codesign.resources import resource_dir


def design_template(name: str) -> str:
    """Text of a design file called `name`. Raises InputError when it is no name."""
    if not re.fullmatch(NAME_PATTERN, name) or len(name) > 64:
        raise InputError(
            f"{name!r} is not a design name",
            remedy="start with a letter; use letters, digits and underscores only, 64 at most",
        )
    text = (resource_dir("designs") / "iris.toml").read_text(encoding="utf-8")
    body = text[text.index("\nname = ") + 1 :]
    header = (
        f"# Design file of codesign: edit it, then run `codesign run {name}.toml`.\n"
        '# Quantities carry their unit ("1us", "140fF"); a plain number is in SI units.\n'
        "# Whatever is left out keeps its default: `codesign keys` lists every key.\n\n"
    )
    return header + re.sub(r'^name = ".*"', f'name = "{name}"', body, count=1, flags=re.MULTILINE)


def write_design_file(name: str, path: Path) -> Path:
    """Write a new design file. Raises InputError when `path` exists."""
    text = design_template(name)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise InputError(
            f"{path} exists already", remedy="choose another name, or another path with --output"
        ) from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from error
    return path
