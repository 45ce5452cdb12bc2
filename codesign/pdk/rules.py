"""The design rules of a process as typed records: its rules.toml."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from codesign.pdk.facts import facts_of


@dataclass(frozen=True)
class Rule:
    """One design rule; what each kind and option means is said at the top of the table.

    value: um, um^2 for areas, degrees for angles, a ratio for aspect, corners for rectangle.
    """

    id: str
    kind: str
    text: str
    source: str
    layers: tuple[str, ...]
    other: str = ""
    value: float = 0.0
    no_overlap: bool = False
    parallel: bool = False
    abutting: bool = False
    opposite: bool = False
    coinciding: bool = False
    butting: str = ""
    on: bool = False
    than_um: float = 0.0
    plate_um: float = 0.0
    square: bool = False
    inside_um: float = 0.0
    length_um: float = 0.0
    outside: str = ""

    @property
    def layer(self) -> str:
        """The layer of a rule about one layer."""
        return self.layers[0]


@dataclass(frozen=True)
class RuleTable:
    """All rules in the order of the table, and how derived layers are made."""

    rules: tuple[Rule, ...]
    derived: dict[str, str]

    def __getitem__(self, rule_id: str) -> Rule:
        return next(rule for rule in self.rules if rule.id == rule_id)


@cache
def read_rules(folder: Path) -> RuleTable:
    """The rules.toml of a process. Raises ToolError when it is damaged or missing."""
    with facts_of(folder / "rules.toml") as table:
        rules = tuple(_rule(record, table["sources"]) for record in table["rule"])
        return RuleTable(rules, dict(table["derived"]))


def _rule(record: dict[str, Any], sources: dict[str, str]) -> Rule:
    values = dict(record)
    values["source"] = sources[values["source"]]
    values["layers"] = tuple(values.pop("layers", None) or (values.pop("layer"),))
    unknown = set(values) - {field.name for field in fields(Rule)}
    if unknown:
        raise ValueError(f"rule {record['id']} has unknown keys {sorted(unknown)}")
    return Rule(**values)
