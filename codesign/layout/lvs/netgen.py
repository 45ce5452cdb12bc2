"""Layout against schematic with the program netgen-lvs.

Every port carries a marker device of its own class on both sides, so that netgen has a name to
start from in symmetric circuits, and exchanged pins are a difference of topology: by itself it
reports a match, and exits with 0, when pins are exchanged or sizes differ.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from codesign.errors import MissingToolError, ToolError
from codesign.layout.circuit import FlatCircuit
from codesign.layout.lvs.netgen_report import netgen_problems, swapped_pins
from codesign.layout.lvs.pins import exchangeable_pins
from codesign.layout.lvs.prepare import check_comparable, device_nets, merge_parallel
from codesign.layout.lvs.report import LVSReport, Problem
from codesign.pdk import Process, default_process

ENGINE = "netgen"
NETGEN_VARIABLE = "CODESIGN_NETGEN"
_CELL = "compared"
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
        self, layout: _Names, schematic: _Names, setup: Path, timeout_s: float
    ) -> tuple[dict[str, Any], str]:
        """Its JSON answer and its report, by a set-up file. Raises ToolError when it gives none."""
        with tempfile.TemporaryDirectory(prefix="codesign-lvs-") as scratch:
            folder = Path(scratch)
            (folder / "setup.tcl").write_bytes(setup.read_bytes())
            (folder / "layout.spice").write_text(layout.spice())
            (folder / "schematic.spice").write_text(schematic.spice())
            sides = [f"{side}.spice {_CELL}" for side in ("layout", "schematic")]
            command = ["-batch", "lvs", *sides, "setup.tcl", "report.out", "-json"]
            log = self._run(command, folder, timeout_s)
            try:
                cells = json.loads((folder / "report.json").read_text())
                text = (folder / "report.out").read_text()
            except (OSError, ValueError) as error:
                tail = "\n  ".join(log.strip().splitlines()[-8:])
                raise ToolError(f"netgen gave no result: {error}\n  {tail}") from error
        if "errors reading the setup file" in log:
            raise ToolError(f"netgen did not take the set-up file {setup}")
        return cells[-1], text

    def _run(self, arguments: list[str], folder: Path, timeout_s: float) -> str:
        env = {k: v for k, v in os.environ.items() if k != "DISPLAY"} | {"LC_ALL": "C"}
        try:
            done = subprocess.run(
                [str(self.path), *arguments],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolError(f"netgen ({self.path}) failed: {error}") from error
        return done.stdout


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
    extracted = extracted.called(schematic.ports)
    check_comparable(extracted, "layout")
    check_comparable(schematic, "schematic")
    run = _Run(Netgen.find(), process or default_process(), timeout_s)
    problems = run.problems(extracted, schematic)
    notes: tuple[str, ...] = ()
    if problems:
        merged = merge_parallel(extracted), merge_parallel(schematic)
        sizes = [len(circuit.devices) for circuit in (extracted, schematic)]
        if sizes != [len(circuit.devices) for circuit in merged]:
            folded = run.problems(*merged)
            if not folded:
                problems, notes = (), ("parallel transistors were taken together",)
    if problems:
        problems = run.swapped(extracted, schematic) or problems
    return LVSReport(
        cell=schematic.name,
        engine=ENGINE,
        match=not problems,
        device_count=(len(extracted.devices), len(schematic.devices)),
        net_count=(len(device_nets(extracted)), len(device_nets(schematic))),
        problems=problems,
        notes=notes,
    )


@dataclass(frozen=True)
class _Run:
    """Comparisons by one program with one process's set-up."""

    program: Netgen
    process: Process
    timeout_s: float

    def problems(self, extracted: FlatCircuit, schematic: FlatCircuit) -> tuple[Problem, ...]:
        layout, meant, answer, text = self._answer(extracted, schematic, frozenset())
        return netgen_problems(answer, text, layout.back, meant.back, self._prefix)

    def swapped(self, extracted: FlatCircuit, schematic: FlatCircuit) -> tuple[Problem, ...]:
        """Exchanged pins that explain everything: one group of pins after the other goes without
        markers, and what matches then says which were exchanged."""
        for group in exchangeable_pins(extracted, schematic):
            unmarked = frozenset(port.lower() for port in group)
            layout, meant, answer, text = self._answer(extracted, schematic, unmarked)
            if not netgen_problems(answer, text, layout.back, meant.back, self._prefix):
                return swapped_pins(answer, layout.back, meant.back)
        return ()

    @property
    def _prefix(self) -> str:
        return self.process.model_prefix

    def _answer(
        self, extracted: FlatCircuit, schematic: FlatCircuit, unmarked: frozenset[str]
    ) -> tuple[_Names, _Names, dict[str, Any], str]:
        layout, meant = (
            _Names(circuit, self._prefix, unmarked) for circuit in (extracted, schematic)
        )
        setup = self.process.netgen_setup
        return layout, meant, *self.program.compare(layout, meant, setup, self.timeout_s)


class _Names:
    """A circuit under names that netgen cannot misread: nets n0.., devices d0.., ports p_<name>.

    `back` leads to the circuit's own names.
    """

    def __init__(
        self, circuit: FlatCircuit, model_prefix: str, unmarked: frozenset[str] = frozenset()
    ) -> None:
        self.unmarked = unmarked
        ports = {port: f"p_{port.lower()}" for port in circuit.ports}
        inner = (net for net in device_nets(circuit) if net not in ports)
        nets = ports | {net: f"n{index}" for index, net in enumerate(inner)}
        devices = tuple(
            replace(device, name=f"d{index}") for index, device in enumerate(circuit.devices)
        )
        self.circuit = replace(
            circuit,
            name=_CELL,
            devices=devices,
            capacitors=(),
            comments=(),
            model_prefix=model_prefix,
        ).renamed(nets)
        self.back = {short: name for name, short in nets.items()}
        self.back |= {f"d{i}": device.name for i, device in enumerate(circuit.devices)}

    def spice(self) -> str:
        *body, ends = self.circuit.spice().splitlines()
        return "\n".join([f"* {_CELL}", *body, *self._markers(), ends, ".end", ""])

    def _markers(self) -> Iterator[str]:
        for port in self.circuit.ports:
            if port.removeprefix("p_") not in self.unmarked:
                yield f"Xmark_{port} {port} mark_{port}"
