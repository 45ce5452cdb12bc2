"""Files that are whole or not there: written beside, synced, renamed; and content hashes, of files
and of the code that decides something."""

from __future__ import annotations

import hashlib
import inspect
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from codesign.errors import InputError
from codesign.sources import Source, dotted_name, find_source, imported, is_own

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


def code_hash(*things: str | ModuleType | type | Callable[..., Any]) -> str:
    """Hash of the code that decides what these do: it changes when that code does.

    A thing is a dotted module or package name, a module, a class or a function. What counts: its
    module (all modules of a package; for a class those of its bases too, the standard library's and
    other distributions' left out), and what these import, directly or not, of their own package, of
    codesign and, for a file outside any package, of the files beside it. Imports are read, not
    executed, those inside functions too, those for type checking not; a module imported by a
    computed name is not seen. Each file is read once per process. Raises InputError for a thing
    without source.
    """
    todo = [source for thing in things for source in _sources_of(thing)]
    found: dict[str, Source] = {}
    while todo:
        source = todo.pop()
        if source.name not in found:
            found[source.name] = source
            todo += imported(source)
    lines = [f"{name} {_file_hash(source.path)}\n" for name, source in sorted(found.items())]
    lines += sorted(thing for thing in map(_text_without_file, things) if thing)
    return hash_bytes("".join(lines).encode())


def _sources_of(thing: Any) -> list[Source]:
    if isinstance(thing, str):
        source = find_source(thing)
        if source is None:
            raise InputError(f"there is no module {thing!r} with source")
        if source.path.stem != "__init__":
            return [source]
        below = sorted(source.path.parent.rglob("*.py"))
        return [Source(dotted_name(path, source.root), path, source.root) for path in below]
    if isinstance(thing, ModuleType):
        return _sources_of(thing.__name__)
    if not isinstance(thing, type):
        thing = inspect.unwrap(getattr(thing, "func", thing))
        return _module_source(thing.__module__)
    bases = [base for base in thing.__mro__[1:] if is_own(base.__module__)]
    return [source for kind in (thing, *bases) for source in _module_source(kind.__module__)]


def _module_source(name: str) -> list[Source]:
    source = find_source(name)
    return [source] if source else []


def _text_without_file(thing: Any) -> str:
    """Source of what was typed into a session and has no file; empty for the rest."""
    if isinstance(thing, str | ModuleType) or _module_source(thing.__module__):
        return ""
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError) as error:
        raise InputError(
            f"the source of {thing!r} is not to be found", remedy="define it in a file"
        ) from error


@cache
def _file_hash(path: Path) -> str:
    return hash_file(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
