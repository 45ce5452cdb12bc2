"""What every key of design files and sweep plans means, read off the records that check them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from codesign.characterize.plan import SweepPlan
from codesign.designs.key_values import allowed, as_written
from codesign.designs.load import design_kinds
from codesign.errors import InputError
from codesign.records import Record, records_in

PLAN, VALUES = "plan", "values"


@dataclass(frozen=True)
class Key:
    """One key: default as a file would have it ("" where it has to be given or may be left out),
    what is allowed, what it means."""

    key: str
    default: str
    allowed: str
    meaning: str
    required: bool = False


@dataclass(frozen=True)
class Section:
    """One table of a file. `file`: the kind of design that has it, `plan`, or `values` for records
    that are written as values; `kind`: of a table that says its kind."""

    file: str
    table: str
    kind: str
    about: str
    keys: tuple[Key, ...]

    @property
    def heading(self) -> str:
        """`[network.synapse] kind = "resistive"`; the top of a file has no table."""
        if self.file == VALUES:
            return f"{{ {self.table} }}"
        name = f"[{self.table}]" if self.table else f"top of the file ({self.file})"
        if self.file == PLAN and self.table:
            name = f"[{name}]"
        return f'{name} kind = "{self.kind}"' if self.kind else name


def sections() -> tuple[Section, ...]:
    """Every section: of each kind of design, of sweep plans, of records written as values."""
    found: list[Section] = []
    inline: dict[str, type[Record]] = {}
    files: dict[str, type[Record]] = {**design_kinds(), PLAN: SweepPlan}
    for name, record in files.items():
        found += _walk(name, "", record, "", inline)
    found += [Section(VALUES, name, "", _about(r), _keys(r)) for name, r in inline.items()]
    return tuple(found)


def find_sections(wanted: str | None) -> tuple[Section, ...]:
    """Sections by table ("training", with what is below it), by kind of file, or by both
    ("tile.verify"). Raises InputError naming the nearest."""
    known = sections()
    if wanted is None:
        return known
    rules = (
        lambda s: s.table == wanted or s.table.startswith(f"{wanted}."),
        lambda s: s.file == wanted,
        lambda s: f"{s.file}.{s.table}" == wanted or f"{s.file}.{s.table}".startswith(f"{wanted}."),
    )
    for rule in rules:
        if chosen := tuple(section for section in known if rule(section)):
            return chosen
    names = dict.fromkeys(name for s in known for name in (s.table, s.file) if name)
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    raise InputError(f"no section {wanted!r}", remedy=f"{hint}there are {', '.join(names)}")


def _walk(
    file: str, table: str, record: type[Record], kind: str, inline: dict[str, type[Record]]
) -> Iterator[Section]:
    yield Section(file, table, kind, _about(record), _keys(record))
    for name in record.model_fields:
        for below in _records(record, name):
            if below.inline:
                inline.setdefault(below.inline, below)
            else:
                path = f"{table}.{name}" if table else name
                path += ".NAME" if _is_by_name(record, name) else ""
                yield from _walk(file, path, below, _kind(below), inline)


def _records(record: type[Record], name: str) -> list[type[Record]]:
    hint = get_type_hints(record, include_extras=True)[name]
    hint = _unkeyed(hint)
    return [found for found, _ in records_in(hint) if issubclass(found, Record)]


def _is_by_name(record: type[Record], name: str) -> bool:
    hint = get_type_hints(record)[name]
    return get_origin(hint) is dict


def _unkeyed(hint: Any) -> Any:
    """A table of tables by name, `[knobs.NAME]`, holds the records of its values."""
    if get_origin(hint) is Annotated and get_origin(get_args(hint)[0]) is dict:
        hint = get_args(hint)[0]
    return get_args(hint)[1] if get_origin(hint) is dict else hint


def _keys(record: type[Record]) -> tuple[Key, ...]:
    return tuple(_key(record, name, field) for name, field in record.model_fields.items())


def _key(record: type[Record], name: str, field: FieldInfo) -> Key:
    below = _records(record, name)
    tables = [r for r in below if not r.inline]
    meaning = field.description or (_about(tables[0]).rstrip(".") if tables else "")
    if tables:
        kinds = [_kind(r) for r in tables if _kind(r)]
        rule = f"table, of kind {', '.join(kinds)}" if kinds else "table"
        rule = "table of tables by name" if _is_by_name(record, name) else rule
        return Key(name, "", rule, meaning, field.is_required())
    return Key(
        name,
        _default(field),
        f"{{ {below[0].inline} }}" if below else allowed(field.annotation, field.metadata),
        meaning,
        field.is_required(),
    )


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    if field.is_required() or default is PydanticUndefined or default is None:
        return ""
    return as_written(default, field.annotation, field.metadata)


def _kind(record: type[Record]) -> str:
    """The value of its `kind`."""
    field = record.model_fields.get("kind")
    names = get_args(field.annotation) if field is not None else ()
    return str(names[0]) if names and isinstance(names[0], str) else ""


def _about(record: type[Record]) -> str:
    """The first paragraph of what a record says of itself."""
    text = (record.__doc__ or "").strip().split("\n\n")[0]
    return " ".join(text.split())


def as_json(found: tuple[Section, ...]) -> dict[str, Any]:
    """Sections for programs."""
    return {
        "sections": [
            {**{k: v for k, v in vars(s).items() if k != "keys"}, "keys": [vars(k) for k in s.keys]}
            for s in found
        ]
    }


def as_text(found: tuple[Section, ...]) -> str:
    """Sections for a terminal."""
    blocks = []
    for section in found:
        lines = [section.heading, f"  {section.about}"]
        for key in section.keys:
            default = " (required)" if key.required else f" = {key.default}" if key.default else ""
            lines += [f"  {key.key}{default}", f"      {key.meaning}", f"      ({key.allowed})"]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


_TITLES = {
    "network": "A network",
    "tile": 'A tile, `kind = "tile"`',
    "tile_network": 'A network on tiles, `kind = "tile_network"`',
    PLAN: "A sweep plan",
    VALUES: "Values that are small tables",
}


def as_markdown(found: tuple[Section, ...]) -> str:
    """docs/keys.md."""
    lines = [
        "# Every key",
        "",
        "What a design file, or a sweep plan that it names, may say: `codesign keys [SECTION]`",
        "shows the same, with what plugins have registered. A key without a default may be left",
        "out unless it says *required*. Quantities carry their unit; plain numbers are SI.",
    ]
    file = ""
    for section in found:
        if section.file != file:
            file = section.file
            lines += ["", f"## {_TITLES.get(file, file)}"]
        lines += ["", f"### `{section.heading}`", "", section.about, ""]
        lines += ["| key | default | allowed | meaning |", "|---|---|---|---|"]
        for key in section.keys:
            default = "*required*" if key.required else f"`{key.default}`" if key.default else ""
            cells = (f"`{key.key}`", default, key.allowed, key.meaning)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)
