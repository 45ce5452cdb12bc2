"""The trimmed model include: what a deck needs of the library, for one corner, and no more.

The whole continuous library costs 1.3 s and 300 MB per deck; most of it is bins of transistors that
the deck does not use, copied into every instance. Here a deck gets the parameter files of its
corner, the subcircuits of its devices, and of each transistor only the bins that contain its sizes.

The bins stand at top level, once per deck instead of once per instance. They depend on the instance
through the sheet resistance alone (`rsh = {swx_nrds}`, a function of width): BSIM4 uses it only as
rsh * nrd and rsh * nrs, so the product moves into the instance's nrd and nrs and the card gets
rsh = 1. Currents equal those of the whole library (tests/pdk compare them). Mismatch enters through
`delvto` of the instance; its random numbers become parameters of the device's subcircuit, 0 where a
deck gives none: see codesign.pdk.variation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from codesign.errors import InputError, ToolError
from codesign.pdk.conditions import Conditions, Device
from codesign.pdk.modelfile import ModelBin, ModelFile, Subcircuit
from codesign.pdk.variation import MISMATCH_PARAMETERS, process_draws

_BRACES = re.compile(r"\{([^}]*)\}")
_NAME = re.compile(r"[A-Za-z_]\w*(?!\w*\()")
_SHEET = re.compile(r"\brsh\s*=\s*\{swx_nrds\}")
_SQUARES = re.compile(r"\b(nrd|nrs)\s*=\s*\{(nrd|nrs)\}")
_BODY = re.compile(r"\brbodymod\s*=\s*1\b")
_GAUSS = re.compile(r"\bAGAUSS\(0,\s*1\.0,\s*1\)")


def build_include(
    parameter_texts: Iterable[str],
    global_file: ModelFile,
    device_files: Iterable[tuple[str, ModelFile]],
    devices: Iterable[Device],
    conditions: Conditions,
    *,
    process: str,
    prefix: str,
    body_resistance: bool,
) -> str:
    """Text of the include; the same text for the same arguments.

    `process` is its name, `prefix` that of its subcircuits; `device_files` pairs each device's
    short model name with the model file that defines it. Raises InputError for a size outside all
    bins of its transistor.
    """
    files = dict(device_files)
    mismatch = conditions.variation.draws_devices
    lines = [
        f"* {process} continuous models: {conditions.corner}, "
        f"interconnect {conditions.interconnect}, variation {conditions.variation}",
        # The Monte-Carlo terms of the parameter files stay off: see codesign.pdk.variation.
        f".param MC_MM_SWITCH={mismatch:d} MC_PR_SWITCH=0 corner_factor=1",
        ".param process_mc_factor=1 mismatch_factor=1",
    ]
    parameters = "\n".join([*parameter_texts, global_file.parameters])
    if conditions.variation.draws_process:
        draws = process_draws(global_file.comments, parameters, conditions.seed)
        parameters = _override(parameters, draws)
    lines.append(parameters)

    sizes: dict[str, list[Device]] = {}
    for device in sorted(set(devices)):
        sizes.setdefault(device.model, []).append(device)
    top_level: dict[str, None] = {}
    for model, wanted in sizes.items():
        file = files[model]
        if file is not global_file and file.parameters:
            top_level.setdefault(file.parameters)
        top = _subcircuit(file, prefix + model)
        for subcircuit in _with_calls(file, top):
            text = subcircuit.text
            if subcircuit.bins:
                bins = _bins_for(subcircuit, wanted)
                text = _transistor(subcircuit, bins, body_resistance)
            top_level.setdefault(_with_draws(text, subcircuit.name) if mismatch else text)
    return "\n".join([*lines, *top_level]) + "\n"


def _subcircuit(file: ModelFile, name: str) -> Subcircuit:
    try:
        return file.subcircuits[name]
    except KeyError:
        raise ToolError(
            f"the model library does not define {name}",
            remedy="the library is not the one that the process names; "
            "see `codesign pdk where`",
        ) from None


def _with_calls(file: ModelFile, top: Subcircuit) -> list[Subcircuit]:
    """`top` and what it calls, callees first. Poly resistors call a capacitor of another file's."""
    found = [_subcircuit(file, name) for name in dict.fromkeys(top.calls)]
    return [*found, top]


def _bins_for(subcircuit: Subcircuit, devices: list[Device]) -> tuple[ModelBin, ...]:
    keep: set[ModelBin] = set()
    for device in devices:
        holding = {b for b in subcircuit.bins if b.holds(device.w_um, device.l_um)}
        if not holding:
            raise InputError(
                f"{device.model} with W = {device.w_um:g} um, L = {device.l_um:g} um is outside "
                f"the sizes its models hold for: {allowed_sizes(subcircuit)}",
                remedy="choose a size inside these ranges",
            )
        keep |= holding
    return tuple(b for b in subcircuit.bins if b in keep)


def allowed_sizes(subcircuit: Subcircuit) -> str:
    """The ranges of W and L that the bins of a transistor cover, as text."""
    lengths = [(b.lmin_m * 1e6, b.lmax_m * 1e6) for b in subcircuit.bins]
    widths = [(b.wmin_m * 1e6, b.wmax_m * 1e6) for b in subcircuit.bins]
    return (
        f"W {min(w[0] for w in widths):g}..{max(w[1] for w in widths):g} um, "
        f"L {min(x[0] for x in lengths):g}..{max(x[1] for x in lengths):g} um"
    )


def _transistor(subcircuit: Subcircuit, bins: tuple[ModelBin, ...], body_resistance: bool) -> str:
    cards = [b.text for b in bins]
    if not body_resistance:
        cards = [_BODY.sub("rbodymod = 0", card) for card in cards]
    hoisted = [_SHEET.sub("rsh = 1", card) for card in cards]
    squares = len(_SQUARES.findall(subcircuit.head))
    if squares != 2 or any(_local_names(card) for card in hoisted):
        # Another layout of the cards than we know: leave the bins where they are, slower but safe.
        return "\n".join([subcircuit.head, *cards, subcircuit.tail])
    head = _SQUARES.sub(r"\1 = {\2*swx_nrds}", subcircuit.head)
    return "\n".join([*hoisted, head, subcircuit.tail])


def _with_draws(text: str, name: str) -> str:
    """A device's subcircuit with its random numbers as parameters of the instance."""
    given = iter(MISMATCH_PARAMETERS)
    count = len(_GAUSS.findall("\n".join(x for x in text.splitlines() if x[:1] != "*")))
    if count > len(MISMATCH_PARAMETERS):
        raise ToolError(
            f"{name} of the model library has {count} random numbers, "
            f"{len(MISMATCH_PARAMETERS)} are known of",
            remedy="the library is not the one that the process names; see `codesign pdk where`",
        )
    text = _GAUSS.sub(lambda _: next(given), text)
    defaults = " ".join(f"{key}=0" for key in MISMATCH_PARAMETERS)
    header = re.compile(r"^\.subckt\s+" + re.escape(name) + r"\b.*$", re.MULTILINE | re.IGNORECASE)
    return header.sub(lambda found: f"{found[0]} {defaults}", text, count=1)


def _local_names(card: str) -> set[str]:
    """Names in a card's expressions that are not global process parameters (`sw_...`)."""
    names: set[str] = set()
    for expression in _BRACES.findall(card):
        names |= {
            n for n in re.findall(r"[A-Za-z_]\w*", re.sub(r"\d[\d.]*[eE][+-]?\d+", "", expression))
        }
    return {n for n in names if not n.startswith("sw_")}


def _override(parameters: str, draws: dict[str, float]) -> str:
    """Replace the value of each drawn parameter where it is defined."""
    lines = []
    for line in parameters.splitlines():
        match = re.match(r"(\.param|\+)\s+(\w+)\s*=", line)
        if match and match[2] in draws:
            line = f"{match[1]} {match[2]} = {draws[match[2]]:.12g}"
        lines.append(line)
    return "\n".join(lines)
