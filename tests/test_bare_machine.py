"""What a machine without the design tools can do: solve, train and save networks."""

import subprocess
import sys

import pytest

BLOCK = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)

sys.meta_path.insert(0, Blocked())
"""

NETWORKS = """
import torch
from codesign.pnn import Architecture, PNNParameters, Solution, SpikingNetwork
from codesign.tile import AnalogLinear, TileParameters

net = SpikingNetwork(Architecture("conv2-pool-3", (1, 4, 4)), PNNParameters(4.0, -4.0))
for method in ("exact", "dstd", "dstd2"):
    net(torch.rand(2, 16), Solution(method, 4))[-1].t.sum().backward()
tile = AnalogLinear(6, 3, params=TileParameters())
assert torch.isfinite(tile(torch.rand(2, 6))).all()
"""

TRAINING = """
import sys, tempfile
from pathlib import Path
from codesign.pnn import PNNParameters
from codesign.training import TrainingParameters, train

training = TrainingParameters(epochs=1, evaluate_every=0)
with tempfile.TemporaryDirectory() as folder:
    result = train(PNNParameters(4.0, -4.0), [5, 4, 3], training, Path(folder))
    assert (Path(folder) / "weights.safetensors").exists() and result.accuracy_test >= 0.0
"""


@pytest.mark.parametrize(
    ("names", "script"),
    [
        ({"klayout", "gdstk", "PySpice", "pydantic", "pandas", "pyarrow", "safetensors"}, NETWORKS),
        ({"klayout", "gdstk", "PySpice"}, TRAINING),
    ],
    ids=["networks and tiles", "training"],
)
def test_works_without(names: set[str], script: str) -> None:
    code = BLOCK.format(names=sorted(names)) + script
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
