"""Errors of pydantic in words of a design file."""

from __future__ import annotations

import pytest

from codesign.errors import DesignError
from codesign.records import Record, validate


class Table(Record):
    pair: tuple[float, float] = (1.0, 2.0)
    many: tuple[int, ...] = ()
    text: str = ""
    count: int = 1
    flag: bool = False
    inner: dict[str, int] | None = None


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("pair", [1, 2, 3], "takes up to 2 values, has 3"),
        ("pair", [1], "needs 2 values, has 1"),
        ("pair", [], "needs 2 values, has 0"),
        ("pair", "1..2", 'needs a list of values, such as [a, b], not "1..2"'),
        ("many", 3, "needs a list of values, such as [a, b], not 3"),
        ("text", 3, "needs a text in quotes, not 3"),
        ("count", 1.5, "needs a whole number, not 1.5"),
        ("flag", 1, "needs true or false, not 1"),
        ("inner", [1], "needs a table, such as { key = value }, not [1]"),
    ],
)
def test_an_error_says_what_is_needed(key, value, words):
    with pytest.raises(DesignError) as caught:
        validate(Table, {key: value}, "my.toml")
    assert caught.value.message == f"my.toml: {key}: {words}"
