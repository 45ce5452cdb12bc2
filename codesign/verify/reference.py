"""What a design's regression compares with: characterization/<design>/regression.toml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from codesign.bench import CellViews, Setup
from codesign.cells import NetworkParameters, PhaseTiming, View
from codesign.pdk import (
    Conditions,
    Corner,
    Interconnect,
    Process,
    Variation,
    default_process,
)
from codesign.records import Record, parse_toml, read_text, validate

_CONDITIONS = ("corner", "interconnect", "temperature_C", "supply_V", "variation", "seed")


class Tolerances(Record):
    """What the check allows: rms errors in ns (cut: columns against the whole network), spikes
    missed, currents relative to their own."""

    rmse_output_ns: float
    rmse_hidden_ns: float
    cut_rms_ns: float
    spikes_missed: int
    current_relative: float
    shape_relative: float


class RegressionReference(Record):
    """characterization/<design>/regression.toml: circuit, conditions, samples (s after accumulation
    starts)."""

    name: str
    view: View
    corner: Corner
    interconnect: Interconnect
    temperature_C: float
    supply_V: float
    variation: Variation
    seed: int
    network: NetworkParameters
    timing: PhaseTiming
    warmup_s: tuple[float, ...]
    samples_s: tuple[tuple[float, ...], ...]
    tolerances: Tolerances

    def setup(self, process: Process | None = None) -> Setup:
        """What is simulated."""
        conditions = Conditions(
            corner=self.corner,
            interconnect=self.interconnect,
            temperature_C=self.temperature_C,
            supply_V=self.supply_V,
            variation=self.variation,
            seed=self.seed,
        )
        views = CellViews(
            self.view, self.interconnect, process=process or default_process()
        )
        return Setup(self.network, self.timing, conditions, views, self.name)


def read_reference(reference_dir: Path) -> RegressionReference:
    """The reference in a folder. Raises DesignError naming file and key."""
    source = reference_dir / "regression.toml"
    text = read_text(source, "regression reference", remedy="run `make reference`")
    data = parse_toml(text, str(source))
    return validate(RegressionReference, data, str(source), reference_dir)


def reference_text(reference: RegressionReference) -> str:
    """regression.toml of a reference."""
    data = reference.model_dump(mode="json")
    lines = [
        "# Written by `make reference`: what `codesign regression` simulates, and its tolerances.",
        *(f"{k} = {json.dumps(data[k])}" for k in ("name", "view", *_CONDITIONS)),
        f"warmup_s = {json.dumps(data['warmup_s'])}",
        "samples_s = [",
        *(f"  {json.dumps(row)}," for row in data["samples_s"]),
        "]",
    ]
    for table in ("tolerances", "timing", "network"):
        lines += ["", *_toml_table(table, data[table])]
    return "\n".join(lines) + "\n"


def _toml_table(name: str, values: dict[str, Any]) -> list[str]:
    plain = {k: v for k, v in values.items() if not isinstance(v, dict)}
    nested = {k: v for k, v in values.items() if isinstance(v, dict)}
    lines = [f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in plain.items())]
    for key, value in nested.items():
        lines += _toml_table(f"{name}.{key}", value)
    return lines
