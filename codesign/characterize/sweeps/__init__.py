"""The kinds of characterisation sweeps, one module each: tasks, what they simulate, their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

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
from codesign.characterize.sweeps.task import Circuit, SweepTask

if TYPE_CHECKING:
    import pandas as pd


def tasks_of(
    sweep: Sweep, circuit: Circuit, known: Mapping[str, pd.DataFrame]
) -> Sequence[SweepTask]:
    """Tasks of a sweep; random trials are placed by the tables of earlier sweeps, by their kind."""
    match sweep:
        case SynapseCurrentSweep():
            return synapse_current.tasks(sweep, circuit)
        case DischargerSweep():
            return discharger.tasks(sweep, circuit)
        case SensingThresholdSweep():
            return sensing_threshold.tasks(sweep, circuit)
        case SensingDelaySweep():
            return sensing_delay.tasks(sweep, circuit)
        case CapacitanceSweep():
            return capacitance.tasks(sweep, circuit)
        case ChargeInjectionSweep():
            return charge_injection.tasks(sweep, circuit)
        case LeakSweep():
            return leak.tasks(sweep, circuit)
        case ColumnSweep():
            # Its module draws with torch, which the workers of the other sweeps need not load.
            from codesign.characterize.sweeps import column

            return column.tasks(sweep, circuit, known["synapse_current"])
        case NetworkSweep():
            from codesign.characterize.sweeps import network

            return network.tasks(sweep, circuit, known)
