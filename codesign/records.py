"""Validated records from TOML: unknown keys get the nearest known one, errors name file and key.

Design files and sweep plans go through here once, at the edge. A record is a frozen pydantic
model (`Record`) or a plain frozen dataclass; fields may nest either.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from codesign.errors import CodesignError, DesignError
from codesign.wording import NAME_PATTERN as NAME_PATTERN
from codesign.wording import explain

T = TypeVar("T")

# Names become SPICE identifiers and file names, so nothing else may pass.
Name = Annotated[str, StringConstraints(pattern=rf"^{NAME_PATTERN}\z", max_length=64)]


class Record(BaseModel):
    """Base of records read from files: frozen, no unknown keys, no infinities.

    A class may have `moved: ClassVar[Mapping[str, str]]`: keys of before, and where below its table
    each is written now (`{"w_max": "circuit.w_max"}`). `inline`: where its keys are explained, of a
    record that is written as a value, `{ model = "nfet_01v8", w = "1um", l = "0.25um" }`.
    """

    inline: ClassVar[str] = ""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def read_text(path: Path, what: str, *, remedy: str | None = None) -> str:
    """Text of an input file. Raises DesignError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DesignError(f"{path}: no such {what}", remedy=remedy) from None
    except IsADirectoryError:
        raise DesignError(f"{path} is a folder, not a {what}", remedy=remedy) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DesignError(f"{path}: cannot read this {what}: {error}", remedy=remedy) from error


def own_file(folder: Path, name: str, key: str) -> Path:
    """A file in the design's own folder. Raises DesignError for one outside."""
    path = Path(name)
    inside = (folder / path).resolve()
    if path.is_absolute() or not inside.is_relative_to(folder.resolve()):
        raise DesignError(
            f"{key} = {name!r} is outside of the design file's folder",
            remedy="put the file beside the design file or below it",
        )
    return folder / path


def parse_toml(text: str, source: str) -> dict[str, Any]:
    """Tables of a TOML text. Raises DesignError naming `source` and the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DesignError(
            f"{source} is not valid TOML: {error}", remedy="correct the line it names"
        ) from error


def validate(kind: type[T], data: dict[str, Any], source: str, folder: Path | None = None) -> T:
    """A record of class `kind` from parsed TOML. Raises DesignError listing every problem.

    `folder`: where files that the record names are, the current one by default.
    """
    problems = [*_unknown_keys(kind, data, ""), *_non_finite(data, "")]
    if not problems:
        try:
            # JSON's strict mode takes lists for tuples and text for enums, but never "5" for 5.
            return TypeAdapter(kind).validate_json(
                json.dumps(data, default=str), strict=True, context={"folder": folder or Path()}
            )
        except ValidationError as error:
            problems = explain(error.errors(), data)
        except CodesignError as error:
            raise DesignError(f"{source}: {error.message}", remedy=error.remedy) from error
    if len(problems) == 1:
        raise DesignError(f"{source}: {problems[0]}")
    raise DesignError(f"{source}: {len(problems)} problems\n  " + "\n  ".join(problems))


def _fields(kind: Any) -> dict[str, Any]:
    if issubclass(kind, BaseModel):
        hints = get_type_hints(kind, include_extras=True)
        return {name: hints[name] for name in kind.model_fields}
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind) if field.init}


def _is_record(kind: Any) -> bool:
    return isinstance(kind, type) and (
        issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind)
    )


def records_in(annotation: Any) -> Iterator[tuple[type, str | None]]:
    """Record classes that a field's annotation allows, through Annotated, unions, sequences and
    registers of kinds; with each the `kind` that a table without one has."""
    if _is_record(annotation):
        yield annotation, _default(annotation)
    elif get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        registers = [m for m in metadata if hasattr(m, "records")]
        for register in registers:
            yield from ((record, register.default) for record in register.records())
        if not registers:
            yield from records_in(inner)
    elif get_origin(annotation) in (Union, types.UnionType, tuple, list):
        for argument in get_args(annotation):
            yield from records_in(argument)


def _matches(kind: type, default: str | None, value: dict[str, Any]) -> bool:
    """Whether a tagged record (`kind: Literal[...]`) is the one that the table asks for."""
    tag = _fields(kind).get("kind")
    return get_origin(tag) is not Literal or value.get("kind", default) in get_args(tag)


def _default(kind: Any) -> Any:
    """The kind of a record that need not say it."""
    field = kind.model_fields.get("kind") if issubclass(kind, BaseModel) else None
    return field.default if field is not None else None


def _unknown_keys(kind: type, table: dict[str, Any], prefix: str) -> Iterator[str]:
    fields = _fields(kind)
    for key, value in table.items():
        moved: str | None = getattr(kind, "moved", {}).get(key)
        if key not in fields and moved is not None:
            *tables, last = f"{prefix}{moved}".split(".")
            yield f"{prefix}{key} has moved: write it as {last} in [{'.'.join(tables)}]"
            continue
        if key not in fields:
            near = difflib.get_close_matches(key, fields, n=1)
            hint = f"did you mean {near[0]}?" if near else f"allowed here: {', '.join(fields)}"
            yield f"{prefix}{key}: unknown key; {hint}"
            continue
        if get_origin(fields[key]) is dict and isinstance(value, dict):
            # Tables by names of the user's choice.
            for name, item in value.items():
                for record, _ in records_in(get_args(fields[key])[1]):
                    if isinstance(item, dict):
                        yield from _unknown_keys(record, item, f"{prefix}{key}.{name}.")
            continue
        records = list(records_in(fields[key]))
        items = value if isinstance(value, list) else [value]
        for index, item in enumerate(items):
            at = f"{prefix}{key}[{index}]." if isinstance(value, list) else f"{prefix}{key}."
            chosen = [r for r, d in records if isinstance(item, dict) and _matches(r, d, item)]
            if len(chosen) == 1:
                yield from _unknown_keys(chosen[0], item, at)


def _non_finite(value: Any, at: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _non_finite(item, f"{at}.{key}" if at else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _non_finite(item, f"{at}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{at}: {value} is not a finite number"
