"""Layout against schematic with the program netgen-lvs.

By itself it reports a match, and exits with 0, when pins are exchanged or sizes differ: see
`netgen_files` for what it is given, and `netgen_report` for how its answer is read.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codesign.errors import MissingToolError, ToolError
from codesign.layout.circuit import FlatCircuit
from codesign.layout.lvs.netgen_files import CELL, NetgenInput, netgen_input
from codesign.layout.lvs.netgen_report import netgen_problems, swapped_pins, verdict
from codesign.layout.lvs.pins import exchangeable_pins, pin_problems
from codesign.layout.lvs.prepare import device_nets, prepared
from codesign.layout.lvs.reductions import Level, levels
from codesign.layout.lvs.report import LVSReport, Problem
from codesign.pdk import Process, default_process
from codesign.processes import run_program

ENGINE = "netgen"
NETGEN_VARIABLE = "CODESIGN_NETGEN"
_NAMES = ("netgen-lvs", "netgen")


@dataclass(frozen=True)
class Netgen:
    """The netgen program of layout against schematic (there is a mesh generator of that name)."""

    path: Path

    @classmethod
    def find(cls) -> Netgen:
        """`$CODESIGN_NETGEN`, else `netgen-lvs` or `netgen` on the PATH. Raises
        MissingToolError."""
        wanted = os.environ.get(NETGEN_VARIABLE)
        found = next(filter(None, map(shutil.which, [wanted] if wanted else _NAMES)), None)
        if found is None:
            what = f"{NETGEN_VARIABLE}={wanted} is no program" if wanted else "not on the PATH"
            raise MissingToolError(
                f"netgen is missing ({what})",
                remedy="install it: `apt-get install netgen-lvs` (Debian, Ubuntu), "
                "or compare with --engine klayout",
            )
        return cls(Path(found))

    def version(self) -> str:
        """Version such as "1.5.133". Raises MissingToolError when it is another program."""
        answer = self._run(["-batch", "quit"], Path.cwd(), 60)
        match = re.search(r"Netgen (\d+\.\d+\.\d+)", answer)
        if match is None:
            raise MissingToolError(
                f"{self.path} is not netgen-lvs: it says {answer.strip()[:80]!r}",
                remedy="install it: `apt-get install netgen-lvs` (Debian, Ubuntu)",
            )
        return match[1]

    def compare(
        self, given: NetgenInput, setup: str, timeout_s: float
    ) -> tuple[dict[str, Any], str]:
        """Its JSON answer and its report; `setup` goes before the lines about classes of devices.
        Raises ToolError when it gives none."""
        with tempfile.TemporaryDirectory(prefix="codesign-lvs-") as scratch:
            folder = Path(scratch)
            (folder / "setup.tcl").write_text(f"{setup}\n{given.setup}")
            (folder / "layout.spice").write_text(given.layout.text)
            (folder / "schematic.spice").write_text(given.schematic.text)
            sides = [f"{name}.spice {CELL}" for name in ("layout", "schematic")]
            command = ["-batch", "lvs", *sides, "setup.tcl", "report.out", "-json"]
            log = self._run(command, folder, timeout_s)
            try:
                cells = json.loads((folder / "report.json").read_text())
                text = (folder / "report.out").read_text()
            except (OSError, ValueError) as error:
                tail = "\n  ".join(log.strip().splitlines()[-8:])
                raise ToolError(f"netgen gave no result: {error}\n  {tail}") from error
        if "errors reading the setup file" in log:
            raise ToolError("netgen did not take the set-up file of the process")
        return cells[-1], text

    def _run(self, arguments: list[str], folder: Path, timeout_s: float) -> str:
        env = {k: v for k, v in os.environ.items() if k != "DISPLAY"} | {"LC_ALL": "C"}
        command = [str(self.path), *arguments]
        try:
            done = run_program(command, folder=folder, timeout_s=timeout_s, environment=env)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolError(f"netgen ({self.path}) failed: {error}") from error
        return done.output


def compare_with_netgen(
    extracted: FlatCircuit,
    schematic: FlatCircuit,
    *,
    timeout_s: float = 600.0,
    process: Process | None = None,
) -> LVSReport:
    """As `compare`, by netgen-lvs; the report has no pairing of nets.

    `process`: whose set-up file is used, the default one unless given.
    Raises MissingToolError without netgen, ToolError when it fails.
    """
    layout, meant = prepared(extracted, schematic)
    run = _Run(Netgen.find(), process or default_process(), timeout_s)
    pins = pin_problems(layout, meant)
    tried: list[Level] = []
    matching = None
    for level in levels(layout, meant):
        if not level.may_match():
            break
        tried.append(level)
        if run.matches(level):
            matching = level
            break
    problems, notes = pins, matching.notes if matching is not None else ()
    if matching is None:
        ends = tried if len(tried) == 1 else (tried[0], tried[-1])
        notes, found = min(
            ((level.notes, run.explain(level)) for level in ends),
            key=lambda explained: len(explained[1]),
        )
        problems = (*pins, *found)
    return LVSReport(
        cell=schematic.name,
        engine=ENGINE,
        match=not problems,
        device_count=(len(extracted.devices), len(schematic.devices)),
        net_count=(len(device_nets(layout)), len(device_nets(meant))),
        problems=problems,
        notes=notes,
    )


@dataclass(frozen=True)
class _Run:
    """Comparisons by one program with one process's set-up."""

    program: Netgen
    process: Process
    timeout_s: float

    def matches(self, level: Level) -> bool:
        """Whether netgen finds the circuits equal, ports that both have on the same nets.

        Sizes are part of the devices' classes here: netgen does not sort parallel devices of
        different sizes before it compares their parameters.
        """
        answer, text = self._answer(netgen_input(level, sized=True))
        return verdict(answer, text)

    def explain(self, level: Level) -> tuple[Problem, ...]:
        """Why the circuits differ; never empty."""
        return self._swapped(level) or self._problems(level)

    def _problems(self, level: Level) -> tuple[Problem, ...]:
        given = netgen_input(level, sized=False)
        found = netgen_problems(*self._answer(given), given)
        text = "netgen finds no pairing, and names no device or net that differs"
        return found or (Problem("other", text),)

    def _swapped(self, level: Level) -> tuple[Problem, ...]:
        """Exchanged pins that explain everything: one group of pins after the other goes without
        markers, and what matches then says which were exchanged."""
        for group in exchangeable_pins(level.layout.circuit, level.schematic.circuit):
            given = netgen_input(level, sized=True, unmarked=group)
            answer, text = self._answer(given)
            if verdict(answer, text, free_pins=True):
                return swapped_pins(answer, given)
        return ()

    def _answer(self, given: NetgenInput) -> tuple[dict[str, Any], str]:
        setup = self.process.netgen_setup.read_text(encoding="utf-8")
        return self.program.compare(given, setup, self.timeout_s)
