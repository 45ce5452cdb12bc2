"""Whether a step is up to date: hashes of what it reads now, against the manifest's record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from codesign.errors import InputError
from codesign.files import code_hash, hash_bytes, hash_file, hash_tree
from codesign.flow.manifest import StepRecord
from codesign.flow.shipped import find_input
from codesign.flow.step import D, Step
from codesign.flow.tools import inspect


def hash_reads(
    step: Step[D], steps: Sequence[Step[D]], design: D, run_dir: Path
) -> dict[str, str]:
    """Hash of everything that decides the step's result, by name, the tools' versions aside.

    Raises InputError when an input that an earlier step makes is not there.
    """
    reads = {f"design {key}": _hash_value(design.value(key)) for key in step.design}
    code = [step.run, *step.code]
    for section in dict.fromkeys(key.partition(".")[0] for key in step.design):
        code += design.code(section)
        for name, path in design.files(section):
            reads[f"design's {section} file {name}"] = _hash_path(path)
    reads["code"] = code_hash(*code)
    reads |= {f"given file {path.name}": _hash_path(path) for path in step.given}
    for pattern in step.inputs:
        for name, path in _find(pattern, step, steps, design, run_dir).items():
            reads[f"file {name}"] = hash_file(path)
    for pattern in step.optional:
        for path in _glob(run_dir, pattern, step.excludes):
            reads[f"file {path.relative_to(run_dir).as_posix()}"] = hash_file(path)
    return reads


def hash_outputs(step: Step[Any], run_dir: Path) -> dict[str, str]:
    """Hash of every file in the run directory that matches the step's outputs."""
    files = [path for pattern in step.outputs for path in _glob(run_dir, pattern, step.excludes)]
    return {path.relative_to(run_dir).as_posix(): hash_file(path) for path in sorted(set(files))}


def tool_versions(step: Step[Any]) -> dict[str, str]:
    """Versions of the step's tools that are installed."""
    found = {name: inspect(name).version for name in step.tools}
    return {name: version for name, version in found.items() if version is not None}


def why_stale(
    record: StepRecord | None, reads: dict[str, str], tools: dict[str, str], run_dir: Path
) -> str | None:
    """Why the step has to run, None when it is up to date."""
    if record is None:
        return "not run yet"
    for name in sorted(reads.keys() | record.reads.keys()):
        if reads.get(name) != record.reads.get(name):
            is_same_name = name in reads and name in record.reads
            return f"{name} changed" if is_same_name else f"{name} is {_new_or_gone(name, reads)}"
    for name, version in tools.items():
        # A tool that is no longer installed cannot make another result: only a new version can.
        if version != record.tools.get(name):
            return f"{name} is now {version}"
    for name, digest in record.outputs.items():
        path = run_dir / name
        if not path.is_file():
            return f"{name} is missing"
        if hash_file(path) != digest:
            return f"{name} was changed"
    return None


def _new_or_gone(name: str, reads: dict[str, str]) -> str:
    if name in reads:
        return "new"
    return "not given any more" if name.startswith("given ") else "gone"


def _find(
    pattern: str, step: Step[D], steps: Sequence[Step[D]], design: D, run_dir: Path
) -> dict[str, Path]:
    files = _glob(run_dir, pattern, step.excludes)
    if files:
        return {path.relative_to(run_dir).as_posix(): path for path in files}
    stand_in = find_input(run_dir, design, pattern, step.shipped)
    if stand_in is not None:
        return {f"{pattern} (shipped)": stand_in}
    maker = next((s.name for s in steps if pattern in s.outputs), None)
    # A step beside the flow, such as `map`, is not told of the others.
    first = f"run `codesign {maker} {design.source}` first, or " if maker else "run "
    needed = run_dir / pattern.replace("**/", "")
    raise InputError(
        f"{step.name} needs {needed}, which is not there",
        remedy=f"{first}`codesign run {design.source}`",
    )


def _glob(run_dir: Path, pattern: str, excludes: Sequence[str]) -> list[Path]:
    found = (path for path in run_dir.glob(pattern) if path.is_file())
    return sorted(p for p in found if not any(p.match(exclude) for exclude in excludes))


def _hash_path(path: Path) -> str:
    if path.is_dir():
        return hash_tree(path, "*")
    return hash_file(path) if path.is_file() else "absent"


def _hash_value(value: Any) -> str:
    return hash_bytes(json.dumps(value, sort_keys=True).encode())
