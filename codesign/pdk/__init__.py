"""The process: facts about sky130, and its model library (found, installed, trimmed to a deck)."""

from codesign.pdk.conditions import Conditions, Corner, Device, Interconnect, Variation
from codesign.pdk.library import LibraryLocation, install_library, where
from codesign.pdk.process import DeviceFacts, Process, default_process

__all__ = [
    "Conditions",
    "Corner",
    "Device",
    "DeviceFacts",
    "Interconnect",
    "LibraryLocation",
    "Process",
    "Variation",
    "default_process",
    "install_library",
    "where",
]
