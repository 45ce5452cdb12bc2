"""Samples on circuits that the model was not fitted to: other chips, other conditions."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from codesign.bench import NetworkCut, Setup
from codesign.characterize.model import FittedModel
from codesign.errors import InputError
from codesign.mapping import knob_layers
from codesign.progress import ProgressCallback, silent
from codesign.spice import Workers
from codesign.verify.circuit import CircuitResult, TrainedCircuit, simulate_samples
from codesign.verify.column_runner import ColumnRunner
from codesign.verify.columns import simulate_columns

_CHUNK = 10


def network_cut(setup: Setup, model: FittedModel) -> NetworkCut | None:
    """The network taken apart, with all synapses off; None, and a warning, where it cannot be."""
    zero = [np.zeros((post, pre)) for pre, post in setup.network.connections]
    cut = NetworkCut(setup, [layer.values for layer in knob_layers(zero, model)])
    try:
        cut.check()
    except InputError as error:
        warnings.warn(f"simulating the whole network: {error.message}", stacklevel=2)
        return None
    return cut


@dataclass(frozen=True)
class NetworkRunner:
    """Runs samples on circuits other than the one that `model` was fitted to.

    warmup_s: input spikes (input,) of the discarded sample that leads in each deck. By columns
    where the network can be taken apart, unless `whole`. What the model says of neighbours is not
    true of another circuit: where columns see their neighbours they are run twice, the second time
    with the membranes that the first one gave.
    """

    model: FittedModel
    warmup_s: np.ndarray
    whole: bool = False
    cache_dir: Path | None = None
    workers: Workers = None
    progress: ProgressCallback = silent

    def run(self, circuit: TrainedCircuit, spikes_s: np.ndarray, label: str) -> CircuitResult:
        """Results for samples (sample, input) in s; a failed simulation costs its samples."""
        cut = None if self.whole else network_cut(circuit.setup, self.model)
        if cut is None:
            return simulate_samples(
                circuit, spikes_s, self.warmup_s, cache_dir=self.cache_dir, chunk=_CHUNK,
                workers=self.workers, progress=self.progress, label=label,
            )  # fmt: skip
        found: CircuitResult | None = None
        for name in (label, f"{label}, neighbours as found")[: 1 + cut.is_coupled]:
            runner = ColumnRunner(self.cache_dir, self.workers, self.progress, name)
            found = simulate_columns(
                circuit, self.model, spikes_s, self.warmup_s, runner, chunk=_CHUNK, before=found
            )
        assert found is not None
        return found
