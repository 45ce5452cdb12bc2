"""Layers and cuts of the process as the layout rooms use them: GDS numbers, rules, resistances."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from codesign.errors import ToolError
from codesign.resources import resource_dir

# Purposes (GDS data types) of texts and pin shapes, on the number of their layer.
LABEL_PURPOSE = 5
PIN_PURPOSE = 16


@dataclass(frozen=True)
class Layer:
    """A drawn layer: GDS layer and data type; minimum width and space in um where it has rules."""

    name: str
    gds: tuple[int, int]
    width_um: float = 0.0
    space_um: float = 0.0

    @property
    def label(self) -> tuple[int, int]:
        """GDS numbers of the texts that name nets on this layer."""
        return (self.gds[0], LABEL_PURPOSE)

    @property
    def pin(self) -> tuple[int, int]:
        """GDS numbers of the shapes that mark pins on this layer."""
        return (self.gds[0], PIN_PURPOSE)


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
    """All layers by name. `conductors` are the wiring layers from the lowest up."""

    name: str
    grid_um: float
    layers: dict[str, Layer]
    cuts: dict[str, Cut]

    conductors = ("poly", "li1", "met1", "met2", "met3", "met4", "met5")
    # Cut and the wiring layers it joins; licon joins poly, diffusion or tap with li1.
    via_stack = (
        ("licon", "poly", "li1"),
        ("mcon", "li1", "met1"),
        ("via", "met1", "met2"),
        ("via2", "met2", "met3"),
        ("via3", "met3", "met4"),
        ("via4", "met4", "met5"),
    )

    def gds(self, name: str) -> tuple[int, int]:
        """GDS layer and data type of a layer or cut. KeyError for an unknown one."""
        return self.cuts[name].gds if name in self.cuts else self.layers[name].gds

    @staticmethod
    @cache
    def sky130() -> Technology:
        """sky130, from pdk/sky130/layers.toml. Raises ToolError when the file is unreadable."""
        folder = resource_dir("pdk") / "sky130"
        facts, process = _read(folder / "layers.toml"), _read(folder / "process.toml")
        layers = {
            name: Layer(
                name,
                _pair(record["gds"]),
                float(record.get("width_min_um", 0.0)),
                float(record.get("space_min_um", 0.0)),
            )
            for name, record in facts["layer"].items()
        }
        layers |= {name: Layer(name, _pair(gds)) for name, gds in facts["other"].items()}
        cuts = {
            name: Cut(
                name,
                _pair(record["gds"]),
                record["size_um"],
                record["space_um"],
                {layer: (float(a), float(b)) for layer, (a, b) in record["enclosure_um"].items()},
            )
            for name, record in facts["cut"].items()
        }
        grid_um = float(process["grid"]["manufacturing_um"])
        return Technology(process["process"]["name"], grid_um, layers, cuts)


def _pair(values: list[int]) -> tuple[int, int]:
    first, second = values
    return int(first), int(second)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ToolError(
            f"cannot read the process facts {path}: {error}", remedy="reinstall codesign"
        ) from error
