"""Children that never outlive this process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from codesign.processes import run_program

# A stand-in for a tool under a shell wrapper that starts a child of its own and never ends.
ENDLESS = """#!/bin/sh
echo $$ > {folder}/leader
sh -c 'echo $$ > {folder}/child; exec sleep 600' &
exec sleep 600
"""


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    program = tmp_path / "endless"
    program.write_text(ENDLESS.format(folder=tmp_path))
    program.chmod(0o755)
    return program


def number_in(path: Path) -> int:
    """The process number in a file, as soon as it is there."""
    for _ in range(400):
        if path.is_file() and (text := path.read_text().strip()):
            return int(text)
        time.sleep(0.05)
    raise AssertionError(f"{path} was not written")


def ends(pid: int) -> bool:
    """Whether a process is gone (or a zombie that nobody waits for) soon."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_output_and_exit_code(tmp_path):
    code = "import os, sys; print(os.getcwd()); print('no', file=sys.stderr); sys.exit(3)"
    done = run_program([sys.executable, "-c", code], folder=tmp_path, timeout_s=60)
    assert done.code == 3 and str(tmp_path) in done.output and "no" in done.output


def test_nothing_is_left_after_a_timeout(tmp_path, endless):
    with pytest.raises(subprocess.TimeoutExpired):
        run_program([str(endless)], folder=tmp_path, timeout_s=1.0)
    assert ends(number_in(tmp_path / "leader")) and ends(number_in(tmp_path / "child"))


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=lambda s: s.name)
def test_a_program_dies_with_a_killed_parent(tmp_path, endless, how):
    code = f"""
        from pathlib import Path
        from codesign.processes import run_program
        run_program([{str(endless)!r}], folder=Path({str(tmp_path)!r}), timeout_s=600)
        """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    parent = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=environment)
    try:
        leader, child = number_in(tmp_path / "leader"), number_in(tmp_path / "child")
        parent.send_signal(how)
        parent.wait(timeout=60)
        assert ends(leader) and ends(child)
    finally:
        parent.kill()
        parent.wait()
