"""Reading magic's extraction file (.ext) of a flat cell: devices, nodes, capacitances.

Records read, after magic's manual page ext(5) and the newer `device` record:

    scale RESISTANCE CAPACITANCE LENGTH   factors of what follows: aF; LENGTH is in 1e-8 um
                                          (500000: 0.005 um), in old versions in 0.01 um
    node NAME R C x y layer ...           C to the substrate
    substrate NAME ...                    the node that transistors without a well are in
    equiv NAME NAME                       another name of the same node
    cap NAME NAME C                       coupling
    device CLASS MODEL x0 y0 x1 y1 key=value... SUBSTRATE GATE length attributes
           {TERMINAL length attributes}   attributes: area,perimeter of its diffusion
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field

from codesign.errors import ToolError

_ATTO = 1e-18
_LARGE_SCALE = 1000


@dataclass(frozen=True)
class ExtDevice:
    """A device: substrate, gate (a capacitor's top plate) and other terminals by node name.

    junctions: (area um^2, perimeter um) of each terminal, None where the file has none.
    """

    model: str
    substrate: str
    gate: str
    terminals: tuple[str, ...]
    junctions: tuple[tuple[float, float] | None, ...]
    w_um: float
    l_um: float
    x_um: float
    y_um: float


@dataclass
class ExtFile:
    """What a .ext file of a flat cell says. Node names stand for their aliases (`name_of`)."""

    technology: str = ""
    substrate: str = ""
    nodes: dict[str, float] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    couplings: list[tuple[str, str, float]] = field(default_factory=list)
    devices: list[ExtDevice] = field(default_factory=list)

    def groups(self) -> dict[str, list[str]]:
        """All names of each node, by its first name."""
        groups: dict[str, list[str]] = {name: [name] for name in self.nodes}
        for alias in self.aliases:
            groups.setdefault(self.node(alias), []).append(alias)
        return groups

    def node(self, name: str) -> str:
        """The node that a name stands for."""
        while name in self.aliases:
            name = self.aliases[name]
        return name


def parse_ext(text: str, prefix: str) -> ExtFile:
    """Parse a .ext file; `prefix` is left out of models' names. Raises ToolError with the line that
    cannot be read."""
    found = ExtFile()
    unit_um, farad = 0.01, _ATTO
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split(maxsplit=1)
        if not words or words[0] not in _RECORDS:
            continue
        try:
            fields = shlex.split(line)
            if fields[0] == "scale":
                length = float(fields[3])
                unit_um = length * (1e-8 if length > _LARGE_SCALE else 1e-2)
                farad = float(fields[2]) * _ATTO
            elif fields[0] == "tech":
                found.technology = fields[1]
            elif fields[0] in ("node", "substrate"):
                found.nodes[fields[1]] = found.nodes.get(fields[1], 0.0) + float(fields[3]) * farad
                if fields[0] == "substrate":
                    found.substrate = fields[1]
            elif fields[0] == "equiv":
                one, other = found.node(fields[1]), found.node(fields[2])
                if one != other:
                    found.aliases[other] = one
            elif fields[0] == "cap":
                found.couplings.append((fields[1], fields[2], float(fields[3]) * farad))
            else:
                found.devices.append(_device(fields, unit_um, prefix))
        except (IndexError, ValueError, KeyError) as error:
            raise ToolError(
                f"magic's .ext file, line {number}, cannot be read: {line.strip()[:120]!r}",
                remedy="report this with the version of magic",
            ) from error
    for alias in found.aliases:
        # An alias may have been declared as a node before.
        extra = found.nodes.pop(alias, 0.0)
        found.nodes[found.node(alias)] = found.nodes.get(found.node(alias), 0.0) + extra
    return found


_RECORDS = frozenset({"scale", "tech", "node", "substrate", "equiv", "cap", "device"})


def _device(fields: list[str], unit_um: float, prefix: str) -> ExtDevice:
    model, corner = fields[2].removeprefix(prefix), [float(f) for f in fields[3:7]]
    sizes: dict[str, float] = {}
    at = 7
    while "=" in fields[at]:
        key, value = fields[at].split("=", 1)
        sizes[key] = float(value) * unit_um
        at += 1
    substrate, gate = fields[at], fields[at + 1]
    rest = fields[at + 4 :]
    terminals = tuple(rest[0::3])
    junctions = tuple(_junction(attributes, unit_um) for attributes in rest[2::3])
    if len(rest) % 3 or not terminals:
        raise ValueError(fields)
    x_um, y_um = (corner[0] + corner[2]) / 2 * unit_um, (corner[1] + corner[3]) / 2 * unit_um
    return ExtDevice(
        model, substrate, gate, terminals, junctions, sizes["w"], sizes["l"], x_um, y_um
    )


def _junction(attributes: str, unit_um: float) -> tuple[float, float] | None:
    for part in attributes.split('"'):
        area, comma, perimeter = part.partition(",")
        if comma:
            return float(area) * unit_um**2, float(perimeter) * unit_um
    return None
