"""The kinds of characterisation sweeps, one module each: tasks, what they simulate, their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from codesign.bench import Setup
from codesign.characterize.plan import (
    CapacitanceSweep,
    ChargeInjectionSweep,
    ColumnSweep,
    DischargerSweep,
    LeakSweep,
    NetworkSweep,
    SensingDelaySweep,
    SensingThresholdSweep,
    Sweep,
    SynapseCurrentSweep,
)
from codesign.characterize.sweeps import (
    capacitance,
    charge_injection,
    discharger,
    leak,
    sensing_delay,
    sensing_threshold,
    synapse_current,
)
from codesign.characterize.sweeps.task import SweepTask

if TYPE_CHECKING:
    import pandas as pd


def tasks_of(
    sweep: Sweep, setup: Setup, known: Mapping[str, pd.DataFrame]
) -> Sequence[SweepTask]:
    """Tasks of a sweep; random trials are placed by the tables of earlier sweeps, by their kind."""
    match sweep:
        case SynapseCurrentSweep():
            return synapse_current.tasks(sweep, setup)
        case DischargerSweep():
            return discharger.tasks(sweep, setup)
        case SensingThresholdSweep():
            return sensing_threshold.tasks(sweep, setup)
        case SensingDelaySweep():
            return sensing_delay.tasks(sweep, setup)
        case CapacitanceSweep():
            return capacitance.tasks(sweep, setup)
        case ChargeInjectionSweep():
            return charge_injection.tasks(sweep, setup)
        case LeakSweep():
            return leak.tasks(sweep, setup)
        case ColumnSweep():
            # Its module draws with torch, which the workers of the other sweeps need not load.
            from codesign.characterize.sweeps import column

            return column.tasks(sweep, setup, known["synapse_current"])
        case NetworkSweep():
            from codesign.characterize.sweeps import network

            return network.tasks(sweep, setup, known)
