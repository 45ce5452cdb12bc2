"""What a comparison of layout and schematic found, in words and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from os import PathLike

from codesign.files import write_atomic

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Problem:
    """One difference. `layout` and `schematic` name the nets, devices or pins concerned.

    kind: missing pin, extra pin, swapped pins, short, open, missing device, extra device, wrong
    size, wrong model, wrong connection, net, other. The last three may be consequences of others.
    """

    kind: str
    text: str
    layout: tuple[str, ...] = ()
    schematic: tuple[str, ...] = ()


@dataclass(frozen=True)
class LVSReport:
    """Result of a comparison. `nets` and `devices` pair names of the layout with names of the
    schematic: all of them after a match (`engine` klayout), else those that could be paired."""

    cell: str
    engine: str
    match: bool
    device_count: tuple[int, int]
    net_count: tuple[int, int]
    problems: tuple[Problem, ...] = ()
    nets: dict[str, str] = field(default_factory=dict)
    devices: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def of(self, kind: str) -> tuple[Problem, ...]:
        """The problems of one kind."""
        return tuple(problem for problem in self.problems if problem.kind == kind)

    def text(self, limit: int = 40) -> str:
        """The report for people, at most `limit` problems."""
        devices, nets = self.device_count, self.net_count
        sizes = (
            f"{devices[0]} devices, {nets[0]} nets in the layout; "
            f"{devices[1]} devices, {nets[1]} nets in the schematic ({self.engine})"
        )
        verdict = "match" if self.match else f"do not match, {len(self.problems)} differences"
        lines = [f"{self.cell}: layout and schematic {verdict}", f"  {sizes}"]
        lines += [f"  {note}" for note in self.notes]
        lines += [f"{problem.kind}: {problem.text}" for problem in self.problems[:limit]]
        if len(self.problems) > limit:
            lines.append(f"and {len(self.problems) - limit} more")
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """The public form (lvs.json)."""
        return {
            "schema_version": SCHEMA_VERSION,
            "cell": self.cell,
            "engine": self.engine,
            "match": self.match,
            "devices": {"layout": self.device_count[0], "schematic": self.device_count[1]},
            "nets": {"layout": self.net_count[0], "schematic": self.net_count[1]},
            "problems": [
                {
                    "kind": problem.kind,
                    "text": problem.text,
                    "layout": list(problem.layout),
                    "schematic": list(problem.schematic),
                }
                for problem in self.problems
            ],
            "notes": list(self.notes),
        }


def write_lvs_json(report: LVSReport, path: str | PathLike[str]) -> None:
    """Write the report's public form."""
    write_atomic(path, json.dumps(report.as_json(), indent=1) + "\n")
