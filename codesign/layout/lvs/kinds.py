"""What a comparison must know of each kind of device: its terminals, which of them may be
exchanged, and the sizes that count."""

from __future__ import annotations

from dataclasses import dataclass

from codesign.layout.circuit import FlatDevice

# Widths and lengths in a layout lie on the 5 nm grid; a size between is drawn rounded.
SIZE_TOLERANCE_UM = 0.003
# Of parameters that are no sizes of a shape.
_RELATIVE_TOLERANCE = 1e-3
_UNITS = {"width": " um", "length": " um", "perimeter": " um", "area": " um^2"}
# A diode's area and perimeter under the names that models and netlists give them. `p` is neither:
# old versions of magic count the edges twice there.
_AREA_NAMES = {
    **dict.fromkeys(("area", "a"), "area"),
    **dict.fromkeys(("perim", "pj", "perimeter"), "perimeter"),
}


@dataclass(frozen=True)
class Kind:
    """`terminals`: names in the order of the nodes; `optional`: how many of the last ones a device
    may lack; `exchangeable`: two terminals that are the same to the circuit; `turnable`: width and
    length may be exchanged, as a rectangle may be turned."""

    terminals: tuple[str, ...]
    exchangeable: tuple[int, int] | None = None
    optional: int = 0
    turnable: bool = False

    @property
    def roles(self) -> tuple[int, ...]:
        """A number per terminal, the same for exchangeable ones."""
        roles = list(range(len(self.terminals)))
        if self.exchangeable is not None:
            first, second = self.exchangeable
            roles[second] = first
        return tuple(roles)


_TRANSISTOR = Kind(("drain", "gate", "source", "bulk"), (0, 2))
_KINDS = {
    "n": _TRANSISTOR,
    "p": _TRANSISTOR,
    "cap": Kind(("top plate", "bottom plate"), turnable=True),
    "varactor": Kind(("gate", "well", "substrate"), optional=1),
    "res": Kind(("one end", "other end", "body"), (0, 1), optional=1),
    "diode": Kind(("anode", "cathode")),
    "bipolar": Kind(("collector", "base", "emitter", "substrate"), optional=1),
}


def kind_named(name: str) -> Kind | None:
    """A kind by its name in FlatDevice; None for one whose terminals are its own."""
    return _KINDS.get(name)


def kind_of(device: FlatDevice) -> Kind:
    """The kind of a device; a box has numbered terminals, none exchangeable."""
    known = _KINDS.get(device.kind)
    if known is None:
        return Kind(tuple(f"terminal {n}" for n in range(1, len(device.nodes) + 1)))
    return known


def terminals(device: FlatDevice) -> tuple[str, ...]:
    """Names of a device's terminals in the order of its nodes."""
    return kind_of(device).terminals[: len(device.nodes)]


def is_transistor(device: FlatDevice) -> bool:
    """Whether its source and drain end a channel of a width that fingers share."""
    return device.kind in ("n", "p")


def sizes(device: FlatDevice) -> dict[str, float]:
    """The sizes that count, those that are given, in um and um^2."""
    given = {"width": device.w_um, "length": device.l_um}
    if kind_of(device).turnable:
        given = dict(zip(given, sorted(given.values()), strict=True))
    found = {name: value for name, value in given.items() if value}
    if device.kind != "diode":
        return found | dict(device.parameters)
    for name, value in device.parameters:
        if (word := _AREA_NAMES.get(name)) is not None:
            found[word] = _in_um(word, value)
    return found


def _in_um(word: str, value: float) -> float:
    """A diode's area or perimeter as written: in um, in m, or in um times what the model library's
    scale takes away again (1e12 and 1e6)."""
    factor, metres_below, scaled_above = (1e12, 1e-6, 1e7) if word == "area" else (1e6, 1e-3, 1e5)
    if value < metres_below:
        return value * factor
    return value / factor if value > scaled_above else value


def tolerance(device: FlatDevice, size: str, fingers: int = 1) -> float:
    """By how much a size may differ: `fingers` equal ones were each rounded to the grid; an area is
    off by what its edges are."""
    edge = SIZE_TOLERANCE_UM
    if size == "width" and is_transistor(device):
        return edge * fingers
    if size in ("width", "length"):
        return edge
    found = sizes(device)
    if size == "perimeter":
        return 4 * edge
    if size == "area":
        return edge * max(found.get("perimeter", 0.0), 4 * found.get("area", 0.0) ** 0.5)
    return _RELATIVE_TOLERANCE * abs(found.get(size, 0.0))


def in_words(device: FlatDevice) -> str:
    """Sizes for a report: 1/0.15 um."""
    found = sizes(device)
    parts = []
    if "width" in found and "length" in found:
        parts = [f"{device.w_um:g}/{device.l_um:g} um"]
        found = {k: v for k, v in found.items() if k not in ("width", "length")}
    parts += [f"{name} {value:g}{_UNITS.get(name, '')}" for name, value in found.items()]
    return ", ".join(parts)


def differences(drawn: FlatDevice, meant: FlatDevice, fingers: int = 1) -> list[str]:
    """In words, which sizes that both have differ by more than they may; `fingers` as in
    `tolerance`."""
    ours, theirs = sizes(drawn), sizes(meant)
    return [
        f"{name} is {ours[name]:g}{_UNITS.get(name, '')} in the layout, "
        f"{theirs[name]:g}{_UNITS.get(name, '')} in the schematic"
        for name in ours
        if name in theirs and abs(ours[name] - theirs[name]) > tolerance(meant, name, fingers)
    ]
