"""What a verification is of and what it found: typed records, the table of spikes, metrics.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from codesign.bench import Setup
from codesign.cells import View
from codesign.files import atomic_path, write_atomic
from codesign.mapping import write_mapping
from codesign.verify.ann_scale import ScaleSearch
from codesign.verify.circuit import CircuitResult, TrainedCircuit
from codesign.verify.metrics import SCHEMA_VERSION, LayerErrors

Method = Literal["columns", "whole"]


@dataclass(frozen=True)
class VerificationSetting:
    """What is verified, with how many samples, and how it is simulated.

    method: column by column, or the network as a whole; whole_samples: by columns, how many samples
    are simulated whole beside it; neurons: by columns, how many of each layer at most.
    """

    setup: Setup
    samples: int
    calibration_samples: int
    method: Method = "whole"
    whole_samples: int = 0
    neurons: int | None = None

    @property
    def name(self) -> str:
        """Name of the design."""
        return self.setup.name

    @property
    def view(self) -> str:
        """The view of the cells that is simulated."""
        return self.setup.view.value


@dataclass(frozen=True)
class MappingResult:
    """One mapping's circuit and model, in the same order of samples.

    `model_s`, `errors`: per layer; `forms`: errors of every model form (pnn mapping only).
    """

    circuit: TrainedCircuit
    result: CircuitResult
    model_s: list[np.ndarray]
    errors: list[LayerErrors]
    forms: dict[str, list[LayerErrors]]
    scale: tuple[float, ...]
    search: ScaleSearch | None
    metrics: dict[str, Any]


@dataclass(frozen=True)
class Verification:
    """Everything a report needs; `mappings` by name; `method`: how it was simulated; `cut`: columns
    against the whole network."""

    setting: VerificationSetting
    samples: np.ndarray
    spikes_s: np.ndarray
    labels: np.ndarray
    mappings: dict[str, MappingResult]
    method: str = "whole"
    cut: dict[str, Any] | None = None

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of verify/metrics.json."""
        setup = self.setting.setup
        conditions = setup.conditions
        return {
            "schema_version": SCHEMA_VERSION,
            "design": self.setting.name,
            "kind": "network",
            "views": {
                self.setting.view: {
                    "corner": conditions.corner.value,
                    "interconnect": conditions.interconnect.value,
                    "temperature_C": conditions.temperature_C,
                    "supply_V": conditions.supply_V,
                    "variation": conditions.variation.value,
                    "seed": conditions.seed,
                    "t_phase_s": setup.timing.t_phase,
                    "latency_s": latency_s(setup),
                    "samples_per_s": 1.0 / setup.timing.t_period,
                    "samples": self.setting.samples,
                    **wiring(setup),
                    "method": self.method,
                    **({} if self.cut is None else {"cut": self.cut}),
                    "mappings": {name: m.metrics for name, m in self.mappings.items()},
                }
            },
        }


def latency_s(setup: Setup) -> float:
    """From the start of the first accumulation to the end of the last firing phase."""
    timing, layers = setup.timing, len(setup.network.layers) - 1
    return timing.frame(layers - 1, 0) + timing.t_end - timing.t_accumulate


def wiring(setup: Setup) -> dict[str, str]:
    """Layout view: whether the network was extracted as one, or its cells one by one, then wired
    without the wiring's own parasitics."""
    if setup.view is not View.LAYOUT:
        return {}
    return {"extraction": "network" if setup.cell.abuts else "cells"}


def spike_table(verification: Verification) -> pd.DataFrame:
    """One row per view, mapping, sample, layer and neuron: t_model_s, t_spice_s (nan silent),
    status."""
    frames = []
    for name, mapping in verification.mappings.items():
        pairs = zip(mapping.model_s, mapping.result.t_spike_s, strict=True)
        for layer, (model_s, circuit_s) in enumerate(pairs, start=1):
            samples, neurons = model_s.shape
            frames.append(
                pd.DataFrame(
                    {
                        "view": verification.setting.view,
                        "mapping": name,
                        "sample": np.repeat(verification.samples, neurons),
                        "label": np.repeat(verification.labels, neurons),
                        "layer": layer,
                        "neuron": np.tile(np.arange(1, neurons + 1), samples),
                        "t_model_s": model_s.ravel(),
                        "t_spice_s": circuit_s.ravel(),
                        "status": np.repeat(mapping.result.status, neurons),
                    }
                )
            )
    return pd.concat(frames, ignore_index=True)


def write_verification(
    verification: Verification, run_dir: Path, compared: Sequence[Verification] = ()
) -> None:
    """Write mapping/biases.csv, the trained netlist, verify/spikes.parquet and
    verify/metrics.json. `compared`: the same network in other views, for the last two."""
    for name, mapping in verification.mappings.items():
        suffix = "" if name == "pnn" else f".{name}"
        write_mapping(run_dir, mapping.circuit.setup, mapping.circuit.layers, suffix)
    with atomic_path(run_dir / "verify" / "spikes.parquet") as temporary:
        tables = [spike_table(one) for one in (verification, *compared)]
        pd.concat(tables, ignore_index=True).to_parquet(temporary, index=False)
    metrics = verification.metrics
    for other in compared:
        metrics["views"] |= other.metrics["views"]
    text = json.dumps(metrics, indent=1, allow_nan=False) + "\n"
    write_atomic(run_dir / "verify" / "metrics.json", text)
