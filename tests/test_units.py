import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.units import format_quantity, parse_quantity


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("1us", "s", 1e-6),
        ("140fF", "F", 140e-15),
        ("1.3V", "V", 1.3),
        ("0.25um", "m", 0.25e-6),
        ("-30 nA", "A", -30e-9),
        ("2.5e-1kohm", "ohm", 250.0),
        ("27C", "C", 27.0),
        ("5mm", "m", 5e-3),
        (1e-6, "s", 1e-6),
        (3, "V", 3.0),
    ],
)
def test_text_and_numbers_become_si(text, unit, value):
    assert parse_quantity(text, unit) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("1um", "is not in s"),
        ("1", "lacks its unit s"),
        ("1xs", "is not in s"),
        ("us", "is not a quantity in s"),
        ("1us 2us", "is not a quantity in s"),
        ("1e999s", "is not finite"),
        (math.inf, "is not finite"),
        (math.nan, "is not finite"),
        (True, "expected a quantity in s"),
        (None, "expected a quantity in s"),
        ([1e-6], "expected a quantity in s"),
    ],
)
def test_wrong_quantities_say_what_is_wrong(text, hint):
    with pytest.raises(ValueError, match=hint):
        parse_quantity(text, "s")


def test_wrong_unit_shows_an_example():
    with pytest.raises(ValueError, match='write "140fF"'):
        parse_quantity("1us", "F")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(1.4e-13, "F", "140fF"), (1e-6, "s", "1us"), (0.0, "V", "0V"), (-3e-8, "A", "-30nA")],
)
def test_values_are_printed_in_engineering_notation(value, unit, text):
    assert format_quantity(value, unit) == text


@given(st.floats(1e-17, 1e11), st.booleans(), st.sampled_from(["s", "V", "F", "A", "ohm"]))
def test_printed_quantities_read_back(magnitude, negative, unit):
    value = -magnitude if negative else magnitude
    assert parse_quantity(format_quantity(value, unit, 12), unit) == pytest.approx(value, rel=1e-9)
