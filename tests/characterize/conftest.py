"""Tables of one small plan, simulated once for all tests of this folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from codesign.bench import Setup
from codesign.cells import NetworkParameters
from codesign.characterize import SweepPlan, read_table, run_plan
from codesign.pdk import LibraryLocation
from codesign.spice import Ngspice

PLAN = """
[[sweep]]
kind = "synapse_current"
name = "synapse_current"
[[sweep]]
kind = "discharger"
name = "discharger"
[[sweep]]
kind = "sensing_threshold"
name = "sensing_threshold"
[[sweep]]
kind = "sensing_delay"
name = "sensing_delay"
slopes = ["0.4MV/s", "1.6MV/s"]
[[sweep]]
kind = "capacitance"
name = "capacitance"
[[sweep]]
kind = "charge_injection"
name = "charge_injection"
v_mem = { start = "0.5V", stop = "1.4V", step = "0.3V" }
[[sweep]]
kind = "leak"
name = "leak"
v_mem = { start = "0.5V", stop = "1.4V", step = "0.3V" }
"""

Tables = dict[str, pd.DataFrame]


class Simulated:
    """Runs plans of the default cells and remembers their tables."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, Tables] = {}

    def __call__(self, plan: str = PLAN, network: NetworkParameters | None = None) -> Tables:
        network = network or NetworkParameters()
        key = f"{plan} {network!r}"
        if key not in self._known:
            paths = run_plan(
                SweepPlan.from_text(plan), Setup(network), self._folder / str(len(self._known))
            )
            self._known[key] = {name: read_table(path) for name, path in paths.items()}
        return self._known[key]


@pytest.fixture(scope="session")
def _simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    return Simulated(tmp_path_factory.mktemp("characterization"))


@pytest.fixture
def simulated(
    requires_ngspice: Ngspice, requires_models: LibraryLocation, _simulated: Simulated
) -> Simulated:
    """Tables by name: `simulated()` for the plan above, or of another plan and network."""
    return _simulated
