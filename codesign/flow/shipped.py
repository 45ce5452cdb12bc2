"""Inputs of a step: made by an earlier step, or shipped where no simulator is installed."""

from __future__ import annotations

from pathlib import Path

from codesign.designs import DesignFile
from codesign.flow.tools import inspect
from codesign.resources import resource_dir


def find_input(
    run_dir: Path, design: DesignFile, name: str, shipped: dict[str, str]
) -> Path | None:
    """The file to read for input `name`, None when there is none.

    A file in the run directory always wins. The shipped one stands in only where ngspice is not
    installed: with a simulator the flow starts from raw decks.
    """
    own = run_dir / name
    if own.exists():
        return own
    if name in shipped and not inspect("ngspice").found:
        folder = resource_dir("characterization")
        stand_in = folder / shipped[name].format(design=design.name)
        if stand_in.is_file():
            return stand_in
    return None
