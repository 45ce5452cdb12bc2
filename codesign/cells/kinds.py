"""Kinds of a cell by name: a design says `kind = "..."`, the register knows the record to read it.

A kind registers its parameter record; the record makes the cell. So a new kind costs one file, in
the package or outside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Generic, TypeVar, get_args

from pydantic import BaseModel, GetCoreSchemaHandler, TypeAdapter
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from codesign.errors import CodesignError, DesignError
from codesign.records import Record

R = TypeVar("R", bound=Record)

_OWN = "; kinds of your own come from a plugin: codesign --plugin FILE (docs/extending.md)"


class Kinds(Generic[R]):
    """Parameter records of one sort of cell, by their `kind`.

    As metadata of a field, `Annotated[SynapseParameters, SYNAPSES]`, it reads a table into the
    record of its kind. `default`: the kind of a table that names none.
    """

    def __init__(self, what: str, default: str | None = None) -> None:
        self.what, self.default = what, default
        self._records: dict[str, type[R]] = {}

    def register(self, record: type[R]) -> type[R]:
        """Know a record by its `kind: Literal["..."]`; usable as a class decorator."""
        names = get_args(record.model_fields["kind"].annotation)
        if not names or not all(isinstance(name, str) for name in names):
            raise TypeError(f'{record.__name__} needs a field `kind: Literal["..."]`')
        for name in names:
            known = self._records.get(name, record)
            if known.__qualname__ != record.__qualname__ or known.__module__ != record.__module__:
                raise ValueError(f"{self.what} kind {name!r} is {known.__qualname__} already")
            self._records[name] = record
        return record

    @property
    def names(self) -> tuple[str, ...]:
        """All kinds, in the order in which they were registered."""
        return tuple(self._records)

    def records(self) -> Iterator[type[R]]:
        """Their records, each once."""
        yield from dict.fromkeys(self._records.values())

    def record_of(self, table: dict[str, Any]) -> type[R]:
        """The record that reads a table. Raises a pydantic error for none or an unknown kind."""
        kind = table.get("kind", self.default)
        if kind is None:
            raise PydanticCustomError(
                "kind_missing", 'lacks its kind, such as kind = "{first}"', {"first": self.names[0]}
            )
        if not isinstance(kind, str) or kind not in self._records:
            expected = ", ".join(repr(name) for name in self.names)
            raise PydanticCustomError(
                "union_tag_invalid",
                "unknown kind",
                {"tag": str(kind), "expected_tags": expected, "hint": _OWN},
            )
        return self._records[kind]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self._read,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value, info: value.model_dump(mode=info.mode), info_arg=True
            ),
        )

    def _read(self, value: Any, info: core_schema.ValidationInfo) -> BaseModel:
        if isinstance(value, BaseModel) and any(isinstance(value, r) for r in self.records()):
            return value
        if not isinstance(value, dict):
            raise PydanticCustomError("kind_type", "is a table with a kind", {})
        record = self.record_of(value)
        # JSON's strict mode takes lists for tuples and text for enums, but never "5" for 5.
        text = json.dumps({"kind": self.default, **value} if self.default else value, default=str)
        try:
            read: BaseModel = TypeAdapter(record).validate_json(
                text, strict=True, context=info.context
            )
        except CodesignError as error:
            raise DesignError(
                f"network.{self.what}: {error.message}", remedy=error.remedy
            ) from error
        return read
