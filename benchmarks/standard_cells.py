"""Every cell of a folder of layouts and netlists: extraction, comparison, design rules.

    python -m benchmarks.standard_cells FOLDER [--every N]

FOLDER is searched for GDS files; a cell's netlists are files of its name with `.spice` and `.cdl`
beside it, of which one must match. Each cell is extracted in modes none, c and rc, compared with
its netlists, and checked against the design rules (of a cell alone: rules that it fulfils in its
place only are told apart). Prints one JSON document: counts, and a line for every cell that was
refused, does not match, or violates a rule.
"""

from __future__ import annotations

import json
import sys
import tempfile
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from codesign.errors import CheckFailed, InputError
from codesign.layout.drc import check_drc
from codesign.layout.extract import extract_circuit
from codesign.layout.lvs import compare, read_circuit

# Rules that a cell fulfils only in its place: the row's tap cells, implants that abut, and pads of
# met1 that the supply's wires complete.
OF_THE_ROW = frozenset({"LU.2", "LU.3", "nwell.4", "nsd.10a", "psd.10b", "m1.6"})
MODES = ("none", "c", "rc")


@dataclass
class Tally:
    """What was found, cell by cell."""

    cells: int = 0
    extracted: Counter[str] = field(default_factory=Counter)
    refused: dict[str, str] = field(default_factory=dict)
    matched: Counter[str] = field(default_factory=Counter)
    without_netlist: list[str] = field(default_factory=list)
    differ: dict[str, str] = field(default_factory=dict)
    clean: int = 0
    violations: Counter[str] = field(default_factory=Counter)
    violating: dict[str, list[str]] = field(default_factory=dict)
    of_the_row: Counter[str] = field(default_factory=Counter)

    def as_json(self, folder: Path) -> dict[str, Any]:
        return {
            "benchmark": "standard_cells",
            "folder": folder.name,
            "cells": self.cells,
            "extracted": dict(self.extracted),
            "refused": self.refused,
            "lvs_matched": sum(self.matched.values()),
            "lvs_matched_by": dict(self.matched),
            "lvs_without_netlist": self.without_netlist,
            "lvs_differ": self.differ,
            "drc_clean": self.clean,
            "drc_violations": dict(self.violations.most_common()),
            "drc_cells": self.violating,
            "drc_in_its_place_only": dict(self.of_the_row.most_common()),
            "holds": not self.differ and not self.violating and bool(self.matched),
        }


def layouts(folder: Path) -> Iterator[Path]:
    """GDS files, each cell once."""
    seen = set()
    for path in sorted(folder.rglob("*.gds")):
        if path.stem not in seen:
            seen.add(path.stem)
            yield path


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def check_extraction(path: Path, tally: Tally) -> Any:
    """The circuit of mode none, after all three modes; None where it was refused."""
    circuit = None
    for mode in MODES:
        try:
            found = extract_circuit(path, path.stem, mode=mode)
        except InputError as error:
            tally.refused[path.stem] = one_line(error).replace(str(path), path.name)
            return None
        tally.extracted[mode] += 1
        circuit = circuit or found
    return circuit


def check_match(path: Path, circuit: Any, library: Path, tally: Tally) -> None:
    """Compare with the cell's netlists, `.spice` and then `.cdl`, until one matches."""
    netlists = [p for p in map(path.with_suffix, (".spice", ".cdl")) if p.is_file()]
    if not netlists:
        tally.without_netlist.append(path.stem)
        return
    found = []
    for netlist in netlists:
        try:
            report = compare(circuit, schematic(netlist, path.stem, library))
        except (InputError, CheckFailed) as error:
            found.append(one_line(error).replace(str(path.parent), ""))
            continue
        if report.match:
            tally.matched[netlist.suffix] += 1
            return
        found.append("; ".join(problem.text for problem in report.problems[:2]))
    tally.differ[path.stem] = found[0]


def schematic(netlist: Path, cell: str, library: Path) -> Any:
    """The cell's netlist; with all those of the library where it lacks cells that it places."""
    try:
        return read_circuit(netlist, cell)
    except InputError:
        texts = {p.stem: p.read_text() for p in sorted(library.rglob(f"*{netlist.suffix}"))}
        last = texts.pop(netlist.stem)
        with tempfile.TemporaryDirectory() as folder:
            together = Path(folder) / netlist.name
            together.write_text("\n".join((*texts.values(), last)))
            return read_circuit(together, cell)


def check_rules(path: Path, tally: Tally) -> None:
    report = check_drc(path, path.stem)
    row = {rule: count for rule, count in report.counts.items() if rule in OF_THE_ROW}
    own = {rule: count for rule, count in report.counts.items() if rule not in OF_THE_ROW}
    tally.of_the_row.update(row)
    tally.violations.update(own)
    if own:
        tally.violating[path.stem] = [f"{rule}: {count}" for rule, count in own.items()]
    else:
        tally.clean += 1


def main(arguments: list[str] | None = None) -> int:
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1, help="check each N-th cell only")
    options = parser.parse_args(arguments)
    tally = Tally()
    for path in list(layouts(options.folder))[:: options.every]:
        tally.cells += 1
        circuit = check_extraction(path, tally)
        if circuit is not None:
            check_match(path, circuit, options.folder, tally)
        check_rules(path, tally)
    json.dump(tally.as_json(options.folder), sys.stdout, indent=1)
    print()
    return 0 if tally.cells else 1


if __name__ == "__main__":
    raise SystemExit(main())
