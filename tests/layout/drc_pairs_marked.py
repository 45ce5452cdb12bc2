"""Pairs for rules about wells, high voltage, resistors, varactors, and marked areas."""

from __future__ import annotations

from tests.layout.drc_drawing import Shapes, square
from tests.layout.drc_pairs import (
    E,
    Pair,
    apart,
    area,
    around,
    disjoint,
    enclosed,
    gate,
    grown,
    holds,
    on,
    space,
    width,
    within,
)

HVI = [("hvi", (-5.0, -5.0, 8.0, 8.0))]
PRECISION = [("rpm", (-5.0, -5.0, 8.0, 8.0))]
CORE = [("core", (-9.0, -9.0, 9.0, 9.0))]


def with_frame(frame: Shapes, pair: Pair) -> Pair:
    bad, good = pair
    return [*frame, *bad], [*frame, *good]


def straddling(layers: str, other: str) -> Pair:
    """A square half inside the other layer; one that ends at its edge, one inside."""
    cut = (0.5, -2.0, 4.0, 3.0)
    inside = on(layers, (2, 0, 3, 1))
    return (
        [*on(layers, (0, 0, 1, 1)), (other, cut)],
        [*on(layers, (-0.5, 0, 0.5, 1)), *inside, (other, cut)],
    )


def varactor(l: float = 1.0, cap: float = 0.5) -> Shapes:
    """Poly over an n-tap in a well; the channel from the origin to (l, 1)."""
    return [
        ("poly", (0, -cap, l, 1 + cap)),
        *on("tap nsdm", (-1, 0, l + 1, 1)),
        ("nwell", (-3, -3, l + 3, 4)),
    ]


def resistor(mark: str = "poly_resistor", w: float = 1.0) -> Shapes:
    return [("poly", (0, 0, 4, w)), (mark, (1, -0.1, 3, w + 0.1))]


def ring(outside: float, inside: float = 1.03) -> Shapes:
    """A deep n-well whose n-well closes in on it."""
    hole = (inside, inside, 8 - inside, 8 - inside)
    left, bottom, right, top = grown((0.0, 0.0, 8.0, 8.0), outside)
    return [
        ("dnwell", (0, 0, 8, 8)),
        ("nwell", (left, bottom, right, hole[1])),
        ("nwell", (left, hole[3], right, top)),
        ("nwell", (left, bottom, hole[0], top)),
        ("nwell", (hole[2], bottom, right, top)),
    ]


def slot(l: float) -> Shapes:
    return [*on("poly rpm", (-1, -1, 4, 2)), ("licon", (0, 0, l, 0.19))]


def licon_beside_gate(s: float) -> Shapes:
    return [*gate(), ("licon", (0.5 + s, 0.4, 0.67 + s, 0.57))]


MARKED: dict[str, Pair] = {
    "nsd.8": with_frame([("diff", (-1, -1, 3, 3))], disjoint("nsdm", "psdm")),
    "difftap.2b": tuple([*gate(w=w), *on("standard_cell", (-9, -9, 9, 9))] for w in (0.355, 0.36)),
    "licon.1b": (slot(2.0 - E), slot(2.0)),
    "licon.10": around(0.25, lambda s: [*varactor(), ("licon", (1 + s, 0.4, 1.17 + s, 0.57))]),
    "licon.11a": around(
        0.05, lambda s: [*licon_beside_gate(s), *on("standard_cell", (-9, -9, 9, 9))]
    ),
    "dnwell.2": width("dnwell", 3.0),
    "dnwell.3": space("dnwell", 6.3),
    "dnwell.4": disjoint("dnwell", "pnp"),
    "dnwell.5": straddling("diff psdm", "dnwell"),
    "nwell.5": around(0.4, ring),
    "nwell.7": apart("dnwell", "nwell", 4.5),
    "hvi.1": width("hvi", 0.6),
    "hvi.2a": space("hvi", 0.7),
    "hvi.4": disjoint("hvi", "tunm"),
    "hvi.5": apart("hvi", "nwell", 0.7),
    "hvnwell.9": within("nwell", "hvi"),
    "hvdifftap.14": with_frame(HVI, width("diff", 0.29)),
    "hvdifftap.15a": with_frame(HVI, space("diff", 0.3, 1)),
    "hvdifftap.15b": with_frame(
        HVI,
        around(0.37, lambda s: [*on("diff nsdm", (0, 0, 1, 1)), *on("tap psdm", (1 + s, 0, 3, 1))]),
    ),
    "hvdifftap.17": with_frame(HVI, enclosed("diff psdm", "nwell", 0.33)),
    "hvdifftap.18": around(
        0.43,
        lambda s: [
            *on("diff nsdm", (0, 0, 1, 1)),
            *on("nwell hvi", (1 + s, 0, 4, 3)),
        ],
    ),
    "hvdifftap.19": with_frame(HVI, enclosed("tap nsdm", "nwell", 0.33)),
    "hvdifftap.20": around(
        0.43,
        lambda s: [
            *on("tap psdm", (0, 0, 1, 1)),
            *on("nwell hvi", (1 + s, 0, 4, 3)),
        ],
    ),
    "hvdifftap.21": straddling("diff", "hvi"),
    "hvdifftap.22": enclosed("diff", "hvi", 0.18),
    "hvdifftap.23": apart("diff", "hvi", 0.18),
    "hvdifftap.24": around(
        0.43,
        lambda s: [*on("diff nsdm hvi", (0, 0, 1, 1)), ("nwell", (1 + s, 0, 4, 3))],
    ),
    "hvpoly.13": with_frame(HVI, around(0.5, lambda l: gate(l=l))),
    "hvpoly.14": (
        [*gate(), ("hvi", (-3, -3, 0.3, 3))],
        [*gate(), ("hvi", (-3, -3, 3, 3))],
    ),
    "hvntm.1": width("hvntm", 0.7),
    "hvntm.2": space("hvntm", 0.7),
    "hvntm.4": apart("diff nsdm", "hvntm", 0.185),
    "hvntm.5": apart("diff psdm", "hvntm", 0.185),
    "hvntm.10": holds("hvntm", "hvi"),
    "hvtr.1": width("hvtr", 0.38),
    "hvtr.2": apart("hvtr", "hvtp", 0.38),
    "tunm.1": width("tunm", 0.41),
    "tunm.2": space("tunm", 0.5),
    "tunm.7": area("tunm", 0.672, 0.8),
    "poly.3": around(0.33, lambda w: resistor(w=w)),
    "poly.9": around(0.48, lambda s: [*resistor(), ("poly", (0, 1 + s, 4, 3))]),
    "poly.9.active": around(0.48, lambda s: [*resistor(), ("diff", (0, 1 + s, 4, 3))]),
    **{f"{name}.1a": width(name, 1.27) for name in ("rpm", "urpm")},
    **{f"{name}.2": space(name, 0.84) for name in ("rpm", "urpm")},
    **{f"{name}.6": apart(name, "nsdm", 0.2) for name in ("rpm", "urpm")},
    "rpm.3": enclosed("poly", "rpm", 0.2),
    "rpm.4": with_frame(PRECISION, enclosed("poly", "psdm", 0.11)),
    "rpm.5": with_frame(PRECISION, enclosed("poly", "npc", 0.095)),
    "rpm.7": apart("rpm", "poly", 0.2),
    "rpm.8": straddling("poly", "rpm"),
    "rpm.9": around(
        0.185, lambda s: [*on("poly rpm", (0, 0, 1, 1)), ("hvntm", (1 + s, 0, 3, 1))]
    ),
    "varac.1": (varactor(0.18 - E), varactor(0.18)),
    "varac.3": around(0.18, lambda s: [*varactor(), ("hvtp", (1 + s, -1, 4, 2))]),
    "varac.5": (
        [*varactor(), ("poly", (0, 1, 1, 3.85 + E))],
        [*varactor(), ("poly", (0, 1, 1, 3.85))],
    ),
    "varac.7": (
        [*varactor(), *on("diff psdm", (3, 2, 3.5, 3))],
        [*varactor(), *on("diff psdm", (9, 2, 9.5, 3))],
    ),
    "varac.8": around(0.255, lambda s: [*varactor(), ("hvtp", (-1, -1, 1 + s, 3))]),
    "li.7": around(0.29, lambda w: [("li1", (0, 0, 8, w)), ("li1_resistor", (2, -1, 6, 2))]),
    "li.c1": with_frame(CORE, width("li1", 0.14)),
    "li.c2": with_frame(CORE, space("li1", 0.14, 2)),
}

# Places inside a memory's core that violate the rule outside: `licon.11` and `poly.12` by layers.
OUTSIDE_CORE: dict[str, Shapes] = {
    "licon.14": [*on("licon poly", (0, 0, 0.17, 0.17)), ("tap", (0.3, 0, 1, 1))],
    "nsd.1": [("nsdm", (0, 0, 0.3, 4))],
    "li.1": [("li1", (0, 0, 0.15, 4))],
    "poly.12": [square("poly", 0, 0, 1), square("tap", 0, 0, 1)],
}

# What the foundry's own cells do, and rules that must not complain about it.
ALLOWED: dict[str, tuple[Shapes, set[str]]] = {
    "slotted contact in a precision resistor": (
        [*on("poly rpm psdm npc", (-1, -1, 4, 2)), ("licon", (0, 0, 2.0, 0.19))],
        {"licon.1", "licon.1b", "licon.9"},
    ),
    "implants that overlap on field": (
        [("nsdm", (0, 0, 1, 1)), ("psdm", (0.9, 0, 2, 1)), ("diff", (0.2, 0.2, 0.6, 0.8))],
        {"nsd.8"},
    ),
    "poly over the tap of a varactor": (varactor(), {"poly.12", "difftap.2"}),
    "contact and channel of a standard cell": (
        [*licon_beside_gate(0.05), *gate(w=0.36), ("standard_cell", (-9, -9, 9, 9))],
        {"licon.11", "licon.11a", "difftap.2", "difftap.2b"},
    ),
}
