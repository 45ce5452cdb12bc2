"""What reduction does to an extracted RC network: size, simulation time, delay.

    python -m benchmarks.rc_reduction [--repeat 3]

The line driver of the neuron (eight transistors; spike line and complement), loaded with 50 fF on
both outputs, in ngspice: without parasitics, with capacitances, with the full RC network, and with
the reduced one. Prints JSON: nodes, parts, 50 % delays of both outputs, wall time of the run
(median). Exits with 1 when a delay of the reduced network is off by more than 1 %.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from codesign.cells.line_driver import LineDriver, LineDriverParameters
from codesign.layout.circuit import FlatCircuit
from codesign.layout.extract import RCLimits, extract_circuit
from codesign.pdk import Conditions, Process, default_process
from codesign.spice import Deck, Transient, run_batch

LARGEST_ERROR = 0.01
OUTPUTS = ("sp", "spb")


def measure(circuit: FlatCircuit, process: Process, repeat: int) -> dict[str, Any]:
    """Delays of a driver from the fall of its request to its outputs, and the cost of the run."""
    cards = [
        circuit.spice(),
        "vdd vdd 0 1.8",
        "vss vss 0 0",
        "vin fireb 0 pwl(0 1.8 0.3n 1.8 0.32n 0)",
        *(f"c{node} {node} 0 50f" for node in OUTPUTS),
        f"xdut {' '.join(circuit.ports)} {circuit.name}",
    ]
    deck = Deck("line driver", "\n".join(cards), circuit.sizes(), Conditions())
    saved = tuple(f"v({node})" for node in ("fireb", *OUTPUTS))
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        wave = run_batch(deck, Transient(1.5e-9, 1e-12, saved), process=process, timeout_s=300)
        wave = wave.require()
        times.append(time.perf_counter() - start)
    crossings = {node: _crossing(wave, node) for node in ("fireb", *OUTPUTS)}
    return {
        "nodes": len(circuit.nets),
        "capacitors": len(circuit.capacitors),
        "resistors": len(circuit.resistors),
        "run_s": round(statistics.median(times), 3),
        "delay_ps": {n: round(1e12 * (crossings[n] - crossings["fireb"]), 3) for n in OUTPUTS},
    }


def _crossing(wave: Any, node: str) -> float:
    t, v = np.asarray(wave["time"]), np.asarray(wave[f"v({node})"]) - 0.9
    k = int(np.flatnonzero(np.diff(np.sign(v)))[0])
    return float(t[k] - v[k] * (t[k + 1] - t[k]) / (v[k + 1] - v[k]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    process = default_process()
    cell = LineDriver(LineDriverParameters())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "driver.gds"
        cell.layout.write_gds(path)
        circuits = {
            "none": extract_circuit(path, cell.name, mode="none", ports=cell.port_names),
            "c": extract_circuit(path, cell.name, mode="c", ports=cell.port_names),
            "rc_full": extract_circuit(
                path, cell.name, mode="rc", ports=cell.port_names, rc_limits=RCLimits(0, 0, 0)
            ),
            "rc": extract_circuit(path, cell.name, mode="rc", ports=cell.port_names),
        }
    rows = {name: measure(c, process, options.repeat) for name, c in circuits.items()}
    full, reduced = rows["rc_full"]["delay_ps"], rows["rc"]["delay_ps"]
    worst = max(abs(reduced[node] / full[node] - 1) for node in OUTPUTS)
    result = {
        "what": "line driver with 50 fF on both outputs, ngspice, tt, 27 C, nominal interconnect",
        "engines": rows,
        "largest_relative_delay_error_of_reduction": round(worst, 5),
        "largest_error_allowed": LARGEST_ERROR,
    }
    print(json.dumps(result, indent=1))
    sys.exit(worst > LARGEST_ERROR)


if __name__ == "__main__":
    main()
