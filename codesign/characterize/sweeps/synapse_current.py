"""synapse_current: DC current of one pair against membrane and bias voltage, selector on.

The other pair is at zero weight, so that the table holds what the membrane gains or loses. The
current is positive in the pair's own direction: out of the membrane for the N pair, into it for P.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from codesign.cells import ResistiveSynapseParameters, SynapseParameters, synapse_cell
from codesign.characterize.plan import SynapseCurrentSweep
from codesign.characterize.sweeps.task import Circuit, MeasuredTask, Row, Waveforms
from codesign.characterize.sweeps.testbench import (
    chunks,
    instance,
    sweep_over,
)
from codesign.spice import Deck

_BIASES_PER_TASK = 12


@dataclass(frozen=True, kw_only=True)
class SynapseCurrentTask(MeasuredTask):
    """Some bias voltages (V) or one conductance (S) of one polarity, at all membrane voltages."""

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


def tasks(sweep: SynapseCurrentSweep, circuit: Circuit) -> list[SynapseCurrentTask]:
    """Tasks of the sweep: groups of bias voltages, or one conductance each."""
    if isinstance(circuit.network.synapse, ResistiveSynapseParameters):
        return _resistive(sweep, circuit, circuit.network.synapse)
    deck = _deck(circuit, circuit.network.synapse)
    biases = {"n": sweep.v_bias_n.values, "p": sweep.v_bias_p.values}
    v_mem = sweep.v_mem.values
    return [
        SynapseCurrentTask(
            deck=deck,
            analyses=(sweep_over("vmem", v_mem, ("i(vmem)",), f"vb{polarity}", group),),
            timeout_s=sweep.timeout,
            polarity=polarity,
            weight="v_bias_V",
            weights=group,
            v_mem_V=v_mem,
        )
        for polarity in sweep.polarities
        for group in chunks(biases[polarity], _BIASES_PER_TASK)
    ]


def _resistive(
    sweep: SynapseCurrentSweep, circuit: Circuit, synapse: ResistiveSynapseParameters
) -> list[SynapseCurrentTask]:
    v_mem = sweep.v_mem.values
    analysis = sweep_over("vmem", v_mem, ("i(vmem)",))
    return [
        SynapseCurrentTask(
            deck=_deck(circuit, synapse.model_copy(update={"g_n": 0.0, "g_p": 0.0, **weight})),
            analyses=(analysis,),
            timeout_s=sweep.timeout,
            polarity=polarity,
            weight="g_S",
            weights=(conductance,),
            v_mem_V=v_mem,
        )
        for polarity in sweep.polarities
        for conductance in sweep.conductance.values
        for weight in ({f"g_{polarity}": conductance},)
    ]


def _deck(circuit: Circuit, synapse: SynapseParameters) -> Deck:
    cell = synapse_cell(synapse)
    vdd = circuit.supply_V
    lines = [
        f"vvdd vdd 0 {vdd:.12g}",
        f"vsp sp 0 {vdd:.12g}",
        "vspb spb 0 0",
        f"vmem dend 0 {vdd / 2:.12g}",
        "rvss vss 0 1e-3",
    ]
    if "bn" in cell.port_names:
        lines += ["vbn bn 0 0", f"vbp bp 0 {vdd:.12g}"]
    return Deck(
        "synapse current",
        "\n".join([*circuit.views.definitions([cell]), *lines, instance("s", cell, {})]),
        circuit.views.devices([cell]),
        circuit.conditions,
    )
