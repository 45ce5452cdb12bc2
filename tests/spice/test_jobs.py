"""Jobs on worker processes: one that crashes or hangs costs its own row."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from codesign.errors import InputError, MissingToolError
from codesign.pdk import Process
from codesign.spice import Deck, JobStatus, Ngspice, run_jobs
from codesign.spice.session import Session


def square_factory() -> Callable[[int], int]:
    return square


def square(task: int) -> int:
    if task == 3:
        raise ValueError("three is not for squaring")
    if task == 5:
        os.kill(os.getpid(), signal.SIGSEGV)
    if task == 7:
        time.sleep(1000)
    return task * task


class Counter:
    """Counts its calls and says who it is."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, task: int) -> tuple[int, int]:
        self.calls += 1
        return os.getpid(), self.calls


def missing_factory() -> Callable[[int], int]:
    raise MissingToolError("no tool", remedy="install it")


def dying_factory() -> Callable[[int], int]:
    os._exit(3)


class DividerJob:
    """Keeps the circuit loaded between tasks."""

    def __init__(self, process: Process) -> None:
        self.session = Session(process).__enter__()
        self.session.load(Deck("divider", "v1 a 0 1\nr1 a m 1k\nr2 m 0 1k"))

    def __call__(self, v_in: float) -> float:
        self.session.alter("v1", v_in)
        return float(self.session.op("v(m)")["v(m)"][0])

    def close(self) -> None:
        self.session.close()


def test_each_task_gets_one_outcome_whatever_happens() -> None:
    seen: list[tuple[int, int]] = []
    outcomes = {
        o.index: o
        for o in run_jobs(
            range(10),
            square_factory,
            workers=2,
            timeout_s=1.5,
            progress=lambda done, total: seen.append((done, total)),
        )
    }
    assert sorted(outcomes) == list(range(10))
    assert outcomes[3].status is JobStatus.ERROR
    assert "three is not for squaring" in outcomes[3].message
    assert outcomes[5].status is JobStatus.CRASHED
    assert "signal 11" in outcomes[5].message
    assert outcomes[7].status is JobStatus.TIMEOUT
    for index in {0, 1, 2, 4, 6, 8, 9}:
        assert outcomes[index].value == index * index
    assert seen == [(i, 10) for i in range(1, 11)]


def test_job_is_built_once_per_worker_and_workers_are_recycled() -> None:
    values = [
        o.value for o in run_jobs(range(7), Counter, workers=1, timeout_s=20, recycle_after=3)
    ]
    assert [calls for _, calls in values if calls] == [1, 2, 3, 1, 2, 3, 1]
    assert len({pid for pid, _ in values}) == 3


def test_missing_tool_ends_the_whole_run() -> None:
    with pytest.raises(MissingToolError, match="install it"):
        list(run_jobs(range(4), missing_factory, workers=2, timeout_s=20))


def test_workers_that_never_start_end_the_run() -> None:
    with pytest.raises(Exception, match="exit code 3"):
        list(run_jobs(range(4), dying_factory, workers=1, timeout_s=20))


def test_sessions_live_in_the_workers(process: Process, requires_ngspice: Ngspice) -> None:
    tasks = [0.1 * i for i in range(8)]
    factory = functools.partial(DividerJob, process)
    for outcome in run_jobs(tasks, factory, workers=2, timeout_s=30):
        assert outcome.value == pytest.approx(tasks[outcome.index] / 2)


def test_nothing_to_do_is_fine() -> None:
    assert list(run_jobs([], square_factory, timeout_s=1)) == []


@pytest.mark.parametrize("bad", [{"workers": 0}, {"timeout_s": 0}, {"recycle_after": 0}])
def test_settings_are_checked(bad: dict[str, float]) -> None:
    settings = {"timeout_s": 1.0, **bad}
    with pytest.raises(InputError):
        list(run_jobs([1], square_factory, **settings))  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
def test_workers_die_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, pathlib, time\n"
        "from codesign.spice import run_jobs\n"
        "def job(path):\n"
        "    pathlib.Path(path).write_text(str(os.getpid()))\n"
        "    time.sleep(1000)\n"
        "def factory():\n"
        "    return job\n"
        "if __name__ == '__main__':\n"
        f"    list(run_jobs([{str(tmp_path / 'pid')!r}], factory, workers=1, timeout_s=900))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    parent = subprocess.Popen([sys.executable, str(script)], env=env)
    pid_file = tmp_path / "pid"
    for _ in range(300):
        if pid_file.exists() and pid_file.read_text():
            break
        time.sleep(0.1)
    worker = Path("/proc") / pid_file.read_text() / "stat"
    assert worker.exists()
    parent.kill()
    parent.wait()
    for _ in range(50):
        if not worker.exists() or worker.read_text().split()[2] == "Z":
            return
        time.sleep(0.1)
    pytest.fail("the worker outlived its parent")
