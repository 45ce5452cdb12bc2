"""Design files with a user's own cells, for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

N = "sky130_fd_pr__nfet_01v8"
P = "sky130_fd_pr__pfet_01v8"

SYNAPSE = f"""* a current-source synapse
.subckt my_synapse d sp spb vn vp vdd gnd
Xmn d vn a gnd {N} w=1 l=0.25
Xsn a sp gnd gnd {N} w=1 l=0.15
Xmp d vp b vdd {P} w=1 l=0.25
Xsp b spb vdd vdd {P} w=1 l=0.15
.ends
"""
SYNAPSE_TABLE = """kind = "external"
netlist = "my.spice"
subckt = "my_synapse"
ports = { dendrite = "d", spike = "sp", spike_bar = "spb", supply = "vdd", ground = "gnd" }
[network.synapse.knobs.n]
port = "vn"
off = "0V"
range = ["0.2V", "0.8V"]
[network.synapse.knobs.p]
port = "vp"
off = "supply"
range = ["0.8V", "1.5V"]
"""
NEURON = f"""* dendrite is the membrane: reset, discharger, two inverters
.subckt my_neuron d sp spb rst ph vdis v0 vdd gnd
Cm d gnd 150f
Xr d rst v0 vdd {P} w=0.84 l=0.15
Xd d vdis x gnd {N} w=1 l=2
Xs x ph gnd gnd {N} w=0.42 l=0.15
X1 d spb vdd gnd inv
X2 spb sp vdd gnd inv
.ends
.subckt inv a y vdd gnd
Xn y a gnd gnd {N} w=0.42 l=0.15
Xp y a vdd vdd {P} w=0.84 l=0.15
.ends
"""
NEURON_TABLE = """kind = "external"
netlist = "neuron.spice"
subckt = "my_neuron"
ports = { dendrite = "d", spike = "sp", spike_bar = "spb", supply = "vdd", ground = "gnd" }
v0 = "1.3V"
biases = { vdis = "0.6V", v0 = "1.3V" }
[network.neuron.controls.rst]
levels = ["supply", "0V"]
edges = ["2ns", "95ns"]
[network.neuron.controls.ph]
levels = ["0V", "supply"]
edges = ["1100ns", "2100ns"]
"""


def write_design(
    folder: Path,
    synapse: str | bytes | None = SYNAPSE,
    table: str = SYNAPSE_TABLE,
    *,
    neuron: str | bytes | None = None,
    neuron_table: str = NEURON_TABLE,
    head: str = "",
) -> Path:
    """A design file with an external synapse, an external neuron, or both; returns its path."""
    text = f'name = "mine"\n{head}\n[network]\nlayers = [5, 2, 3]\n'
    for name, key, netlist, own in (
        ("my.spice", "synapse", synapse, table),
        ("neuron.spice", "neuron", neuron, neuron_table),
    ):
        if netlist is None:
            continue
        content: Any = netlist.encode() if isinstance(netlist, str) else netlist
        (folder / name).write_bytes(content)
        text += f"[network.{key}]\n{own}\n"
    if synapse is None:
        text += '[network.synapse]\nkind = "current_source"\n'
    path = folder / "design.toml"
    path.write_text(text)
    return path
