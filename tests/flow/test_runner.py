import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from codesign import files
from codesign.errors import InputError
from codesign.flow import read_manifest


def test_everything_runs_once_then_is_up_to_date(flow, design):
    first = flow.run(design)
    assert flow.ran == ["a", "b", "c"]
    second = flow.run(design)
    assert flow.ran == []
    assert flow.statuses(second) == ["up to date"] * 3
    assert flow.said.count("up to date") == 3
    assert [s.summary for s in second.steps] == [s.summary for s in first.steps]


def test_force_runs_everything_selected(flow, design):
    flow.run(design)
    report = flow.run(design, first="b", force=True)
    assert flow.ran == ["b", "c"]
    assert [s.reason for s in report.steps] == ["forced", "forced"]


@pytest.mark.parametrize(
    ("first", "last", "ran"),
    [(None, "b", ["a", "b"]), ("b", None, ["b", "c"]), ("b", "b", ["b"]), ("c", "c", ["c"])],
)
def test_from_and_to_include_their_steps(flow, design, first, last, ran):
    flow.run(design)
    flow.run(design, first, last, force=True)
    assert flow.ran == ran


def test_from_after_to_is_refused(flow, design):
    with pytest.raises(InputError, match="step c comes after a"):
        flow.run(design, "c", "a")


def test_unknown_step(flow, design):
    with pytest.raises(InputError, match="unknown step 'd'"):
        flow.run(design, "d")


def test_missing_input_names_the_step_that_makes_it(flow, design):
    with pytest.raises(InputError) as caught:
        flow.run(design, "b")
    assert "a/*.txt, which is not there" in str(caught.value)
    assert "codesign a toy.toml" in str(caught.value)


def test_only_steps_that_read_a_changed_section_run(flow, design):
    flow.run(design)
    report = flow.run(design.override({"verify.samples": 6}))
    assert flow.ran == ["c"]
    assert report.steps[2].reason == "design verify.samples changed"
    # b reads its key and a's unchanged output; c reads b's output, which comes out the same.
    flow.run(design.override({"verify.samples": 6, "training.epochs": 7}))
    assert flow.ran == ["b"]


def test_a_changed_output_upstream_runs_what_reads_it(flow, design):
    flow.run(design)
    flow.run(design.override({"network.layers": [5, 6, 5]}))
    assert flow.ran == ["a", "b", "c"]


def test_edited_and_deleted_outputs_are_made_again(flow, design):
    flow.run(design)
    (flow.run_dir / "c/out.txt").write_text("edited")
    assert flow.run(design).steps[2].reason == "c/out.txt was changed"
    (flow.run_dir / "b/out.txt").unlink()
    assert flow.run(design).steps[1].reason == "b/out.txt is missing"
    assert flow.ran == ["b"]


def test_excluded_files_are_no_input(flow, design):
    flow.run(design)
    (flow.run_dir / "a/x.extra.txt").write_text("beside")
    flow.run(design, "b")
    assert flow.ran == []
    (flow.run_dir / "a/y.txt").write_text("new input")
    assert flow.run(design, "b").steps[0].reason == "file a/y.txt is new"


def test_an_outdated_step_before_the_first_is_named(flow, design):
    flow.run(design)
    flow.run(design.override({"network.layers": [5, 6, 5]}), "b")
    assert "a: out of date (design network changed), used as it is" in flow.said


def test_a_new_tool_version_runs_the_step_again(flow, design, monkeypatch):
    flow.run(design)
    versions = {"ngspice": "40"}
    monkeypatch.setattr("codesign.flow.runner.tool_versions", lambda step: versions)
    assert flow.run(design, last="a").steps[0].reason == "ngspice is now 40"
    versions.clear()
    assert flow.statuses(flow.run(design, last="a")) == ["up to date"]


def test_a_failing_step_keeps_what_finished_before(flow, design):
    def fail(context):
        raise InputError("no")

    flow.hooks["b"] = fail
    with pytest.raises(InputError):
        flow.run(design)
    flow.hooks.clear()
    report = flow.run(design)
    assert flow.ran == ["b", "c"]
    assert flow.statuses(report) == ["up to date", "done", "done"]


def test_a_forced_step_that_is_interrupted_runs_again(flow, design):
    def interrupt(context):
        (context.run_dir / "b/out.txt").write_text("half")
        raise KeyboardInterrupt

    flow.run(design)
    flow.hooks["b"] = interrupt
    with pytest.raises(KeyboardInterrupt):
        flow.run(design, force=True)
    flow.hooks.clear()
    flow.run(design)
    assert flow.ran == ["b"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"schema_version": 99}',
        '{"schema_version": 1, "design": "toy"}',
        '{"schema_version": 1, "design": "toy", "codesign_version": "0", "steps": {"a": {}}}',
        '{"schema_version": 1, "design": "toy", "codesign_version": "0", "steps": []}',
    ],
)
def test_a_damaged_manifest_makes_every_step_run(flow, design, content):
    flow.run(design)
    (flow.run_dir / "manifest.json").write_text(content)
    flow.run(design)
    assert flow.ran == ["a", "b", "c"]
    assert "manifest.json is damaged" in flow.said
    flow.run(design)
    assert flow.ran == []


def test_manifest_records_what_was_read_and_made(flow, design):
    flow.run(design)
    content = json.loads((flow.run_dir / "manifest.json").read_text())
    step = content["steps"]["b"]
    assert set(step["reads"]) == {"code", "design training.epochs", "file a/out.txt"}
    assert set(step["outputs"]) == {"b/out.txt"}
    assert step["seed"] == 1
    assert step["duration_s"] >= 0
    assert read_manifest(flow.run_dir).design == "toy"


def test_code_and_given_files_that_a_step_names_decide(flow, design, tmp_path, monkeypatch):
    module = tmp_path / "my_law_of_b.py"
    module.write_text("K = 1\n")
    given = tmp_path / "weights.npz"
    given.write_bytes(b"1")
    monkeypatch.syspath_prepend(str(tmp_path))
    a, b, c = flow.steps()
    steps = (a, dataclasses.replace(b, code=("my_law_of_b",), given=(given,)), c)
    monkeypatch.setattr(flow, "steps", lambda: steps)
    flow.run(design)
    given.write_bytes(b"2")
    assert flow.run(design).steps[1].reason == "given file weights.npz changed"
    module.write_text("K = 2\n")
    files._file_hash.cache_clear()  # as in a new process
    assert flow.run(design).steps[1].reason == "code changed"
    assert flow.ran == ["b"]
    other = tmp_path / "later.npz"
    other.write_bytes(b"2")
    steps = (a, dataclasses.replace(b, code=("my_law_of_b",), given=(other,)), c)
    assert flow.run(design).steps[1].reason in (
        "given file later.npz is new",
        "given file weights.npz is not given any more",
    )


def test_files_that_may_be_there_count_once_they_are(flow, design):
    a, b, c = flow.steps()
    steps = (a, dataclasses.replace(b, optional=("beside/*.txt",)), c)
    flow.steps = lambda: steps
    flow.run(design)
    assert flow.run(design).steps[1].status == "up to date"
    beside = flow.run_dir / "beside" / "one.txt"
    files.write_atomic(beside, "1")
    assert flow.run(design).steps[1].reason == "file beside/one.txt is new"
    files.write_atomic(beside, "2")
    assert flow.run(design).steps[1].reason == "file beside/one.txt changed"
    beside.unlink()
    assert "beside/one.txt" in flow.run(design).steps[1].reason


def test_the_design_file_is_kept_beside_the_results(flow, design):
    flow.run(design)
    assert (flow.run_dir / "design.toml").read_text() == design.text


def test_a_directory_of_another_design_is_refused(flow, design):
    flow.run(design)
    with pytest.raises(InputError, match="belongs to design toy, not other"):
        flow.run(design.override({"name": "other"}))


def test_a_failed_check_is_reported_on_a_skipped_step_too(flow, design):
    strict = design.override({"verify.max_rmse_ns": 0.5})
    for ran in (["a", "b", "c"], []):
        report = flow.run(strict)
        assert flow.ran == ran
        assert report.failure.exit_code == 1
        assert "c: error is 1 ns" in report.failure.message
    assert flow.run(design).failure is None


def test_partial_files_of_a_killed_run_are_removed(flow, design):
    flow.run(design)
    leftover = flow.run_dir / "b/.partial-abc-out.txt"
    leftover.write_text("half")
    flow.run(design)
    assert not leftover.exists()


def test_two_runs_in_one_directory_are_refused(flow, design):
    def second(context):
        with pytest.raises(InputError, match=f"process {os.getpid()}"):
            flow_two.run(design)

    flow_two = type(flow)(flow.run_dir)
    flow.hooks["a"] = second
    flow.run(design)
    assert not (flow.run_dir / ".lock").exists()


@pytest.mark.parametrize("content", ["", "not json", "[]", '{"pid": 0}', '{"pid": "1"}'])
def test_a_damaged_lock_is_taken_over(flow, design, content):
    flow.run_dir.mkdir()
    (flow.run_dir / ".lock").write_text(content)
    flow.run(design)
    assert flow.ran == ["a", "b", "c"]


def test_a_lock_of_a_reused_process_id_is_stale(flow, design):
    flow.run_dir.mkdir()
    import socket

    owner = {"pid": os.getpid(), "started": "1", "host": socket.gethostname()}
    (flow.run_dir / ".lock").write_text(json.dumps(owner))
    flow.run(design)
    assert flow.ran == ["a", "b", "c"]


def test_a_killed_run_leaves_a_lock_that_the_next_run_takes_over(flow, design):
    code = (
        "import sys, time; from pathlib import Path; from codesign.flow.lock import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(flow.run_dir)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(InputError, match="another codesign works in"):
        flow.run(design)
    holder.kill()
    time.sleep(0.05)  # The killed process is not collected yet: a zombie counts as gone.
    flow.run(design)
    assert flow.ran == ["a", "b", "c"]
    holder.wait()
    assert [p.name for p in Path(flow.run_dir).glob(".lock*")] == []
