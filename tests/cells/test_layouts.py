"""Layout views: whatever sizes a design asks for, no rule is violated, the schematic comes back."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from codesign.bench import Setup, extracted
from codesign.cells import (
    Crossbar,
    CrossbarParameters,
    CurrentSourceSynapse,
    CurrentSourceSynapseParameters,
    InputDriver,
    LineDriver,
    LineDriverParameters,
    MIMCapacitorParameters,
    Network,
    NetworkParameters,
    RCSpikeNeuron,
    RCSpikeNeuronParameters,
    ResistiveSynapse,
    ResistiveSynapseParameters,
    TransistorOrder,
)
from codesign.cells.layout_limits import layout_faults
from codesign.cells.network_view import areas_um2
from codesign.cells.transistor import nmos, pmos
from codesign.errors import CheckFailed, InputError
from codesign.flow.layouts import check_layout, write_layouts
from codesign.layout.sketch import Sketch
from codesign.pdk import Interconnect

WIDTHS = (0.42, 0.5, 0.84, 1.0, 1.005, 2.0, 5.0)
LENGTHS = (0.15, 0.18, 0.25, 0.5, 0.505, 2.0)


def random_parameters(seed: int) -> NetworkParameters:
    draw = random.Random(seed)

    def n():
        model = draw.choice(("nfet_01v8", "nfet_01v8_lvt"))
        return nmos(draw.choice(WIDTHS), draw.choice(LENGTHS), model)

    def p():
        model = draw.choice(("pfet_01v8", "pfet_01v8_lvt", "pfet_01v8_hvt"))
        lengths = (0.35, 0.5, 2.0) if model == "pfet_01v8_lvt" else LENGTHS
        return pmos(draw.choice(WIDTHS), draw.choice(lengths), model)

    gate = draw.random() < 0.7
    side = (1.2e-6, 3e-6, 8.2e-6, 20e-6)
    return NetworkParameters(
        layers=tuple(draw.choice((1, 2, 3)) for _ in range(draw.choice((2, 3)))),
        synapse=CurrentSourceSynapseParameters(
            order=draw.choice(list(TransistorOrder)),
            memory_n=n(), selector_n=n(), memory_p=p(), selector_p=p(),
        ),
        neuron=RCSpikeNeuronParameters(
            transmission_gate=gate, clamp=gate and draw.random() < 0.7,
            discharge_hold=draw.random() < 0.6,
            capacitor=MIMCapacitorParameters(w=draw.choice(side), l=draw.choice(side)),
            reset=p(), clamp_switch=p(), gate_n=n(), gate_p=p(), discharge_bias=n(),
            discharge_switch=n(), hold_switch=p(), sense_n=n(), sense_p=p(), sense_bias=p(),
            sense_switch=p(), logic_n=n(), logic_p=p(), nand_n=n(), nand_p=p(),
            driver=LineDriverParameters(logic_n=n(), logic_p=p(), line_n=n(), line_p=p()),
        ),
    )  # fmt: skip


def checked(cell, folder: Path):
    gds = folder / f"{cell.name}.gds"
    cell.layout.write_gds(gds)
    return check_layout(cell, gds, Interconnect.NOM)


@pytest.mark.parametrize(
    "cell",
    [
        CurrentSourceSynapse(CurrentSourceSynapseParameters()),
        CurrentSourceSynapse(
            CurrentSourceSynapseParameters(order=TransistorOrder.SELECTOR_ON_DENDRITE), "published"
        ),
        LineDriver(LineDriverParameters()),
        InputDriver(LineDriverParameters()),
        Crossbar(CrossbarParameters(rows=4, columns=3), "even"),
        Crossbar(CrossbarParameters(rows=1, columns=1), "least"),
        RCSpikeNeuron(
            RCSpikeNeuronParameters(transmission_gate=False, clamp=False, discharge_hold=False),
            "published_neuron",
        ),
        Network(NetworkParameters(), "net"),
        Network(NetworkParameters(layers=(1, 4)), "wide"),
    ],
    ids=lambda cell: cell.name,
)
def test_default_sizes(cell, tmp_path):
    result, circuit = checked(cell, tmp_path)
    assert result.ok, (result.drc.text(), [r.text() for r in result.lvs], result.port_faults)
    assert circuit.ports == cell.port_names


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_any_sizes(seed, tmp_path):
    parameters = random_parameters(seed)
    assert not list(layout_faults(parameters))
    network = Network(parameters, "net")
    result, _ = checked(network, tmp_path)
    assert result.ok, (result.drc.text(), [r.text() for r in result.lvs], result.port_faults)


def test_extremes(tmp_path):
    wide = RCSpikeNeuronParameters(gate_p=pmos(12.0), sense_n=nmos(12.0, 20.0, "nfet_01v8_lvt"))
    result, _ = checked(RCSpikeNeuron(wide), tmp_path)
    assert result.ok, result.drc.text()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (RCSpikeNeuronParameters(gate_p=pmos(12.5)), "gate_p.w = 12.5 um"),
        (RCSpikeNeuronParameters(logic_n=nmos(0.4201)), "off the 5 nm grid"),
        (RCSpikeNeuronParameters(capacitor=MIMCapacitorParameters(w=1e-6, l=5e-6)), "room for"),
        (RCSpikeNeuronParameters(capacitor=MIMCapacitorParameters(w=2e-6, l=50e-6)), "20 times"),
        (
            RCSpikeNeuronParameters(capacitor=MIMCapacitorParameters(model="cap_mim_m3_1")),
            "cap_mim_m3_2",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(parameters, message):
    with pytest.raises(InputError, match=message):
        _ = RCSpikeNeuron(parameters).layout


def test_resistive_synapse_has_no_layout():
    with pytest.raises(InputError, match="no layout view"):
        _ = ResistiveSynapse(ResistiveSynapseParameters()).layout
    crossbar = Crossbar(CrossbarParameters(synapse=ResistiveSynapseParameters()))
    with pytest.raises(InputError, match="no layout view"):
        _ = crossbar.layout


def test_same_cell_gives_the_same_file(tmp_path):
    for name in ("one", "two"):
        neuron = RCSpikeNeuron(RCSpikeNeuronParameters())
        neuron.layout.write_gds(tmp_path / f"{name}.gds")
    assert (tmp_path / "one.gds").read_bytes() == (tmp_path / "two.gds").read_bytes()


def test_extraction_has_the_schematics_names_and_sizes():
    network = Network(NetworkParameters(layers=(2, 2, 1)), "net")
    circuit = extracted(network)
    assert {"xn_1_1.mem", "xn_2_1.mem", "sp_1_2", "dend_1_1", "xin_1.fireb"} <= set(circuit.nets)
    assert circuit.ports == network.port_names
    assert circuit.sizes() == network.devices()
    drawn = [device for device in circuit.devices if device.kind != "cap"]
    assert all(device.ad_um2 > 0 and device.as_um2 > 0 for device in drawn)


def test_membranes_and_dendrites_are_shielded_from_each_other():
    """What is left between two of them is a few thousandths of the membrane's capacitance."""
    circuit = extracted(Network(NetworkParameters(layers=(3, 3)), "net"))
    for kind, limit_fF in (("xn_1_{}.mem", 0.02), ("dend_1_{}", 0.1)):
        nets = [kind.format(i) for i in (1, 2, 3)]
        pairs = [p for p in circuit.capacitors if p.node_a in nets and p.node_b in nets]
        assert all(p.value * 1e15 < limit_fF for p in pairs), [(p, p.value) for p in pairs]


def test_low_and_high_interconnect_are_either_side_of_nominal():
    cell = Crossbar(CrossbarParameters(rows=2, columns=2), "pair")
    low, nom, high = (
        sum(p.value for p in extracted(cell, corner).capacitors)
        for corner in (Interconnect.LOW, Interconnect.NOM, Interconnect.HIGH)
    )
    assert low < nom < high


def test_areas():
    network = Network(NetworkParameters(), "net")
    areas = areas_um2(network.floorplan[1])
    assert 5 < areas["synapse_um2"] < 10
    assert 67.2 < areas["neuron_um2"] < 130  # at least its capacitor


def test_write_layouts_reports_what_it_checked(tmp_path):
    said = []
    figures = write_layouts(
        Setup(NetworkParameters(layers=(2, 1)), name="toy"), tmp_path,
        lambda done, total, what: said.append((done, total, what)),
    )  # fmt: skip
    assert figures["drc_violations"] == 0 and figures["lvs_match"]
    for cell in ("synapse", "neuron", "input_driver", "crossbar_2x1", "toy"):
        assert (tmp_path / "layout" / f"{cell}.gds").stat().st_size > 500
        assert (tmp_path / "layout" / f"{cell}.png").read_bytes().startswith(b"\x89PNG")
        assert f".subckt {cell} " in (tmp_path / "netlist" / f"{cell}.extracted.spice").read_text()
    lvs = json.loads((tmp_path / "layout" / "lvs.json").read_text())
    assert lvs["ok"] and lvs["cells"]["toy"]["port_audit"]["faults"] == []
    assert said[-1][0] == said[-1][1]


def test_violations_fail_with_reports_written(tmp_path, monkeypatch):
    """A cell that breaks a rule and one that is not its schematic: exit code 1, both reported."""
    draw = CurrentSourceSynapse.draw_layout

    def broken(self, sketch: Sketch) -> None:
        draw(self, sketch)
        g = self.geometry
        sketch.rect("met1", 0, g.sp_y + 200, g.pitch, g.sp_y + 250)  # too thin, too near
        (x, low), (_, high) = g.pins["bn"], g.pins["bp"]
        sketch.rect("met1", x - 100, low, x + 100, high)  # joins both biases

    monkeypatch.setattr(CurrentSourceSynapse, "draw_layout", broken)
    cell = CurrentSourceSynapse(CurrentSourceSynapseParameters())
    gds = tmp_path / "synapse.gds"
    cell.layout.write_gds(gds)
    result, circuit = check_layout(cell, gds, Interconnect.NOM)
    assert circuit is None and not result.ok and all(r.of("short") for r in result.lvs[:1])
    assert result.port_faults == ("bp: on the net of bn (a short)",)

    def thin(self, sketch: Sketch) -> None:
        draw(self, sketch)
        g = self.geometry
        sketch.rect("met3", 0, g.sp_y, g.pitch, g.sp_y + 200)

    monkeypatch.setattr(CurrentSourceSynapse, "draw_layout", thin)
    with pytest.raises(CheckFailed, match=r"m3\.1"):
        write_layouts(Setup(NetworkParameters(layers=(1, 1)), name="toy"), tmp_path, _quiet)
    report = json.loads((tmp_path / "layout" / "drc.json").read_text())
    assert not report["ok"] and report["cells"]["synapse"]["rules"]["m3.1"]["count"] >= 1


def test_pictures_of_extraction_do_not_depend_on_hierarchy(tmp_path):
    """The crossbar extracts the same inside a network and alone, but for what surrounds it."""
    crossbar = Crossbar(CrossbarParameters(rows=2, columns=2), "crossbar_2x2")
    alone = extracted(crossbar)
    between = {frozenset((p.node_a, p.node_b)): p.value for p in alone.capacitors}
    network = extracted(Network(NetworkParameters(layers=(2, 2)), "net"))
    inside = {frozenset((p.node_a, p.node_b)): p.value for p in network.capacitors}
    pair = frozenset(("bn_1_1", "bp_1_1"))
    assert inside[frozenset(("bn_1_1_1", "bp_1_1_1"))] == pytest.approx(between[pair], rel=0.02)


def _quiet(done: int, total: int, what: str) -> None:
    pass
