"""What a comparison must know of each kind of device: its terminals, which of them may be
exchanged, and the sizes that count."""

from __future__ import annotations

import math
from dataclasses import dataclass

from codesign.layout.circuit import FlatDevice

# Widths and lengths in a layout lie on the 5 nm grid; a size between is drawn rounded.
SIZE_TOLERANCE_UM = 0.003


@dataclass(frozen=True)
class Kind:
    """`terminals`: names in the order of the nodes; `optional`: how many of the last ones a device
    may lack; `exchangeable`: two terminals that are the same to the circuit; `turnable`: width and
    length may be exchanged, as a rectangle may be turned; `sizes`: attributes of the device that
    must agree, with their words and units."""

    terminals: tuple[str, ...]
    exchangeable: tuple[int, int] | None = None
    optional: int = 0
    turnable: bool = False
    sizes: tuple[tuple[str, str, str], ...] = (
        ("w_um", "width", "um"),
        ("l_um", "length", "um"),
    )

    @property
    def roles(self) -> tuple[int, ...]:
        """A number per terminal, the same for exchangeable ones."""
        roles = list(range(len(self.terminals)))
        if self.exchangeable is not None:
            first, second = self.exchangeable
            roles[second] = first
        return tuple(roles)


_TRANSISTOR = Kind(("drain", "gate", "source", "bulk"), (0, 2))
_BIPOLAR = Kind(("collector", "base", "emitter", "substrate"), optional=1)
_AREA = (("area_um2", "area", "um^2"), ("perimeter_um", "perimeter", "um"))
_KINDS = {
    "n": _TRANSISTOR,
    "p": _TRANSISTOR,
    "cap": Kind(("top plate", "bottom plate"), turnable=True),
    "var": Kind(("gate", "well", "bulk"), optional=1),
    "res": Kind(("one end", "other end", "body"), (0, 1), optional=1),
    "diode": Kind(("anode", "cathode"), sizes=_AREA),
    "npn": _BIPOLAR,
    "pnp": _BIPOLAR,
}


def kind_of(device: FlatDevice) -> Kind:
    """The kind of a device; one that is not known has numbered terminals, none exchangeable."""
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


def sizes(device: FlatDevice) -> tuple[float, ...]:
    """The sizes that must agree, in the order of its kind; NaN for one that is not given."""
    kind = kind_of(device)
    given = (getattr(device, name, None) for name, _, _ in kind.sizes)
    values = tuple(math.nan if value is None else float(value) for value in given)
    return tuple(sorted(values)) if kind.turnable else values


def tolerances(device: FlatDevice, fingers: int = 1) -> tuple[float, ...]:
    """By how much each size may differ: `fingers` equal ones were each rounded to the grid; an area
    is off by what its edges are."""
    edge = SIZE_TOLERANCE_UM
    by_name = {
        "w_um": edge * (fingers if is_transistor(device) else 1),
        "perimeter_um": 4 * edge,
        "area_um2": edge * max(getattr(device, "perimeter_um", None) or 0.0, 1.0),
    }
    return tuple(by_name.get(name, edge) for name, _, _ in kind_of(device).sizes)
