"""What polynomials of the weight and a quadratic in the membrane miss of the measured currents.

    python -m benchmarks.synapse_shapes

Fits the shipped currents of Iris' synapses: quadratic in the voltage with degree 2 in the weight's
root, and quadratic in the membrane as the model counts it with degrees 2 and 4. Prints the rms of
I/I0 missed, per polarity, as JSON; exits with 1 when the last does not miss a third of the first.
"""

from __future__ import annotations

import argparse
import json
import sys

from codesign.cells.knobs import SIGN
from codesign.characterize.currents import current_tables
from codesign.characterize.fit_currents import fit_shape
from codesign.characterize.membrane import Membrane
from codesign.characterize.model import FittedModel
from codesign.characterize.tables import read_table
from codesign.designs.network import Design
from codesign.resources import resource_dir

V_RANGE, LEAST_GAIN = (-0.3, 0.95), 3.0


def main() -> int:
    """Fit the three shapes and print what each misses."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    folder = resource_dir("characterization") / "iris"
    setup = Design.load(resource_dir("designs") / "iris.toml").setup()
    model = FittedModel.load(folder / "model.json")
    tables = current_tables(
        read_table(folder / "synapse_current.parquet", ()), dict(setup.synapse.knobs)
    )
    fitted = model.layers[0].forms["extended"]
    low, high = model.validity.i_synapse_A
    variants = {
        "voltage, degree 2": (Membrane(), (2, 2)),
        "charge, degree 2": (fitted.membrane, (2, 2)),
        "charge, degree 4": (fitted.membrane, (4, 4)),
    }
    rows = {
        name: {
            polarity: fit_shape(
                tables[polarity], model.v0_V, model.v_th_V, model.current_scale_A(1),
                (0.7 * low, 1.4 * high), V_RANGE, powers, membrane,
            ).residual
            for polarity in SIGN
        }
        for name, (membrane, powers) in variants.items()
    }  # fmt: skip
    first, *_, last = rows.values()
    gain = min(first[p] / last[p] for p in SIGN)
    result = {"benchmark": "synapse_shapes", "missed": rows, "gain": gain, "claim": LEAST_GAIN}
    print(json.dumps({**result, "holds": gain >= LEAST_GAIN}, indent=1))
    return 0 if gain >= LEAST_GAIN else 1


if __name__ == "__main__":
    sys.exit(main())
