"""Files that are whole or not there: written beside, synced, renamed; and content hashes."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPORARY_PREFIX = ".partial-"


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside `path`; renamed to it when the block ends without an error.

    For libraries that want a path to write to. The temporary name keeps the suffix, since some
    of them choose a format by it. After an error nothing is left; after a kill only a
    `.partial-*` file, which `remove_partial_files` clears.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}-{target.name}")
    try:
        yield temporary
        _sync(temporary)
        os.replace(temporary, target)
        _sync(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomic(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write text (UTF-8) or bytes so that a reader sees the old content or the new, whole."""
    data = content.encode() if isinstance(content, str) else content
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def remove_partial_files(folder: Path) -> int:
    """Remove what killed writers left below `folder`; returns how many files that were."""
    leftovers = [p for p in folder.rglob(f"{TEMPORARY_PREFIX}*") if p.is_file()]
    for leftover in leftovers:
        leftover.unlink(missing_ok=True)
    return len(leftovers)


def hash_bytes(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def hash_file(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def hash_tree(folder: Path, pattern: str = "*.py") -> str:
    """Hash of all files below `folder` matching `pattern`: their relative names and contents."""
    lines = [
        f"{path.relative_to(folder).as_posix()} {hash_file(path)}\n"
        for path in sorted(folder.rglob(pattern))
        if path.is_file()
    ]
    return hash_bytes("".join(lines).encode())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
