"""Layers and cuts of the process as the layout rooms use them: GDS numbers, rules, resistances."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from codesign.pdk.facts import facts_of


@dataclass(frozen=True)
class Layer:
    """A drawn layer: GDS layer and data type; minimum width and space in um where it has rules.

    label, pin: GDS numbers of the texts that name nets and of the shapes that mark pins on it.
    """

    name: str
    gds: tuple[int, int]
    label: tuple[int, int]
    pin: tuple[int, int]
    width_um: float = 0.0
    space_um: float = 0.0


@dataclass(frozen=True)
class Cut:
    """A contact or via: square of `size_um`, `space_um` apart.

    enclosure_um: per conductor, (one direction, the other direction).
    """

    name: str
    gds: tuple[int, int]
    size_um: float
    space_um: float
    enclosure_um: dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Technology:
    """All layers by name. `conductors` are the wiring layers from the lowest up, `via_stack` the
    cuts with the two wiring layers that each joins (licon joins diffusion or tap with li1 too).

    label_purpose, pin_purpose: GDS data types of texts and pin shapes. substrate_texts: numbers of
    texts that name the substrate. harmless, harmless_numbers: GDS numbers, and layers whatever
    their data type, of what neither conducts nor makes a device. fill: GDS numbers of conductors
    that are connected to nothing. marks: GDS numbers of areas that choose devices and rules, by
    name. boundary: of the outlines that cells abut at, if the process has such.
    """

    name: str
    grid_um: float
    layers: dict[str, Layer]
    cuts: dict[str, Cut]
    conductors: tuple[str, ...]
    via_stack: tuple[tuple[str, str, str], ...]
    label_purpose: int
    pin_purpose: int
    substrate_texts: tuple[tuple[int, int], ...]
    harmless: frozenset[tuple[int, int]]
    harmless_numbers: frozenset[int]
    boundary: tuple[int, int] | None = None
    fill: frozenset[tuple[int, int]] = frozenset()
    marks: dict[str, tuple[int, int]] = field(default_factory=dict)

    def gds(self, name: str) -> tuple[int, int]:
        """GDS layer and data type of a layer, cut or mark. KeyError for an unknown one."""
        if name in self.marks:
            return self.marks[name]
        return self.cuts[name].gds if name in self.cuts else self.layers[name].gds

    def draws_nothing(self, gds: tuple[int, int]) -> bool:
        """Whether shapes there neither conduct nor make a device: outlines, comments, and the
        label and pin purposes of every layer that has other shapes."""
        if gds in self.harmless or gds[0] in self.harmless_numbers:
            return True
        if gds[1] not in (self.label_purpose, self.pin_purpose):
            return False
        return any(self.gds(name)[0] == gds[0] for name in (*self.layers, *self.cuts))


@cache
def read_technology(folder: Path) -> Technology:
    """The layers.toml of a process. Raises ToolError when it is damaged or missing."""
    with facts_of(folder / "process.toml") as process:
        name, grid_um = str(process["process"]["name"]), float(process["grid"]["manufacturing_um"])
    with facts_of(folder / "layers.toml") as facts:
        purpose, marks, stack = facts["purpose"], facts["marks"], facts["stack"]
        layers = {
            layer: _layer(layer, record, purpose) for layer, record in facts["layer"].items()
        }
        layers |= {
            layer: _layer(layer, {"gds": gds}, purpose) for layer, gds in facts["other"].items()
        }
        return Technology(
            name=name,
            grid_um=grid_um,
            layers=layers,
            cuts={cut: _cut(cut, record) for cut, record in facts["cut"].items()},
            conductors=tuple(stack["conductors"]),
            via_stack=tuple((cut, low, high) for cut, low, high in stack["joints"]),
            label_purpose=int(purpose["label"]),
            pin_purpose=int(purpose["pin"]),
            substrate_texts=tuple(map(_pair, marks["substrate_texts"])),
            harmless=frozenset(map(_pair, marks["harmless"])),
            harmless_numbers=frozenset(map(int, marks["harmless_numbers"])),
            boundary=_pair(marks["boundary"]) if "boundary" in marks else None,
            fill=frozenset(map(_pair, marks.get("fill", []))),
            marks={mark: _pair(gds) for mark, gds in facts.get("mark", {}).items()},
        )


def _layer(name: str, record: dict[str, Any], purpose: dict[str, int]) -> Layer:
    gds = _pair(record["gds"])
    return Layer(
        name,
        gds,
        (gds[0], int(purpose["label"])),
        (gds[0], int(purpose["pin"])),
        float(record.get("width_min_um", 0.0)),
        float(record.get("space_min_um", 0.0)),
    )


def _cut(name: str, record: dict[str, Any]) -> Cut:
    return Cut(
        name,
        _pair(record["gds"]),
        float(record["size_um"]),
        float(record["space_um"]),
        {layer: (float(a), float(b)) for layer, (a, b) in record["enclosure_um"].items()},
    )


def _pair(values: list[int]) -> tuple[int, int]:
    first, second = values
    return int(first), int(second)
