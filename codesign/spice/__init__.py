"""Simulators: decks, single runs, jobs on many processes, cache, waveforms.

The session on libngspice is `codesign.spice.session`, apart so that only its users load PySpice.
"""

from codesign.spice.analysis import Analysis, DCSweep, OperatingPoint, Transient
from codesign.spice.batch import run_batch
from codesign.spice.cache import Cache, cache_key
from codesign.spice.deck import Deck, SimulatorOptions, spice_identifier
from codesign.spice.jobs import JobStatus, Outcome, WorkerPool, Workers, run_jobs
from codesign.spice.ngspice import NgspiceSimulator
from codesign.spice.result import Attempt, Result, Status
from codesign.spice.simulator import (
    Simulator,
    SimulatorSession,
    default_simulator,
    find_simulator,
    known_simulators,
    register_simulator,
    use_simulator,
)
from codesign.spice.stimuli import dc, pulse, pwl, step_points
from codesign.spice.tool import Ngspice, find_library
from codesign.spice.waveforms import crossing_times, integral, value_at

__all__ = [
    "Analysis",
    "Attempt",
    "Cache",
    "DCSweep",
    "Deck",
    "JobStatus",
    "Ngspice",
    "NgspiceSimulator",
    "OperatingPoint",
    "Outcome",
    "Result",
    "Simulator",
    "SimulatorOptions",
    "SimulatorSession",
    "Status",
    "Transient",
    "WorkerPool",
    "Workers",
    "cache_key",
    "crossing_times",
    "dc",
    "default_simulator",
    "find_library",
    "find_simulator",
    "integral",
    "known_simulators",
    "pulse",
    "pwl",
    "register_simulator",
    "run_batch",
    "run_jobs",
    "spice_identifier",
    "step_points",
    "use_simulator",
    "value_at",
]
