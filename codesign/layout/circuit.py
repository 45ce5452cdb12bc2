"""A flat circuit: devices between named nets. What extraction finds and LVS compares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from codesign.pdk import Device, default_process

# Name of the net that capacitances to the substrate go to when the layout has no p-tap label.
SUBSTRATE = "vss"


@dataclass(frozen=True)
class FlatDevice:
    """A transistor (`n`, `p`: nodes drain, gate, source, bulk), a MIM capacitor (`cap`: top
    plate, bottom plate), a resistor (`res`: its ends, what it lies in where the model has that), a
    `diode` (anode, cathode), a `varactor` (gate, well, substrate), a `bipolar` (collector, base,
    emitter, substrate where the model has it), or a `box` (a whole subcircuit).

    `model` is the short name (nfet_01v8); w_um and l_um are 0 where the model takes none; junctions
    are None where a schematic leaves them out. `x_um`, `y_um`: where it is drawn. `parameters`:
    further ones by name, as the netlist has them. `card`: X for a subcircuit, else the letter of an
    element with a model. `subcircuit`: the whole name where it is not the process's prefix and the
    model."""

    name: str
    kind: str
    model: str
    nodes: tuple[str, ...]
    w_um: float
    l_um: float
    as_um2: float | None = None
    ad_um2: float | None = None
    ps_um: float | None = None
    pd_um: float | None = None
    x_um: float | None = None
    y_um: float | None = None
    parameters: tuple[tuple[str, float], ...] = field(default=(), kw_only=True)
    card: str = field(default="X", kw_only=True)
    subcircuit: str | None = field(default=None, kw_only=True)


@dataclass(frozen=True, slots=True)
class Parasitic:
    """A parasitic capacitance (F) or resistance (ohm) between two nets."""

    node_a: str
    node_b: str
    value: float


@dataclass(frozen=True)
class FlatCircuit:
    """A cell without hierarchy; `ports` in netlist order, nets by name.

    model_prefix: of the process's subcircuits, for `spice` and `cards`; the default process's
    unless given. labels: every name that a layout
    gives to nets, with the net's name here; a net may have several.
    """

    name: str
    ports: tuple[str, ...]
    devices: tuple[FlatDevice, ...]
    capacitors: tuple[Parasitic, ...] = ()
    resistors: tuple[Parasitic, ...] = ()
    comments: tuple[str, ...] = field(default=())
    model_prefix: str = field(default_factory=lambda: default_process().model_prefix)
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def nets(self) -> tuple[str, ...]:
        """All nets, ports first, then in the order in which devices and parasitics name them."""
        seen = dict.fromkeys(self.ports)
        for device in self.devices:
            seen.update(dict.fromkeys(device.nodes))
        for part in (*self.capacitors, *self.resistors):
            seen.update(dict.fromkeys((part.node_a, part.node_b)))
        return tuple(seen)

    def sizes(self) -> frozenset[Device]:
        """Every (model, W, L) in use, for the trimmed model include."""
        return frozenset(Device(d.model, d.w_um, d.l_um) for d in self.devices)

    def renamed(self, names: Mapping[str, str]) -> FlatCircuit:
        """The same circuit with nets renamed (those in `names`)."""

        def parasitics(parts: Iterable[Parasitic]) -> tuple[Parasitic, ...]:
            return tuple(
                Parasitic(names.get(p.node_a, p.node_a), names.get(p.node_b, p.node_b), p.value)
                for p in parts
            )

        return replace(
            self,
            ports=tuple(names.get(port, port) for port in self.ports),
            devices=tuple(
                replace(d, nodes=tuple(names.get(node, node) for node in d.nodes))
                for d in self.devices
            ),
            capacitors=parasitics(self.capacitors),
            resistors=parasitics(self.resistors),
            labels=tuple((label, names.get(net, net)) for label, net in self.labels),
        )

    def called(self, wanted: Iterable[str]) -> FlatCircuit:
        """The same circuit with nets called as `wanted` (a schematic's ports) calls them, case of
        letters aside: a label of the layout becomes its net's name, and the net a port.

        Of two wanted names of one net one counts, a port's own name before all others.
        """
        spelled = {name.lower(): name for name in reversed(list(wanted))}
        own = {net: spelled[net.lower()] for net in self.ports if net.lower() in spelled}
        names = dict(own)
        for label, net in sorted(self.labels, key=lambda pair: pair[0] != pair[1]):
            if label.lower() in spelled and net not in names:
                names[net] = spelled[label.lower()]
        circuit = self.renamed({net: name for net, name in names.items() if net != name})
        new = sorted(set(names.values()) - set(circuit.ports))
        return replace(circuit, ports=(*circuit.ports, *new))

    def cards(self, instance: str) -> list[str]:
        """Element cards without a subcircuit around them, as an instance would expand: devices and
        nets that are no ports carry its name (`xnet.n1`)."""
        outside = {port: port for port in self.ports}
        inside = self.renamed(
            {net: f"{instance}.{net}" for net in self.nets if net not in outside}
        )
        named = replace(
            inside,
            devices=tuple(replace(d, name=f"{instance}.{d.name}") for d in inside.devices),
        )
        return list(_elements(named, f"{instance}."))

    def spice(self) -> str:
        """The `.subckt` definition: sizes in um and um^2, as the continuous models take."""
        lines = [f"* {comment}" for comment in self.comments]
        lines += wrapped(f".subckt {self.name}", self.ports)
        lines += _elements(self, "")
        lines.append(f".ends {self.name}")
        return "\n".join(lines) + "\n"


def _elements(circuit: FlatCircuit, prefix: str) -> Iterator[str]:
    for device in circuit.devices:
        words = (*device.nodes, *_parameters(device, circuit.model_prefix))
        yield from wrapped(f"{device.card}{device.name}", words)
    for letter, parts in (("C", circuit.capacitors), ("R", circuit.resistors)):
        for index, part in enumerate(parts, start=1):
            yield f"{letter}{prefix}{index} {part.node_a} {part.node_b} {part.value:.6g}"


def _parameters(device: FlatDevice, model_prefix: str) -> Iterator[str]:
    yield device.subcircuit or f"{model_prefix}{device.model}"
    for key, value in (
        ("ad", device.ad_um2),
        ("as", device.as_um2),
        ("l", device.l_um or None),
        ("pd", device.pd_um),
        ("ps", device.ps_um),
        ("w", device.w_um or None),
        *device.parameters,
    ):
        if value is not None:
            yield f"{key}={value:.6g}"


def wrapped(first: str, words: Iterable[str], width: int = 100) -> list[str]:
    """A netlist card over as many continuation lines as it needs."""
    lines, line = [], first
    for word in words:
        if len(line) + len(word) + 1 > width:
            lines.append(line)
            line = "+"
        line += f" {word}"
    return [*lines, line]
