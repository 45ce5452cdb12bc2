"""Single runs: right numbers, and a status for everything that can go wrong."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from codesign.errors import MissingToolError, SimulationError
from codesign.pdk import Process
from codesign.spice import (
    Cache,
    DCSweep,
    Deck,
    Ngspice,
    OperatingPoint,
    SimulatorOptions,
    Status,
    Transient,
    run_batch,
)

RC = Deck("rc", "r1 out 0 1k\nc1 out 0 1n ic=1\nv1 x 0 0")
DISCHARGE = Transient(5e-6, 1e-8, ("v(out)",), uic=True)
# Runs for hours: 10 s at steps of 1 ns.
ENDLESS = Transient(10.0, 1e-9, ("v(out)",), uic=True)
# A node driven to infinity in finite time: the time step collapses at about 1 us.
BLOW_UP = Deck("blow-up", "c1 x 0 1u ic=1\nb1 0 x i=v(x)*v(x)\nr1 x 0 1e9")


def test_rc_discharge_is_exponential(process: Process, requires_ngspice: Ngspice) -> None:
    wave = run_batch(RC, DISCHARGE, process=process, timeout_s=30).require()
    assert wave["time"][-1] == pytest.approx(5e-6)
    np.testing.assert_allclose(wave["v(out)"], np.exp(-wave["time"] / 1e-6), atol=1e-4)


def test_start_save_drops_earlier_rows(process: Process, requires_ngspice: Ngspice) -> None:
    analysis = Transient(5e-6, 1e-8, ("v(out)",), start_save_s=2e-6, uic=True)
    wave = run_batch(RC, analysis, process=process, timeout_s=30).require()
    assert wave["time"][0] == pytest.approx(2e-6, rel=0.02)
    np.testing.assert_allclose(wave["v(out)"], np.exp(-wave["time"] / 1e-6), atol=1e-4)


def test_nested_sweep_has_one_row_per_outer_value(
    process: Process, requires_ngspice: Ngspice
) -> None:
    deck = Deck("divider", "v1 a 0 0\nv2 b 0 0\nr1 a m 1k\nr2 b m 3k")
    sweep = DCSweep("v1", 0, 1, 0.1, ("v(m)", "i(v1)"), outer=("v2", 0.5, 2.0, 0.5))
    wave = run_batch(deck, sweep, process=process, timeout_s=30).require()
    assert wave["v(m)"].shape == (4, 11)
    exact = 0.75 * wave["sweep"][None, :] + 0.25 * wave["outer"][:, None]
    np.testing.assert_allclose(wave["v(m)"], exact, atol=1e-9)


def test_users_spiceinit_changes_nothing(
    process: Process,
    requires_ngspice: Ngspice,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = run_batch(RC, DISCHARGE, process=process, timeout_s=30).require()["v(out)"]
    # Each would change the result or the raw format if it were read.
    (tmp_path / ".spiceinit").write_text("set filetype=ascii\noption reltol=0.3\nquit\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SPICE_USERINIT_DIR", str(tmp_path))
    monkeypatch.setenv("SPICE_ASCIIRAWFILE", "1")
    monkeypatch.chdir(tmp_path)
    again = run_batch(RC, DISCHARGE, process=process, timeout_s=30).require()["v(out)"]
    np.testing.assert_array_equal(again, expected)


def test_timeout_kills_the_run_and_keeps_its_files(
    process: Process, requires_ngspice: Ngspice, tmp_path: Path
) -> None:
    started = time.monotonic()
    result = run_batch(RC, ENDLESS, process=process, timeout_s=1.0, workdir=tmp_path / "run")
    assert time.monotonic() - started < 10
    assert result.status is Status.TIMEOUT
    assert len(result.attempts) == 1
    names = {p.name for p in (tmp_path / "run").iterdir()}
    assert {"deck.spice", "models.spice", ".spiceinit", "run.sh"} <= names
    with pytest.raises(SimulationError) as caught:
        result.require()
    for part in ("deck.spice", "corner tt", "seed 1", "timeout", "run.sh"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("netlist", "message"),
    [
        ("v1 a 0 1\nx1 a 0 nosuch", "nosuch"),
        ("v1 a 0 1\nm1 a a 0 0 nomodel w=1 l=1", "nomodel"),
        ("v1 a 0 1\nr1 a 0 {undefined_parameter}", "undefined"),
    ],
)
def test_bad_netlist_is_a_parse_error(
    process: Process, requires_ngspice: Ngspice, tmp_path: Path, netlist: str, message: str
) -> None:
    result = run_batch(
        Deck("bad", netlist),
        OperatingPoint(("v(a)",)),
        process=process,
        timeout_s=30,
        workdir=tmp_path,
    )
    assert result.status is Status.PARSE_ERROR
    assert message in result.log_tail.lower()
    assert len(result.attempts) == 1


@pytest.mark.parametrize("save", [("v(nowhere)",), ("v(out)", "v(nowhere)")])
def test_unknown_vector_is_a_parse_error(
    process: Process, requires_ngspice: Ngspice, tmp_path: Path, save: tuple[str, ...]
) -> None:
    analysis = Transient(1e-6, 1e-8, save, uic=True)
    result = run_batch(RC, analysis, process=process, timeout_s=30, workdir=tmp_path)
    assert result.status is Status.PARSE_ERROR


def test_collapsed_time_step_is_truncated_after_the_whole_ladder(
    process: Process, requires_ngspice: Ngspice, tmp_path: Path
) -> None:
    analysis = Transient(5e-6, 1e-8, ("v(x)",), uic=True)
    result = run_batch(BLOW_UP, analysis, process=process, timeout_s=30, workdir=tmp_path)
    assert result.status is Status.TRUNCATED
    assert [a.change.split()[0] for a in result.attempts] == ["as", "max", "relaxed:"]
    # dv/dt = v^2/C from 1 V: v = 1/(1 - t/1us), for as long as the run went.
    t, v = result.waveforms["time"], result.waveforms["v(x)"]
    early = t < 0.5e-6
    assert early.sum() > 10
    np.testing.assert_allclose(v[early], 1 / (1 - t[early] / 1e-6), rtol=2e-2)
    with pytest.raises(SimulationError, match="truncated"):
        result.require()


def test_ladder_rescues_a_run_that_is_too_tight(
    process: Process, requires_ngspice: Ngspice
) -> None:
    # Tolerances below rounding: the first two rungs cannot converge, the relaxed one can.
    tight = SimulatorOptions(reltol=1e-16, abstol=1e-30, vntol=1e-30, gmin=1e-15)
    netlist = "v1 a 0 pwl(0 0 1n 1 10n 2)\nr1 a b 1k\nd1 b 0 dm\n.model dm d is=1e-14"
    deck = Deck("tight", netlist, options=tight)
    analysis = Transient(10e-9, 1e-9, ("v(b)",))
    result = run_batch(deck, analysis, process=process, timeout_s=30)
    assert result.ok
    assert result.relaxed
    assert [a.status is Status.OK for a in result.attempts] == [False, False, True]
    assert 0.5 < result.waveforms["v(b)"][-1] < 0.9


def _fake_ngspice(folder: Path, script: str) -> Path:
    path = folder / "ngspice"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("kill -SEGV $$", Status.CRASHED),
        ("exit 42", Status.CRASHED),
        ("echo rubbish > out.raw", Status.CRASHED),
        ("sleep 1000", Status.TIMEOUT),
    ],
)
def test_crashes_have_a_status(
    process: Process,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    status: Status,
) -> None:
    monkeypatch.setenv("CODESIGN_NGSPICE", str(_fake_ngspice(tmp_path, script)))
    result = run_batch(RC, DISCHARGE, process=process, timeout_s=1.0, workdir=tmp_path / "run")
    assert result.status is status


def test_nothing_outlives_a_timeout(
    process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"sleep 1000 & echo $! > {tmp_path}/child\nwait"
    monkeypatch.setenv("CODESIGN_NGSPICE", str(_fake_ngspice(tmp_path, script)))
    run_batch(RC, DISCHARGE, process=process, timeout_s=1.0, workdir=tmp_path / "run")
    child = int((tmp_path / "child").read_text())
    for _ in range(50):
        state = Path(f"/proc/{child}/stat")
        if not state.exists() or state.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    os.kill(child, 9)
    pytest.fail("a process of the killed run was still running")


def test_missing_ngspice_names_the_remedy(
    process: Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CODESIGN_NGSPICE", raising=False)
    with pytest.raises(MissingToolError, match="apt-get install ngspice"):
        run_batch(RC, DISCHARGE, process=process, timeout_s=1.0)


def test_files_repeat_the_run_by_hand(
    process: Process, requires_ngspice: Ngspice, tmp_path: Path
) -> None:
    folder = tmp_path / "with space"
    run_batch(RC, DISCHARGE, process=process, timeout_s=30, workdir=folder, keep=True).require()
    before = (folder / "out.raw").read_bytes().split(b"Binary:")[1]
    (folder / "out.raw").unlink()
    subprocess.run(["sh", str(folder / "run.sh")], check=True, timeout=30, cwd="/")
    assert (folder / "out.raw").read_bytes().split(b"Binary:")[1] == before


def test_success_leaves_nothing_behind(
    process: Process, requires_ngspice: Ngspice, tmp_path: Path
) -> None:
    result = run_batch(RC, DISCHARGE, process=process, timeout_s=30, workdir=tmp_path / "run")
    assert result.workdir is None
    assert not (tmp_path / "run").exists()


def test_cache_answers_the_same_question_once(
    process: Process, requires_ngspice: Ngspice, tmp_path: Path
) -> None:
    cache = Cache(tmp_path)
    first = run_batch(RC, DISCHARGE, process=process, timeout_s=30, cache=cache)
    again = run_batch(RC, DISCHARGE, process=process, timeout_s=30, cache=cache)
    assert not first.cached
    assert again.cached
    for name, values in first.waveforms.items():
        np.testing.assert_array_equal(again.waveforms[name], values)
    other = Transient(4e-6, 1e-8, ("v(out)",), uic=True)
    assert not run_batch(RC, other, process=process, timeout_s=30, cache=cache).cached


def test_failures_are_not_cached(
    process: Process, requires_ngspice: Ngspice, tmp_path: Path
) -> None:
    cache = Cache(tmp_path / "cache")
    analysis = Transient(1e-6, 1e-8, ("v(nowhere)",), uic=True)
    run_batch(RC, analysis, process=process, timeout_s=30, cache=cache, workdir=tmp_path / "run")
    assert not list(tmp_path.rglob("*.npz"))
