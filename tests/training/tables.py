"""Small files of samples, and the error that a bad one gives."""

import numpy as np
import pandas as pd
import pytest

from codesign.errors import DataError
from codesign.training import TrainingParameters, dataset_for


def table(rows=60, seed=0):
    generator = np.random.default_rng(seed)
    kinds = np.array(["setosa", "virginica", "ape"])[np.arange(rows) % 3]
    return pd.DataFrame(
        {"a": generator.random(rows).round(6), "b": generator.integers(0, 9, rows), "kind": kinds}
    )


def load(folder, name="my.csv", **changes):
    return dataset_for(TrainingParameters(dataset=name, **changes), folder)


def write(folder, text, name="my.csv", encoding="utf-8"):
    (folder / name).write_bytes(text.encode(encoding))
    return folder


def refused(folder, name="my.csv", kind=DataError, **changes):
    with pytest.raises(kind) as error:
        load(folder, name, **changes)
    text = str(error.value)
    assert error.value.exit_code == 2
    if kind is DataError:
        assert str(folder / name) in text and error.value.remedy
    return text
