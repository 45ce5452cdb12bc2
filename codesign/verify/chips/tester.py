"""A chip that a tester measured: identified from its table, and what to write into it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from codesign.errors import DataError
from codesign.mapping import read_knobs, weights_of
from codesign.verify.chips.calibrate import (
    NOISE_S,
    Calibration,
    Nominal,
    identified_round,
)
from codesign.verify.chips.measured import read_spikes
from codesign.verify.chips.model import ChipModel
from codesign.verify.chips.patterns import choose_patterns
from codesign.verify.chips.priors import chip_prior

# A chip's own model leaves tenths of a ns. Times of another network, or of samples that were mixed
# up, leave tens.
_FOREIGN_S, _FOREIGN_SHARE = 3e-9, 0.25


def calibrate_measured(
    nominal: Nominal, table: Path, written: Path | None = None
) -> tuple[Calibration, tuple[int, ...], list[str]]:
    """The calibration that a table of spike times allows, names of its patterns, and doubts.

    written: the table of knobs that the chip had (mapping/biases.csv unless given). Raises
    DataError for spike times that are not those of this network.
    """
    layers = nominal.layers if written is None else read_knobs(written)
    sizes = [len(k.weight) for k in layers]
    network = nominal.setup.network
    if sizes != list(network.layers[1:]):
        raise DataError(
            f"{written} has layers of {sizes} neurons, the design {list(network.layers[1:])}",
            remedy="give the knobs of this design",
        )
    phase_s = nominal.phase_s
    found = read_spikes(table, network.layers, phase_s)
    prior = chip_prior(nominal.setup, nominal.model, layers)
    model = ChipModel(tuple(weights_of(layers, nominal.model)), nominal.network.params)
    one = identified_round(nominal, found.observed, model, layers, prior)
    doubts = list(found.doubts)
    left_s = one.found.scale * phase_s
    shares = [
        float(bad.sum() / max(np.isfinite(r).sum(), 1))
        for bad, r in zip(one.found.refused, one.found.residual, strict=True)
    ]
    if left_s > _FOREIGN_S or max(shares) > _FOREIGN_SHARE:
        raise DataError(
            f"{table}: the chip that fits best leaves {left_s * 1e9:.3g} ns of its spike times and "
            f"contradicts {100 * max(shares):.0f} % of a layer's, where a chip of this design "
            "leaves tenths: they are of another network, of other knobs, or of other input "
            "patterns than the table says",
            remedy="check which chip, biases and patterns were measured (layer 0 is what was "
            "shown); give its knobs with --written if they are not those of the mapping",
        )
    seen = [np.isfinite(t) for t in found.observed.layers]
    for number, (mask, times) in enumerate(zip(seen, found.observed.layers, strict=True), start=1):
        if np.isnan(times).all():
            continue
        quiet = [str(k + 1) for k in np.flatnonzero(~mask.any(axis=0))]
        if quiet:
            doubts.append(f"layer {number}: neurons {', '.join(quiet)} never fired")
    outputs_only = not found.observed.all_seen
    return Calibration((one,), outputs_only), found.patterns, doubts


def patterns_for(nominal: Nominal, count: int, seed: int, outputs_only: bool) -> np.ndarray:
    """Input patterns (count, inputs) in s to show a chip with the nominal knobs; inf where an input
    is left out."""
    network = nominal.network
    prior = chip_prior(nominal.setup, nominal.model, nominal.layers)
    rng = np.random.default_rng(seed)
    noise = NOISE_S / nominal.phase_s
    inputs = choose_patterns(network, prior, count, noise, rng, outputs_only)
    return np.where(inputs < 1, inputs * nominal.phase_s, np.inf)
