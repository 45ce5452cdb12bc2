"""Words for what pydantic finds wrong: the key as the file spells it, the fault, what may be."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic_core import ErrorDetails

NAME_PATTERN = r"[A-Za-z][A-Za-z0-9_]*"

# What a value must be, by pydantic's types of errors.
_NEEDED = {
    **dict.fromkeys(("tuple_type", "list_type"), "a list of values, such as [a, b]"),
    **dict.fromkeys(
        ("dict_type", "model_type", "model_attributes_type", "dataclass_type"),
        "a table, such as { key = value }",
    ),
    "string_type": "a text in quotes",
    "float_type": "a number",
    **dict.fromkeys(("int_type", "int_from_float"), "a whole number"),
    "bool_type": "true or false",
}


def explain(errors: Iterable[ErrorDetails], data: dict[str, Any]) -> list[str]:
    """A line for every error of a validation of `data`: `dotted.key: what is wrong`.

    Of the values that a list lacks only the last counts: it says how many there must be."""
    listed = list(errors)
    last = {details["loc"][:-1]: details["loc"] for details in listed if _lacks_values(details)}
    return [
        _explain(details, data)
        for details in listed
        if not _lacks_values(details) or details["loc"] == last[details["loc"][:-1]]
    ]


def _lacks_values(details: ErrorDetails) -> bool:
    return details["type"] == "missing" and isinstance(details["loc"][-1], int)


def _counted(context: dict[str, Any]) -> str:
    """How many values a list or table may have."""
    least, most = context.get("min_length"), context.get("max_length")
    bound = f"takes up to {most}" if least is None else f"needs at least {least}"
    one = (most if least is None else least) == 1
    what = "entry" if one else "entries"
    if context.get("field_type") != "Dictionary":
        what = "value" if one else "values"
    return f"{bound} {what}, has {context['actual_length']}"


def _explain(details: ErrorDetails, data: dict[str, Any]) -> str:
    """One pydantic error as `dotted.key: what is wrong and what is allowed`."""
    key, current = "", data
    for part in details["loc"]:
        if isinstance(part, int) and isinstance(current, list) and part < len(current):
            key, current = f"{key}[{part}]", current[part]
        elif isinstance(current, dict) and (part in current or details["type"] == "missing"):
            if part not in current and part != details["loc"][-1]:
                continue
            key = f"{key}.{part}" if key else str(part)
            current = current.get(str(part), {})
        # Anything else is the tag of a union, which the file does not spell as a key.
    context: dict[str, Any] = details.get("ctx", {})
    match details["type"]:
        case "missing" if _lacks_values(details):
            text = f"needs {int(details['loc'][-1]) + 1} values, has {len(details['input'])}"
        case "missing":
            text = "is missing"
        case "union_tag_not_found":
            text = "lacks its kind"
        case "kind_missing" | "kind_type":
            text = details["msg"]
        case "union_tag_invalid":
            text = f"unknown kind {context['tag']!r}; allowed: {context['expected_tags']}"
            text += context.get("hint", "")
        case "enum" | "literal_error":
            text = f"{_shown(details['input'])} is not allowed here; allowed: {context['expected']}"
        case "string_pattern_mismatch" if context.get("pattern", "").startswith(f"^{NAME_PATTERN}"):
            text = (
                f"{_shown(details['input'])} is not a name; a name starts with a letter and "
                "has letters, digits and underscores only"
            )
        case "too_long" | "too_short":
            text = _counted(context)
        case kind if kind in _NEEDED:
            text = f"needs {_NEEDED[kind]}, not {_shown(details['input'])}"
        case "value_error":
            text = details["msg"].removeprefix("Value error, ")
        case _:
            rule = details["msg"][0].lower() + details["msg"][1:]
            text = f"{rule}, not {_shown(details['input'])}"
    return f"{key}: {text}" if key else text


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
