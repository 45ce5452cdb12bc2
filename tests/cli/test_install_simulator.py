"""tools/install-simulator, the part of `make` that needs root or tells what to install."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "tools" / "install-simulator"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH with the shell's basics, without ngspice and without apt-get."""
    for name in ("bash", "cat", "ln", "tail", "mktemp", "rm"):
        (tmp_path / name).symlink_to(shutil.which(name))
    return tmp_path


def add(programs: Path, name: str, body: str) -> None:
    path = programs / name
    path.write_text(f"#!{programs}/bash\n{body}\n")
    path.chmod(0o755)


def install(programs: Path, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(programs), "PYTHON": python, "TMPDIR": str(programs)}
    return subprocess.run(
        [SCRIPT], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("user", ["0", "1000"])
def test_without_root_or_apt_it_says_what_to_install(programs, user):
    add(programs, "id", f"echo {user}")
    if user != "0":
        add(programs, "apt-get", "exit 99")
    result = install(programs)
    assert result.returncode == 3
    assert "apt-get install ngspice" in result.stderr


def test_root_with_apt_installs_what_is_missing(programs):
    add(programs, "id", "echo 0")
    add(programs, "ldconfig", "echo libngspice.so.0")
    (programs / "netgen-lvs").symlink_to(shutil.which("cat"))
    add(
        *(programs, "apt-get"),
        f'echo "$@" >> {programs}/calls; [ "$1" = update ] || ln -s cat {programs}/ngspice',
    )
    result = install(programs)
    assert result.returncode == 0, result.stderr
    assert (programs / "calls").read_text().splitlines()[1].endswith(" ngspice")
    assert install(programs).stdout == ""


def test_a_failing_apt_shows_its_last_lines(programs):
    add(programs, "id", "echo 0")
    add(programs, "apt-get", "echo E: no such mirror; exit 100")
    result = install(programs)
    assert result.returncode == 3
    assert "E: no such mirror" in result.stderr


def test_a_python_that_is_none_is_named(programs):
    result = install(programs, python=str(programs / "nopython"))
    assert result.returncode == 3
    assert "needs Python 3.11" in result.stderr
    assert str(programs / "nopython") in result.stderr
