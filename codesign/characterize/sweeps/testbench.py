"""What decks of single-quantity sweeps share: a neuron held in firing, a zero-weight column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TypeVar

from codesign.bench import DeckBuilder, Setup, membrane_node
from codesign.bench.decks import NEURON
from codesign.cells import PhaseTiming
from codesign.spice import DCSweep, pwl

T = TypeVar("T")


def chunks(items: Sequence[T], size: int) -> list[tuple[T, ...]]:
    """Items in groups of at most `size`."""
    rest = iter(items)
    return list(iter(lambda: tuple(islice(rest, size)), ()))


def sweep_over(
    source: str,
    values: Sequence[float],
    save: tuple[str, ...],
    outer: str | None = None,
    levels: Sequence[float] = (),
) -> DCSweep:
    """Sweep of evenly spaced `values`, for each of the evenly spaced `levels` of `outer`."""
    around = (outer, *_axis(levels)) if outer else None
    return DCSweep(source, *_axis(values), save, outer=around)


def _axis(values: Sequence[float]) -> tuple[float, float, float]:
    step = values[1] - values[0] if len(values) > 1 else 1.0
    return values[0], values[-1] + step / 2, step


def membrane_of(setup: Setup) -> str:
    """The membrane of the deck's neuron as a node."""
    return membrane_node(setup.neuron, NEURON)


def static_neuron(setup: Setup, title: str) -> DeckBuilder:
    """A neuron `xn` with every control as it is while it fires: reset off, membrane isolated. Its
    lines are out, outb."""
    return DeckBuilder(setup, title).supplies().firing_controls().neuron()


def zero_weight_column(
    setup: Setup,
    title: str,
    fan_in: int,
    timing: PhaseTiming,
    frames: Sequence[float],
    lines_V: Mapping[int, Sequence[tuple[float, float]]],
    injected_A: Sequence[tuple[float, float]],
) -> DeckBuilder:
    """A column of `fan_in` zero-weight synapses on real line drivers, and a neuron `xn` behind it.

    Controls as in the network over the given frames (s). `lines_V`: corner points (s, V) of the
    pulse of each input that moves (from 1; the others stay low). `injected_A`: corner points
    (s, A) of an ideal current into the dendrite.
    """
    builder = DeckBuilder(setup, title).supplies().controls(frames, timing=timing)
    builder.cards(f"iinject 0 dend {pwl(injected_A)}")
    for row in range(1, fan_in + 1):
        if row in lines_V:
            builder.source(f"vpulse_{row}", f"pulse_{row}", pwl(lines_V[row]))
        else:
            builder.pulse(row, (), (), timing)
        builder.input_driver(row)
    return builder.zero_weight_column(fan_in).neuron()
