"""The kinds of characterisation sweeps, one module each: tasks, what they simulate, their rows."""

from __future__ import annotations

from collections.abc import Sequence
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
    sweep: Sweep, circuit: Circuit, synapse_table: pd.DataFrame | None
) -> Sequence[SweepTask]:
    """Tasks of a sweep; a column sweep draws its biases from the table of synapse currents."""
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

            assert synapse_table is not None, "a plan has synapse_current before column"
            return column.tasks(sweep, circuit, synapse_table)
        case NetworkSweep():
            from codesign.characterize.sweeps import network

            assert synapse_table is not None, "a plan has synapse_current before network"
            return network.tasks(sweep, circuit, synapse_table)
