"""The trimmed include against the whole library: the same currents, for every transistor type."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

from codesign.pdk import (
    Conditions,
    Corner,
    Device,
    Interconnect,
    LibraryLocation,
    Process,
    Variation,
)
from codesign.spice import Deck, Ngspice, OperatingPoint, SimulatorOptions, Transient, run_batch

SIZES = ((1.0, 0.25), (0.42, 0.15), (0.42, 2.0), (1.0, 4.0), (0.55, 0.18), (3.0, 0.5))
# The solver's own noise: residuals of abstol and gmin at the nodes; currents below it are zero.
FLOOR_A = 1e-15
TIGHT = SimulatorOptions(reltol=1e-9, abstol=1e-18, vntol=1e-12, gmin=1e-18)


def _devices() -> list[Device]:
    plain = ["nfet_01v8", "nfet_01v8_lvt", "pfet_01v8", "pfet_01v8_hvt"]
    devices = [Device(model, w, length) for model in plain for w, length in SIZES]
    devices += [Device("pfet_01v8_lvt", w, max(length, 0.35)) for w, length in SIZES]
    devices += [Device("nfet_03v3_nvt", w, 0.5) for w, _ in SIZES]
    return sorted(set(devices))


def _bias_netlist(devices: list[Device]) -> tuple[str, tuple[str, ...]]:
    lines, saves = [], []
    for i, device in enumerate(devices):
        sign = -1 if device.model.startswith("p") else 1
        for k, (v_gate, v_drain) in enumerate([(0.7, 1.3), (1.8, 1.8), (1.2, 0.05)]):
            n = f"{i}_{k}"
            lines += [
                f"vd{n} d{n} 0 {sign * v_drain}",
                f"vg{n} g{n} 0 {sign * v_gate}",
                f"x{n} d{n} g{n} 0 0 sky130_fd_pr__{device.model} w={device.w_um} l={device.l_um} "
                "ad=0.2 as=0.2 pd=2 ps=2",
            ]
            saves.append(f"i(vd{n})")
    return "\n".join(lines), tuple(saves)


def _currents(process: Process, conditions: Conditions, **kind: bool) -> np.ndarray:
    devices = _devices()
    netlist, saves = _bias_netlist(devices)
    deck = Deck("currents", netlist, frozenset(devices), conditions, TIGHT, **kind)
    result = run_batch(deck, OperatingPoint(saves), process=process, timeout_s=60)
    return np.array([result.require()[name][0] for name in saves])


@pytest.mark.parametrize("corner", [Corner.TT, Corner.SS])
def test_currents_equal_the_whole_library(
    process: Process, requires_ngspice: Ngspice, requires_models: LibraryLocation, corner: Corner
) -> None:
    conditions = Conditions(corner=corner)
    whole = _currents(process, conditions, full_library=True)
    trimmed = _currents(process, conditions, body_resistance=True)
    np.testing.assert_allclose(trimmed, whole, rtol=1e-9, atol=FLOOR_A)
    # Without the body network: far below anything a circuit can show.
    np.testing.assert_allclose(_currents(process, conditions), whole, rtol=1e-6, atol=FLOOR_A)


def test_transient_equals_the_whole_library(
    process: Process, requires_ngspice: Ngspice, requires_models: LibraryLocation
) -> None:
    """Junctions, overlaps and gate charge too: an inverter's edge into a MIM capacitor."""
    devices = frozenset(
        {
            Device("nfet_01v8", 1, 0.25),
            Device("pfet_01v8_hvt", 1, 0.25),
            Device("cap_mim_m3_2", 3, 3),
        }
    )
    area = "ad=0.3 as=0.3 pd=2.6 ps=2.6"
    netlist = (
        "vdd vdd 0 1.8\nvin in 0 pulse(0 1.8 1n 50p 50p 3n 10n)\n"
        f"xn out in 0 0 sky130_fd_pr__nfet_01v8 w=1 l=0.25 {area}\n"
        f"xp out in vdd vdd sky130_fd_pr__pfet_01v8_hvt w=1 l=0.25 {area}\n"
        "xc out 0 sky130_fd_pr__cap_mim_m3_2 w=3 l=3\n"
    )
    times = np.linspace(0.0, 8e-9, 161)
    waves = []
    for full in (True, False):
        deck = Deck("inverter", netlist, devices, full_library=full, body_resistance=True)
        analysis = Transient(8e-9, 1e-11, ("v(out)",))
        wave = run_batch(deck, analysis, process=process, timeout_s=60).require()
        waves.append(np.interp(times, wave["time"], wave["v(out)"]))
    np.testing.assert_allclose(waves[1], waves[0], atol=2e-5)


def test_corners_have_the_strengths_that_the_facts_state(
    process: Process, requires_ngspice: Ngspice, requires_models: LibraryLocation
) -> None:
    """sf is fast NMOS, slow PMOS: against the library's own comments."""
    facts = tomllib.loads((process.folder / "process.toml").read_text())["corners"]
    devices = frozenset(Device(model, 1, 0.25) for model in ("nfet_01v8", "pfet_01v8"))
    netlist = (
        "vn n 0 1.8\nvp p 0 -1.8\n"
        "xn n n 0 0 sky130_fd_pr__nfet_01v8 w=1 l=0.25\n"
        "xp p p 0 0 sky130_fd_pr__pfet_01v8 w=1 l=0.25"
    )
    current = {}
    for corner in Corner:
        deck = Deck("corner", netlist, devices, Conditions(corner=corner))
        result = run_batch(deck, OperatingPoint(("i(vn)", "i(vp)")), process=process, timeout_s=30)
        current[corner] = [abs(float(i[0])) for i in result.require().values()]
    for corner in Corner:
        ratios = [a / b for a, b in zip(current[corner], current[Corner.TT], strict=True)]
        wanted = [facts["nmos_current_ratio"][corner], facts["pmos_current_ratio"][corner]]
        assert ratios == pytest.approx(wanted, abs=0.002)


def _mim_capacitance_F(process: Process, conditions: Conditions) -> float:
    """From the charge that a 1 V ramp within 1 us moves."""
    deck = Deck(
        "mim",
        "v1 a 0 pwl(0 0 1u 1)\nx1 a 0 sky130_fd_pr__cap_mim_m3_2 w=7 l=7",
        frozenset({Device("cap_mim_m3_2", 7, 7)}),
        conditions,
    )
    wave = run_batch(deck, Transient(1e-6, 1e-8, ("i(v1)",)), process=process, timeout_s=30)
    return float(-np.median(wave.require()["i(v1)"])) * 1e-6


def test_mim_capacitance_follows_interconnect_corner_and_draws(
    process: Process, requires_ngspice: Ngspice, requires_models: LibraryLocation
) -> None:
    low, nom, high = (
        _mim_capacitance_F(process, Conditions(interconnect=level))
        for level in (Interconnect.LOW, Interconnect.NOM, Interconnect.HIGH)
    )
    # 2 fF/um^2 on (7 + 0.15)^2 um^2, the model's own width correction.
    assert nom == pytest.approx(2e-15 * 7.15**2, rel=1e-3, abs=0)
    assert low < 0.95 * nom < nom < 0.95 * high
    mismatch = Conditions(variation=Variation.MISMATCH, seed=5)
    assert _mim_capacitance_F(process, mismatch) != pytest.approx(nom, rel=1e-4, abs=0)
    drawn = Conditions(variation=Variation.PROCESS, seed=5)
    assert _mim_capacitance_F(process, drawn) == pytest.approx(nom, rel=0.2, abs=0)


def test_mismatch_seed_repeats_and_differs(
    process: Process, requires_ngspice: Ngspice, requires_models: LibraryLocation
) -> None:
    def currents(seed: int) -> np.ndarray:
        return _currents(process, Conditions(variation=Variation.MISMATCH, seed=seed))

    first, again, other = currents(3), currents(3), currents(4)
    np.testing.assert_array_equal(first, again)
    assert np.all(first != other)
    # Equal devices of one deck draw their own values.
    nominal = _currents(process, Conditions())
    assert np.std(first / nominal) > 1e-3
