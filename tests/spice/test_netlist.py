"""The reader of netlists: what it reads it writes, and it refuses what it cannot read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codesign.errors import InputError
from codesign.spice.expressions import evaluate
from codesign.spice.netlist import parse_netlist

PIECES = (
    *(".subckt a x y\n", ".ends\n", "R1 x y 1k\n", "+ r='1 + 2'\n", "X1 x y a\n"),
    *(".param b=1\n", "* text\n", "*# quit\n", ".model d d(is=1)\n", "$ text\n", "'", "{", "}"),
    *("=", " ", "\n", ".include a\n", ".control\n", "\r", "\x0b", "\0", "\u2028", ";", "\\"),
    *("`", "|", "X1 x\n", "//", " $", ".ends b\n"),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=12).map("".join))
def test_any_text_is_read_or_refused(text):
    try:
        netlist = parse_netlist(text)
        for name in netlist.subcircuits:
            netlist.below(name)
    except InputError:
        return
    written = "\n".join(cell.text for cell in netlist.subcircuits.values())
    for line in written.splitlines():
        assert line[0] in ".RXrx"
        assert not line.lower().startswith((".inc", ".con", ".lib"))
    again = parse_netlist(written)
    assert "\n".join(cell.text for cell in again.subcircuits.values()) == written


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789.ekmulogsqrtinax+-*/^()<>=,_{}' \"", max_size=30))
def test_any_expression_has_a_value_or_is_refused(text):
    try:
        assert abs(evaluate(text, {"x": 2.0})) < float("inf")
    except InputError as error:
        assert error.message


def test_what_a_card_says_is_kept():
    netlist = parse_netlist(
        ".SUBCKT Amp in OUT gnd params: W = 1 l='2 * 3'\n"
        ".param half={w / 2}\n.model dd D ( is = 1e-14 n=1.2 )\n"
        "D1 in OUT dd area=2\nX_1 in gnd other K={half} ; last\n"
        "+ m = 2\n.ENDS Amp\n.subckt other a b k=1\nR1 a b {k}\n.ends\n"
    )
    cell = netlist.subcircuit("AMP")
    assert cell.ports == ("in", "OUT", "gnd")
    assert cell.text.splitlines() == [
        ".subckt Amp in OUT gnd w=1 l='2 * 3'",
        ".param half={w / 2}",
        ".model dd d is=1e-14 n=1.2",
        "D1 in OUT dd area=2",
        "X_1 in gnd other k={half} m=2",
        ".ends Amp",
    ]
    assert [below.name for below in netlist.below("amp")] == ["other", "Amp"]


@pytest.mark.parametrize("comment", ["// um", "//u", " //", " $um", " $ um", ";um", "\t$", " ; a"])
def test_comments_are_those_of_ngspice(comment):
    netlist = parse_netlist(f".subckt a x y\nX1 x y b l=1{comment}\n{comment.strip()}\n.ends\n")
    assert netlist.subcircuit("a").elements[0].text == "X1 x y b l=1"


def test_a_dollar_inside_a_word_is_no_comment():
    with pytest.raises(InputError, match="signs that no netlist needs"):
        parse_netlist(".subckt a x y\nR1 x y 1k$um\n.ends\n")


@pytest.mark.parametrize("end", [".ends", ".ENDS Amp", ".ends amp $ of amp"])
def test_a_subcircuit_ends_by_its_name(end):
    assert parse_netlist(f".subckt AMP x y\nR1 x y 1k\n{end}\n").subcircuit("amp")


def test_the_end_of_another_subcircuit_is_refused():
    with pytest.raises(InputError, match=r"mine.spice:3: \.ends other ends .* s of line 1"):
        parse_netlist(".subckt s x y\nR1 x y 1k\n.ends other\n", "mine.spice")


def test_an_error_names_its_line():
    with pytest.raises(InputError, match=r"mine.spice:4: .*'q1' may not"):
        parse_netlist("* a\n\n.subckt a x\nq1 x x x npn\n.ends\n", "mine.spice")
