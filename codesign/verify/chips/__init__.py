"""Chips: what each one is, how it does, and what to write into it."""

from codesign.verify.chips.calibrate import Calibration, Nominal, Round, calibrate
from codesign.verify.chips.identify import Identified, identify
from codesign.verify.chips.instrument import Instrument, SpiceChip, Spikes, chip_setup
from codesign.verify.chips.measured import Measured, read_spikes, write_spikes
from codesign.verify.chips.model import ChipModel
from codesign.verify.chips.observed import Observed
from codesign.verify.chips.patterns import choose_patterns
from codesign.verify.chips.priors import chip_prior
from codesign.verify.chips.results import (
    Samples,
    chip_metrics,
    parameter_table,
    refused,
    unknown,
    write_calibration,
)
from codesign.verify.chips.rewrite import new_knobs, wanted_gains
from codesign.verify.chips.tester import calibrate_measured, patterns_for

__all__ = [
    "Calibration",
    "ChipModel",
    "Identified",
    "Instrument",
    "Measured",
    "Nominal",
    "Observed",
    "Round",
    "Samples",
    "SpiceChip",
    "Spikes",
    "calibrate",
    "calibrate_measured",
    "chip_metrics",
    "chip_prior",
    "chip_setup",
    "choose_patterns",
    "identify",
    "new_knobs",
    "parameter_table",
    "patterns_for",
    "read_spikes",
    "refused",
    "unknown",
    "wanted_gains",
    "write_calibration",
    "write_spikes",
]
