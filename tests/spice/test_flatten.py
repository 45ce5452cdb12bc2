"""Netlists without hierarchy."""

from __future__ import annotations

import pytest

from codesign.errors import InputError
from codesign.spice.flatten import flatten
from codesign.spice.netlist import parse_netlist

NETLIST = """
.subckt leaf A b w=1 l=2
.param area={w*l}
.model dio d(is=1e-15)
Xm a B 0 GND nfet w={2*w} l=0.15 ad={area}
Rx a inner 'w*1k'
D1 inner b dio
.ends
.subckt middle p q
Xone p net leaf w=3
Xtwo net q leaf
.ends
.subckt top p q
XM p q middle
C1 p q 2f
.ends
"""


def cards(text: str, top: str) -> list[str]:
    return [element.text for element in flatten(parse_netlist(text), top).elements]


def test_instances_expand_to_what_the_simulator_makes_of_them() -> None:
    assert cards(NETLIST, "top") == [
        "Xxm.xone.Xm p xm.net 0 0 nfet w=6 l=0.15 ad=6",
        "Rxm.xone.Rx p xm.xone.inner 3000",
        "Dxm.xone.D1 xm.xone.inner xm.net leaf__dio",
        "Xxm.xtwo.Xm xm.net q 0 0 nfet w=2 l=0.15 ad=2",
        "Rxm.xtwo.Rx xm.net xm.xtwo.inner 1000",
        "Dxm.xtwo.D1 xm.xtwo.inner q leaf__dio",
        "C1 p q 2f",
    ]


def test_model_cards_come_once_with_names_of_their_own() -> None:
    found = flatten(parse_netlist(NETLIST), "top")
    assert found.models == (".model leaf__dio d is=1e-15",)
    assert found.ports == ("p", "q")


def test_cards_that_reach_for_nodes_are_refused_by_name() -> None:
    text = ".subckt top a b\nB1 a 0 i='v(b)*1e-6'\n.ends\n"
    with pytest.raises(InputError, match="B1 names nodes inside"):
        flatten(parse_netlist(text, "mine.spice"), "top")
    with pytest.raises(InputError, match="no subcircuit"):
        flatten(parse_netlist(NETLIST), "topp")
