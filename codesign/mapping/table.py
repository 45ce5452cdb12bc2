"""mapping/biases.csv: the knobs of every synapse, written and read."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from codesign.errors import DataError
from codesign.files import write_atomic
from codesign.mapping.knobs import LayerKnobs

_FIXED = ("weight", "current_A")


def knob_columns(units: Mapping[str, str]) -> dict[str, str]:
    """Column of each polarity's knob; `units`: V for a bias voltage."""
    return {p: f"bias_{p}_V" if unit == "V" else f"value_{p}" for p, unit in units.items()}


def write_knobs(path: Path, layers: Sequence[LayerKnobs], units: Mapping[str, str]) -> None:
    """Write layer, post, pre (from 1), weight, current_A, and a column per polarity: bias_n_V for
    a bias voltage, value_n for a device value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = knob_columns(units)
    writer.writerow(["layer", "post", "pre", *_FIXED, *columns.values()])
    for layer, knobs in enumerate(layers, start=1):
        arrays = (knobs.current_A, *(knobs.values[p] for p in columns))
        for (post, pre), weight in np.ndenumerate(knobs.weight):
            values = (weight, *(array[post, pre] for array in arrays))
            writer.writerow([layer, post + 1, pre + 1, *(f"{float(x):.12g}" for x in values)])
    write_atomic(path, text.getvalue())


def read_knobs(path: Path) -> tuple[LayerKnobs, ...]:
    """Knobs from mapping/biases.csv. Raises DataError naming the file."""
    remedy = "run `codesign verify` again"
    try:
        with path.open(newline="", encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        keys = [(int(row["layer"]), int(row["post"]), int(row["pre"])) for row in rows]
        present = {
            p: name
            for p in "np"
            for name in (f"bias_{p}_V", f"value_{p}")
            if rows and name in rows[0]
        }
        if not present:
            raise ValueError("there is no column of knobs")
        layers = []
        for layer in range(1, max(key[0] for key in keys) + 1):
            own = [(key, row) for key, row in zip(keys, rows, strict=True) if key[0] == layer]
            shape = (max(key[1] for key, _ in own), max(key[2] for key, _ in own))
            if len(own) != shape[0] * shape[1]:
                raise ValueError(f"layer {layer} has {len(own)} rows, not {shape[0]} x {shape[1]}")
            arrays = {}
            for column in (*_FIXED, *present.values()):
                array = np.full(shape, np.nan)
                for (_, post, pre), row in own:
                    array[post - 1, pre - 1] = float(row[column])
                if not np.isfinite(array).all():
                    raise ValueError(f"layer {layer} has no {column} for some synapse")
                arrays[column] = array
            values = {p: arrays[name] for p, name in present.items()}
            layers.append(LayerKnobs(arrays["weight"], arrays["current_A"], values))
    except FileNotFoundError:
        raise DataError(f"{path}: there are no biases", remedy=remedy) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is not a table of biases: {error}", remedy=remedy) from error
    return tuple(layers)
