"""The two engines behind one call, and the figures of an extraction for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from codesign.errors import InputError
from codesign.layout.circuit import FlatCircuit
from codesign.layout.extract.run import Mode, extract_circuit
from codesign.layout.extract.unknown import Unknown
from codesign.pdk import Interconnect, Process
from codesign.progress import ProgressCallback, silent


def run_engine(
    engine: str,
    gds: Path,
    top: str | None = None,
    *,
    mode: Mode | str = Mode.C,
    corner: Interconnect | str = Interconnect.NOM,
    ports: Sequence[str] | None = None,
    unconnected: Collection[str] = (),
    law: str = "constant",
    unknown: Unknown | str = Unknown.REFUSE,
    process: Process | None = None,
    progress: ProgressCallback = silent,
) -> FlatCircuit:
    """Extract with `own` or `magic`: the same circuit record and the same port audit.

    `unknown`: what `own` does with layers and devices that the process does not know. `process`:
    whose layers these are, the default one unless given.
    """
    if engine == "magic":
        if law != "constant":
            raise InputError(
                "magic has its own capacitances: a law cannot be chosen for it",
                remedy="leave --law out, or use --engine own",
            )
        from codesign.layout.extract.magic import extract_with_magic

        return extract_with_magic(
            gds,
            top,
            mode=mode,
            corner=corner,
            ports=ports,
            unconnected=unconnected,
            process=process,
        )
    return extract_circuit(
        gds,
        top,
        mode=mode,
        corner=corner,
        ports=ports,
        unconnected=unconnected,
        law=law,
        unknown=unknown,
        process=process,
        progress=progress,
    )


def summary(circuit: FlatCircuit) -> dict[str, Any]:
    """Ports, counts, and sums of the parasitics."""
    kinds = Counter(device.kind for device in circuit.devices)
    return {
        "cell": circuit.name,
        "ports": list(circuit.ports),
        "transistors": kinds["n"] + kinds["p"],
        "mim_capacitors": kinds["cap"],
        "other_devices": len(circuit.devices) - kinds["n"] - kinds["p"] - kinds["cap"],
        "nets": len(circuit.nets),
        "capacitors": len(circuit.capacitors),
        "capacitance_F": sum(part.value for part in circuit.capacitors),
        "resistors": len(circuit.resistors),
        "notes": list(circuit.comments),
    }
