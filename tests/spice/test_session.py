"""A circuit held in libngspice: the numbers of separate runs, state that does not leak."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from codesign.errors import InputError, MissingToolError, SimulationError
from codesign.pdk import Conditions, Device, LibraryLocation, Process, Variation
from codesign.spice import DCSweep, Deck, Ngspice, OperatingPoint, Transient, run_batch
from codesign.spice.session import Session

RC = Deck("rc", "r1 out 0 1k\nc1 out 0 1n ic=1\nv1 x 0 0")
DIVIDER = Deck("divider", "v1 a 0 1\nr1 a m 1k\nr2 m 0 1k")
NFET = Device("nfet_01v8", 1.0, 0.25)
SYNAPSE = Deck(
    "synapse",
    "vd d 0 1\nvg g 0 0.6\nvs s 0 1.8\n"
    "xm d g m 0 sky130_fd_pr__nfet_01v8 w=1 l=0.25\n"
    "xs m s 0 0 sky130_fd_pr__nfet_01v8 w=1 l=0.25",
    frozenset({NFET}),
)


def test_rc_discharge_is_exponential(process: Process, requires_ngspice: Ngspice) -> None:
    with Session(process) as session:
        session.load(RC)
        wave = session.run(Transient(5e-6, 1e-8, ("v(out)",), uic=True))
    np.testing.assert_allclose(wave["v(out)"], np.exp(-wave["time"] / 1e-6), atol=1e-4)


def test_altered_values_are_used_until_the_next_load(
    process: Process, requires_ngspice: Ngspice
) -> None:
    with Session(process) as session:
        session.load(DIVIDER)
        assert session.op("v(m)")["v(m)"][0] == pytest.approx(0.5)
        session.alter("v1", 3.0)
        session.alter("r2", 2e3)
        assert session.op("v(m)", "i(v1)")["v(m)"][0] == pytest.approx(2.0)
        session.alter_device("r2", "resistance", 5e2)
        assert session.op("v(m)")["v(m)"][0] == pytest.approx(1.0)
        session.load(DIVIDER)
        assert session.op("v(m)")["v(m)"][0] == pytest.approx(0.5)


def test_piecewise_linear_source_can_be_replaced(
    process: Process, requires_ngspice: Ngspice
) -> None:
    with Session(process) as session:
        session.load(Deck("pwl", "v1 a 0 pwl(0 0 1u 1)\nr1 a 0 1k"))
        first = session.tran(1e-6, 1e-8, ("v(a)",))
        session.alter_pwl("v1", [(0.0, 1.0), (1e-6, 3.0)])
        second = session.tran(1e-6, 1e-8, ("v(a)",))
    np.testing.assert_allclose(first["v(a)"], first["time"] / 1e-6, atol=1e-6)
    np.testing.assert_allclose(second["v(a)"], 1 + 2 * second["time"] / 1e-6, atol=1e-6)


def test_session_equals_separate_runs(
    process: Process, requires_ngspice: Ngspice, requires_models: LibraryLocation
) -> None:
    sweep = DCSweep("vd", 0.2, 1.6, 0.1, ("i(vd)", "v(m)"), outer=("vg", 0.4, 0.9, 0.25))
    separate = run_batch(SYNAPSE, sweep, process=process, timeout_s=30).require()
    with Session(process) as session:
        session.load(SYNAPSE)
        together = session.run(sweep)
        for name in ("i(vd)", "v(m)", "sweep", "outer"):
            np.testing.assert_allclose(together[name], separate[name], rtol=1e-9)
        for k, v_gate in enumerate(separate["outer"]):
            session.alter("vg", float(v_gate))
            session.alter("vd", 1.0)
            point = session.op("i(vd)")["i(vd)"][0]
            assert point == pytest.approx(separate["i(vd)"][k, 8], rel=1e-4)


def test_mismatch_seed_gives_the_same_devices_as_a_separate_run(
    process: Process, requires_ngspice: Ngspice, requires_models: LibraryLocation
) -> None:
    def current(seed: int) -> float:
        conditions = Conditions(variation=Variation.MISMATCH, seed=seed)
        deck = Deck("synapse", SYNAPSE.netlist, SYNAPSE.devices, conditions)
        with Session(process) as session:
            session.load(deck)
            value = session.op("i(vd)")["i(vd)"][0]
        separate = run_batch(deck, OperatingPoint(("i(vd)",)), process=process, timeout_s=30)
        assert value == pytest.approx(separate.require()["i(vd)"][0], rel=1e-9)
        return float(value)

    assert current(2) == current(2) != current(3)


@pytest.mark.parametrize(
    "netlist", ["v1 a 0 1\nx1 a 0 nosuch", "v1 a 0 1\nm1 a a 0 0 nomodel w=1 l=1"]
)
def test_failed_load_does_not_run_the_previous_circuit(
    process: Process, requires_ngspice: Ngspice, netlist: str
) -> None:
    with Session(process) as session:
        session.load(DIVIDER)
        with pytest.raises(SimulationError, match=r"'bad'.*parse_error"):
            session.load(Deck("bad", netlist))
        with pytest.raises(RuntimeError, match="load a deck"):
            session.op("v(m)")
        session.load(DIVIDER)
        assert session.op("v(m)")["v(m)"][0] == pytest.approx(0.5)


def test_unknown_names_are_errors(process: Process, requires_ngspice: Ngspice) -> None:
    with Session(process) as session:
        session.load(DIVIDER)
        with pytest.raises(InputError, match="vnowhere"):
            session.alter("vnowhere", 1.0)
        with pytest.raises(SimulationError, match="no data saved"):
            session.op("v(nowhere)")
        with pytest.raises(InputError, match="nowhere"):
            session.op("v(m)", "v(nowhere)")
        with pytest.raises(InputError):
            session.alter("v1 = 1; shell ls", 1.0)
        assert session.op("v(m)")["v(m)"][0] == pytest.approx(0.5)


def test_collapsed_time_step_is_an_error_with_context(
    process: Process, requires_ngspice: Ngspice
) -> None:
    with Session(process) as session:
        session.load(Deck("blow-up", "c1 x 0 1u ic=1\nb1 0 x i=v(x)*v(x)\nr1 x 0 1e9"))
        with pytest.raises(SimulationError, match=r"(?s)blow-up.*corner tt.*seed 1.*too small"):
            session.run(Transient(5e-6, 1e-8, ("v(x)",), uic=True))


def test_one_session_per_process(process: Process, requires_ngspice: Ngspice) -> None:
    with Session(process), pytest.raises(RuntimeError, match="one at a time"):
        Session(process).__enter__()
    with Session(process) as session:
        session.load(DIVIDER)


def test_memory_does_not_grow_with_runs(process: Process, requires_ngspice: Ngspice) -> None:
    def peak_MB() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    with Session(process) as session:
        session.load(DIVIDER)
        for _ in range(200):
            session.op("v(m)")
        before = peak_MB()
        for i in range(3000):
            session.alter("v1", 1.0 + 1e-4 * i)
            session.op("v(m)")
        # One kept plot of 3 vectors per run would be 3 MB and more.
        assert peak_MB() - before < 12


def test_users_spiceinit_is_not_read(requires_ngspice: Ngspice, tmp_path: Path) -> None:
    (tmp_path / ".spiceinit").write_text("echo USER_SETTINGS_READ\nset temp=150\n")
    script = (
        "from codesign.pdk import default_process\nfrom codesign.spice import Deck\n"
        "from codesign.spice.session import Session\n"
        "deck = Deck('d', 'i1 0 a 1u\\nd1 a 0 dm\\n.model dm d is=1e-14')\n"
        "with Session(default_process()) as session:\n"
        "    session.load(deck)\n"
        "    print(repr(float(session.op('v(a)')['v(a)'][0])))\n"
    )
    answers = []
    for home in (tmp_path, Path(__file__).parent):
        env = {**os.environ, "HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=home,
            env=env,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "USER_SETTINGS_READ" not in done.stdout + done.stderr
        assert done.stderr == ""
        answers.append(float(done.stdout))
    assert answers[0] == answers[1]


def test_missing_library_names_the_remedy(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NGSPICE_LIBRARY_PATH", "/nowhere/libngspice.so")
    with pytest.raises(MissingToolError, match="apt-get install libngspice0"):
        Session(process).__enter__()
