"""The house rules that no linter knows: sizes, and who may write a deck."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import codesign

PACKAGE = Path(codesign.__file__).parent
MOST_LINES, MOST_LINES_OF_A_FUNCTION = 250, 60
# Files past MOST_LINES, kernels aside; before the rooms were built there were 15.
MOST_LONG_FILES = 4


def is_kernel(path: Path) -> bool:
    """Loops for numba and triton, which stay in one piece."""
    return "kernels" in path.parts or path.stem.endswith("kernels")


def modules() -> Iterator[tuple[str, Path]]:
    """Name below codesign/, and file, of every module that is no kernel."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        if name.parts[0] != "_data" and not is_kernel(name):
            yield name.as_posix(), path


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and number of lines."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node.end_lineno - node.lineno + 1


def test_no_function_is_too_long() -> None:
    found = [
        f"{name}: {function} has {lines} lines"
        for name, path in modules()
        for function, lines in functions(path)
        if lines > MOST_LINES_OF_A_FUNCTION
    ]
    assert not found


def test_few_files_are_too_long() -> None:
    lengths = {name: len(path.read_bytes().splitlines()) for name, path in modules()}
    found = {name: lines for name, lines in lengths.items() if lines > MOST_LINES}
    assert len(found) <= MOST_LONG_FILES, found


def test_decks_are_written_in_one_room() -> None:
    """Only bench/ says what stands in a deck; spice/ defines what one is."""
    found = [
        f"{name}:{node.lineno}"
        for name, path in modules()
        if not name.startswith(("bench/", "spice/"))
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Deck"
    ]
    assert not found
