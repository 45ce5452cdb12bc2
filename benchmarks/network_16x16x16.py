"""A 16-16-16 network drawn, checked, extracted and simulated for one sample.

    python -m benchmarks.network_16x16x16

Prints JSON: sizes of layout and netlist, seconds of every part, and how many neurons of each layer
fired within their phase. Biases and spikes are those of one random run of the network sweep. The
simulation starts from rest instead of an operating point, which takes minutes to find with 32
membranes floating; the reset phase sets them.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from codesign.bench import CellViews, Frame, Setup, trained_deck, trained_nodes
from codesign.cells import NetworkParameters, View
from codesign.characterize.network_draw import NetworkDraw
from codesign.characterize.plan import NetworkSweep
from codesign.flow.layouts import check_layout
from codesign.pdk import Interconnect
from codesign.resources import resource_dir
from codesign.spice import Result, Transient, run_batch

LAYERS = (16, 16, 16)
TIMEOUT_S, MAX_STEP_S = 3600.0, 10e-9


def _fired(simulated: Result, setup: Setup) -> dict[str, int]:
    """Neurons of each layer whose line rose within their firing phase."""
    if not simulated.ok:
        return {}
    wave = simulated.waveforms
    counts = {}
    for layer, neurons in enumerate(trained_nodes(setup).neurons(), start=1):
        frame = Frame(setup, setup.timing.frame(layer - 1, 0))
        spikes = [frame.spike(wave["time"], wave[line]) for line, _ in neurons]
        counts[f"layer_{layer}"] = sum(spike is not None for spike in spikes)
    return counts


def main() -> None:
    setup = Setup(NetworkParameters(layers=LAYERS), views=CellViews(View.LAYOUT))
    network = setup.cell
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        gds = Path(folder) / "network.gds"
        started = time.perf_counter()
        network.layout.write_gds(gds)
        seconds["draw_s"] = time.perf_counter() - started
        started = time.perf_counter()
        checked, circuit = check_layout(network, gds, Interconnect.NOM)
        seconds["check_and_extract_s"] = time.perf_counter() - started
    if circuit is None or not checked.ok:
        raise SystemExit("the layout did not pass its checks")
    table = resource_dir("characterization") / "iris" / "synapse_current.parquet"
    sweep = NetworkSweep(
        kind="network", name="column", runs=1, trials=1, warmup=0, i_min=2e-9, i_max=40e-9
    )
    draw = NetworkDraw(sweep, setup, {"synapse_current": pd.read_parquet(table)})
    every = [np.arange(size) for size in LAYERS[1:]]
    drawn = draw.run(np.random.default_rng([sweep.seed, 0]), every)
    deck = trained_deck(setup, drawn.knobs, drawn.spikes_s[0].tolist())
    nodes = trained_nodes(setup).neurons()
    saved = tuple(vector for layer in nodes for pair in layer for vector in pair)
    stop_s = setup.timing.run_length(len(LAYERS) - 1, 1)
    analysis = Transient(stop_s, MAX_STEP_S, saved, uic=True)
    started = time.perf_counter()
    simulated = run_batch(deck, analysis, process=setup.process, timeout_s=TIMEOUT_S)
    seconds["simulate_s"] = time.perf_counter() - started
    x0, y0, x1, y1 = network.layout.bounds()
    result = {
        "layers": list(LAYERS),
        "drc_violations": checked.drc.total,
        "lvs_match": {report.engine: report.match for report in checked.lvs},
        "port_faults": len(checked.port_faults),
        "devices": len(circuit.devices),
        "nets": len(circuit.nets),
        "capacitors": len(circuit.capacitors),
        "size_um": [(x1 - x0) / 1000, (y1 - y0) / 1000],
        "status": simulated.status.value,
        "attempts": len(simulated.attempts),
        "fired": _fired(simulated, setup),
        **{key: round(value, 2) for key, value in seconds.items()},
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
