"""Other programs as children that never outlive this process."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Finished:
    """How a program ended: its exit code (negative: the signal that ended it) and all it said."""

    code: int
    output: str


def run_program(
    command: Sequence[str],
    *,
    folder: Path,
    timeout_s: float,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run a program in `folder` without input; output and errors come together.

    Whatever ends the wait (the program's end, the timeout, an interrupt, on Linux also the death of
    this process by any signal), the program is gone afterwards, with the children it made. Raises
    OSError when it cannot be started, subprocess.TimeoutExpired past `timeout_s`.
    """
    with subprocess.Popen(
        list(command),
        cwd=folder,
        env=None if environment is None else dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=before_start(),
    ) as child:
        try:
            with _watched(child):
                output, _ = child.communicate(timeout=timeout_s)
        finally:
            kill_group(child)
    return Finished(child.returncode, output)


@contextlib.contextmanager
def _watched(child: subprocess.Popen[str]) -> Iterator[None]:
    """A watchman over a child's session: what a wrapper started is no child of ours, and hears
    nothing of our death. The watchman waits for the end of a pipe that we alone hold open."""
    watch = ["/bin/sh", "-c", 'read -r _; kill -s KILL -- "-$0"', str(child.pid)]
    with subprocess.Popen(
        watch,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as watchman:
        try:
            yield
        finally:
            watchman.kill()


def kill_group(child: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Kill a child that leads a session of its own, with everything in it, and wait for it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def before_start() -> Callable[[], None] | None:
    """What a child does before it becomes the program (`preexec_fn`): on Linux it asks to be killed
    when its parent ends, whatever ends that."""
    if sys.platform != "linux":
        return None
    prctl, parent = ctypes.CDLL(None).prctl, os.getpid()

    def die_with_parent() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return die_with_parent
