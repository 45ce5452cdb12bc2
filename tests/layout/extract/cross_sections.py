"""Extracted capacitances per length of straight wires over a plane, ends left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from codesign.layout.extract.capacitance import capacitances
from codesign.pdk.parasitics import SUBSTRATE, ParasiticTable

from .drawing import Rows, net_shapes

_PITCH_NM = 100_000
_LENGTHS_NM = (40_000, 80_000)


@dataclass(frozen=True)
class Section:
    """Wires of a layer, (x0, x1) in um, over a plane that is wide or is the substrate."""

    layer: str
    plane: str
    wires: tuple[tuple[float, float], ...]


def extracted_aF_per_um(sections: list[Section], table: ParasiticTable) -> list[np.ndarray]:
    """Per section (wires, wires + 1): couplings of wires, and in the last column to the plane."""
    nets = np.cumsum([0, *(len(section.wires) + 1 for section in sections)])
    found = []
    for length in _LENGTHS_NM:
        rows: Rows = {}
        for k, section in enumerate(sections):
            x, net = k * _PITCH_NM, int(nets[k])
            for w, (x0, x1) in enumerate(section.wires):
                box = (x + round(x0 * 1e3), 0, x + round(x1 * 1e3), length, net + w)
                rows.setdefault(section.layer, []).append(box)
            if section.plane != SUBSTRATE:
                plane = (x - 30_000, -20_000, x + 30_000, length + 20_000)
                rows.setdefault(section.plane, []).append((*plane, net + len(section.wires)))
        found.append(capacitances(net_shapes(rows, int(nets[-1])), table))
    per_length = 1e18 / (_LENGTHS_NM[1] - _LENGTHS_NM[0]) * 1e3
    result = []
    for k, section in enumerate(sections):
        n, first = len(section.wires), int(nets[k])
        matrix = np.zeros((n + 1, n + 1))
        for sign, part in zip((-per_length, per_length), found, strict=True):
            inside = ((part.pair >= first) & (part.pair < nets[k + 1])).all(axis=1)
            a, b = part.pair[inside].T - first
            np.add.at(matrix, (a, b), sign * part.pair_F[inside])
            np.add.at(matrix, (b, a), sign * part.pair_F[inside])
            matrix[:n, n] += sign * part.ground_F[first : first + n]
        result.append(matrix[:n])
    return result
