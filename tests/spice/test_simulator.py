"""The door "a simulator": one file outside the package, by public names, used by jobs as well."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from codesign.errors import InputError
from codesign.pdk import Process, default_process
from codesign.spice import (
    Deck,
    Ngspice,
    NgspiceSimulator,
    OperatingPoint,
    Simulator,
    default_simulator,
    find_simulator,
    known_simulators,
    register_simulator,
    run_batch,
    run_jobs,
    use_simulator,
)
from codesign.spice.tool import features_of

# A user's file: writes every deck down, lets ngspice simulate it and returns what it gives.
RECORDER = """
from pathlib import Path

from codesign.spice import NgspiceSimulator, Simulator


class Recorder(Simulator):
    name = "recorder"

    def __init__(self, folder=Path("decks")):
        self.folder = Path(folder)
        self.inner = NgspiceSimulator()

    def version(self):
        return self.inner.version()

    def features(self):
        return self.inner.features()

    def run(self, deck, analysis, *, process, **options):
        self.folder.mkdir(exist_ok=True)
        text = deck.text(analysis, models=deck.models(process))
        (self.folder / f"{deck.title}.spice").write_text(text)
        return self.inner.run(deck, analysis, process=process, **options)

    def session(self, process):
        return self.inner.session(process)


not_one = 7
"""
DIVIDER = Deck("divider", "v1 a 0 1\nr1 a m 1k\nr2 m 0 3k")
MIDDLE = OperatingPoint(("v(m)",))


@pytest.fixture
def recorder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The user's module, found because its folder is on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CODESIGN_SIMULATOR", raising=False)
    (tmp_path / "my_recorder.py").write_text(RECORDER)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("my_recorder")
    yield module
    monkeypatch.delitem(importlib.sys.modules, "my_recorder")  # type: ignore[attr-defined]


def middle_V(simulator: Simulator | None = None) -> float:
    result = run_batch(
        DIVIDER, MIDDLE, process=default_process(), timeout_s=30, simulator=simulator
    )
    return float(result.require()["v(m)"][0])


class Divide:
    """A job that simulates with whatever simulator is in use."""

    def __call__(self, task: int) -> tuple[str, float]:
        deck = Deck(f"divider_{task}", f"v1 a 0 {task}\nr1 a m 1k\nr2 m 0 3k")
        result = run_batch(deck, MIDDLE, process=default_process(), timeout_s=30)
        return default_simulator().name, float(result.require()["v(m)"][0])


def name_job() -> Callable[[int], str]:
    return lambda _: default_simulator().name


def test_ngspice_is_what_runs_without_a_choice(
    requires_ngspice: Ngspice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CODESIGN_SIMULATOR", raising=False)
    simulator = default_simulator()
    assert isinstance(simulator, NgspiceSimulator) and simulator.name == "ngspice"
    assert simulator.version() == requires_ngspice.version()
    assert simulator.version() in simulator.identity()
    assert middle_V() == pytest.approx(0.75)


def test_a_given_simulator_records_and_delegates(
    recorder: Any, tmp_path: Path, requires_ngspice: Ngspice
) -> None:
    simulator = recorder.Recorder(tmp_path / "given")
    assert middle_V(simulator) == middle_V() == pytest.approx(0.75)
    deck = (tmp_path / "given" / "divider.spice").read_text()
    assert "r2 m 0 3k" in deck and ".op" in deck
    assert simulator.identity() == ("recorder", requires_ngspice.version())


def test_a_choice_holds_to_the_end_of_its_block(recorder: Any) -> None:
    one, other = recorder.Recorder(), recorder.Recorder()
    with use_simulator(one) as used:
        assert used is one is default_simulator()
        with use_simulator(other), use_simulator(one):
            assert default_simulator() is one
        assert default_simulator() is one
    assert default_simulator().name == "ngspice"


def test_the_choice_reaches_worker_processes(
    recorder: Any, tmp_path: Path, requires_ngspice: Ngspice
) -> None:
    with use_simulator(recorder.Recorder(tmp_path / "jobs")):
        outcomes = list(run_jobs([1, 2], Divide, workers=1, timeout_s=60))
    assert sorted(outcome.value for outcome in outcomes if outcome.value) == [
        ("recorder", pytest.approx(0.75)),
        ("recorder", pytest.approx(1.5)),
    ]
    assert {outcome.message for outcome in outcomes} == {""}
    assert {path.name for path in (tmp_path / "jobs").iterdir()} == {
        "divider_1.spice",
        "divider_2.spice",
    }


def test_the_environment_names_it_for_commands_and_workers(
    recorder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CODESIGN_SIMULATOR", "my_recorder:Recorder")
    assert default_simulator().name == "recorder"
    (outcome,) = run_jobs([1], name_job, workers=1, timeout_s=60)
    assert outcome.value == "recorder"
    # What is chosen in Python comes before the variable.
    with use_simulator("ngspice"):
        assert default_simulator().name == "ngspice"


def test_a_session_is_the_simulator_s_own(
    recorder: Any, process: Process, requires_ngspice: Ngspice
) -> None:
    session = recorder.Recorder().session(process)
    assert session is not None
    with session as held:
        held.load(DIVIDER)
        held.alter("v1", 2.0)
        assert float(held.op("v(m)")["v(m)"][0]) == pytest.approx(1.5)


def test_registered_names_are_known(recorder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from codesign.spice import simulator

    monkeypatch.setattr(simulator, "_FACTORIES", dict(simulator._FACTORIES))
    register_simulator("mine", recorder.Recorder)
    assert known_simulators() == ("mine", "ngspice")
    assert find_simulator("mine").name == "recorder"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("spectre", "there is no simulator 'spectre'"),
        ("no_such_module:It", "cannot be imported"),
        ("my_recorder:Nothing", "cannot be imported"),
        ("my_recorder:not_one", "is no simulator but int"),
        (":x", "cannot be imported"),
    ],
)
def test_what_is_none_is_refused(recorder: Any, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_simulator(name)


def test_features_are_what_the_program_answers(requires_ngspice: Ngspice) -> None:
    features = NgspiceSimulator().features()
    assert features <= {"CIDER", "KLU", "OSDI", "XSPICE"}
    # 39 has no OSDI interface in any build; KLU came with 42.
    if requires_ngspice.version() == "39":
        assert not {"KLU", "OSDI"} & features


@pytest.mark.parametrize(
    ("log", "features"),
    [
        (
            "Using SPARSE 1.3 as Direct Linear Solver\nNUMD   :  1D Diode\ngain  : A gain block\n"
            "osdi: no such command available in ngspice\nCODESIGN PROBE DONE",
            {"CIDER", "XSPICE"},
        ),
        (
            "Using KLU as Direct Linear Solver\nBSIM4 : x\nError: cannot open none.osdi\n"
            "CODESIGN PROBE DONE",
            {"KLU", "OSDI"},
        ),
        ("Segmentation fault", set()),
    ],
)
def test_answers_are_read(log: str, features: set[str]) -> None:
    assert features_of(log) == features


def test_timeout_must_be_positive() -> None:
    with pytest.raises(InputError, match="timeout 0 s is not positive"):
        run_batch(DIVIDER, MIDDLE, process=default_process(), timeout_s=0)
