"""Fixtures of the layout tests: a sketch of one inverter, drawn by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.layout.drawing import Sketch, labelled_inverter


@pytest.fixture
def inverter_gds(tmp_path: Path) -> Path:
    """An inverter with ports a, y, vdd, vss and both taps."""
    sketch = Sketch("inv")
    labelled_inverter(sketch)
    return sketch.write(tmp_path, "inv.gds")
