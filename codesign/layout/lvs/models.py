"""Models by the names that netlists give them."""

from __future__ import annotations

from dataclasses import dataclass, field

from codesign.layout.lvs.prepare import SHORT
from codesign.pdk import Process
from codesign.pdk.recognition import DeviceRule

# What a model's name says of its kind where no table does; the first that is part of it.
_PARTS = (
    ("nfet", "n"),
    ("pfet", "p"),
    ("cap_mim", "cap"),
    ("cap_var", "varactor"),
    ("res_", "res"),
    ("diode_", "diode"),
    ("npn_", "bipolar"),
    ("pnp_", "bipolar"),
)


@dataclass(frozen=True)
class Model:
    """A model's kind, the name that an extracted circuit has for it, and its width where the name
    says it."""

    kind: str
    name: str
    w_um: float | None = None


@dataclass
class Models:
    """The models of a process."""

    process: Process
    _whole: dict[str, tuple[str, str]] = field(init=False)
    _kinds: dict[str, str] = field(init=False)
    _spelled: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        rules = self.process.recognition
        tables = (
            (rules.transistors, ""),
            (rules.resistors, "res"),
            (rules.diodes, "diode"),
            (rules.varactors, "varactor"),
            (rules.bipolars, "bipolar"),
        )
        found: list[tuple[str, DeviceRule]] = [
            (kind or rule.channel, rule) for table, kind in tables for rule in table if rule.model
        ]
        self._kinds = {
            facts.name: kind
            for facts in self.process.devices
            if (kind := _kind_by_name(facts.name)) is not None
        }
        self._kinds |= {rule.model: kind for kind, rule in found}
        self._whole = {
            rule.subcircuit.lower(): (kind, rule.model) for kind, rule in found if rule.subcircuit
        }
        for between in rules.between:
            self._kinds[between.model] = "box"
            if between.subcircuit:
                self._whole[between.subcircuit.lower()] = ("box", between.model)
        # Names as the tables write them, by what a netlist in any case of letters says.
        self._spelled = {name.lower(): name for name in self._kinds}

    def is_listed(self, word: str) -> bool:
        """Whether a table of the process has the name, prefix included."""
        whole, prefix = word.lower(), self.process.model_prefix
        short = whole.removeprefix(prefix)
        return whole in self._whole or (whole != short and short in self._spelled)

    def has_body(self, name: str) -> bool:
        """Whether a resistor's model has a third node."""
        rules = self.process.recognition.resistors
        return any(rule.bulk for rule in rules if rule.model == name)

    def named(self, word: str, w_um: float = 0.0) -> Model | None:
        """The model of that name, with or without the process's prefix; `w_um`: the width of the
        device, on which a name may depend. None for what is no model of the process."""
        whole = word.lower()
        if whole in self._whole:
            return Model(*self._whole[whole])
        rules = self.process.recognition
        if any(rule.names(whole) for rule in rules.cells):
            return Model("box", whole)
        prefix = self.process.model_prefix
        short = whole.removeprefix(prefix)
        if short == SHORT:
            return Model("res", SHORT)
        short = self._spelled.get(short, short)
        name, width = rules.same_name(short, w_um)
        kind = self._kinds.get(name) or self._kinds.get(short)
        if kind is None and whole.startswith(prefix):
            kind = _kind_by_name(name)
        if kind is None:
            return None
        return Model(kind, name, width if width != w_um else None)


def _kind_by_name(name: str) -> str | None:
    return next((kind for part, kind in _PARTS if part in name), None)
