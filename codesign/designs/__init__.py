"""What a design file may say: kinds of designs, each with its sections."""

from codesign.designs.base import DesignFile, ProcessParameters
from codesign.designs.load import design_kinds, load_design, register_design
from codesign.designs.network import Design, VerifyParameters
from codesign.designs.tile import TileDesign
from codesign.designs.tile_network import TileNetworkDesign

__all__ = [
    "Design",
    "DesignFile",
    "ProcessParameters",
    "TileDesign",
    "TileNetworkDesign",
    "VerifyParameters",
    "design_kinds",
    "load_design",
    "register_design",
]
