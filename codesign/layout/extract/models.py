"""Names of models as the installed library has them, and a note on those that it lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from codesign.layout.circuit import FlatCircuit, FlatDevice
from codesign.pdk import Process


def with_library_names(circuit: FlatCircuit, process: Process) -> FlatCircuit:
    """The circuit with other names for models that the library has under another name; comments
    name these, and the models that it lacks. The same circuit where no library is installed."""
    known = process.model_names()
    if known is None:
        return circuit
    written: dict[tuple[str, float], str | None] = {}
    for device in circuit.devices:
        key = (device.model, device.w_um)
        if key not in written:
            written[key] = _name(device, process, known)
    renamed = tuple(_renamed(device, written, process) for device in circuit.devices)
    notes = (*_aliases(circuit.devices, written), *_missing(circuit.devices, written, process))
    return replace(circuit, devices=renamed, comments=(*circuit.comments, *notes))


def _name(device: FlatDevice, process: Process, known: frozenset[str]) -> str | None:
    """The model's name in the library; None where it has no such model."""
    whole = device.subcircuit or process.subcircuit(device.model)
    if whole.lower() in known:
        return device.model
    for same in process.recognition.other_names(device.model):
        if same.whole and process.subcircuit(same.name).lower() in known:
            return same.name
    return None


def _renamed(
    device: FlatDevice, written: dict[tuple[str, float], str | None], process: Process
) -> FlatDevice:
    name = written[device.model, device.w_um]
    if name is None or name == device.model:
        return device
    return replace(device, subcircuit=process.subcircuit(name))


def _aliases(
    devices: Iterable[FlatDevice], written: dict[tuple[str, float], str | None]
) -> Iterator[str]:
    for model in dict.fromkeys(device.model for device in devices):
        for (key, _), name in written.items():
            if key == model and name is not None and name != model:
                yield f"model {model} is called {name} in the installed library"
                break


def _missing(
    devices: Iterable[FlatDevice], written: dict[tuple[str, float], str | None], process: Process
) -> Iterator[str]:
    lacking = [d for d in devices if written[d.model, d.w_um] is None]
    names = dict.fromkeys(d.subcircuit or process.subcircuit(d.model) for d in lacking)
    if names:
        yield (
            f"warning: the installed library ({process.library.version}) has no model "
            f"{', '.join(names)}: this netlist cannot be simulated with it"
        )
