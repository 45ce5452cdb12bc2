"""Where a module's source is and what it imports, found without importing anything."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from codesign.errors import InputError

_OWN = "codesign"
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_TYPING_ALONE = frozenset({"TYPE_CHECKING", "typing.TYPE_CHECKING"})
# A script's own module, and what worker processes call it.
_MAIN = frozenset({"__main__", "__mp_main__"})


@dataclass(frozen=True)
class Source:
    """A module's file. `root`: the folder that its top-level package or file lies in."""

    name: str
    path: Path
    root: Path

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]

    @property
    def package(self) -> str:
        """What its relative imports start from."""
        return self.name if self.path.stem == "__init__" else self.name.rpartition(".")[0]


def is_own(name: str) -> bool:
    """Whether a module is codesign's or the user's: not of Python, not of an installed package."""
    top = name.partition(".")[0]
    if top == _OWN:
        return True
    source = None if top in sys.stdlib_module_names else find_source(name)
    return source is not None and not _INSTALLED & set(source.path.parts)


@cache
def find_source(name: str) -> Source | None:
    """Where a module's source is; None without one. Nothing is imported for it."""
    loaded = sys.modules.get(name)
    file = getattr(loaded, "__file__", None) or (_file_on_path(name) if loaded is None else None)
    if file is None:
        return None
    path = Path(file).resolve()
    depth = name.count(".") + (path.stem == "__init__")
    return Source(path.stem if name in _MAIN else name, path, path.parents[depth])


def _file_on_path(name: str) -> str | None:
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        return spec.origin
    for folder in spec.submodule_search_locations or ():
        found = _module_file(Path(folder), rest)
        if found is not None:
            return str(found)
    return None


def _module_file(folder: Path, names: Iterable[str]) -> Path | None:
    """The file of a module below a folder: `a/b.py` or `a/b/__init__.py`."""
    place = folder.joinpath(*names)
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in candidates if path.is_file()), None)


def dotted_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imported(source: Source) -> tuple[Source, ...]:
    """The modules that a file imports and that count with it."""
    if source.path.suffix != ".py":
        return ()
    try:
        tree = ast.parse(source.path.read_bytes(), source.path)
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{source.path} is not Python: {error}") from error
    found = (_counted(name, source) for name in _names(tree, source.package))
    return tuple(dict.fromkeys(module for module in found if module is not None))


def _counted(name: str, by: Source) -> Source | None:
    top = name.partition(".")[0]
    alone = not by.package and not _INSTALLED & set(by.root.parts)
    if top == by.top or alone:
        # Of the same package, or a file beside one that belongs to none.
        path = _module_file(by.root, name.split("."))
        if path is not None:
            return Source(name, path, by.root)
    return find_source(name) if top == _OWN else None


def _names(tree: ast.Module, package: str) -> Iterator[str]:
    """Dotted names of all imports, `a.b` for `from a import b` as well: b may be a module."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) in _TYPING_ALONE:
            todo += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1]
            whole = ".".join([*(base if node.level else ()), *filter(None, [node.module])])
            yield whole
            yield from (f"{whole}.{alias.name}" for alias in node.names)
        todo += ast.iter_child_nodes(node)
