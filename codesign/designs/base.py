"""What every design file is: validated once, known by its source, never changed in place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, Field, PrivateAttr

from codesign.bench import CellViews
from codesign.cells.base import View
from codesign.errors import CodesignError
from codesign.pdk import DEFAULT_PROCESS, Conditions, Corner, Interconnect, Process, Variation
from codesign.records import Record, own_file, parse_toml, read_text, validate
from codesign.units import Celsius, Volts

_REMEDY = "write one with `codesign init NAME`, or correct the path"


class ProcessParameters(Record):
    """The process and the conditions every simulation is run at."""

    name: str = Field(DEFAULT_PROCESS, description="a process that codesign knows", max_length=64)
    folder: str | None = Field(
        None, description="folder of a process of your own, relative to the design file"
    )
    corner: Corner = Field(Corner.TT, description="transistors: tt ss ff sf fs")
    interconnect: Interconnect = Field(
        Interconnect.NOM, description="resistances and capacitances: nom low high"
    )
    temperature: Annotated[Celsius, Field(ge=-55, le=150)] = Field(
        27.0, description="of the whole chip"
    )
    variation: Variation = Field(
        Variation.NONE, description="none, process (per chip), mismatch (per device) or all"
    )
    seed: int = Field(1, ge=1, le=2**31 - 1, description="the chip that random variation draws")
    supply: Annotated[Volts, Field(gt=0, le=1.95)] = Field(1.8, description="supply voltage")

    def process(self, folder: Path = Path()) -> Process:
        """The process; `folder` is the design file's."""
        if self.folder is not None:
            return Process.load(own_file(folder, self.folder, "process.folder").resolve())
        return Process.load(self.name)

    def conditions(self, corner: Corner | None = None) -> Conditions:
        """The simulation conditions, at another corner if one is given."""
        return Conditions(
            corner=corner or self.corner,
            interconnect=self.interconnect,
            temperature_C=self.temperature,
            supply_V=self.supply,
            variation=self.variation,
            seed=self.seed,
        )


class DesignFile(Record):
    """Base of designs: how they are read, shown and overridden."""

    name: str

    # Name of the kind, for lists and messages.
    kind_name: ClassVar[str] = "network"
    _source: str = PrivateAttr("design")
    _text: str = PrivateAttr("")

    @classmethod
    def load(cls, path: Path) -> Self:
        """The design in a file. Raises DesignError naming file, key and what is allowed."""
        return cls.from_text(read_text(path, "design file", remedy=_REMEDY), str(path))

    @classmethod
    def from_text(cls, text: str, source: str = "design") -> Self:
        """The design in a TOML text; `source` names it in messages, and its folder is where files
        that the design names are."""
        return cls._build(parse_toml(text, source), source, text)

    @classmethod
    def _build(cls, data: dict[str, Any], source: str, text: str) -> Self:
        design = validate(cls, data, source, Path(source.partition(" with ")[0]).parent)
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
        return self._build(data, f"{self.source} with {changes}", self._text)

    @property
    def source(self) -> str:
        """The file that the design was read from, for messages."""
        return self._source.partition(" with ")[0]

    @property
    def folder(self) -> Path:
        """Where files that the design names are."""
        return Path(self.source).parent

    @property
    def text(self) -> str:
        """The design file as it was written."""
        return self._text

    @property
    def seed(self) -> int:
        """Seed of what the design draws at random."""
        return 1

    def with_seed(self, seed: int) -> Self:
        """This design with another seed."""
        return self.override({"seed": seed})

    def files(self, section: str) -> Iterator[tuple[str, Path]]:
        """Files and folders that a section of the design is read from, by name."""
        process = getattr(self, "process", None)
        if section == "process" and isinstance(process, ProcessParameters):
            yield "process", process.process(self.folder).folder

    def code(self, section: str) -> Iterator[Any]:
        """Classes and functions from outside the package that a section is made of, a user's cell
        among them: their source decides a step's result like the step's own."""
        if is_foreign(type(self)):
            yield type(self)
        yield from _foreign(getattr(self, section, None))

    def value(self, key: str) -> Any:
        """JSON-ready value at a dotted key: `design.value("process.corner")`. KeyError if none."""
        value: Any = self.model_dump(mode="json")
        for part in key.split("."):
            value = value[part]
        return value


def is_foreign(thing: Any) -> bool:
    """Whether a class or function is defined outside the package."""
    return str(thing.__module__).partition(".")[0] != __name__.partition(".")[0]


def _foreign(value: Any) -> Iterator[type]:
    """Classes of records outside the package, in a record and below it."""
    if isinstance(value, BaseModel):
        if is_foreign(type(value)):
            yield type(value)
        value = [getattr(value, name) for name in type(value).model_fields]
    elif isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _foreign(item)


def views_of(
    view: View, process: ProcessParameters, folder: Path, netlists: Path | None = None
) -> CellViews:
    """The cells' netlists in a view: those in the folder `netlists`, or drawn when needed."""
    views = CellViews(view, process.interconnect, process=process.process(folder))
    return views if netlists is None else views.written(netlists)
