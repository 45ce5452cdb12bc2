"""The record of what is simulated: how it changes, and what follows from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from codesign.bench import CellViews, Setup, condition_columns
from codesign.cells import NetworkParameters, RCSpikeNeuronParameters, View
from codesign.designs import Design
from codesign.pdk import Conditions, Corner, Interconnect, Variation
from codesign.verify.reference import RegressionReference, Tolerances, reference_text


def test_conditions_change_and_nothing_else() -> None:
    setup = Setup(NetworkParameters(layers=(2, 1)), name="toy")
    slow = setup.at(corner=Corner.SS, supply_V=1.71)
    assert slow.conditions == Conditions(corner=Corner.SS, supply_V=1.71)
    assert (slow.network, slow.timing, slow.views, slow.name) == (
        setup.network, setup.timing, setup.views, "toy",
    )  # fmt: skip
    assert slow.supply_V == 1.71 and setup.supply_V == 1.8


def test_columns_say_every_condition() -> None:
    conditions = Conditions(Corner.FF, Interconnect.HIGH, 85.0, 1.9, Variation.MISMATCH, 7)
    assert condition_columns(conditions) == {
        "corner": "ff", "interconnect": "high", "temperature_C": 85.0, "supply_V": 1.9,
        "variation": "mismatch", "seed": 7,
    }  # fmt: skip


def test_sizes_of_columns_and_loads() -> None:
    setup = Setup(NetworkParameters(layers=(3, 2, 4, 2)))
    assert setup.fan_ins == (2, 3, 4)
    # What the first layer's lines drive is the second one's crossbar; the last ones drive nothing.
    assert setup.fan_outs == (0, 2, 4)


def test_membrane_follows_its_dendrite_until_the_gate_closes() -> None:
    gated = Setup()
    assert 0.99 < gated.accumulation_end < 1
    bare = RCSpikeNeuronParameters(transmission_gate=False, clamp=False)
    assert Setup(NetworkParameters(neuron=bare)).accumulation_end == pytest.approx(1.0)


def test_other_view_forgets_netlists_only_where_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "synapse.spice").write_text(".subckt synapse dend\n.ends synapse\n")
    (tmp_path / "synapse.extracted.spice").write_text(".subckt synapse a\n.ends synapse\n")
    read = Setup(views=CellViews(View.LAYOUT).written(tmp_path))
    drawn = read.in_view(View.SCHEMATIC)
    assert drawn.view is View.SCHEMATIC and "dend" in drawn.views.texts["synapse"]
    assert Setup(views=CellViews(View.LAYOUT)).in_view(View.SCHEMATIC).views.folder is None


def test_regression_reference_keeps_every_condition() -> None:
    """Supply, interconnect, variation and chip come back from the file, in the views too."""
    text = """
        name = "toy"
        view = "layout"
        [process]
        corner = "ss"
        interconnect = "high"
        temperature = 85
        supply = "1.71V"
        variation = "mismatch"
        seed = 5
    """
    design = Design.from_text(text)
    conditions = design.process.conditions()
    reference = RegressionReference(
        name=design.name, view=design.view, **condition_columns(conditions),
        network=design.network, timing=design.timing, warmup_s=(0.0,), samples_s=((0.0,),),
        tolerances=Tolerances(
            rmse_output_ns=1, rmse_hidden_ns=1, cut_rms_ns=1, spikes_missed=0, current_relative=1,
            shape_relative=1,
        ),
    )  # fmt: skip
    from codesign.records import parse_toml, validate

    stored = reference_text(reference)
    again = validate(RegressionReference, parse_toml(stored, "regression.toml"), "regression.toml")
    assert again.setup().conditions == conditions
    assert again.setup().views.interconnect is Interconnect.HIGH
    assert again.setup().views.view is View.LAYOUT
