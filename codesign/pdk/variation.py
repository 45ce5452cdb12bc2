"""Monte Carlo: draws of the chip's process parameters and of its devices' mismatch.

Process: one draw of the chip-wide parameters from the foundry's statistics. The continuous
library's own `mc` section is not used. Its conversion from the foundry's file keeps the statistics
as comments in models_global.spice (`vary NAME dist=gauss std=... [percent=yes]`) but maps them
wrongly: threshold voltages and oxide thickness do not vary at all, relative variations became
GAUSS(0, ...), which is 0, and log-normal ones are added to the nominal value instead of
multiplied. Here the statistics block itself is drawn, in Python, so that a seed gives the same chip
in every simulator run:

    gauss:                 nominal + std * z
    gauss, percent=yes:    nominal * (1 + std/100 * z)
    lnorm:                 nominal * exp(std * z)           z standard normal

Mismatch: the library's subcircuits hold sigma/sqrt(W L) * AGAUSS(0, 1, 1), which ngspice draws in
the order in which it meets the instances, so that a transistor's threshold would depend on what
else is in the deck. Here the standard normal numbers are parameters of the instances
(`MISMATCH_PARAMETERS`), and each is drawn from the chip's seed and the name of its device alone: a
network, its columns and its layout see the same transistors.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable
from statistics import NormalDist

import numpy as np

# Parameters of a device's subcircuit, in the order of the AGAUSS terms in it: a transistor and a
# capacitor have one, a poly resistor one for its head and one for its body.
MISMATCH_PARAMETERS = ("mm_z1", "mm_z2")

_VARY = re.compile(
    r"vary\s+(?P<name>\w+)\s+dist=(?P<dist>gauss|lnorm)\s+std=(?P<std>[0-9.eE+-]+)\*process_mc_factor"
    r"(?P<percent>\s+percent=yes)?"
)
_DEFINITION = re.compile(
    r"^(?:\.param|\+)\s+(?P<name>\w+)\s*=\s*(?:\{(?P<corner>[0-9.eE+-]+)\+corner_factor\*"
    r"(?P<shift>[0-9.eE+-]+)\}|(?P<plain>[0-9.eE+-]+)\s*(?:;.*)?$)",
    re.MULTILINE,
)


def process_draws(comments: Iterable[str], parameters: str, seed: int) -> dict[str, float]:
    """Value of each varied process parameter on the chip with this seed.

    `comments` are the comment lines of models_global.spice, `parameters` the parameter cards of the
    corner, which give the nominal values.
    """
    nominal = {}
    for match in _DEFINITION.finditer(parameters):
        if match["plain"] is not None:
            nominal[match["name"]] = float(match["plain"])
        else:
            nominal[match["name"]] = float(match["corner"]) + float(match["shift"])
    rng = np.random.default_rng(seed)
    values: dict[str, float] = {}
    for line in comments:
        vary = _VARY.search(line)
        if vary is None:
            continue
        z = float(rng.standard_normal())
        mean = nominal.get(vary["name"])
        if mean is None:
            continue
        std = float(vary["std"])
        if vary["dist"] == "lnorm":
            values[vary["name"]] = mean * math.exp(std * z)
        elif vary["percent"]:
            values[vary["name"]] = mean * (1.0 + std / 100.0 * z)
        else:
            values[vary["name"]] = mean + std * z
    return values


def mismatch_draws(seed: int, device: str) -> tuple[float, ...]:
    """Standard normal numbers of a device on the chip with this seed, by `MISMATCH_PARAMETERS`.

    `device`: what it is called on the chip, such as `xxbar_1.xs_2_3.memory_n`. Independent for
    different devices and seeds; the same for the same, on every machine.
    """
    digest = hashlib.sha256(f"{seed}:{device.lower()}".encode()).digest()
    words = (digest[8 * k : 8 * k + 8] for k in range(len(MISMATCH_PARAMETERS)))
    # Middle of one of 2^53 equal slices, so that neither 0 nor 1 is met.
    shares = (((int.from_bytes(word, "big") >> 11) + 0.5) / 2**53 for word in words)
    return tuple(NormalDist().inv_cdf(share) for share in shares)


def matching_constant(parameters: str, subcircuit: str) -> float | None:
    """Matching constant of a transistor's threshold in V um, from the library's parameter cards."""
    pattern = rf"\bsw_mm_vth0_{re.escape(subcircuit)}\s*=\s*([0-9.eE+-]+)"
    found = re.search(pattern, parameters)
    return float(found[1]) if found else None
