"""Which training survives IR-drop: digits on tiles, four trainings, three seeds.

    python -m benchmarks.tile_training [--plot docs/images/tile_training.png] [--keep FOLDER]

A 64-96-10 network on the digits of scikit-learn, every layer on one tile with 8-bit pulses, 8-bit
converters and read noise. The lines' resistance makes 64 rows lose what 512 rows lose at a 64th of
it: drops go with R G N^2. All trainings start from the same digital network of
their seed and take the same steps. Prints JSON; exits with 1 when the statement does not hold:
tile-aware training loses less to IR-drop than plain and Gaussian-noise training, uncalibrated.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import torch
from torch import nn

from codesign.tile import AdcParameters, TileMapping, TileParameters
from codesign.training.tile.experiment import Budget, Experiment, kinds_of, run_experiment
from codesign.training.tile.hardware_aware import Samples
from codesign.training.tile.report import plot_accuracy

R_OHM = (10.0, 50.0, 100.0, 200.0)
TRAIN_R_OHM = 100.0
SEEDS = (1, 2, 3)


def build(seed: int) -> nn.Module:
    """The network, before any training."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))


def digits() -> Experiment:
    """The experiment; 597 of the 1797 digits are never trained on."""
    from sklearn.datasets import load_digits

    data = load_digits()
    x = torch.tensor(data.data / 16, dtype=torch.float32)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(1))
    x, y = x[order], torch.tensor(data.target)[order]
    return Experiment(
        name="digits",
        build=build,
        train=Samples({"x": x[:1200]}, y[:1200]),
        calibration=Samples({"x": x[:200]}, y[:200]),
        tests={"digits": Samples({"x": x[1200:]}, y[1200:])},
        tile=TileParameters(r_line_ohm=TRAIN_R_OHM, accuracy=5e-3, adc=AdcParameters(bits=8)),
        mapping=TileMapping(),
        aware=kinds_of(("plain", "gaussian", "tile", "tile_calibrated"), 0.03, 1e-2),
        budget=Budget(150, 150, 64, 3e-3, 1e-3),
        resistances_ohm=R_OHM,
        seeds=SEEDS,
        draws=3,
        identity={"network": "64-96-10"},
    )


def main() -> int:
    """Train, evaluate, print, and say whether the statement holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--plot", type=Path, help="where the picture goes")
    parser.add_argument("--keep", type=Path, help="folder for finished pieces, to go on from")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        summary = run_experiment(digits(), given.keep or Path(temporary))
    table = summary["accuracy"]["digits"]
    if given.plot:
        plot_accuracy(table, given.plot)
    drop = f"r={R_OHM[-1]:g}"
    lost = {kind: found["fp32"]["accuracy"] - found[drop]["accuracy"]
            for kind, found in table.items()}  # fmt: skip
    figures = {
        "benchmark": "tile_training", **summary, "lost_at_largest_r": lost,
        "holds": lost["tile"] < min(lost["plain"], lost["gaussian"]),
    }  # fmt: skip
    print(json.dumps(figures, indent=1))
    return 0 if figures["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
