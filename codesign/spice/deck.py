"""A deck as a typed record, checked so that no netlist text can command the simulator.

Names that come from design files become SPICE identifiers and pass `spice_identifier`. The netlist
of a deck holds element and subcircuit cards only: cards that read files, run commands or end the
deck (.control, .include, .lib, .end, `*#` comments and every other card not in ALLOWED_CARDS) are
refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from codesign.errors import InputError
from codesign.pdk import Conditions, Device, Process
from codesign.spice.analysis import Analysis
from codesign.spice.chip import Places, individual

ALLOWED_CARDS = frozenset({".subckt", ".ends", ".param", ".model", ".ic", ".nodeset", ".global"})
# A: XSPICE code models, some of which read and write files.
_REFUSED_ELEMENTS = frozenset("aA")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_MODEL_FILE = "models.spice"


def spice_identifier(name: str, what: str = "name") -> str:
    """`name` itself when it may become a SPICE identifier. Raises InputError."""
    if not isinstance(name, str) or not _IDENTIFIER.match(name):
        raise InputError(
            f"{what} {name!r} is not a SPICE identifier",
            remedy="use a letter followed by letters, digits and underscores",
        )
    return name


@dataclass(frozen=True)
class SimulatorOptions:
    """Accuracy options of ngspice. The defaults give spike times within 0.05 ns rms of a reference
    run at trap, reltol 1e-5, chgtol 1e-18 on a 370-transistor network; ngspice's own cost accuracy
    (gmin 1e-12: 0.24 mV, chgtol 1e-14: 0.09 mV), tighter ones abort with "timestep too small".
    trtol 10 instead of 7 takes 12 % fewer time points and moves spikes by 0.005 ns; 20 moves them
    by 0.2 ns.
    """

    reltol: float = 1e-4
    chgtol: float = 1e-16
    abstol: float = 1e-13
    vntol: float = 1e-6
    gmin: float = 1e-15
    trtol: float = 10.0
    method: str = "trap"
    extra: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if self.method not in ("trap", "gear"):
            raise InputError(f"integration method {self.method!r}: ngspice has 'trap' and 'gear'")
        for name, _ in self.extra:
            spice_identifier(name, "simulator option")

    def values(self) -> Mapping[str, float | str]:
        """All options by ngspice's names."""
        return {
            "reltol": self.reltol,
            "chgtol": self.chgtol,
            "abstol": self.abstol,
            "vntol": self.vntol,
            "gmin": self.gmin,
            "trtol": self.trtol,
            "method": self.method,
            **dict(self.extra),
        }

    def card(self) -> str:
        """The `.option` card."""
        pairs = [
            f"{name}={value if isinstance(value, str) else format(float(value), '.9g')}"
            for name, value in self.values().items()
        ]
        return ".option " + " ".join(pairs)


@dataclass(frozen=True)
class Deck:
    """A circuit with its sources, the devices it uses, and what it is simulated at.

    `full_library` loads the whole model library instead of the trimmed include (slow: for checking
    the trimming; there ngspice itself draws mismatch, device after device); `body_resistance` keeps
    the transistors' body resistor network. `places`: how devices are called on the chip, which
    decides the mismatch that they have.
    """

    title: str
    netlist: str
    devices: frozenset[Device] = frozenset()
    conditions: Conditions = field(default_factory=Conditions)
    options: SimulatorOptions = field(default_factory=SimulatorOptions)
    full_library: bool = False
    body_resistance: bool = False
    places: Places = field(default_factory=Places)

    def __post_init__(self) -> None:
        if len(self.title.splitlines()) > 1:
            raise InputError("a deck's title is one line")
        check_netlist(self.netlist)

    def models(self, process: Process) -> str:
        """Text of the model file that goes with the deck; empty for a deck without devices."""
        if not self.devices:
            return "* no devices of the process\n"
        if self.full_library:
            return full_library_card(process, self.conditions)
        return process.model_include(
            self.conditions, self.devices, body_resistance=self.body_resistance
        )

    def text(
        self, analysis: Analysis | None, *, models: str | None = None, divisor: int = 1
    ) -> str:
        """The deck file. `models` is inlined when given, else included from `models.spice`."""
        lines = [
            f"* {self.title}",
            f".include {_MODEL_FILE}" if models is None else models,
            f".temp {self.conditions.temperature_C:.9g}",
            self.options.card(),
        ]
        if self.full_library and self.conditions.variation.draws_devices:
            # Read before the parameters are evaluated, so that AGAUSS draws repeat (ngspice 39,
            # with -b and in the library; `setseed` in .spiceinit comes too early and is
            # overwritten).
            lines.append(f".option seed={self.conditions.seed}")
        lines.append(self._netlist())
        if analysis is not None:
            lines += [".save " + " ".join(chunk) for chunk in _chunks(analysis.save, 20)]
            lines.append("." + analysis.command(step_divisor=divisor))
        return "\n".join([*lines, ".end", ""])

    def _netlist(self) -> str:
        conditions = self.conditions
        if self.full_library or not (self.devices and conditions.variation.draws_devices):
            return self.netlist
        return individual(self.netlist, conditions.seed, self.places)


def full_library_card(process: Process, conditions: Conditions) -> str:
    """The `.lib` card of the whole library; its sections have no interconnect and process draws."""
    if conditions.variation.draws_process or conditions.interconnect != "nom":
        raise InputError(
            "the whole library has no section for this interconnect corner or process draw",
            remedy="use the trimmed include (full_library=False)",
        )
    suffix = "_mm" if conditions.variation.draws_devices else ""
    return f'.lib "{process.library.lib_file}" {conditions.corner}{suffix}\n'


def check_netlist(netlist: str) -> None:
    """Raise InputError for any line that is not an element, an allowed card or a plain comment."""
    depth = 0
    for number, line in enumerate(netlist.splitlines(), start=1):
        stripped = line.strip().lstrip("\ufeff")
        if not stripped:
            continue
        keyword = stripped.split()[0].lower()
        refused = (
            stripped.startswith("*#")
            or (keyword.startswith(".") and keyword not in ALLOWED_CARDS)
            or stripped[0] in _REFUSED_ELEMENTS
            or not (stripped[0].isascii() and (stripped[0].isalpha() or stripped[0] in ".*+"))
            or "`" in stripped
            or any(ord(c) < 32 and c != "\t" for c in stripped)
        )
        if refused:
            raise InputError(
                f"netlist line {number} may not be in a deck: {stripped[:60]!r}",
                remedy=f"allowed are elements, comments and {', '.join(sorted(ALLOWED_CARDS))}",
            )
        depth += {".subckt": 1, ".ends": -1}.get(keyword, 0)
        if depth < 0:
            raise InputError(f"netlist line {number}: .ends without .subckt")
    if depth:
        raise InputError("the netlist has a .subckt without .ends")


def _chunks(items: tuple[str, ...], size: int) -> list[tuple[str, ...]]:
    return [items[i : i + size] for i in range(0, len(items), size)]
