"""Mismatch by a device's own name: the same in every deck of a chip, another on every chip."""

from __future__ import annotations

import re

import numpy as np
import pytest

from codesign.pdk import Conditions, Device, LibraryLocation, Process, Variation
from codesign.pdk.variation import mismatch_draws
from codesign.spice import Deck, Ngspice, OperatingPoint, run_batch
from codesign.spice.chip import Places, individual

PAIR = """.subckt pair a b g=1
xone a b 0 0 sky130_fd_pr__nfet_01v8 w=1
+ l={0.25*g}
r1 a b 1k
.ends
.subckt column a
xp_1 a x pair
xp_2 x a pair g={2}
.ends"""


def _draws(text: str) -> list[float]:
    return [float(z) for z in re.findall(r"mm_z1=(\S+)", text)]


def test_every_instance_has_devices_of_its_own() -> None:
    top = "vdd a 0 1\nxcol a column\nxcol2 a column\nxlone a a 0 0 sky130_fd_pr__nfet_01v8 w=1 l=1"
    text = individual(f"{PAIR}\n{top}", 3, Places())
    wanted = [
        mismatch_draws(3, name)[0]
        for name in ("xcol.xp_1.one", "xcol.xp_2.one", "xcol2.xp_1.one", "xcol2.xp_2.one", "lone")
    ]
    assert _draws(text) == pytest.approx(wanted, rel=1e-8)
    # What is no device is as it was: sources, resistors, parameters of instances.
    assert "vdd a 0 1" in text and text.count("r1 a b 1k") == 4 and text.count("g={2}") == 2
    defined = re.findall(r"^\.subckt (\S+)", text, re.M)
    assert len(set(defined)) == len(defined) == 6


def test_a_device_is_the_same_wherever_it_is_simulated() -> None:
    """In a column whose place on the chip is known, and in the whole."""
    whole = individual(f"{PAIR}\nxchip a column", 5, Places({"xchip": ""}))
    alone = individual(f"{PAIR}\nxcut a b pair", 5, Places({"xcut": "xp_2"}))
    assert _draws(alone) == _draws(whole)[1:]
    flat = ".subckt column a\nxm7 a a 0 0 sky130_fd_pr__nfet_01v8 w=1 l=0.25\n.ends\nxchip a column"
    drawn = individual(flat, 5, Places({"xchip": ""}, {"column": {"m7": "xp_2.one"}}))
    assert _draws(drawn) == _draws(alone)


def test_draws_are_standard_normal_and_independent() -> None:
    draws = np.array([mismatch_draws(1, f"x{k}.m") for k in range(4000)])
    other = np.array([mismatch_draws(2, f"x{k}.m") for k in range(4000)])
    both = np.concatenate([draws, other], axis=1)
    # Standard error of a mean .016, of a deviation .011, of a correlation .016.
    assert np.abs(both.mean(axis=0)).max() < 0.06
    assert np.abs(both.std(axis=0) - 1).max() < 0.05
    correlation = np.corrcoef(both.T) - np.eye(4)
    assert np.abs(correlation).max() < 0.06


def _currents(process: Process, model: str, sign: int, full_library: bool) -> np.ndarray:
    """Of 200 memory transistors near threshold, A."""
    lines = [f"vg g 0 {sign * 0.7}"]
    for k in range(200):
        device = f"{process.subcircuit(model)} w=1 l=0.25"
        lines += [f"vd{k} d{k} 0 {sign * 0.9}", f"x{k} d{k} g 0 0 {device}"]
    deck = Deck(
        "monte carlo", "\n".join(lines), frozenset({Device(model, 1, 0.25)}),
        Conditions(variation=Variation.MISMATCH, seed=7), full_library=full_library,
    )  # fmt: skip
    save = tuple(f"i(vd{k})" for k in range(200))
    wave = run_batch(deck, OperatingPoint(save), process=process, timeout_s=120).require()
    return np.abs([float(wave[name][0]) for name in save])


@pytest.mark.parametrize(("model", "sign"), [("nfet_01v8", 1), ("pfet_01v8", -1)])
def test_spread_of_currents_is_that_of_ngspice_itself(
    model: str,
    sign: int,
    process: Process,
    requires_ngspice: Ngspice,
    requires_models: LibraryLocation,
) -> None:
    """Against the whole library's own Monte Carlo, drawn by ngspice."""
    ours = _currents(process, model, sign, full_library=False)
    theirs = _currents(process, model, sign, full_library=True)
    assert np.std(ours) / np.mean(ours) == pytest.approx(np.std(theirs) / np.mean(theirs), rel=0.1)


def test_all_draws_process_and_devices(
    process: Process, requires_ngspice: Ngspice, requires_models: LibraryLocation
) -> None:
    def current(variation: Variation, name: str) -> float:
        devices = frozenset({Device("nfet_01v8", 1, 0.25)})
        netlist = f"vd d 0 0.9\nvg g 0 0.7\nx{name} d g 0 0 sky130_fd_pr__nfet_01v8 w=1 l=0.25"
        deck = Deck("one", netlist, devices, Conditions(variation=variation, seed=4))
        wave = run_batch(deck, OperatingPoint(("i(vd)",)), process=process, timeout_s=60)
        return -float(wave.require()["i(vd)"][0])

    none, drawn = current(Variation.NONE, "a"), current(Variation.PROCESS, "a")
    assert current(Variation.PROCESS, "b") == drawn != none
    alone = {name: current(Variation.MISMATCH, name) for name in "ab"}
    both = {name: current(Variation.ALL, name) for name in "ab"}
    assert len({*alone.values(), *both.values(), none, drawn}) == 6
    # A threshold's shift has nearly the same effect on a chip with another process draw.
    for name in "ab":
        assert both[name] / drawn == pytest.approx(alone[name] / none, rel=0.1)
