"""Devices of a layout are called as those of the schematic, in every deck of the chip."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from codesign.bench import Setup, trained_deck
from codesign.bench.chip_places import device_names
from codesign.bench.network import trial_deck
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
    trial = _drawn(trial_deck(setup, _knobs(sizes), samples, "trial").text(None))
    flat = flat_circuit(setup.cell).devices
    wanted = {
        float(f"{mismatch_draws(9, d.name)[0]:.9g}"): f"{PREFIX}{d.model}" for d in flat
    }
    assert trained == trial == wanted
    other = trained_deck(setup.at(seed=10), _knobs(sizes), samples).text(None)
    assert not set(_drawn(other)) & set(wanted)
    nominal = trained_deck(setup.at(variation=Variation.PROCESS), _knobs(sizes), samples)
    assert "mm_z1" not in nominal.text(None)
