"""Layout against schematic: is what was drawn what was meant, device by device and net by net."""

from codesign.layout.lvs.compare import compare
from codesign.layout.lvs.netgen import compare_with_netgen
from codesign.layout.lvs.report import LVSReport, Problem, write_lvs_json
from codesign.layout.lvs.spice_reader import read_circuit

__all__ = [
    "LVSReport",
    "Problem",
    "compare",
    "compare_with_netgen",
    "read_circuit",
    "write_lvs_json",
]
