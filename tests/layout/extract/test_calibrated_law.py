"""The calibrated law against the foundry's: wires alone the same, close walls by their factor."""

from __future__ import annotations

import numpy as np
import pytest

from codesign.pdk import default_process
from codesign.pdk.parasitics import SUBSTRATE

from .cross_sections import Section, extracted_aF_per_um

FOUNDRY = default_process().parasitics("nom", "foundry")
CALIBRATED = default_process().parasitics("nom", "calibrated")


def pair(layer: str, space_um: float, width_um: float) -> Section:
    half = space_um / 2
    return Section(layer, SUBSTRATE, ((-half - width_um, -half), (half, half + width_um)))


@pytest.mark.parametrize("layer", list(FOUNDRY.wires))
def test_a_wire_alone_is_as_in_the_tables(layer):
    """So is its agreement with the field solution, which the foundry's law is tested against."""
    width = float(FOUNDRY.wires[layer].width_m[0] * 1e6)
    sections = [Section(layer, plane, ((0.0, width),)) for plane in (SUBSTRATE, "diff")]
    if layer == "poly":
        sections = sections[:1]
    one, other = (extracted_aF_per_um(sections, table) for table in (FOUNDRY, CALIBRATED))
    for a, b in zip(one, other, strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("layer", list(CALIBRATED.close_walls))
def test_close_walls_couple_by_their_factor_and_far_ones_as_in_the_tables(layer):
    wall = CALIBRATED.close_walls[layer]
    width = round(float(FOUNDRY.wires[layer].width_m[0] * 1e6), 3)
    spaces = [round(wall.space_m * 1e6 * times, 2) for times in (1.0, 1.5, 2.0, wall.until, 4.0)]
    sections = [pair(layer, space, width) for space in spaces]
    found, table = (extracted_aF_per_um(sections, table) for table in (CALIBRATED, FOUNDRY))
    ratio = [a[0, 1] / b[0, 1] for a, b in zip(found, table, strict=True)]
    assert ratio[0] == pytest.approx(wall.factor, rel=1e-3)
    assert np.all(np.diff(ratio) >= -1e-9) and ratio[-2:] == pytest.approx([1.0, 1.0], abs=5e-3)
    for a, b in zip(found, table, strict=True):
        assert np.array_equal(a[:, 2], b[:, 2])
