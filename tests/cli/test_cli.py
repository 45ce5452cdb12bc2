import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from codesign.cli import cli
from codesign.cli.run import STEP_NAMES
from codesign.designs import Design
from codesign.errors import CheckFailed, InputError, ToolError
from codesign.flow import STEPS, Step, StepReport
from codesign.resources import resource_dir

IRIS = str(resource_dir("designs") / "iris.toml")
COMMANDS = [
    *(*STEP_NAMES, "run", "map", "init", "keys", "drc", "extract", "lvs"),
    *("doctor", "pdk", "regression", "completion"),
]


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), prog_name="codesign")


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        return [path]
    return [p for name, sub in command.commands.items() for p in leaves(sub, (*path, name))]


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def toy_flow(monkeypatch: pytest.MonkeyPatch):
    """Replaces the steps by one that writes a number, and may fail."""

    def install(error: BaseException | None = None, check_error: CheckFailed | None = None):
        def run(context):
            context.progress(1, 2, "toy")
            if error is not None:
                raise error
            context.path("generate", "out.txt").write_text(str(context.seed))
            return StepReport({"seed": context.seed})

        def check(context):
            if check_error is not None:
                raise check_error

        step = Step(
            *("generate", "making it", run),
            design=("training.seed",),
            outputs=("generate/out.txt",),
            check=check,
        )
        monkeypatch.setattr("codesign.flow.steps_for", lambda design: (step,))

    return install


def test_help_lists_every_command():
    result = invoke("--help")
    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)
    assert "Exit codes" in result.output


@pytest.mark.parametrize("path", leaves(cli), ids=" ".join)
def test_every_command_explains_its_options(path):
    command: click.Command = cli
    for name in path:
        command = command.commands[name]
    result = CliRunner().invoke(cli, [*path, "--help"], env={"COLUMNS": "160"})
    assert result.exit_code == 0
    assert command.help and command.help.splitlines()[0][:30] in result.output
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{path} {option.name} has no help"
            assert option.opts[-1] in result.output
    assert "--json" in result.output
    assert "--debug" in result.output


def test_step_names_are_those_of_the_flow():
    assert [step.name for step in STEPS] == STEP_NAMES


def test_version():
    assert "codesign" in invoke("--version").output


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["run"],
        ["run", IRIS, "--from", "nonsense"],
        ["run", IRIS, "--seed", "-1"],
        ["run", IRIS, "--workers", "0"],
        ["verify", IRIS, "--samples", "0"],
        ["verify", IRIS, "--corner", "tx"],
        ["verify", IRIS, "--mapping", "snn"],
        ["verify", IRIS, "--max-rmse-ns", "0"],
    ],
)
def test_usage_errors_exit_with_2(arguments, workplace):
    assert invoke(*arguments).exit_code == 2
    assert list(workplace.iterdir()) == []


def test_missing_design_file(workplace):
    result = invoke("run", "nothing.toml")
    assert result.exit_code == 2
    assert "nothing.toml: no such design file" in result.stderr
    assert "codesign init" in result.stderr
    assert "Traceback" not in result.output


def test_bad_design_names_file_and_key(workplace):
    Path("d.toml").write_text('name = "d"\n[timing]\nt_phas = "1us"')
    result = invoke("simulate", "d.toml")
    assert result.exit_code == 2
    assert "d.toml: timing.t_phas: unknown key; did you mean t_phase?" in result.stderr


def test_errors_are_json_too(workplace):
    result = invoke("run", "nothing.toml", "--json")
    error = json.loads(result.stdout)["error"]
    assert (result.exit_code, error["exit_code"], error["kind"]) == (2, 2, "DesignError")
    assert "nothing.toml" in error["message"]


def test_debug_shows_the_traceback(workplace):
    assert "Traceback" in invoke("run", "nothing.toml", "-v").stderr
    assert "Traceback" in invoke("run", "nothing.toml", "--debug").stderr


def test_run_reports_and_skips(workplace, toy_flow):
    toy_flow()
    first = invoke("run", IRIS)
    assert first.exit_code == 0
    assert "generate  done" in first.stdout
    assert "toy: 1/2" in first.stderr
    assert Path("build/iris/manifest.json").is_file()
    second = invoke("run", IRIS)
    assert "every step is up to date in build/iris" in second.stdout


def test_run_as_json(workplace, toy_flow):
    toy_flow()
    result = invoke("run", IRIS, "--json", "--seed", "3", "--run-dir", "here")
    content = json.loads(result.stdout)
    assert content["design"] == "iris"
    assert content["run_dir"] == "here"
    assert content["steps"][0]["status"] == "done"
    assert content["steps"][0]["summary"] == {"seed": 3}


@pytest.mark.parametrize(
    ("error", "code"),
    [(InputError("bad"), 2), (ToolError("broken"), 3), (ValueError("surprise"), 3)],
)
def test_exit_code_of_a_failing_step(workplace, toy_flow, error, code):
    toy_flow(error)
    result = invoke("run", IRIS)
    assert result.exit_code == code
    assert str(error) in result.stderr
    assert "Traceback" not in result.stderr
    if isinstance(error, ValueError):
        assert "--debug" in result.stderr


def test_interruption_is_no_failed_check(workplace, toy_flow):
    toy_flow(KeyboardInterrupt())
    assert invoke("run", IRIS).exit_code == 130


def test_a_failed_check_exits_with_1_and_still_reports(workplace, toy_flow):
    toy_flow(check_error=CheckFailed("error is 2 ns"))
    for _ in range(2):
        result = invoke("run", IRIS, "--json")
        content = json.loads(result.stdout)
        assert result.exit_code == 1
        assert content["error"]["message"] == "generate: error is 2 ns"
        assert content["steps"][0]["failed_check"] == "error is 2 ns"


def test_verify_options_reach_the_design(workplace, monkeypatch):
    seen: list[Design] = []

    def record(steps, design, run_dir, options):
        seen.append(design)
        raise InputError("stop here")

    monkeypatch.setattr("codesign.flow.run_flow", record)
    options = ["--samples=7", "--mapping=ann", "--corner=ss", "--max-rmse-ns=0.5", "--seed=4"]
    assert invoke("verify", IRIS, *options).exit_code == 2
    verify = seen[0].verify
    assert (verify.samples, verify.mappings, verify.corner) == (7, ("ann",), "ss")
    assert (verify.max_rmse_ns, seen[0].seed) == (0.5, 4)
    invoke("verify", IRIS, "--mapping", "both")
    assert seen[1].verify.mappings == ("pnn", "ann")


def test_where_to_simulate_and_whose_weights_reach_the_steps(workplace, monkeypatch):
    seen = []

    def record(steps, design, run_dir, options):
        seen.append((steps, options))
        raise InputError("stop here")

    monkeypatch.setattr("codesign.flow.run_flow", record)
    invoke("simulate", IRIS, "--dask", "tcp://host:8786")
    invoke("simulate", IRIS, "--workers", "3")
    assert [options.workers for _, options in seen] == ["tcp://host:8786", 3]
    invoke("verify", IRIS, "--weights", "mine.npz", "--samples", "2")
    steps, options = seen[-1]
    assert (options.first, options.last) == ("verify", "verify")
    assert steps[-1].given == (Path("mine.npz"),)
    assert not [name for name in steps[-1].inputs if name.startswith("train/")]


def test_init_writes_a_valid_commented_design(workplace):
    result = invoke("init", "mine")
    assert result.exit_code == 0
    text = Path("mine.toml").read_text()
    assert Design.load(Path("mine.toml")).name == "mine"
    assert text.count("#") > 10
    assert "codesign run mine.toml" in text


def test_init_never_overwrites(workplace):
    Path("mine.toml").write_text("precious")
    result = invoke("init", "mine")
    assert result.exit_code == 2
    assert "exists already" in result.stderr
    assert Path("mine.toml").read_text() == "precious"


@pytest.mark.parametrize("name", ["../evil", "5x", "a b", ".control", "x\n.include /etc/passwd"])
def test_init_refuses_what_is_no_name(workplace, name):
    result = invoke("init", name)
    assert result.exit_code == 2
    assert "is not a design name" in result.stderr
    assert list(workplace.iterdir()) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell):
    result = invoke("completion", shell)
    assert result.exit_code == 0
    assert "_CODESIGN_COMPLETE" in result.output


def test_doctor_lists_every_tool():
    result = invoke("doctor", "--json")
    content = json.loads(result.stdout)
    tools = {tool["name"]: tool for tool in content["tools"]}
    assert {"python", "ngspice", "libngspice", "models", "klayout", "gdstk", "torch"} <= set(tools)
    assert tools["torch"]["version"] and tools["torch"]["location"]
    assert all(tool["remedy"] for tool in tools.values())
    solvers = {use["device"]: use for use in content["solvers"]}
    assert solvers["cpu"]["code"] and all(use["reason"] for use in solvers.values())
    if tools["ngspice"]["found"]:
        assert {"KLU", "OSDI", "XSPICE"} <= set(content["simulator_features"])
    assert result.exit_code == (0 if content["ok"] else 3)


def test_doctor_without_simulator_and_models(monkeypatch, tmp_path):
    monkeypatch.setenv("CODESIGN_NGSPICE", "no-such-program")
    monkeypatch.setenv("PDK_ROOT", str(tmp_path))
    result = invoke("doctor")
    assert result.exit_code == 3
    lines = [line for line in result.stdout.splitlines() if line.startswith("MISSING")]
    assert any("ngspice" in line and "apt-get install ngspice" in line for line in lines)
    assert any("models" in line and str(tmp_path) in line for line in lines)


def codesign(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    checkout = str(resource_dir("designs").parent)
    return subprocess.run(
        [sys.executable, "-m", "codesign", *arguments],
        env={**os.environ, "PYTHONPATH": checkout, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_simulate_without_ngspice_says_what_to_install(workplace):
    assert codesign("generate", IRIS).returncode == 0
    result = codesign("simulate", IRIS, PATH=str(workplace))
    assert result.returncode == 3
    assert "ngspice is missing" in result.stderr
    assert "apt-get install ngspice" in result.stderr
    assert "Traceback" not in result.stderr


def test_simulate_without_models_says_what_to_run(workplace):
    assert codesign("generate", IRIS).returncode == 0
    cache = {"XDG_CACHE_HOME": str(workplace / "cache"), "PDK_ROOT": ""}
    result = codesign("simulate", IRIS, **cache)
    assert result.returncode == 3
    assert "model library is missing" in result.stderr
    assert "codesign pdk install" in result.stderr
    assert codesign("pdk", "where", **cache).returncode == 3


def test_output_into_a_closed_pipe_is_quiet():
    script = f"{sys.executable} -m codesign completion bash | true"
    result = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in result.stderr
