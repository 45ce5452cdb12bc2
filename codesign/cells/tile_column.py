"""Columns of a tile: differential conductances behind access switches on a resistive bit line.

Row 1 is the far end. A cell is a device from the row's source line to its own node, and an access
switch from there to the bit line: a transistor of the process, or an ideal switch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from codesign.cells.base import Cell, Port, Schematic
from codesign.cells.transistor import TransistorParameters
from codesign.errors import InputError
from codesign.records import Record
from codesign.units import Farads, Ohms

# An ideal switch turns at half the word line's logic level of 1 V.
IDEAL_LEVEL_V = 1.0
_SWITCH = "tile_switch"
_R_ON_OHM, _R_OFF_OHM = 1e-3, 1e15


class TileColumnParameters(Record):
    """Lines and access of a tile's cells. `access` None: ideal switches, word lines of 1 V."""

    r_line: Annotated[Ohms, Field(gt=0, le=1e6, description="bit line, from row to row")] = 0.35
    c_line: Annotated[Farads, Field(ge=0, le=1e-12, description="the same to ground")] = 0.0
    access: TransistorParameters | None = Field(None, description="switches of the cells")
    differential: Literal["shared", "paired"] = Field(
        "shared", description="shared: both devices of a weight on one line; paired: one line each"
    )


class TileColumn(Cell):
    """One column; its conductances in S, row by row (0 leaves the device out)."""

    what: ClassVar[str] = "tile column: differential conductances on a resistive bit line"

    def __init__(
        self,
        parameters: TileColumnParameters,
        g_plus: Sequence[float],
        g_minus: Sequence[float],
        name: str = "tile_column",
    ) -> None:
        super().__init__(name, parameters)
        if len(g_plus) != len(g_minus) or not len(g_plus):
            raise InputError(f"{name}: {len(g_plus)} and {len(g_minus)} conductances are no column")
        for value in (*g_plus, *g_minus):
            if not 0 <= value <= 1e-2:
                raise InputError(f"{name}: conductance {value:g} S is outside 0 .. 10 mS")
        self.sizes = parameters
        self.g_plus, self.g_minus = tuple(map(float, g_plus)), tuple(map(float, g_minus))

    @property
    def rows(self) -> int:
        return len(self.g_plus)

    @property
    def lines(self) -> tuple[str, ...]:
        """Bit lines as ports, at the integrators' end."""
        return ("bl",) if self.sizes.differential == "shared" else ("blp", "blm")

    @property
    def ports(self) -> tuple[Port, ...]:
        rows = range(1, self.rows + 1)
        return (
            *(Port(line, "output", "bit line, at the integrator") for line in self.lines),
            *(
                Port(f"{line}_1", "inout", "bit line, far end: open, or another column's near end")
                for line in self.lines
            ),
            *(Port(f"sp_{j}", "input", f"source line of G+ in row {j}") for j in rows),
            *(Port(f"sm_{j}", "input", f"source line of G- in row {j}") for j in rows),
            *(Port(f"wl_{j}", "input", f"word line of row {j}") for j in rows),
            Port("vss", "supply", "ground and transistor bulk"),
        )

    def draw(self, schematic: Schematic) -> None:
        if self.sizes.access is None:
            schematic.sub.model(
                _SWITCH, "SW", vt=IDEAL_LEVEL_V / 2, vh=0, ron=_R_ON_OHM, roff=_R_OFF_OHM
            )
        plus, minus = self.lines[0], self.lines[-1]
        for line in self.lines:
            self._line(schematic, line)
        for j, (g_plus, g_minus) in enumerate(zip(self.g_plus, self.g_minus, strict=True), 1):
            self._device(schematic, f"p_{j}", g_plus, f"sp_{j}", f"wl_{j}", f"{plus}_{j}")
            self._device(schematic, f"m_{j}", g_minus, f"sm_{j}", f"wl_{j}", f"{minus}_{j}")

    def _line(self, schematic: Schematic, line: str) -> None:
        for j in range(1, self.rows + 1):
            after = f"{line}_{j + 1}" if j < self.rows else line
            schematic.resistor(f"{line}_{j}", (f"{line}_{j}", after), self.sizes.r_line)
            if self.sizes.c_line:
                schematic.sub.C(f"{line}_{j}", f"{line}_{j}", "vss", self.sizes.c_line)

    def _device(
        self, schematic: Schematic, name: str, g: float, source: str, word: str, line: str
    ) -> None:
        if g == 0:
            return
        schematic.resistor(name, (source, f"x_{name}"), 1 / g)
        if self.sizes.access is None:
            schematic.sub.S(name, f"x_{name}", line, word, "vss", model=_SWITCH)
        else:
            schematic.fet(name, (f"x_{name}", word, line, "vss"), self.sizes.access)


class Tile(Cell):
    """Columns side by side that share source and word lines."""

    what: ClassVar[str] = "tile: columns of differential conductances"

    def __init__(
        self,
        parameters: TileColumnParameters,
        g_plus: Sequence[Sequence[float]],
        g_minus: Sequence[Sequence[float]],
        name: str = "tile",
    ) -> None:
        """Conductances (rows, cols) in S."""
        super().__init__(name, parameters)
        columns = zip(zip(*g_plus, strict=True), zip(*g_minus, strict=True), strict=True)
        self.columns = tuple(
            TileColumn(parameters, plus, minus, f"{name}_column_{k}")
            for k, (plus, minus) in enumerate(columns, start=1)
        )
        if not self.columns:
            raise InputError(f"{name}: a tile needs a column")

    @property
    def bit_lines(self) -> tuple[tuple[str, ...], ...]:
        """Names of each column's bit lines."""
        return tuple(
            tuple(f"{line}_{k}" for line in column.lines)
            for k, column in enumerate(self.columns, start=1)
        )

    @property
    def ports(self) -> tuple[Port, ...]:
        shared = [port for port in self.columns[0].ports if not port.name.startswith("bl")]
        return (
            *(
                Port(line, "output", f"bit line of column {k}, at the integrator")
                for k, lines in enumerate(self.bit_lines, start=1)
                for line in lines
            ),
            *shared,
        )

    def draw(self, schematic: Schematic) -> None:
        for k, column in enumerate(self.columns, start=1):
            own = {line: f"{line}_{k}" for line in column.lines}
            own |= {f"{line}_1": f"far_{line}_{k}" for line in column.lines}
            nodes = {port: own.get(port, port) for port in column.port_names}
            schematic.instance(f"column_{k}", column, nodes)
