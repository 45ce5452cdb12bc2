"""The same jobs on a Dask cluster, when the extra is installed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest

from codesign.bench import NetworkCut, Setup, input_line_job, run_column
from codesign.cells import NetworkParameters
from codesign.errors import InputError, ToolError
from codesign.spice import JobStatus, run_jobs
from codesign.spice.dask_jobs import run_dask_jobs

distributed = pytest.importorskip("distributed", reason="the dask extra is not installed")


def half_factory() -> Callable[[float], float]:
    return half


def half(task: float) -> float:
    if task == 3.0:
        raise InputError("three cannot be halved")
    if task > 100:
        time.sleep(5)
    return task / 2


@pytest.fixture
def scheduler() -> Iterator[tuple[str, distributed.LocalCluster]]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address, cluster


def test_outcomes_are_those_of_local_jobs(scheduler: tuple[str, distributed.LocalCluster]) -> None:
    address, _ = scheduler
    outcomes = {
        o.index: o
        for o in run_dask_jobs([0.0, 1.0, 2.0, 3.0], half_factory, address=address, timeout_s=60)
    }
    assert [outcomes[i].value for i in range(3)] == [0.0, 0.5, 1.0]
    assert outcomes[3].status is JobStatus.ERROR
    assert "three" in outcomes[3].message


def test_hanging_tasks_become_timeouts(
    scheduler: tuple[str, distributed.LocalCluster],
) -> None:
    address, _ = scheduler
    outcomes = list(run_dask_jobs([200.0, 300.0], half_factory, address=address, timeout_s=1))
    assert [o.status for o in outcomes] == [JobStatus.TIMEOUT] * 2


def test_workers_with_threads_are_refused() -> None:
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        pytest.raises(InputError, match="--nthreads 1"),
    ):
        address = cluster.scheduler_address
        list(run_dask_jobs([1.0], half_factory, address=address, timeout_s=60))


def test_no_scheduler_is_a_tool_error() -> None:
    with pytest.raises(ToolError, match="no Dask scheduler"):
        list(run_dask_jobs([1.0], half_factory, address="rubbish://x", timeout_s=5))


def slow_square() -> Callable[[float], float]:
    return _slow_square


def _slow_square(task: float) -> float:
    time.sleep(0.3)
    return task * task


def kill_one(cluster: distributed.LocalCluster) -> None:
    """As the machine would that loses power: no farewell."""
    os.kill(next(iter(cluster.workers.values())).process.pid, signal.SIGKILL)


def test_a_killed_worker_loses_nothing(scheduler: tuple[str, distributed.LocalCluster]) -> None:
    address, cluster = scheduler
    tasks = [float(n) for n in range(12)]
    found = {}
    for outcome in run_dask_jobs(tasks, slow_square, address=address, timeout_s=60):
        if not found:
            kill_one(cluster)
        found[outcome.index] = outcome.value
    assert [found[i] for i in range(12)] == [n * n for n in tasks]


def test_columns_on_a_cluster_are_those_of_this_machine(
    scheduler: tuple[str, distributed.LocalCluster],
    requires_ngspice: object,
    requires_models: object,
) -> None:
    """Bit for bit, although one of two workers is killed while it simulates."""
    address, cluster = scheduler
    setup = Setup(NetworkParameters(layers=(4, 1)))
    off = {p: np.full((1, 4), knob.off_at(1.8)) for p, knob in setup.synapse.knobs.items()}
    cut = NetworkCut(setup, [off])
    jobs = [input_line_job(cut, index) for index in (1, 2, 3, 4)]
    factory = partial(partial, run_column, None, 120.0)
    found = {}
    threading.Timer(0.5, kill_one, [cluster]).start()
    for outcome in run_jobs(jobs, factory, workers=address, timeout_s=120):
        assert outcome.value is not None, outcome.message
        found[outcome.index] = outcome.value
    for index, job in enumerate(jobs):
        for key, value in run_column(None, 120.0, job).items():
            if key not in ("duration_s", "cpu_s"):
                np.testing.assert_array_equal(found[index][key], value)
