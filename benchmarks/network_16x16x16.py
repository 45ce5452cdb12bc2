"""A 16-16-16 network drawn, checked, extracted and simulated for one sample.

Prints JSON: sizes of layout and netlist, seconds of every part, and how many neurons of each layer
fired within their phase. Biases and spikes are those of one random run of the network sweep.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import pandas as pd

from codesign.cells import CellViews, Network, NetworkParameters, PhaseTiming, View
from codesign.cells.write_layouts import check_layout
from codesign.characterize.network_trials import network_tasks, run_network
from codesign.characterize.plan import NetworkSweep
from codesign.pdk import Conditions, Interconnect, Process
from codesign.resources import resource_dir

LAYERS = (16, 16, 16)
TIMEOUT_S = 3600.0


def main() -> None:
    parameters = NetworkParameters(layers=LAYERS)
    network = Network(parameters, "network")
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
    sweep = NetworkSweep(kind="network", name="column", runs=1, trials=1, warmup=0, i_max=40e-9)
    process, views = Process.sky130(), CellViews(View.LAYOUT)
    known = {"synapse_current": pd.read_parquet(table)}
    (task,) = network_tasks(
        sweep, parameters, PhaseTiming(), Conditions(), known, process.supply_V, views
    )
    started = time.perf_counter()
    rows = pd.DataFrame(run_network(task, process, timeout_s=TIMEOUT_S)[0])
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
        "status": sorted(set(rows["status"])),
        "fired": {
            f"layer_{layer}": int(own["t_fire_s"].notna().sum())
            for layer, own in rows.groupby("layer")
        },
        **{key: round(value, 2) for key, value in seconds.items()},
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
