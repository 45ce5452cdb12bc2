"""Process facts, and the trimmed model include."""

from __future__ import annotations

import dataclasses
import pickle
import re

import pytest

from codesign.errors import InputError
from codesign.pdk import (
    Conditions,
    Corner,
    Device,
    Interconnect,
    LibraryLocation,
    Process,
    Variation,
    default_process,
)

NFET = Device("nfet_01v8", 1.0, 0.25)


def test_facts_come_from_data(process: Process) -> None:
    assert process.supply_V == 1.8
    assert process.device("cap_mim_m3_2").subcircuit == "sky130_fd_pr__cap_mim_m3_2"
    assert {d.kind for d in process.devices} == {"n", "p", "cap", "res"}


def test_unknown_device_suggests_the_nearest(process: Process) -> None:
    with pytest.raises(InputError, match="nfet_01v8"):
        process.device("nfet_01v")


@pytest.mark.parametrize("size", [(0.1, 0.25), (1.0, 0.1), (-1.0, 0.25), (float("nan"), 0.25)])
def test_sizes_below_the_minimum_are_refused(process: Process, size: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"nfet_01v8 .*0\.42.*0\.15"):
        process.check(Device("nfet_01v8", *size))


def test_size_outside_all_bins_names_the_ranges(
    process: Process, requires_models: LibraryLocation
) -> None:
    with pytest.raises(InputError, match=r"L = 40 um.*W 0\.42 \.\. 1010 um, L 0\.15 \.\. 20\.2 um"):
        process.model_include(Conditions(), [Device("nfet_01v8", 1.0, 40.0)])


def test_include_is_deterministic_and_small(
    process: Process, requires_models: LibraryLocation
) -> None:
    devices = [NFET, Device("pfet_01v8_hvt", 0.42, 0.15), Device("cap_mim_m3_2", 7.0, 7.0)]
    text = process.model_include(Conditions(), devices)
    assert text == default_process().model_include(Conditions(), reversed(devices))
    assert len(text) < 100_000
    assert len(re.findall(r"^\.subckt", text, re.M)) == 3
    assert "rbodymod = 1" not in text
    assert "rbodymod = 1" in process.model_include(Conditions(), devices, body_resistance=True)


def test_bins_keep_both_sides_of_an_edge(
    process: Process, requires_models: LibraryLocation
) -> None:
    inside = process.model_include(Conditions(), [Device("nfet_01v8", 2.0, 0.3)])
    corner = process.model_include(Conditions(), [NFET])
    assert len(re.findall(r"^\.model", inside, re.M)) == 1
    assert len(re.findall(r"^\.model", corner, re.M)) == 4


def test_conditions_select_their_parameters(
    process: Process, requires_models: LibraryLocation
) -> None:
    nominal = process.model_include(Conditions(), [NFET])
    for other in (
        Conditions(corner=Corner.SS),
        Conditions(interconnect=Interconnect.HIGH),
        Conditions(variation=Variation.MISMATCH),
        Conditions(variation=Variation.PROCESS),
    ):
        assert process.model_include(other, [NFET]) != nominal
    # Temperature belongs to the deck.
    assert process.model_include(Conditions(temperature_C=85.0), [NFET]) == nominal


def test_process_draws_follow_the_statistics(
    process: Process, requires_models: LibraryLocation
) -> None:
    def value(name: str, seed: int, corner: Corner = Corner.TT) -> float:
        conditions = Conditions(corner=corner, variation=Variation.PROCESS, seed=seed)
        text = process.model_include(conditions, [NFET])
        found = re.findall(rf"\b{name} = ([-+0-9.eE]+)$", text, re.M)
        return float(found[-1])

    vth = [value("sw_vth0_sky130_fd_pr__nfet_01v8_mc", seed) for seed in range(1, 201)]
    mean = sum(vth) / len(vth)
    std = (sum((v - mean) ** 2 for v in vth) / len(vth)) ** 0.5
    # The foundry's statistics block: gauss, std 6 mV. 200 draws: 5 % standard error of the std.
    assert abs(mean) < 4 * 0.006 / 200**0.5
    assert std == pytest.approx(0.006, rel=0.2)
    assert all(value("sw_nw_rs_mult", seed) > 0 for seed in range(1, 20))
    assert value("sw_rcn", 3) == value("sw_rcn", 3) != value("sw_rcn", 4)


def test_process_pickles_without_parsed_files(
    process: Process, requires_models: LibraryLocation
) -> None:
    process.model_include(Conditions(), [NFET])
    data = pickle.dumps(process)
    assert len(data) < 10_000
    assert pickle.loads(data).model_include(Conditions(), [NFET])


@pytest.mark.parametrize(
    "change",
    [
        *({"seed": 0}, {"seed": 2**31}, {"seed": True}, {"temperature_C": -300.0}),
        *({"supply_V": 0.0}, {"supply_V": -1.8}, {"supply_V": 10.5}, {"supply_V": float("nan")}),
    ],
)
def test_conditions_are_checked(change: dict[str, float]) -> None:
    with pytest.raises(InputError):
        dataclasses.replace(Conditions(), **change)  # type: ignore[arg-type]
