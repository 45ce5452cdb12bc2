"""No module outside codesign/pdk knows a process by its name: code and strings, not comments."""

from __future__ import annotations

import ast
import io
import tokenize
from pathlib import Path

import codesign
from codesign.pdk import DEFAULT_PROCESS

PACKAGE = Path(codesign.__file__).parent

# File below codesign/, and why it may name the process: there is none.
EXCEPTIONS: dict[str, str] = {}


def docstrings(text: str) -> set[tuple[int, int]]:
    """Line and column where each docstring begins."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                found.add((first.lineno, first.col_offset))
    return found


def lines_that_name(text: str, word: str) -> list[int]:
    """Lines whose code or strings hold the word; comments and docstrings do not count."""
    spoken = docstrings(text)
    return [
        token.start[0]
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type != tokenize.COMMENT
        and token.start not in spoken
        and word in token.string.lower()
    ]


def test_the_search_sees_code_and_strings_alone() -> None:
    text = (
        '"""sky130"""\n# sky130\nsky130 = f"{1}SKY130_x"\n\n'
        'def f():\n    "sky130"\n    g("sky130")\n'
    )
    assert sorted(set(lines_that_name(text, "sky130"))) == [3, 7]


def test_no_module_outside_pdk_names_the_process() -> None:
    found = {
        path.relative_to(PACKAGE).as_posix(): lines
        for path in sorted(PACKAGE.rglob("*.py"))
        if PACKAGE / "pdk" not in path.parents and PACKAGE / "_data" not in path.parents
        if (lines := lines_that_name(path.read_text(encoding="utf-8"), DEFAULT_PROCESS))
    }
    unknown = {name: lines for name, lines in found.items() if name not in EXCEPTIONS}
    assert not unknown, f"ask the process instead (codesign.pdk.default_process): {unknown}"
    assert set(found) == set(EXCEPTIONS), "an exception that is none any more"
