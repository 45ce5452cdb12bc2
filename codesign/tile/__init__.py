"""The tile circuit in torch: IR-drop, pulse widths, converters, device noise."""

from codesign.tile.adc import AdcParameters, convert_charge
from codesign.tile.calibration import ColumnCalibration, calibrate_columns
from codesign.tile.charge import ideal_charge, tile_charge
from codesign.tile.devices import drift_exponents, drifted, flicker_sigma, program
from codesign.tile.noise import draw_read_noise, read_noise_sigma
from codesign.tile.parameters import TileError, TileParameters
from codesign.tile.setting import Setting, load_number, pick_setting

__all__ = [
    "AdcParameters",
    "ColumnCalibration",
    "Setting",
    "TileError",
    "TileParameters",
    "calibrate_columns",
    "convert_charge",
    "draw_read_noise",
    "drift_exponents",
    "drifted",
    "flicker_sigma",
    "ideal_charge",
    "load_number",
    "pick_setting",
    "program",
    "read_noise_sigma",
    "tile_charge",
]
