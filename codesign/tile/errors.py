"""What the tile model refuses, and what it says without refusing."""

from __future__ import annotations

from codesign.errors import InputError


class TileError(InputError, ValueError):
    """A tile's parameters, pulses or conductances are not valid."""


class StaysDigitalWarning(UserWarning):
    """Part of a converted model is computed without a tile."""
