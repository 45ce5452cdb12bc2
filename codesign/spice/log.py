"""What ngspice's log says about a run.

Only these patterns count: ngspice writes harmless lines with the word "error", and its exit code is
0 after some failures.
"""

from __future__ import annotations

import re

# Ends of an analysis only: warnings of gmin and source stepping come before many a success.
_NO_CONVERGENCE = re.compile(
    r"timestep too small|no convergence in|dc solution failed|simulation\(s\) aborted|doanalyses:",
    re.IGNORECASE,
)
_PARSE = re.compile(
    r"error on line|unknown subckt|could not find a valid modelname|can't find model|"
    r"circuit not parsed|no circuits? loaded|could not find (?:include|library) file|"
    r"can't open|cannot open|undefined parameter|undefined number|expression err|"
    r"too few parameters|no such parameter|unknown parameter|unknown device type|"
    r"unable to find definition of model|mif-error|"
    r"no data saved for|numparam expansion errors|formula\(\) error|error:.*no such|fatal error",
    re.IGNORECASE,
)
_NOISE = re.compile(
    r"\*\*|Batch mode|Simulation output goes|Comments and warnings go|Total |DRAM |Maximum ngspice|"
    r"Current ngspice|Shared ngspice|Text \(code\)|Stack =|Library pages|Note: Compatibility|"
    r"option SCALE|binary raw file|Trying gmin|-{5}|Using .* as Direct Linear Solver"
)


def tail(log: str, lines: int = 12) -> str:
    """Last lines of a log that say something."""
    kept = [
        line.rstrip()
        for line in log.splitlines()
        if line.strip() and not _NOISE.match(line.strip())
    ]
    return "\n".join(kept[-lines:])


def complains_of_convergence(log: str) -> bool:
    """Whether the log reports a convergence failure."""
    return _NO_CONVERGENCE.search(log) is not None


def complains_of_netlist(log: str) -> bool:
    """Whether the log reports a deck that could not be read."""
    return _PARSE.search(log) is not None


def netlist_complaint(log: str) -> str:
    """The log's lines from the first complaint about the deck on."""
    lines = log.splitlines()
    for i, line in enumerate(lines):
        if _PARSE.search(line):
            return "\n".join(lines[max(0, i - 1) : i + 4])
    return tail(log, 4)
