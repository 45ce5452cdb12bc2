"""What a design rule check found, and its JSON form."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from os import PathLike

from codesign.files import write_atomic

SCHEMA_VERSION = 1
# Places printed or stored per rule; the counts are always complete.
MAX_PLACES = 1000


@dataclass(frozen=True)
class Violation:
    """A violated rule and where: (left, bottom, right, top) in um of the top cell."""

    rule: str
    box_um: tuple[float, float, float, float]


@dataclass(frozen=True)
class DRCReport:
    """Result of a check. `counts` has every violated rule with how often; `violations` the places
    (at most MAX_PLACES for each rule); `texts` says what each violated rule asks for; `unchecked`
    names layers with shapes that no rule is about."""

    cell: str
    checked: int
    counts: dict[str, int]
    violations: tuple[Violation, ...]
    texts: dict[str, str]
    unchecked: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.counts

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def places(self, rule: str) -> tuple[Violation, ...]:
        """The stored places of one rule."""
        return tuple(v for v in self.violations if v.rule == rule)

    def text(self, places_per_rule: int = 10) -> str:
        """The report for people: each violated rule, what it asks for, and where."""
        rest = f"not checked, for want of rules: layers {', '.join(self.unchecked)}"
        last = [rest] if self.unchecked else []
        if self.ok:
            return "\n".join([f"{self.cell}: no violation of {self.checked} rules", *last])
        lines = [f"{self.cell}: {self.total} violations of {len(self.counts)} rules"]
        shown: Counter[str] = Counter()
        by_rule: dict[str, list[Violation]] = {rule: [] for rule in self.counts}
        for violation in self.violations:
            by_rule[violation.rule].append(violation)
        for rule, places in by_rule.items():
            lines.append(f"{rule}: {self.counts[rule]} x {self.texts[rule]}")
            for violation in places[:places_per_rule]:
                lines.append("  ({:.3f}, {:.3f}) .. ({:.3f}, {:.3f}) um".format(*violation.box_um))
                shown[rule] += 1
            if self.counts[rule] > shown[rule]:
                lines.append(f"  and {self.counts[rule] - shown[rule]} more")
        return "\n".join([*lines, *last])

    def as_json(self) -> dict[str, object]:
        """The public form (drc.json): boxes in um."""
        return {
            "schema_version": SCHEMA_VERSION,
            "cell": self.cell,
            "ok": self.ok,
            "rules_checked": self.checked,
            "violations": self.total,
            "layers_not_checked": list(self.unchecked),
            "rules": {
                rule: {
                    "text": self.texts[rule],
                    "count": count,
                    "boxes_um": [list(v.box_um) for v in self.places(rule)],
                }
                for rule, count in self.counts.items()
            },
        }


def write_drc_json(report: DRCReport, path: str | PathLike[str]) -> None:
    """Write the report's public form."""
    write_atomic(path, json.dumps(report.as_json(), indent=1) + "\n")
