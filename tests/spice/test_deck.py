"""What may be in a deck, and what may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codesign.errors import InputError
from codesign.pdk import Conditions, Variation
from codesign.spice import Deck, OperatingPoint, SimulatorOptions, Transient, spice_identifier
from codesign.spice.analysis import DCSweep, vector_name

SMUGGLED = [
    ".control",
    "  .CONTROL",
    ".include /etc/passwd",
    ".inc x",
    ".lib a b",
    ".end",
    ".exec rm",
    ".save all",
    ".option scale=2",
    "*#shell rm -rf x",
    "+ r1 a b 1\n.control\nshell ls\n.endc",
    "r1 a 0 1\r.control",
    "r1 a 0 `ls`",
    "a1 in out model",
    "\ufeff.control",
    "\x0c.include x",
    "$ r",
]


@pytest.mark.parametrize("text", SMUGGLED)
def test_netlist_refuses_what_commands_the_simulator(text: str) -> None:
    with pytest.raises(InputError, match=r"netlist line \d"):
        Deck("bad", f"v1 a 0 1\n{text}")


@pytest.mark.parametrize("text", [".subckt a b\nr1 b 0 1", "r1 a 0 1\n.ends"])
def test_subcircuits_must_close(text: str) -> None:
    with pytest.raises(InputError, match=r"\.(subckt|ends)"):
        Deck("bad", text)


def test_ordinary_netlist_passes_into_the_deck_text() -> None:
    netlist = "* comment\n.subckt cell a b\nr1 a b 1k\n+ tc1=0\n.ends\nx1 n 0 cell\nv1 n 0 1"
    text = Deck("fine", netlist, conditions=Conditions(temperature_C=85)).text(
        Transient(1e-6, 1e-9, ("v(n)", "i(v1)"), start_save_s=1e-7)
    )
    assert netlist in text
    assert ".temp 85" in text
    assert ".tran 1e-09 1e-06 1e-07 1e-09\n" in text
    assert text.startswith("* fine\n")
    assert text.endswith(".end\n")
    assert "seed" not in text


def test_seed_is_in_the_deck_when_ngspice_draws() -> None:
    conditions = Conditions(variation=Variation.MISMATCH, seed=12)
    deck = Deck("mc", "v1 a 0 1", conditions=conditions, full_library=True)
    assert ".option seed=12" in deck.text(None)


@given(st.text(max_size=12))
def test_identifiers_are_ascii_words(name: str) -> None:
    word = name.isascii() and name.replace("_", "a").isalnum() and name[:1].isalpha()
    if word:
        assert spice_identifier(name) == name
    else:
        with pytest.raises(InputError, match="SPICE identifier"):
            spice_identifier(name, "cell name")


@pytest.mark.parametrize("name", ["x\n", "x\n.control", "1x", "x y", "", "é", ".lib"])
def test_identifier_examples(name: str) -> None:
    with pytest.raises(InputError):
        spice_identifier(name)


@pytest.mark.parametrize("title", ["a\n.control", "a\rb"])
def test_title_is_one_line(title: str) -> None:
    with pytest.raises(InputError):
        Deck(title, "v1 a 0 1")


@pytest.mark.parametrize("save", [(), "v(a)", ("v(a)\n.control",), ("all",), ("v(a b)",)])
def test_saved_vectors_are_checked(save: tuple[str, ...]) -> None:
    with pytest.raises(InputError):
        OperatingPoint(save)


@pytest.mark.parametrize(
    "arguments", [(0.0, 1e-9), (1e-6, 0.0), (1e-9, 1e-6), (float("nan"), 1e-9)]
)
def test_transient_times_are_checked(arguments: tuple[float, float]) -> None:
    with pytest.raises(InputError):
        Transient(*arguments, ("v(a)",))


@pytest.mark.parametrize(
    "axis", [("v1", 0.0, 1.0, -0.1), ("v1", 0.0, 1.0, 0.0), ("r1", 0.0, 1.0, 0.1)]
)
def test_sweeps_that_never_end_are_refused(axis: tuple[str, float, float, float]) -> None:
    with pytest.raises(InputError):
        DCSweep(*axis, ("v(a)",))


@given(st.integers(1, 400), st.floats(1e-3, 0.5), st.floats(-2, 2))
def test_sweep_counts_its_last_point(count: int, step: float, start: float) -> None:
    sweep = DCSweep("v1", start, start + count * step, step, ("v(a)",))
    assert sweep.shape == (count + 1,)


def test_names_of_vectors() -> None:
    assert vector_name("v(X1.Mem)") == "x1.mem"
    assert vector_name("i(Vdd)") == "vdd#branch"
    assert vector_name("@m.x1.m1[id]") == "@m.x1.m1[id]"


def test_options_are_checked() -> None:
    with pytest.raises(InputError):
        SimulatorOptions(method="euler\n.control")
    with pytest.raises(InputError):
        SimulatorOptions(extra=(("itl1 = 1\n.control", 1.0),))
