"""Devices of a layout are called as those of the schematic, in every deck of the chip."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from codesign.bench import ColumnDrive, NetworkCut, Setup, column_job, trained_deck
from codesign.bench.chip_places import device_names
from codesign.cells import NetworkParameters
from codesign.cells.flatten import flat_circuit
from codesign.designs import Design
from codesign.pdk import Variation
from codesign.pdk.variation import mismatch_draws
from codesign.resources import resource_dir
from codesign.spice.chip import parted

PREFIX = "sky130_fd_pr__"


def _knobs(sizes: tuple[int, ...]) -> list[dict[str, np.ndarray]]:
    return [
        {"n": np.full((post, pre), 0.5), "p": np.full((post, pre), 1.2)}
        for pre, post in pairwise(sizes)
    ]


def _drawn(text: str) -> dict[float, str]:
    """Model of every device by its random number."""
    cards = text.replace("\n+", " ").splitlines()
    found = [re.search(rf"({PREFIX}\w+).*mm_z1=(\S+)", card) for card in cards]
    return {float(m[2]): m[1] for m in found if m is not None}


def test_shipped_layout_has_the_schematic_s_names() -> None:
    folder = resource_dir("netlists") / "iris"
    design = Design.load(resource_dir("designs") / "iris.toml")
    network = design.setup().cell
    text = (folder / "iris.extracted.spice").read_text(encoding="utf-8")
    definition = parted(text)[0]["iris"]
    names = device_names(network, definition.cards, PREFIX)
    wanted = {device.name.lower(): device for device in flat_circuit(network).devices}
    assert len(names) == 530 and set(names.values()) == set(wanted)
    cards = {card.split(None, 1)[0][1:].lower(): card for card in definition.cards}
    assert all(f"{PREFIX}{wanted[name].model}" in cards[card] for card, name in names.items())


def test_decks_of_a_chip_have_the_same_transistors() -> None:
    sizes = (2, 2, 1)
    setup = Setup(network=NetworkParameters(layers=sizes)).at(variation=Variation.ALL, seed=9)
    samples = [[1e-7, 2e-7]]
    trained = _drawn(trained_deck(setup, _knobs(sizes), samples).text(None))
    flat = flat_circuit(setup.cell).devices
    wanted = {
        float(f"{mismatch_draws(9, d.name)[0]:.9g}"): f"{PREFIX}{d.model}" for d in flat
    }
    assert trained == wanted
    other = trained_deck(setup.at(seed=10), _knobs(sizes), samples).text(None)
    assert not set(_drawn(other)) & set(wanted)
    nominal = trained_deck(setup.at(variation=Variation.PROCESS), _knobs(sizes), samples)
    assert "mm_z1" not in nominal.text(None)


def test_a_column_has_the_transistors_of_its_network() -> None:
    """The neuron, its synapses and the selectors that its line drives."""
    setup = Setup(network=NetworkParameters(layers=(2, 2, 1))).at(variation=Variation.ALL, seed=9)
    spikes = np.array([[1e-7, 2e-7]] * 2)
    cut = NetworkCut(setup, _knobs((2, 2, 1)))
    # Lines that never spike need no edges.
    job = column_job(cut, 1, 2, ColumnDrive(np.full_like(spikes, np.nan), [None, None]))
    found = _drawn(job.deck.text(None))
    flat = flat_circuit(setup.cell).devices
    names = {float(f"{mismatch_draws(9, d.name)[0]:.9g}"): d.name for d in flat}
    assert set(found) <= set(names)
    seen = {names[z] for z in found}
    own = {d.name for d in flat if d.name.startswith(("xn_1_2.", "xxbar_1.xs_2_"))}
    assert own <= seen
    assert all(name.startswith(("xn_1_2.", "xxbar_1.xs_2_", "xxbar_2.xs_1_2.")) for name in seen)
