"""How values of keys are written in a file, and what is allowed for them, from types and limits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from codesign.records import NAME_PATTERN, Record
from codesign.units import Quantity, format_quantity

_LIMITS = (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
_UNIONS = (Union, UnionType)


def as_written(value: Any, annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """A value as TOML has it: `"1us"`, `[5, 5, 5]`, `{ w = "1um" }`."""
    annotation, metadata = _opened(annotation, metadata)
    if isinstance(value, Record):
        fields = type(value).model_fields
        parts = [
            f"{name} = {as_written(getattr(value, name), field.annotation, field.metadata)}"
            for name, field in fields.items()
            if getattr(value, name) is not None
        ]
        return "{ " + ", ".join(parts) + " }"
    if isinstance(value, Enum):
        return json.dumps(value.value)
    if isinstance(value, list | tuple):
        kinds = [k for k in get_args(annotation) if k is not Ellipsis] or [Any]
        items = [as_written(v, kinds[min(i, len(kinds) - 1)]) for i, v in enumerate(value)]
        return f"[{', '.join(items)}]"
    if isinstance(value, Mapping):
        parts = [f"{key} = {as_written(item, Any)}" for key, item in value.items()]
        return "{ " + ", ".join(parts) + " }" if parts else "{}"
    unit = _unit(metadata)
    if unit and isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(_quantity(float(value), unit))
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


def allowed(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """What may be written: choices, or a type with its limits."""
    annotation, metadata = _opened(annotation, metadata)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return _choices(arguments)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _choices([member.value for member in annotation])
    if origin in _UNIONS:
        return " or ".join(allowed(kind, metadata) for kind in arguments if kind is not NoneType)
    if origin in (tuple, list):
        return _sequence(arguments, metadata)
    if origin is dict or annotation is dict:
        return "table of values by name"
    limits = [
        f"{sign} {_number(getattr(m, name), _unit(metadata))}"
        for name, sign in _LIMITS
        for m in metadata
        if getattr(m, name, None) is not None
    ]
    return ", ".join([_type_name(annotation, metadata), *limits])


def _opened(annotation: Any, metadata: Iterable[Any]) -> tuple[Any, list[Any]]:
    """An annotation without Annotated and None, and all that is said of it."""
    said = [*metadata]
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            said += more
        elif get_origin(annotation) in _UNIONS:
            kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
            if len(kinds) != 1:
                break
            annotation = kinds[0]
        else:
            break
    flat = []
    for item in said:
        flat += item.metadata if isinstance(item, FieldInfo) else [item]
    return annotation, flat


def _sequence(arguments: tuple[Any, ...], metadata: list[Any]) -> str:
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return f"list: {allowed(arguments[0])}"
    inner = dict.fromkeys(allowed(kind) for kind in arguments)
    return f"list of {len(arguments)}: {', '.join(inner)}"


def _type_name(annotation: Any, metadata: list[Any]) -> str:
    if unit := _unit(metadata):
        return f"quantity in {unit}"
    if annotation is bool:
        return "true or false"
    patterns = [getattr(m, "pattern", None) for m in metadata]
    if any(str(pattern).startswith(f"^{NAME_PATTERN}\\z") for pattern in patterns):
        return "name"
    return {int: "whole number", float: "number", str: "text"}.get(annotation, "value")


def _choices(values: Iterable[Any]) -> str:
    return " or ".join(json.dumps(value) for value in values)


def _unit(metadata: Iterable[Any]) -> str:
    return next((m.unit for m in metadata if isinstance(m, Quantity)), "")


def _number(value: float, unit: str) -> str:
    return _quantity(float(value), unit) if unit else f"{value:.10g}"


def _quantity(value: float, unit: str) -> str:
    """In engineering notation; degrees have no prefix."""
    return f"{value:g}{unit}" if unit == "C" else format_quantity(value, unit, 6)
