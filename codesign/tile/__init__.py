"""The tile circuit in torch: IR-drop, pulse widths, converters, device noise."""

from codesign.tile.adc import AdcParameters, convert_charge
from codesign.tile.attention import AnalogMultiheadAttention
from codesign.tile.calibrate import calibrate
from codesign.tile.calibration import ColumnCalibration, calibrate_columns
from codesign.tile.charge import ideal_charge, tile_charge
from codesign.tile.convert import analog_layers, convert, set_tile
from codesign.tile.convolution import AnalogConv2d
from codesign.tile.devices import drift_exponents, drifted, flicker_sigma, program
from codesign.tile.energy import MVMCost, TileCosts, layer_cost, model_cost, read_energy
from codesign.tile.errors import StaysDigitalWarning, TileError
from codesign.tile.layer import AnalogLayer
from codesign.tile.linear import AnalogConv1D, AnalogLinear
from codesign.tile.mapping import TileMapping
from codesign.tile.noise import draw_read_noise, read_noise_sigma
from codesign.tile.parameters import TileParameters
from codesign.tile.setting import Setting, load_number, pick_setting

__all__ = [
    "AdcParameters",
    "AnalogConv1D",
    "AnalogConv2d",
    "AnalogLayer",
    "AnalogLinear",
    "AnalogMultiheadAttention",
    "ColumnCalibration",
    "MVMCost",
    "Setting",
    "StaysDigitalWarning",
    "TileCosts",
    "TileError",
    "TileMapping",
    "TileParameters",
    "analog_layers",
    "calibrate",
    "calibrate_columns",
    "convert",
    "convert_charge",
    "draw_read_noise",
    "drift_exponents",
    "drifted",
    "flicker_sigma",
    "ideal_charge",
    "layer_cost",
    "load_number",
    "model_cost",
    "pick_setting",
    "program",
    "read_energy",
    "read_noise_sigma",
    "set_tile",
    "tile_charge",
]
