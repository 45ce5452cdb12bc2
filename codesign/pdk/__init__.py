"""The process: a folder of facts, and its model library (found, installed, trimmed to a deck)."""

from codesign.pdk.conditions import Conditions, Corner, Device, Interconnect, Variation
from codesign.pdk.facts import DEFAULT_PROCESS, known_processes, process_folder
from codesign.pdk.install import install_library, where
from codesign.pdk.library import LibraryLocation, ModelLibrary
from codesign.pdk.parasitics import ParasiticTable
from codesign.pdk.process import DeviceFacts, Process, default_process
from codesign.pdk.resistances import ResistanceTable
from codesign.pdk.rules import Rule, RuleTable
from codesign.pdk.technology import Technology

__all__ = [
    "DEFAULT_PROCESS",
    "Conditions",
    "Corner",
    "Device",
    "DeviceFacts",
    "Interconnect",
    "LibraryLocation",
    "ModelLibrary",
    "ParasiticTable",
    "Process",
    "ResistanceTable",
    "Rule",
    "RuleTable",
    "Technology",
    "Variation",
    "default_process",
    "install_library",
    "known_processes",
    "process_folder",
    "where",
]
