"""Files and process of a batch run: written, started, watched, killed with its children."""

from __future__ import annotations

import contextlib
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path

from codesign.processes import before_start, kill_group
from codesign.spice.tool import SPICEINIT, Ngspice, environment


def private_directory(workdir: Path | None) -> Path:
    """The run's own directory, made when missing; a temporary one when none is named."""
    if workdir is None:
        return Path(tempfile.mkdtemp(prefix="codesign-spice-"))
    workdir.mkdir(parents=True, exist_ok=True)
    return workdir.resolve()


def write_run(folder: Path, text: str, models: str, ngspice: Ngspice) -> None:
    """Write everything the run reads, and a script that repeats it by hand."""
    # A stale raw file must not pass for this run's.
    for name in ("out.raw", "ngspice.log"):
        (folder / name).unlink(missing_ok=True)
    (folder / ".spiceinit").write_text(SPICEINIT)
    (folder / "models.spice").write_text(models)
    (folder / "deck.spice").write_text(text)
    script = (
        '#!/bin/sh\n# Repeats this simulation.\ncd "$(dirname "$0")" || exit 1\n'
        "unset SPICE_USERINIT_DIR SPICE_ASCIIRAWFILE NGSPICE_INPUT_DIR\n"
        'HOME="$PWD" LC_ALL=C OMP_NUM_THREADS=1 exec '
        f"{shlex.quote(str(ngspice.path))} -b -r out.raw -o ngspice.log deck.spice </dev/null\n"
    )
    (folder / "run.sh").write_text(script)


def execute(folder: Path, ngspice: Ngspice, timeout_s: float) -> tuple[int, bool]:
    """Run ngspice in `folder`: (exit code, whether it was killed for time)."""
    command = [str(ngspice.path), "-b", "-r", "out.raw", "-o", "ngspice.log", "deck.spice"]
    with (folder / "stdout.log").open("wb") as output:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=before_start(),
        )
        try:
            return child.wait(timeout=timeout_s), False
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL, True
        finally:
            # The whole group, also after a normal end or an interrupt: nothing may outlive the run.
            kill_group(child)


def read_log(folder: Path) -> str:
    """What the run wrote for people: its log and its output."""
    parts = []
    for name in ("ngspice.log", "stdout.log"):
        with contextlib.suppress(OSError):
            parts.append((folder / name).read_text(errors="replace"))
    return "\n".join(parts)
