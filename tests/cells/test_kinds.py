"""The register of kinds: what a design may call a cell, and what is said where it may not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import pytest
from pydantic import Field

from codesign.cells import (
    CurrentSourceSynapse,
    CurrentSourceSynapseParameters,
    RCSpikeNeuronParameters,
    ResistiveSynapseParameters,
    SynapseParameters,
    register_synapse,
)
from codesign.cells.kinds import Kinds
from codesign.cells.neuron import NEURONS
from codesign.cells.synapse import SYNAPSES
from codesign.designs import Design
from codesign.errors import DesignError
from codesign.records import Record, parse_toml, validate


class Round(Record):
    kind: Literal["round"] = "round"
    radius: float = 1.0


class Square(Record):
    kind: Literal["square", "box"] = "square"
    side: float = 2.0


SHAPES: Kinds[Record] = Kinds("shape", default="round")
SHAPES.register(Round)
SHAPES.register(Square)


class Drawing(Record):
    shape: Annotated[Record, SHAPES] = Field(default=Round())


def read(text: str) -> Drawing:
    return validate(Drawing, parse_toml(text, "a.toml"), "a.toml")


def test_a_table_is_read_by_its_kind() -> None:
    assert read("[shape]\nkind = 'box'\nside = 3.0").shape == Square(kind="box", side=3.0)
    assert read("[shape]\nradius = 3.0").shape == Round(radius=3.0)
    assert read("").shape == Round()


def test_what_is_read_is_written_whole() -> None:
    drawing = read("[shape]\nkind = 'square'\nside = 3.0")
    assert drawing.model_dump() == {"shape": {"kind": "square", "side": 3.0}}
    assert Drawing.model_validate_json(drawing.model_dump_json()) == drawing


def test_a_record_is_taken_as_it_is() -> None:
    shape = Square(side=1.0)
    assert Drawing(shape=shape).shape is shape
    with pytest.raises(ValueError, match="is a table with a kind"):
        Drawing(shape=Record())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[shape]\nkind = 'oval'", "shape: unknown kind 'oval'; allowed: 'round', 'square', 'box'"),
        ("[shape]\nkind = 3", "shape: unknown kind '3'"),
        ("[shape]\nkind = ['round']", "shape: unknown kind"),
        ("shape = 'round'", "shape: is a table with a kind"),
        ("[shape]\nradios = 1.0", "shape.radios: unknown key; did you mean radius?"),
        ("[shape]\nkind = 'square'\nradius = 1.0", "shape.radius: unknown key; allowed here: kind"),
        ("[shape]\nradius = '3'", "shape.radius"),
    ],
)
def test_bad_tables_name_key_and_what_is_allowed(text: str, words: str) -> None:
    with pytest.raises(DesignError) as caught:
        read(text)
    assert f"a.toml: {words}" in caught.value.message


def test_a_kind_has_one_record() -> None:
    class Other(Record):
        kind: Literal["round"] = "round"

    with pytest.raises(ValueError, match="shape kind 'round' is Round already"):
        SHAPES.register(Other)
    assert SHAPES.register(Round) is Round  # the same one again, as when a module is loaded twice


def test_a_record_must_say_its_kind() -> None:
    class Nameless(Record):
        kind: str = "round"

    with pytest.raises(TypeError, match="Nameless needs a field `kind"):
        SHAPES.register(Nameless)


def test_kinds_of_cells() -> None:
    assert set(SYNAPSES.names) >= {"current_source", "resistive", "external"}
    assert set(NEURONS.names) >= {"rc_spike", "external"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[network.synapse]\norder = 'memory_on_dendrite'", "network.synapse: lacks its kind"),
        ("[network.synapse]\nkind = 'resistiv'", "unknown kind 'resistiv'; allowed:"),
        (
            "[network.synapse]\nkind = 'resistive'\ng_mim = '1nS'",
            "network.synapse.g_mim: unknown key; did you mean g_min?",
        ),
        ("[network.synapse]\nkind = 'resistive'\ng_min = '1V'", "not in S"),
        ("[network.synapse]\nkind = 'resistive'\ng_max = '0.1nS'", "g_min < g_max"),
        ("[network.neuron]\nkind = 'lif'", "network.neuron: unknown kind 'lif'"),
        ("[network.neuron]\nv00 = '1V'", "network.neuron.v00: unknown key; did you mean v0?"),
    ],
)
def test_designs_are_told_what_a_cell_may_be(text: str, words: str) -> None:
    with pytest.raises(DesignError, match=r"toy\.toml") as caught:
        Design.from_text(f"name = 'toy'\n{text}", "toy.toml")
    assert words in str(caught.value)


def test_designs_get_the_records_of_their_kinds() -> None:
    text = "name = 'toy'\n[network.synapse]\nkind = 'resistive'\ng_min = '2nS'"
    network = Design.from_text(text).network
    assert network.synapse == ResistiveSynapseParameters(g_min=2e-9)
    assert network.neuron == RCSpikeNeuronParameters()
    assert Design.from_text("name = 'toy'").network.synapse == CurrentSourceSynapseParameters()


class _Strong(CurrentSourceSynapseParameters):
    """A synapse that a user's module adds."""

    kind: Literal["strong"] = "strong"  # type: ignore[assignment]

    def cell(self, name: str = "synapse") -> CurrentSourceSynapse:
        return CurrentSourceSynapse(self, name)


@pytest.fixture
def strong() -> Iterator[type[SynapseParameters]]:
    yield register_synapse(_Strong)
    del SYNAPSES._records["strong"]


def test_a_kind_from_outside_is_known_to_designs(strong: type[SynapseParameters]) -> None:
    design = Design.from_text("name = 'toy'\n[network.synapse]\nkind = 'strong'")
    assert type(design.network.synapse) is strong
    assert design.network.synapse.cell().knobs.keys() == {"n", "p"}
