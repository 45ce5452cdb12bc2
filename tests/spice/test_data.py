"""Raw files, the cache, waveforms and stimuli."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.errors import DataError, InputError
from codesign.spice import (
    Cache,
    Deck,
    Ngspice,
    Transient,
    cache_key,
    crossing_times,
    integral,
    pulse,
    pwl,
    run_batch,
    step_points,
    value_at,
)
from codesign.spice.raw import read_raw


def _raw(path: Path, rows: list[tuple[float, float]], declared: int, extra: bytes = b"") -> Path:
    header = (
        "Title: * t\nPlotname: Transient Analysis\nFlags: real\nNo. Variables: 2\n"
        f"No. Points: {declared}       \nVariables:\n\t0\ttime\ttime\n\t1\tv(Out)\tvoltage\n"
        "Binary:\n"
    )
    path.write_bytes(header.encode() + b"".join(struct.pack("<dd", *r) for r in rows) + extra)
    return path


ROWS = [(0.0, 1.0), (1.0, 2.0), (2.0, 4.0)]


def test_rows_are_counted_from_the_file(tmp_path: Path) -> None:
    for declared in (3, 0):
        plot = read_raw(_raw(tmp_path / "a.raw", ROWS, declared))
        assert plot.rows == 3
        np.testing.assert_array_equal(plot.vectors["v(out)"], [1.0, 2.0, 4.0])


def test_a_row_cut_in_the_middle_is_dropped(tmp_path: Path) -> None:
    plot = read_raw(_raw(tmp_path / "a.raw", ROWS, 0, extra=b"1234567890"))
    assert plot.rows == 3


@pytest.mark.parametrize("content", [b"", b"rubbish", b"Title: x\nBinary:\n", b"Values:\n0 1\n"])
def test_damaged_raw_files_are_data_errors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.raw"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.raw"):
        read_raw(path)


def test_cache_returns_what_was_put_and_replaces_damage(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    key = cache_key("deck", "models")
    assert cache.get(key) is None
    arrays = {"time": np.linspace(0, 1, 5), "v(x1.mem)": np.arange(6.0).reshape(2, 3)}
    cache.put(key, arrays, {"seed": 1})
    found = cache.get(key)
    assert found is not None
    for name, values in arrays.items():
        np.testing.assert_array_equal(found[name], values)
    data = cache.path(key).read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 3] ^= 0xFF
    for damage in (b"", data[:-30], data[: len(data) // 2], b"not a zip", bytes(flipped)):
        cache.path(key).write_bytes(damage)
        assert cache.get(key) is None
        cache.put(key, arrays)
        assert cache.get(key) is not None
    assert not [p for p in tmp_path.rglob("*") if p.name.startswith(".")]


def test_cache_key_separates_its_parts() -> None:
    assert cache_key("ab", "c") != cache_key("a", "bc")


@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=30),
    st.floats(-4, 4),
)
def test_crossings_lie_on_the_level_and_alternate(values: list[float], level: float) -> None:
    t = np.arange(len(values), dtype=float)
    up = crossing_times(t, values, level, rising=True)
    down = crossing_times(t, values, level, rising=False)
    for when in (*up, *down):
        assert value_at(t, values, float(when)) == pytest.approx(level, abs=1e-6)
    assert abs(len(up) - len(down)) <= 1 + sum(v == level for v in values)


def test_crossing_is_interpolated() -> None:
    np.testing.assert_allclose(
        crossing_times([0, 1, 2, 3], [0, 1, 0, 1], 0.25, rising=True), [0.25, 2.25]
    )
    np.testing.assert_allclose(
        crossing_times([0, 1, 2, 3], [0, 1, 0, 1], 0.25, rising=False), [1.75]
    )


def test_integral_of_a_capacitor_current_is_its_charge() -> None:
    t = np.linspace(0, 5e-6, 5001)
    i = 1e-3 * np.exp(-t / 1e-6)
    charge = 1e-9 * (np.exp(-1.0) - np.exp(-3.0))
    assert integral(t, i, 1e-6, 3e-6) == pytest.approx(charge, rel=1e-6)
    whole = integral(t, i, 0, 1.2345e-6) + integral(t, i, 1.2345e-6, 5e-6)
    assert integral(t, i) == pytest.approx(whole, rel=1e-7)


def test_values_outside_a_waveform_are_refused() -> None:
    with pytest.raises(InputError, match="outside"):
        value_at([0, 1], [0, 1], 1.5)
    with pytest.raises(InputError, match="shapes"):
        crossing_times([0, 1], [0, 1, 2], 0.5, rising=True)


@pytest.mark.parametrize(
    "points",
    [[], [(0, 0), (0, 1)], [(1, 0), (0.5, 1)], [(-1, 0), (0, 1)], [(0, float("nan"))],
     [(1.0, 0), (1.0 + 1e-15, 1)]],
)  # fmt: skip
def test_piecewise_linear_times_must_rise(points: list[tuple[float, float]]) -> None:
    with pytest.raises(InputError):
        pwl(points)


def test_stimuli_reach_the_simulator_unchanged(process: object, requires_ngspice: Ngspice) -> None:
    edges = [(k * 1e-7, float(k % 3)) for k in range(1, 40)]
    points = step_points(edges, 0.0, 1e-9)
    netlist = (
        f"v1 a 0 {pwl(points)}\nr1 a 0 1k\n"
        f"v2 b 0 {pulse(0, 1, 1e-7, 1e-9, 1e-9, 5e-8, 2e-7)}\nr2 b 0 1k"
    )
    wave = run_batch(
        Deck("stimuli", netlist),
        Transient(4e-6, 1e-8, ("v(a)", "v(b)")),
        process=process,  # type: ignore[arg-type]
        timeout_s=30,
    ).require()
    times, values = np.array(points).T
    expected = np.interp(wave["time"], times, values)
    np.testing.assert_allclose(wave["v(a)"], expected, atol=1e-5)
    rising = crossing_times(wave["time"], wave["v(b)"], 0.5, rising=True)
    np.testing.assert_allclose(np.diff(rising), 2e-7, rtol=1e-6)


def test_overlapping_edges_are_refused() -> None:
    with pytest.raises(InputError, match="before"):
        step_points([(1e-9, 1.0), (1.5e-9, 0.0)], 0.0, 1e-9)
