"""A synapse, a neuron and a process of one's own, from files outside the package."""

from __future__ import annotations

import numpy as np
import pandas as pd

SYNAPSE = """
from typing import Literal

from codesign.cells import (
    Knob, Port, Synapse, SynapseParameters, TransistorParameters, nmos, register_synapse,
)


@register_synapse
class SourceParameters(SynapseParameters):
    kind: Literal["my_source"] = "my_source"
    memory: TransistorParameters = nmos(1.0, 0.5)

    def cell(self, name="synapse"):
        return Source(self, name)


class Source(Synapse):
    what = "memory transistor and selector"
    has_layout = False

    def __init__(self, parameters, name="synapse"):
        super().__init__(name, parameters)
        self.sizes = parameters

    @property
    def ports(self):
        return (
            Port("dend", "inout", "dendrite"),
            Port("sp", "input", "spike line"),
            Port("bn", "bias", "memory gate"),
            Port("vss", "supply", "ground"),
        )

    @property
    def knobs(self):
        return {"n": Knob("bn", True, off=0.0, low=0.2, high=0.8)}

    def draw(self, schematic):
        schematic.fet("mem", ("dend", "bn", "mid", "vss"), self.sizes.memory)
        schematic.fet("sel", ("mid", "sp", "vss", "vss"), nmos(1.0, 0.25))
"""
SYNAPSE_DESIGN = """
name = "mine"
[network]
layers = [5, 4, 3]
[network.synapse]
kind = "my_source"
memory = { model = "nfet_01v8", w = "0.8um", l = "0.5um" }
[characterization]
plan = "plan.toml"
"""
PLAN = """
[[sweep]]
kind = "synapse_current"
name = "currents"
polarities = ["n"]
v_mem = { start = "1.0V", stop = "1.3V", step = "0.3V" }
v_bias_n = { start = "0.5V", stop = "0.6V", step = "0.1V" }
"""


def test_a_synapse_is_generated_and_swept(place, requires_ngspice, requires_models):
    plugin = place.write("my_source.py", SYNAPSE)
    place.write("mine.toml", SYNAPSE_DESIGN)
    place.write("plan.toml", PLAN)
    options = ("--plugin", str(plugin))
    place.done(*options, "generate", "mine.toml")
    drawn = (place.folder / "build/mine/netlist/synapse.spice").read_text()
    assert "xmem dend bn mid vss" in drawn.lower() and "w=0.8" in drawn.lower()
    place.done(*options, "simulate", "mine.toml", "--workers", "1")
    table = pd.read_parquet(place.folder / "build/mine/characterization/currents.parquet")
    assert len(table) == 4 and (table["status"] == "ok").all()
    current = np.abs(table.sort_values(["v_bias_V", "v_mem_V"])["i_synapse_A"].to_numpy())
    assert 1e-9 < current[0] < current[1] < current[2] < current[3] < 1e-4
    # The user's file decides like the package's own.
    plugin.write_text(SYNAPSE.replace("nmos(1.0, 0.25)", "nmos(2.0, 0.25)"))
    steps = place.done(*options, "generate", "mine.toml")["steps"]
    assert (steps[0]["status"], steps[0]["reason"]) == ("done", "code changed")
    listed = place.codesign(*options, "keys", "network.synapse").stdout
    assert 'kind = "my_source"' in listed


NEURON = """
from typing import Literal

from codesign.cells import (
    Control, MIMCapacitorParameters, Neuron, NeuronParameters, Port, nmos, pmos, register_neuron,
)


@register_neuron
class BareParameters(NeuronParameters):
    kind: Literal["bare"] = "bare"
    v0: float = 1.3

    def cell(self, name="neuron"):
        return Bare(self, name)


class Bare(Neuron):
    what = "capacitor, reset and two inverters"
    has_layout = False

    def __init__(self, parameters, name="neuron"):
        super().__init__(name, parameters)
        self.sizes = parameters

    @property
    def ports(self):
        return (
            Port("dend", "inout", "dendrite and membrane"),
            Port("sp", "output", "spike line"),
            Port("spb", "output", "its complement"),
            Port("rstb", "input", "reset, active low"),
            Port("vreset", "bias", "membrane after reset"),
            Port("vdd", "supply", "supply"),
            Port("vss", "supply", "ground"),
        )

    @property
    def v0(self):
        return self.sizes.v0

    @property
    def biases(self):
        return {"vreset": self.sizes.v0}

    @property
    def control_ports(self):
        return ("rstb",)

    def controls(self, timing):
        reset = (timing.t_reset_start, False), (timing.t_reset_end, True)
        return (Control.logic("rstb", True, *reset),)

    def draw(self, schematic):
        schematic.mim("mem", ("dend", "vss"), MIMCapacitorParameters())
        schematic.fet("rst", ("dend", "rstb", "vreset", "vdd"), pmos(0.42, 0.15))
        schematic.inverter("1", "dend", "sp", nmos(0.42, 0.15), pmos(0.84, 0.15))
        schematic.inverter("2", "sp", "spb", nmos(0.42, 0.15), pmos(0.84, 0.15))
"""


def test_a_neuron_is_generated(place):
    place.write("bare.py", NEURON)
    place.write("mine.toml", 'name = "mine"\n[network.neuron]\nkind = "bare"\nv0 = 1.2\n')
    place.done("--plugin", "bare.py", "generate", "mine.toml")
    folder = place.folder / "build/mine/netlist"
    neuron = (folder / "neuron.spice").read_text().lower()
    assert "xrst dend rstb vreset vdd" in neuron
    network = (folder / "mine.spice").read_text().lower()
    assert "rstb_1" in network and "vreset" in network
    refused = place.codesign("generate", "mine.toml")
    assert refused.returncode == 2 and "unknown kind 'bare'" in refused.stderr


PROCESS = """
import shutil
from pathlib import Path

from codesign.pdk import Process, process_folder

folder = Path("my_process")
shutil.copytree(process_folder("sky130"), folder)
for file, old, new in (
    ("process.toml", 'name = "sky130"', 'name = "my_process"'),
    ("devices.toml", "w_min_um = 0.42", "w_min_um = 0.5"),
):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
assert Process.load(folder).name == "my_process"
"""


def test_a_process_is_a_folder_with_other_numbers(place):
    place.write("copy_process.py", PROCESS)
    made = place.python("copy_process.py")
    assert made.returncode == 0, made.stderr
    place.write("plain.toml", 'name = "plain"\n')
    place.write("mine.toml", 'name = "mine"\n[process]\nfolder = "my_process"\n')
    place.done("generate", "plain.toml")
    # The reset transistor is narrower than this process allows.
    refused = place.codesign("generate", "mine.toml")
    assert refused.returncode == 2
    assert "W = 0.42 um" in refused.stderr and "W >= 0.5" in refused.stderr
