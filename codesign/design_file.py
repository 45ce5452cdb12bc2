"""What every design file is: validated once, known by its source, never changed in place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import PrivateAttr

from codesign.errors import CodesignError
from codesign.records import Record, parse_toml, read_text, validate

if TYPE_CHECKING:
    from codesign.design import Design
    from codesign.tile_design import TileDesign
    from codesign.tile_network_design import TileNetworkDesign


class DesignFile(Record):
    """Base of designs: how they are read, shown and overridden."""

    _source: str = PrivateAttr("design")
    _text: str = PrivateAttr("")

    @classmethod
    def load(cls, path: Path) -> Self:
        """The design in a file. Raises DesignError naming file, key and what is allowed."""
        text = read_text(
            path, "design file", remedy="write one with `codesign init NAME`, or correct the path"
        )
        return cls.from_text(text, str(path))

    @classmethod
    def from_text(cls, text: str, source: str = "design") -> Self:
        """The design in a TOML text; `source` names it in messages."""
        return cls._build(parse_toml(text, source), source, text)

    @classmethod
    def _build(cls, data: dict[str, Any], source: str, text: str) -> Self:
        design = validate(cls, data, source)
        design._source, design._text = source, text
        try:
            design.check()
        except CodesignError as error:
            raise type(error)(f"{source}: {error.message}", remedy=error.remedy) from error
        return design

    def check(self) -> None:
        """What the file's records cannot see each alone. Raises DesignError or DataError."""

    def override(self, values: dict[str, Any]) -> Self:
        """This design with other values: `design.override({"verify.samples": 10})`."""
        data = self.model_dump(mode="json")
        for key, value in values.items():
            *tables, last = key.split(".")
            table = data
            for name in tables:
                table = table[name]
            table[last] = value
        changes = ", ".join(f"{key} = {value}" for key, value in values.items())
        return self._build(data, f"{self._source} with {changes}", self._text)

    @property
    def source(self) -> str:
        """The file that the design was read from, for messages."""
        return self._source.partition(" with ")[0]

    @property
    def folder(self) -> Path:
        """Where the design file lies, and the user's own files that it names."""
        return Path(self.source).parent

    @property
    def text(self) -> str:
        """The design file as it was written."""
        return self._text

    def value(self, key: str) -> Any:
        """JSON-ready value at a dotted key: `design.value("process.corner")`. KeyError if none."""
        value: Any = self.model_dump(mode="json")
        for part in key.split("."):
            value = value[part]
        return value


def load_design(path: Path) -> Design | TileDesign | TileNetworkDesign:
    """The design in a file: a network's, or what it says with `kind`.

    Raises DesignError naming file, key and what is allowed.
    """
    text = read_text(
        path, "design file", remedy="write one with `codesign init NAME`, or correct the path"
    )
    kind = parse_toml(text, str(path)).get("kind")
    if kind == "tile_network":
        from codesign.tile_network_design import TileNetworkDesign

        return TileNetworkDesign.from_text(text, str(path))
    if kind is not None:
        from codesign.tile_design import TileDesign

        return TileDesign.from_text(text, str(path))
    from codesign.design import Design

    return Design.from_text(text, str(path))
