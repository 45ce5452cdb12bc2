"""Writing a trained network back: its table of knobs and its netlist."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from codesign.bench import Setup, trained_netlist
from codesign.files import write_atomic
from codesign.mapping.knobs import LayerKnobs
from codesign.mapping.table import write_knobs


def write_mapping(
    run_dir: Path, setup: Setup, layers: Sequence[LayerKnobs], suffix: str = ""
) -> tuple[Path, Path]:
    """Write mapping/biases<suffix>.csv and netlist/<design><suffix>.trained.spice."""
    units = {p: "V" if k.is_bias else k.unit for p, k in setup.synapse.knobs.items()}
    table = run_dir / "mapping" / f"biases{suffix}.csv"
    write_knobs(table, layers, units)
    netlist = run_dir / "netlist" / f"{setup.name}{suffix}.trained.spice"
    write_atomic(netlist, trained_netlist(setup, [layer.values for layer in layers]))
    return table, netlist
