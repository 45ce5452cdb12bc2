"""What a calibration leaves in a run directory: calibrate/<chip>/."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from codesign.bench import trained_netlist
from codesign.files import atomic_path, write_atomic
from codesign.mapping import write_knobs
from codesign.verify.chips.calibrate import Calibration, Nominal
from codesign.verify.chips.identify import Identified
from codesign.verify.chips.instrument import Instrument
from codesign.verify.chips.measured import write_spikes
from codesign.verify.chips.model import NEURON, ChipModel
from codesign.verify.metrics import classes, layer_errors

# A parameter whose error is not smaller than this share of the prior's was not measured.
KNOWN = 0.7


@dataclass(frozen=True)
class Samples:
    """Test samples: inputs (sample, input) in phases, labels, number of classes."""

    inputs: np.ndarray
    labels: np.ndarray
    n_classes: int

    def head(self, count: int) -> Samples:
        """The first of them."""
        return Samples(self.inputs[:count], self.labels[:count], self.n_classes)


def chip_metrics(
    nominal: Nominal, calibration: Calibration, chip: Instrument | None, test: Samples
) -> dict[str, Any]:
    """The content of calibrate/<chip>/metrics.json; what needs the chip is None without one.

    Errors are those of the output layer, rms in ns, a spike that one side misses counting as a
    phase; accuracies are those of the test samples.
    """
    phase_s, network = nominal.phase_s, nominal.network
    meant = network.times(test.inputs, network.nominal)[-1]
    figures: dict[str, Any] = {
        "patterns": calibration.patterns,
        "observed": "outputs" if calibration.outputs_only else "all",
        "rms_ns_nominal": None,
        "rms_ns_identified": None,
        "rms_ns_rewritten": None,
        "accuracy_nominal": _accuracy(meant, test),
        "accuracy_chip": None,
        "accuracy_rewritten": None,
    }
    if chip is None:
        return figures
    inputs_s = test.inputs * phase_s
    before = chip.spikes(nominal.layers, inputs_s, "test, nominal").layers_s[-1] / phase_s
    after = chip.spikes(calibration.knobs, inputs_s, "test, rewritten").layers_s[-1] / phase_s
    foretold = calibration.rounds[0].foretold(test.inputs)[-1]
    return figures | {
        "rms_ns_nominal": _rms_ns(meant, before, phase_s),
        "rms_ns_identified": _rms_ns(foretold, before, phase_s),
        "rms_ns_rewritten": _rms_ns(meant, after, phase_s),
        "accuracy_chip": _accuracy(before, test),
        "accuracy_rewritten": _accuracy(after, test),
    }


def _rms_ns(model: np.ndarray, chip: np.ndarray, phase_s: float) -> float | None:
    # Driven past the threshold before firing starts: fires at once, as the circuit does.
    said = np.where(model < 1, np.clip(model, 0, None), np.nan) * phase_s
    errors = layer_errors(said, chip * phase_s, np.ones(len(chip), dtype=bool), phase_s)
    return float(errors.rmse_ns) if errors.compared else None


def _accuracy(times: np.ndarray, test: Samples) -> float:
    fired = np.where(times < 1, times, np.inf)
    return float(np.mean(classes(fired, test.n_classes) == test.labels))


def parameter_table(model: ChipModel, found: Identified) -> pd.DataFrame:
    """A row per parameter of the chip: layer, neuron, parameter (`gain`, `capacitance`, `offset`,
    `slope`), input (of a gain), value, standard_error, prior_deviation, known."""
    rows = []
    for layer, (weight, values, errors, prior) in enumerate(
        zip(model.weights, found.values, found.errors, found.prior, strict=True), start=1
    ):
        n_in = weight.shape[1]
        for (neuron, k), value in np.ndenumerate(values):
            deviation = prior[neuron, k]
            if deviation == 0:
                continue
            rows.append(
                {
                    "layer": layer,
                    "neuron": neuron + 1,
                    "parameter": "gain" if k < n_in else NEURON[k - n_in],
                    "input": k + 1 if k < n_in else None,
                    "value": value,
                    "standard_error": errors[neuron, k],
                    "prior_deviation": deviation,
                    "known": bool(errors[neuron, k] < KNOWN * deviation),
                }
            )
    table = pd.DataFrame(rows)
    table["input"] = table["input"].astype("Int64")
    return table


def unknown(table: pd.DataFrame, most: int = 8) -> list[str]:
    """What the patterns did not tell: sentences that name the synapses and neurons.

    Capacitances are left out: they and the currents of a neuron act alike, whatever is measured.
    """
    doubts = []
    missed = table[~table["known"] & (table["parameter"] != "capacitance")]
    for parameter, own in missed.groupby("parameter", sort=False):
        names = [
            f"{row.layer}/{row.neuron}" + (f" from {row.input}" if parameter == "gain" else "")
            for row in own.itertuples()
        ]
        total = int((table["parameter"] == parameter).sum())
        shown = ", ".join(names[:most]) + ", ..." * (len(names) > most)
        what = "currents of synapses" if parameter == "gain" else f"{parameter}s of neurons"
        doubts.append(
            f"{len(names)} of {total} {what} cannot be known from these patterns "
            f"(layer/neuron {shown})"
        )
    return doubts


def refused(found: Identified, patterns: Sequence[int]) -> list[str]:
    """Patterns whose spikes the others contradict."""
    bad = sorted({patterns[int(k)] for x in found.refused for k in np.flatnonzero(x.any(axis=1))})
    if not bad:
        return []
    count = sum(int(x.sum()) for x in found.refused)
    shown = ", ".join(map(str, bad[:8])) + ", ..." * (len(bad) > 8)
    return [
        f"{count} spike times do not fit what all others say and were left out (patterns {shown})"
    ]


def write_calibration(
    folder: Path, nominal: Nominal, calibration: Calibration, metrics: dict[str, Any]
) -> pd.DataFrame:
    """Write metrics.json, parameters.csv, biases.csv, the netlist and what was measured; returns
    the parameters found."""
    folder.mkdir(parents=True, exist_ok=True)
    first, setup = calibration.rounds[0], nominal.setup
    table = parameter_table(first.model, first.found)
    with atomic_path(folder / "parameters.csv") as temporary:
        table.to_csv(temporary, index=False, float_format="%.9g")
    units = {p: "V" if k.is_bias else k.unit for p, k in setup.synapse.knobs.items()}
    write_knobs(folder / "biases.csv", calibration.knobs, units)
    netlist = trained_netlist(setup, [knobs.values for knobs in calibration.knobs])
    write_atomic(folder / f"{setup.name}.trained.spice", netlist)
    for number, one in enumerate(calibration.rounds, start=1):
        shown = np.where(one.inputs_s < nominal.phase_s, one.inputs_s, np.inf)
        write_spikes(folder / f"spikes_{number}.csv", shown, one.layers_s)
    write_atomic(folder / "metrics.json", json.dumps(metrics, indent=1, allow_nan=False) + "\n")
    return table
