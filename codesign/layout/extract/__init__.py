"""Layout to netlist: devices with their junctions, nets, and parasitic capacitance and resistance.

`extract_circuit` does all of it; `audit_ports` checks the ports of what any engine extracted.
"""

from codesign.layout.extract.audit import audit_ports, port_faults, read_ports
from codesign.layout.extract.engines import run_engine, summary
from codesign.layout.extract.reader import only_top_cell
from codesign.layout.extract.reduce import RCLimits
from codesign.layout.extract.run import Mode, extract_circuit

__all__ = [
    "Mode",
    "RCLimits",
    "audit_ports",
    "extract_circuit",
    "only_top_cell",
    "port_faults",
    "read_ports",
    "run_engine",
    "summary",
]
