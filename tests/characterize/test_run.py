"""Running plans: failures as rows, kill and go on, progress, column trials."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import codesign
from codesign.bench import Setup
from codesign.cells import NetworkParameters
from codesign.characterize import SweepPlan, read_table, run_plan
from codesign.characterize.sweeps import tasks_of
from codesign.errors import SimulationError

pytestmark = pytest.mark.usefixtures("requires_ngspice", "requires_models")

SETUP = Setup(NetworkParameters(layers=(2, 2)))
SYNAPSE = (
    '[[sweep]]\nkind = "synapse_current"\nname = "synapse_current"\n'
    'v_bias_n = { start = "0.3V", stop = "0.7V", step = "0.05V" }\n'
    'v_bias_p = { start = "0.95V", stop = "1.45V", step = "0.05V" }\n'
)
# At 1 V/s the ramp takes 0.65 s, which is a day's work in steps of 5 ns.
ENDLESS = "1V/s"


def delays(*slopes: str, timeout: str = "20s") -> str:
    listed = ", ".join(f'"{slope}"' for slope in slopes)
    return (
        f'[[sweep]]\nkind = "sensing_delay"\nname = "delay"\ntimeout = "{timeout}"\n'
        f"slopes = [{listed}]\n"
    )


def run(plan: str, out: Path, cache: Path | None = None, **options: object) -> dict[str, Path]:
    return run_plan(
        SweepPlan.from_text(plan),
        SETUP,
        out,
        cache_dir=cache,
        **options,  # type: ignore[arg-type]
    )


def without_durations(path: Path) -> pd.DataFrame:
    table = read_table(path).drop(columns="duration_s")
    return table.sort_values(list(table.columns)).reset_index(drop=True)


def test_a_failing_task_costs_its_row(tmp_path: Path) -> None:
    paths = run(delays("1.6MV/s", ENDLESS, timeout="4s"), tmp_path / "out", tmp_path / "cache")
    table = read_table(paths["delay"]).set_index("slope_V_per_s")
    assert table.status.to_dict() == {1.6e6: "ok", 1.0: "timeout"}
    assert table.t_delay_s.notna().to_dict() == {1.6e6: True, 1.0: False}
    assert len(list((tmp_path / "cache").rglob("*.json"))) == 1  # failures are tried again


def test_a_sweep_that_fails_altogether(tmp_path: Path) -> None:
    with pytest.raises(SimulationError, match=r"'delay'.*\n?.*every simulation failed \(timeout\)"):
        run(delays("1.6MV/s"), tmp_path, timeout_s=0.02)
    assert read_table(tmp_path / "delay.parquet").status.tolist() == ["timeout"]


def test_a_hung_worker_costs_status_rows() -> None:
    """Rows of a task whose worker died are complete but for what was to be measured."""
    (sweep,) = SweepPlan.from_text(SYNAPSE).sweep
    task = tasks_of(sweep, SETUP, {})[0]
    result = task.failed("crashed", "the worker died (signal 11)", 2.0)
    rows = result.tables[""]
    assert not result.ok and len(rows) == 9 * 32
    assert all(row["status"] == "crashed" and row["i_synapse_A"] is None for row in rows)
    assert sum(row["duration_s"] for row in rows) == pytest.approx(2.0)


def test_progress_counts_tasks_by_sweep(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    plan = SYNAPSE + delays("0.8MV/s", "1.6MV/s")
    run(plan, tmp_path, progress=lambda *state: seen.append(state))
    assert sorted(s for s in seen if s[2] == "delay") == [(1, 2, "delay"), (2, 2, "delay")]
    assert [s for s in seen if s[2] == "synapse_current"][-1][:2] == (2, 2)


SCRIPT = """
import sys
from pathlib import Path
from codesign.bench import Setup
from codesign.cells import NetworkParameters
from codesign.characterize import SweepPlan, run_plan

if __name__ == "__main__":
    run_plan(
        SweepPlan.load(Path(sys.argv[1])), Setup(NetworkParameters(layers=(2, 2))),
        Path(sys.argv[2]), workers=1, cache_dir=Path(sys.argv[3]),
        progress=lambda done, total, label: print(done, total, label, flush=True),
    )
"""


def test_kill_and_go_on(tmp_path: Path) -> None:
    """After kill -9 the second run takes the finished tasks' rows and simulates the others."""
    slopes = [f"{2 + k / 4}MV/s" for k in range(8)]
    plan, cache, script = tmp_path / "plan.toml", tmp_path / "cache", tmp_path / "script.py"
    plan.write_text(delays(*slopes))
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(plan), str(tmp_path / "out"), str(cache)]
    package = Path(codesign.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.split()[0] == "3":
                os.kill(process.pid, signal.SIGKILL)
                break
        process.wait(timeout=30)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "out" / "delay.parquet").exists()
    kept = sorted(cache.rglob("*.json"))
    assert 3 <= len(kept) < len(slopes)

    marked = json.loads(kept[0].read_text())
    marked[""][0]["attempts"] = 77  # a simulation would not say so
    kept[0].write_text(json.dumps(marked))
    before = {path: path.stat().st_mtime_ns for path in kept}
    subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL, env=environment)
    assert {path: path.stat().st_mtime_ns for path in kept} == before
    table = without_durations(tmp_path / "out" / "delay.parquet")
    assert sorted(table.attempts)[-2:] == [1, 77]

    fresh = run(delays(*slopes), tmp_path / "fresh")
    pd.testing.assert_frame_equal(
        table.assign(attempts=1), without_durations(fresh["delay"]).assign(attempts=1)
    )


def test_a_damaged_or_foreign_shard_is_simulated_again(tmp_path: Path) -> None:
    out, cache = tmp_path / "out", tmp_path / "cache"
    first = without_durations(run(SYNAPSE, out, cache)["synapse_current"])
    shards = sorted(cache.rglob("*.json"))
    shards[0].write_text(shards[0].read_text()[:100])
    again = without_durations(run(SYNAPSE, out, cache)["synapse_current"])
    pd.testing.assert_frame_equal(first, again)
    hot = run_plan(SweepPlan.from_text(SYNAPSE), SETUP.at(temperature_C=85), out, cache_dir=cache)
    assert (read_table(hot["synapse_current"]).temperature_C == 85).all()
    assert len(list(cache.rglob("*.json"))) == 2 * len(shards)


def test_column_draws_from_the_synapse_table(tmp_path: Path) -> None:
    column = '[[sweep]]\nkind = "column"\nname = "column"\nruns = 2\ntrials = 2\n'
    paths = run(SYNAPSE + column, tmp_path / "out", tmp_path / "cache")
    assert list(paths) == ["synapse_current", "column_trials", "column_inputs"]
    trials, inputs = (read_table(paths[f"column_{part}"]) for part in ("trials", "inputs"))
    assert len(trials) == 2 * 2 and len(inputs) == 2 * 2 * 2
    assert (trials.status == "ok").all() and trials.v_end_V.between(0.3, 1.8).all()
    again = run(SYNAPSE + column, tmp_path / "again", tmp_path / "cache")
    pd.testing.assert_frame_equal(trials, read_table(again["column_trials"]))


def test_a_column_whose_worker_died_has_rows() -> None:
    table = pd.DataFrame(
        {
            "polarity": polarity,
            "v_bias_V": bias,
            "v_mem_V": v,
            "i_synapse_A": 10 ** (sign * (bias - middle) * 10) * 30e-9 * (1 + sign * 0.2 * v),
            "status": "ok",
        }
        for polarity, sign, middle in (("n", 1, 0.5), ("p", -1, 1.2))
        for bias in (middle - 0.2, middle - 0.1, middle, middle + 0.1, middle + 0.2)
        for v in (0.2, 0.5, 0.8, 1.1, 1.4, 1.7)
    )
    plan = SweepPlan.from_text(SYNAPSE + '[[sweep]]\nkind = "column"\nname = "column"\nruns = 1\n')
    (task,) = tasks_of(plan.sweep[1], SETUP, {"synapse_current": table})
    result = task.failed("crashed", "signal 9", 4.0)
    assert [row["status"] for row in result.tables["trials"]] == ["crashed"] * 4
    assert len(result.tables["inputs"]) == 4 * 2
