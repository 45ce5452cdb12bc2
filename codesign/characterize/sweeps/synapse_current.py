"""synapse_current: DC current of one polarity against membrane and knob, its line on.

The other polarity is off, so that the table holds what the membrane gains or loses. The
current is positive in the pair's own direction: out of the membrane for the N pair, into it for P.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from codesign.bench import DeckBuilder, Setup
from codesign.characterize.currents import knob_column
from codesign.characterize.plan import SynapseCurrentSweep
from codesign.characterize.sweeps.task import MeasuredTask, Row, Waveforms
from codesign.characterize.sweeps.testbench import chunks, sweep_over
from codesign.pdk import Corner
from codesign.spice import Deck

_BIASES_PER_TASK = 12
_TYPICAL_C, _NEAR_C, _WIDER_V = 27.0, 20.0, 0.3


@dataclass(frozen=True, kw_only=True)
class SynapseCurrentTask(MeasuredTask):
    """Some bias voltages (V) or one device value of one polarity, at all membrane voltages."""

    measured: ClassVar[tuple[str, ...]] = ("i_synapse_A",)
    polarity: str
    weight: str
    weights: tuple[float, ...]
    v_mem_V: tuple[float, ...]

    def coordinates(self) -> list[Row]:
        return [
            {"polarity": self.polarity, self.weight: weight, "v_mem_V": v}
            for weight in self.weights
            for v in self.v_mem_V
        ]

    def measure(self, waves: Sequence[Waveforms]) -> list[Row]:
        # i(vmem) flows into the source's plus terminal, out of the dendrite.
        sign = -1.0 if self.polarity == "n" else 1.0
        return [{"i_synapse_A": float(sign * i)} for i in waves[0]["i(vmem)"].ravel()]


def tasks(sweep: SynapseCurrentSweep, setup: Setup) -> list[SynapseCurrentTask]:
    """Tasks of the sweep: groups of bias voltages, or one device value each."""
    made = []
    for polarity, knob in setup.synapse.knobs.items():
        if polarity not in sweep.polarities:
            continue
        values = sweep.knob_values(polarity, knob, setup.supply_V)
        if knob.is_bias and not (sweep.v_bias_n if polarity == "n" else sweep.v_bias_p):
            values = following(values, setup)
        size = _BIASES_PER_TASK if knob.is_bias else 1
        made += [_task(sweep, setup, polarity, group) for group in chunks(values, size)]
    return made


def following(values: tuple[float, ...], setup: Setup) -> tuple[float, ...]:
    """Bias voltages of a knob's own range, for the conditions: thresholds and leakage move with
    corner and temperature, so elsewhere than at tt and 27 C the range is wider, within the rails;
    biases that give no current are left out afterwards."""
    conditions = setup.conditions
    nominal = (
        conditions.corner is Corner.TT
        and abs(conditions.temperature_C - _TYPICAL_C) <= _NEAR_C
        and not conditions.variation.draws_process
    )
    if nominal or len(values) < 2:
        return values
    step = values[1] - values[0]
    more = int(_WIDER_V / step + 1e-6)
    wide = values[0] + step * np.arange(-more, len(values) + more)
    inside = wide[(wide > -1e-9) & (wide < setup.supply_V + 1e-9)]
    return tuple(round(float(v), 9) for v in inside)


def _task(
    sweep: SynapseCurrentSweep, setup: Setup, polarity: str, values: tuple[float, ...]
) -> SynapseCurrentTask:
    knob, v_mem = setup.synapse.knobs[polarity], sweep.v_mem.values
    outer = f"v{knob.name}" if knob.is_bias else None
    return SynapseCurrentTask(
        deck=synapse_deck(setup, {} if knob.is_bias else {polarity: values[0]}),
        analyses=(sweep_over("vmem", v_mem, ("i(vmem)",), outer, values if outer else ()),),
        timeout_s=sweep.timeout,
        polarity=polarity,
        weight=knob_column(knob),
        weights=values,
        v_mem_V=v_mem,
    )


def synapse_deck(setup: Setup, knobs: Mapping[str, float]) -> Deck:
    """One synapse `xs` with its line on and its dendrite held by `vmem`; polarities that `knobs`
    leaves out are off. Bias knobs are sources v<knob>."""
    cell, vdd = setup.synapse, setup.supply_V
    builder = DeckBuilder(setup, "synapse current")
    builder.source("vvdd", "vdd", f"{vdd:.12g}").source("vsp", "sp", f"{vdd:.12g}")
    builder.cards("vspb spb 0 0", f"vmem dend 0 {vdd / 2:.12g}", "rvss vss 0 1e-3")
    values = {}
    for polarity, knob in cell.knobs.items():
        value = knobs.get(polarity, knob.off_at(vdd))
        if knob.is_bias:
            builder.source(f"v{knob.name}", knob.name, f"{value:.12g}")
        else:
            values[knob.name] = value
    for port, value in cell.static.items():
        builder.source(f"v{port}", port, f"{value:.12g}")
    return builder.place("s", cell, values=values).deck()
