"""The constant law pixel by pixel: a slow, independent computation on small layouts."""

from __future__ import annotations

import math

import numpy as np

from codesign.layout.extract.law import WIRES
from codesign.layout.extract.shapes import LAYERS, NetShapes
from codesign.pdk.parasitics import SUBSTRATE, ParasiticTable

_STEPS = ((1, 0), (-1, 0), (0, 1), (0, -1))
_SEEN_AS = {"gate": "poly", "capm": "met3", "cap2m": "met4", "nwell": SUBSTRATE}


def pixel_matrix_aF(shapes: NetShapes, table: ParasiticTable, size: int) -> np.ndarray:
    """(nets + 1, nets + 1) as `drawing.matrix_aF`, for boxes inside [0, size)^2."""
    unit_m = shapes.dbu_um * 1e-6
    halo = round(table.halo_um / shapes.dbu_um)
    pad = halo + 1
    n, ground = size + 2 * pad, shapes.n_nets
    nets = {}
    for name in LAYERS:
        image = np.full((n, n), -1)
        for box, net in zip(*shapes.layer(name), strict=True):
            x0, y0, x1, y1 = box + pad
            image[x0:x1, y0:y1] = net
        nets[name] = image
    matrix = np.zeros((ground + 1, ground + 1))

    def add(a: int, b: int, value_F: float) -> None:
        if a != b:
            matrix[a, b] += value_F * 1e18
            matrix[b, a] += value_F * 1e18

    for x, y in np.argwhere(nets["nwell"] >= 0):
        add(nets["nwell"][x, y], ground, table.well_F_per_m2 * unit_m**2)
    for wire in WIRES:
        _wire(wire, nets, table, halo, unit_m, ground, add)
    return matrix


def _wire(wire, nets, table, halo, unit_m, ground, add) -> None:  # type: ignore[no-untyped-def]
    rank = LAYERS.index(wire)
    below = [name for name in LAYERS[:rank][::-1] if (wire, name) != ("poly", "diff")]
    above = [name for name in LAYERS[rank + 1 :] if (wire, name) != ("poly", "gate")]
    plane = ("poly", "gate") if wire == "poly" else (wire,)
    sidewall = table.sidewalls[wire]

    def first(names: list[str], x: int, y: int) -> tuple[str, int]:
        return next(
            ((name, nets[name][x, y]) for name in names if nets[name][x, y] >= 0),
            (SUBSTRATE, ground),
        )

    for x, y in np.argwhere(nets[wire] >= 0):
        net = nets[wire][x, y]
        name, other = first(below, x, y)
        add(net, other, table.overlaps[wire, _SEEN_AS.get(name, name)].area_F_per_m2 * unit_m**2)
        for dx, dy in _STEPS:
            free = 0
            while free < halo and all(
                nets[p][x + dx * (free + 1), y + dy * (free + 1)] < 0 for p in plane
            ):
                free += 1
            if free == 0:
                continue
            fx, fy = x + dx * (free + 1), y + dy * (free + 1)
            closed = any(nets[p][fx, fy] >= 0 for p in plane)
            if closed and nets[wire][fx, fy] >= 0:
                coupling = sidewall.K_F / (free * unit_m + sidewall.offset_m)
                add(net, nets[wire][fx, fy], coupling * unit_m / 2)
            bare = table.overlaps[wire, SUBSTRATE]
            left = _share(table, bare.area_F_per_m2, free * unit_m) if closed else 1.0
            for k in range(free):
                px, py = x + dx * (k + 1), y + dy * (k + 1)
                name, other = first(below, px, py)
                if name != SUBSTRATE:
                    seen = table.overlaps[wire, _SEEN_AS.get(name, name)]
                    share = _step(table, seen.area_F_per_m2, k, unit_m)
                    add(net, other, seen.fringe_F_per_m * share * unit_m)
                    left -= _step(table, bare.area_F_per_m2, k, unit_m)
                name, other = first(above, px, py)
                if name in WIRES:
                    seen = table.overlaps[name, wire]
                    share = _step(table, seen.area_F_per_m2, k, unit_m)
                    add(net, other, seen.fringe_up_F_per_m * share * unit_m)
            add(net, ground, bare.fringe_F_per_m * left * unit_m)


def _share(table: ParasiticTable, area_F_per_m2: float, distance_m: float) -> float:
    return 2 / math.pi * math.atan(table.spread_m_per_F * area_F_per_m2 * distance_m)


def _step(table: ParasiticTable, area_F_per_m2: float, k: int, unit_m: float) -> float:
    far, near = ((k + i) * unit_m for i in (1, 0))
    return _share(table, area_F_per_m2, far) - _share(table, area_F_per_m2, near)
