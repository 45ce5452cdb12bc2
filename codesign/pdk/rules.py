"""The rule table as typed records: pdk/sky130/rules.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

from codesign.errors import ToolError
from codesign.resources import resource_dir


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

    @staticmethod
    @cache
    def sky130() -> RuleTable:
        """The table of sky130. Raises ToolError when the file is damaged or missing."""
        path = resource_dir("pdk") / "sky130" / "rules.toml"
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            rules = tuple(_rule(record, table["sources"]) for record in table["rule"])
        except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
            raise ToolError(
                f"cannot read the design rules {path}: {error}", remedy="reinstall codesign"
            ) from error
        return RuleTable(rules, dict(table["derived"]))


def _rule(record: dict[str, Any], sources: dict[str, str]) -> Rule:
    values = dict(record)
    values["source"] = sources[values["source"]]
    values["layers"] = tuple(values.pop("layers", None) or (values.pop("layer"),))
    unknown = set(values) - {field.name for field in fields(Rule)}
    if unknown:
        raise ValueError(f"rule {record['id']} has unknown keys {sorted(unknown)}")
    return Rule(**values)
