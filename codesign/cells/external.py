"""What a user's own cells have in common: a subcircuit of a SPICE file, its ports by role, a layout
if there is one.

The design says which port plays which role. Around the user's subcircuit stands a cell with our
port names; everything else in the project sees that.
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from codesign.cells.base import Schematic
from codesign.cells.given_layout import GivenLayout
from codesign.cells.user_cell import UserCell
from codesign.cells.user_devices import KnobValue
from codesign.cells.user_names import plain_name
from codesign.cells.user_netlist import UserNetlist
from codesign.errors import DesignError, InputError
from codesign.pdk import default_process
from codesign.records import Record, own_file, read_text
from codesign.spice.netlist import parse_netlist
from codesign.units import Volts

INSIDE = "cell"
_MAX_BYTES = 10_000_000
PortName = Annotated[str, Field(pattern=r"^[^\s]{1,64}\z")]
FileName = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,250}\z")]
BiasVolts = Annotated[Volts, Field(ge=-5, le=5)]
_OURS = {"dendrite": "dend", "spike": "sp", "spike_bar": "spb", "supply": "vdd", "ground": "vss"}


class SynapsePorts(Record):
    """The subcircuit's ports by role."""

    dendrite: PortName = Field(description="port that draws current from the membrane")
    spike: PortName | None = Field(None, description="spike line, high while the spike lasts")
    spike_bar: PortName | None = Field(None, description="complement of the spike line")
    supply: PortName | None = Field(None, description="supply")
    ground: PortName | None = Field(None, description="ground and substrate")

    def roles(self) -> dict[str, str]:
        """The user's port by our port name."""
        return {_OURS[k]: v for k, v in self.model_dump().items() if v is not None}


class ExternalParameters(Record, ABC):
    """A netlist beside the design file, read when the design is."""

    netlist: FileName = Field(description="SPICE file, relative to the design file")
    subckt: PortName = Field(description="subcircuit in it")
    layout: FileName | None = Field(
        None, description="GDS file, relative to the design file; its cell is called as `subckt`"
    )
    biases: dict[PortName, BiasVolts] = Field(
        default_factory=dict, description="further ports at fixed voltages"
    )

    prefix: ClassVar[str]
    _user: UserNetlist = PrivateAttr()
    _layout: GivenLayout | None = PrivateAttr(None)
    _files: tuple[Path, ...] = PrivateAttr(())

    def _knob_values(self) -> tuple[KnobValue, ...]:
        """Values to expect of parameters of the subcircuit, in lower case."""
        return ()

    @abstractmethod
    def _named_ports(self) -> dict[str, str]:
        """Every port of the subcircuit that the design names, by the key that names it."""

    @model_validator(mode="after")
    def _read(self, info: ValidationInfo) -> Self:
        folder = Path((info.context or {}).get("folder", "."))
        path = own_file(folder, self.netlist, "netlist")
        if path.exists() and not path.is_dir():
            if not path.is_file():
                raise DesignError(f"netlist: {path} is no file")
            if path.stat().st_size > _MAX_BYTES:
                raise DesignError(
                    f"netlist: {path} has more than {_MAX_BYTES / 1e6:g} MB",
                    remedy="give the cell's own netlist, without device models",
                )
        remedy = "correct `netlist`: a SPICE file in UTF-8, relative to the design file"
        text = read_text(path, "netlist", remedy=remedy)
        prefix = default_process().model_prefix
        parsed = parse_netlist(text, f"netlist {path}")
        self._check_parameters(parsed.subcircuit(self.subckt).defaults, path)
        self._user = UserNetlist(parsed, self.subckt, self.prefix, prefix, self._knob_values())
        self._files = (path,)
        self._check_ports(path)
        if self.layout is not None:
            gds = own_file(folder, self.layout, "layout")
            self._layout = GivenLayout(gds, self._user.cell.name, self._user.ports)
            try:
                self._layout.check()
            except InputError as error:
                raise DesignError(f"layout: {error.message}", remedy=error.remedy) from error
            self._files += (gds,)
        return self

    def _check_ports(self, path: Path) -> None:
        named, source = self._named_ports(), f"subcircuit {self.subckt} of {path}"
        known = {port.lower(): port for port in self._user.ports}
        for key, port in named.items():
            if port.lower() not in known:
                near = difflib.get_close_matches(port.lower(), known, n=1)
                hint = f"; did you mean {known[near[0]]}?" if near else ""
                raise DesignError(
                    f"{key}: {source} has no port {port!r}{hint}",
                    remedy=f"its ports: {' '.join(self._user.ports)}",
                )
        given = [port.lower() for port in named.values()]
        for key, port in named.items():
            if given.count(port.lower()) > 1:
                others = [k for k, p in named.items() if p.lower() == port.lower() and k != key]
                raise DesignError(
                    f"{key}: port {port} is {others[0]} already", remedy="give a port one role"
                )
        if left := [port for port in self._user.ports if port.lower() not in given]:
            raise DesignError(
                f"ports: port {left[0]} of {source} would float",
                remedy="give it a role in `ports`, or a voltage in `biases`, or make it a knob or "
                "control",
            )

    def _check_parameters(self, defaults: Mapping[str, str], path: Path) -> None:
        for parameter in dict.fromkeys(knob.parameter for knob in self._knob_values()):
            if parameter not in defaults:
                near = difflib.get_close_matches(parameter, defaults, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise DesignError(
                    f"knobs: subcircuit {self.subckt} of {path} has no parameter "
                    f"{parameter!r}{hint}",
                    remedy=f"its parameters: {', '.join(defaults) or 'none'}",
                )

    def files(self) -> tuple[Path, ...]:
        """The files that the cell was read from."""
        return self._files

    @property
    def user(self) -> UserNetlist:
        """The netlist as it was read."""
        return self._user

    @property
    def given_layout(self) -> GivenLayout | None:
        """The layout as it was read."""
        return self._layout


def own_name(prefix: str, port: str) -> str:
    """Our name of a port that plays no role: it cannot meet a name of ours."""
    return f"{prefix}_{plain_name(port)}"


def draw_inside(
    given: ExternalParameters,
    schematic: Schematic,
    ours: Mapping[str, str],
    expressions: Mapping[str, str] | None = None,
) -> None:
    """Place the user's subcircuit in the cell around it; `ours`: our node by the user's port."""
    cell = UserCell(given.user, given.user.cell)
    by_port: dict[str, Any] = {port.lower(): node for port, node in ours.items()}
    nodes = [by_port[port.lower()] for port in given.user.ports]
    schematic.instance(
        INSIDE, cell, dict(zip(cell.port_names, nodes, strict=True)), expressions=expressions
    )
