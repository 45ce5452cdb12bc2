"""Read noise drawn per column against read noise drawn per device, on lines with resistance.

    python -m benchmarks.tile_noise

Standard deviation of a column's charge, `read_noise="output"` over that of every device's noise
through the exact slopes of the tile: with the line's transfer, and without it (noise of a line
that has no resistance). `device` itself is drawn too, at one size, as a check of the slopes.
Prints JSON; exits with 1 when a claim does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchmarks.tile_accuracy import draw
from codesign.tile import TileParameters, read_noise_sigma, tile_charge
from codesign.tile.noise import output_noise

TILES = ((128, 2.0), (256, 0.35), (256, 2.0), (512, 0.35), (512, 2.0))
COLS, BATCH, DRAWS = 16, 2, 2000
# Claimed where leaving the transfer out costs less than 35 %, and anywhere.
CLAIM_PERCENT, CLAIM_WORST_PERCENT = 2.0, 8.0


def by_slopes(one: Tensor, plus: Tensor, minus: Tensor, params: TileParameters) -> Tensor:
    """Standard deviation (cols,) in C of one MVM, from the charge's slope by every device."""
    clean = replace(params, read_noise="off", elements=len(plus), slices=127)
    times = ((one[0].abs() * 127).round() / 127 * params.t_window_s).unsqueeze(1)
    g = [t.clone().requires_grad_() for t in (plus, minus)]
    slopes = torch.autograd.grad(tile_charge(one, *g, clean).sum(), g)
    terms = [(s * read_noise_sigma(t, times)) ** 2 for s, t in zip(slopes, g, strict=True)]
    return (terms[0] + terms[1]).sum(dim=0).sqrt().detach()


def ratios(rows: int, r_ohm: float, pulses: str) -> dict[str, Any]:
    """Means and largest deviations over columns and vectors, of ratios to `by_slopes`."""
    x, plus, minus = (t.double() for t in draw(rows, COLS, BATCH))
    generator = torch.Generator().manual_seed(1)
    if pulses == "uniform":
        x = torch.rand(BATCH, rows, generator=generator, dtype=torch.float64)
    params = TileParameters(r_line_ohm=r_ohm, read_noise="output")
    free = replace(params, r_line_ohm=0.0)
    found: dict[str, list[Tensor]] = {"with_transfer": [], "without": []}
    for one in x.split(1):
        want = by_slopes(one, plus, minus, params)
        many = ((one * 127).round() / 127).expand(DRAWS, rows)
        for name, chosen in (("with_transfer", params), ("without", free)):
            noise = output_noise(many, plus, minus, chosen, generator)
            found[name].append(noise.pow(2).mean(dim=0).sqrt() / want)
    result: dict[str, Any] = {"rows": rows, "r_line_ohm": r_ohm, "pulses": pulses}
    for name, values in found.items():
        result[name] = round(float(torch.stack(values).mean()), 4)
    return result


def device_check() -> float:
    """`read_noise="device"` drawn, over the slopes' figure, at 256 rows and 2 ohm."""
    x, plus, minus = (t.double() for t in draw(256, COLS, 1))
    params = TileParameters(r_line_ohm=2.0, read_noise="device", elements=16, slices=16)
    want = by_slopes(x, plus, minus, params)
    many = x.expand(DRAWS, 256)
    q = tile_charge(many, plus, minus, params, generator=torch.Generator().manual_seed(2))
    return round(float((q.std(dim=0) / want).mean()), 4)


def main() -> int:
    """Measure, print, and say whether the claims hold."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    found = [ratios(n, r, pulses) for n, r in TILES for pulses in ("half-normal", "uniform")]
    off = [100 * abs(f["with_transfer"] - 1) for f in found]
    light = [v for v, f in zip(off, found, strict=True) if f["without"] < 1.35]
    claims = {"moderate": max(light) <= CLAIM_PERCENT, "all": max(off) <= CLAIM_WORST_PERCENT}
    figures = {
        "benchmark": "tile_noise", "sigma_over_device": found, "drawn_device": device_check(),
        "draws": DRAWS, "claims": claims, "holds": all(claims.values()),
    }  # fmt: skip
    print(json.dumps(figures, indent=1))
    return 0 if figures["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
