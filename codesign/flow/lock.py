"""One run at a time in a run directory: a lock file that names its owner.

The owner is a process id with its start time, so that a lock left by a killed run, or by a
process whose id somebody else has since got, is seen as stale and taken over.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from codesign.errors import InputError

LOCK_NAME = ".lock"


@contextmanager
def locked(run_dir: Path) -> Iterator[None]:
    """Hold the run directory's lock. Raises InputError when a living process has it."""
    run_dir.mkdir(parents=True, exist_ok=True)
    lock = run_dir / LOCK_NAME
    owner = json.dumps(
        {"pid": os.getpid(), "started": _start_time(os.getpid()), "host": socket.gethostname()}
    )
    _take(lock, owner)
    try:
        yield
    finally:
        if _read(lock) == owner:
            lock.unlink(missing_ok=True)


def _take(lock: Path, owner: str) -> None:
    # A link to a whole file either appears with its content or fails: no half-written lock.
    ours = lock.with_name(f"{LOCK_NAME}-{secrets.token_hex(6)}")
    ours.write_text(owner)
    try:
        for _ in range(10):
            try:
                os.link(ours, lock)
                return
            except FileExistsError:
                _remove_if_stale(lock)
    finally:
        ours.unlink(missing_ok=True)
    raise InputError(f"{lock} changes hands too fast", remedy="try again")


def _remove_if_stale(lock: Path) -> None:
    content = _read(lock)
    if content is None:
        return
    if _is_alive(content):
        raise InputError(
            f"another codesign works in {lock.parent} ({_describe(content)})",
            remedy="wait for it, or give this run its own directory with --run-dir",
        )
    # Move it aside first: if a new owner took over between the look and the move, give it back.
    aside = lock.with_name(f"{LOCK_NAME}-{secrets.token_hex(6)}")
    try:
        os.rename(lock, aside)
    except FileNotFoundError:
        return
    try:
        if _read(aside) != content and not lock.exists():
            os.link(aside, lock)
    finally:
        aside.unlink(missing_ok=True)


def _read(lock: Path) -> str | None:
    try:
        return lock.read_text()
    except FileNotFoundError:
        return None


def _parse(content: str) -> dict[str, Any]:
    try:
        data = json.loads(content)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _is_alive(content: str) -> bool:
    owner = _parse(content)
    pid = owner.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    if owner.get("host") != socket.gethostname():
        # We cannot look at another machine's processes: believe the lock.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return owner.get("started") == _start_time(pid)


def _describe(content: str) -> str:
    owner = _parse(content)
    return f"process {owner.get('pid')} on {owner.get('host')}"


def _start_time(pid: int) -> str | None:
    """Start time of a process in clock ticks since boot.

    None where /proc does not tell; "ended" for a process that only waits to be collected.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return "ended" if state == "Z" else fields[18]
