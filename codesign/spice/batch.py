"""One simulation, by the simulator in use."""

from __future__ import annotations

from pathlib import Path

from codesign.pdk import Process
from codesign.spice.analysis import Analysis
from codesign.spice.cache import Cache
from codesign.spice.deck import Deck
from codesign.spice.result import Result
from codesign.spice.simulator import Simulator, default_simulator


def run_batch(
    deck: Deck,
    analysis: Analysis,
    *,
    process: Process,
    timeout_s: float,
    workdir: Path | None = None,
    keep: bool = False,
    cache: Cache | None = None,
    retry: bool = True,
    simulator: Simulator | None = None,
) -> Result:
    """Simulate a deck on its own; see `Simulator.run`. `simulator`: the one in use unless given."""
    return (simulator or default_simulator()).run(
        deck,
        analysis,
        process=process,
        timeout_s=timeout_s,
        workdir=workdir,
        keep=keep,
        cache=cache,
        retry=retry,
    )
