"""Capacitances between the membranes of a layer, from the shipped extracted network."""

import numpy as np

from codesign.bench import membrane_couplings
from codesign.cells import View
from codesign.designs.network import Design
from codesign.resources import resource_dir

SETUP = Design.load(resource_dir("designs") / "iris.toml").setup(resource_dir("netlists") / "iris")


def test_neighbouring_columns_couple_and_both_layers_alike():
    layers = membrane_couplings(SETUP)
    for layer in layers:
        pairs = {(i, j): c_F for i, j, c_F in layer}
        assert set(pairs) == {(i, j) for i in range(5) for j in range(5) if abs(i - j) == 1}
        for (i, j), c_F in pairs.items():
            assert c_F == pairs[j, i] and 2e-17 < c_F < 1e-16
    np.testing.assert_allclose(layers[0], layers[1], rtol=0.02)


def test_couplings_are_those_that_the_netlist_lists():
    """The text of the extracted netlist says the same, net by net."""
    text = (resource_dir("netlists") / "iris" / "iris.extracted.spice").read_text()
    found = 0.0
    for line in text.splitlines():
        words = line.split()
        if words and words[0][0] in "cC" and {words[1], words[2]} == {"dend_1_1", "dend_1_2"}:
            found += float(words[3])
    ((_, _, c_F),) = (x for x in membrane_couplings(SETUP)[0] if x[:2] == (0, 1))
    assert found > 0 and abs(c_F / found - 1) < 1e-6


def test_the_schematic_has_none():
    assert membrane_couplings(SETUP.in_view(View.SCHEMATIC)) == [(), ()]
