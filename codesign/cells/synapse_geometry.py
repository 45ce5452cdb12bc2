"""Dimensions of a synapse that a crossbar can be drawn from by abutment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SynapseGeometry:
    """All in nm, from the centre of the ground rail at the cell's left edge.

    pitch: from column to column; height: from rail to rail. dendrite_x, shield_x: centres of the
    met2 lines of dendrite and shield. sp_y, spb_y: centres of the met1 lines of spike line and
    complement. pins: centres of the met1 pads of knobs, by port.
    """

    pitch: int
    height: int
    dendrite_x: int
    shield_x: int
    sp_y: int
    spb_y: int
    pins: Mapping[str, tuple[int, int]]
