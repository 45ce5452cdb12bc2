"""The same jobs on a Dask cluster, when the extra is installed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from codesign.errors import InputError, ToolError
from codesign.spice import JobStatus
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
def scheduler() -> Iterator[str]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        yield cluster.scheduler_address


def test_outcomes_are_those_of_local_jobs(scheduler: str) -> None:
    outcomes = {
        o.index: o
        for o in run_dask_jobs([0.0, 1.0, 2.0, 3.0], half_factory, address=scheduler, timeout_s=60)
    }
    assert [outcomes[i].value for i in range(3)] == [0.0, 0.5, 1.0]
    assert outcomes[3].status is JobStatus.ERROR
    assert "three" in outcomes[3].message


def test_hanging_tasks_become_timeouts(scheduler: str) -> None:
    outcomes = list(run_dask_jobs([200.0, 300.0], half_factory, address=scheduler, timeout_s=1))
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
