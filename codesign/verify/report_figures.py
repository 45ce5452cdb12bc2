"""Figures of the verification report: waveforms, error histograms, training history."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from codesign.characterize.model import FittedModel
from codesign.figures import BLUE, GREY, ORANGE, new_figure, tidy
from codesign.mapping import weights_of
from codesign.pnn import membrane_waveform
from codesign.verify.result import MappingResult, Verification

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#999999", "#F0E442")


def worst_and_typical(mapping: MappingResult) -> tuple[int, int]:
    """Index of the sample with the largest rms error over all layers, and of the median one."""
    squares = np.concatenate([layer.error_s**2 for layer in mapping.errors], axis=1)
    count = np.isfinite(squares).sum(axis=1)
    error = np.where(count > 0, np.nansum(squares, axis=1) / np.maximum(count, 1), -1.0)
    order = np.argsort(error)
    usable = order[error[order] >= 0]
    if not len(usable):
        return 0, 0
    return int(usable[-1]), int(usable[len(usable) // 2])


def waveforms(verification: Verification, mapping: MappingResult, model: FittedModel) -> Figure:
    """Membranes and spikes, model over SPICE: worst sample above, typical one below."""
    chosen = worst_and_typical(mapping)
    layers = len(mapping.errors)
    figure = new_figure(5.2 * layers, 7.4)
    grid = figure.subplots(2, layers, squeeze=False)
    for row, sample, which in zip(grid, chosen, ("worst", "typical"), strict=True):
        for layer, axes in enumerate(row, start=1):
            _membranes(axes, verification, mapping, model, sample, layer)
            number = verification.samples[sample]
            tidy(axes, "time in the layer's frame, ns", "membrane, V")
            axes.set_title(f"{which} sample (row {number}), layer {layer}", loc="left", fontsize=10)
    grid[0][0].plot([], [], color=GREY, linewidth=2.5, alpha=0.5, label="SPICE membrane")
    grid[0][0].plot([], [], "--", color=GREY, linewidth=1, label="model")
    grid[0][0].plot([], [], "|", color=GREY, markersize=11, label="spike, SPICE")
    grid[0][0].plot([], [], "x", color=GREY, markersize=5, label="spike, model")
    grid[0][0].legend(frameon=False, fontsize=8, loc="lower left")
    return figure


def error_histograms(verification: Verification) -> Figure:
    """Model minus SPICE for every mapping, both hidden and output layers."""
    names = list(verification.mappings)
    figure = new_figure(4.6 * len(names), 3.4)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        mapping = verification.mappings[name]
        errors = [layer.error_s[np.isfinite(layer.error_s)] * 1e9 for layer in mapping.errors]
        hidden = np.concatenate(errors[:-1]) if len(errors) > 1 else np.array([])
        largest = max((np.abs(part).max() for part in (hidden, errors[-1]) if len(part)), default=1)
        bins = np.linspace(-largest, largest, 41)
        for part, colour, label in ((hidden, GREY, "hidden"), (errors[-1], BLUE, "output")):
            if len(part):
                rms = np.sqrt(np.mean(part**2))
                axes.hist(part, bins, color=colour, alpha=0.65, label=f"{label}: {rms:.3g} ns rms")
        tidy(axes, "model - SPICE, ns", "spikes", f"{name} mapping")
        axes.legend(frameon=False, fontsize=8)
    return figure


def model_over_spice(verification: Verification) -> Figure:
    """Output spike times, model over SPICE."""
    figure = new_figure(4.6, 4.2)
    axes = figure.subplots()
    for (name, mapping), colour in zip(
        reversed(verification.mappings.items()), (ORANGE, BLUE), strict=False
    ):
        found, said = mapping.result.t_spike_s[-1] * 1e9, mapping.model_s[-1] * 1e9
        axes.plot(found.ravel(), said.ravel(), "o", color=colour, markersize=3, label=name)
    phase = verification.setting.setup.timing.t_phase * 1e9
    axes.plot([0, phase], [0, phase], color=GREY, linewidth=0.8)
    tidy(axes, "output spike in SPICE, ns", "output spike in the model, ns")
    axes.legend(frameon=False, fontsize=8)
    return figure


def training_history(files: dict[str, Path]) -> Figure | None:
    """Loss and accuracies over epochs for every mapping whose history is there."""
    read = {name: _history(path) for name, path in files.items() if path.exists()}
    read = {name: columns for name, columns in read.items() if "epoch" in columns}
    if not read:
        return None
    figure = new_figure(9, 3.4)
    left, right = figure.subplots(1, 2)
    for (name, columns), colour in zip(read.items(), (BLUE, ORANGE), strict=False):
        epoch = columns["epoch"]
        if "loss" in columns:
            left.semilogy(epoch, columns["loss"], color=colour, label=name)
        for key, line in (("train_accuracy", "--"), ("test_accuracy", "-")):
            if key in columns:
                good = np.isfinite(columns[key])
                label = f"{name}, {key.removesuffix('_accuracy')}"
                right.plot(epoch[good], columns[key][good], line, color=colour, label=label)
    tidy(left, "epoch", "loss")
    tidy(right, "epoch", "accuracy")
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=8)
    return figure


def _membranes(axes, verification, mapping, model, sample: int, layer: int) -> None:  # type: ignore[no-untyped-def]
    timing, t_phase = verification.setting.setup.timing, model.t_phase_s
    result = mapping.result
    neurons = result.t_spike_s[layer - 1].shape[1]
    time = np.arange(result.v_mem_V.shape[-1]) * result.wave_step_s * 1e9
    start, fire = timing.t_accumulate * 1e9, timing.t_fire * 1e9
    before = verification.spikes_s if layer == 1 else mapping.model_s[layer - 2]
    spikes = np.nan_to_num(before[sample] / t_phase, nan=2.0)
    weight = weights_of(mapping.circuit.layers, model)[layer - 1]
    own = model.layers[layer - 1].forms["extended"]
    params = own.pnn
    grid = np.linspace(1e-4, params.t_end, 120)
    with torch.no_grad():
        wave = membrane_waveform(
            torch.tensor(spikes)[None], torch.tensor(weight), params, grid.tolist()
        ).numpy()[:, 0]
    for neuron in range(neurons):
        colour = _COLOURS[neuron % len(_COLOURS)]
        membrane = result.v_mem_V[sample, layer - 1, neuron]
        axes.plot(time, membrane, color=colour, linewidth=2.5, alpha=0.45)
        volts = model.v0_V - model.v_th_V * own.membrane.voltage(wave[:, neuron])
        axes.plot(start + grid * t_phase * 1e9, volts, "--", color=colour, linewidth=1)
        level = model.v0_V - model.v_th_V
        for times, marker, size in ((result.t_spike_s, "|", 11), (mapping.model_s, "x", 5)):
            spike = times[layer - 1][sample, neuron] * 1e9
            axes.plot(fire + spike, level, marker, color=colour, markersize=size)
    axes.axvspan(start, fire, color=GREY, alpha=0.08)
    axes.set_ylim(0, None)


def _history(path: Path) -> dict[str, np.ndarray]:
    with path.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    columns: dict[str, np.ndarray] = {}
    for key in rows[0] if rows else ():
        columns[key] = np.array([_number(row[key]) for row in rows])
    return columns


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")
