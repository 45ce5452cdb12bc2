"""For each design rule, a layout that violates it and one that just passes.

The distances are written out here once more, so that a slip in the rule table shows. `E` is the
manufacturing grid: the violating layout misses the rule by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from tests.layout.drc_drawing import Box, Shapes, square

E = 0.005
Pair = tuple[Shapes, Shapes]


def on(layers: str, box: Box) -> Shapes:
    """The same box on several layers."""
    return [(layer, box) for layer in layers.split()]


def grown(box: Box, by: float) -> Box:
    left, bottom, right, top = box
    return (left - by, bottom - by, right + by, top + by)


def width(layer: str, um: float) -> Pair:
    return [(layer, (0, 0, um - E, 8))], [(layer, (0, 0, um, 8))]


def around(um: float, draw: Callable[[float], Shapes]) -> Pair:
    """The same drawing at a distance one grid step too small, and at the limit."""
    return draw(um - E), draw(um)


def space(layer: str, um: float, size: float = 8) -> Pair:
    first = (layer, (0.0, 0.0, size, size))
    return around(um, lambda s: [first, (layer, (size + s, 0, 2 * size + s, size))])


def side(layer: str, um: float) -> Pair:
    """Squares: one too wide in one direction; two that are right."""
    return (
        [square(layer, 0, 0, um), (layer, (3, 3, 3 + um + E, 3 + um))],
        [square(layer, 0, 0, um), square(layer, 3, 3, um)],
    )


def area(layer: str, um2: float, height: float) -> Pair:
    """Rectangles of a height at which the limiting length is on the grid or just above."""
    length = E * math.ceil(round(um2 / height / E, 6))
    return [(layer, (0, 0, length - E, height))], [(layer, (0, 0, length, height))]


def hole(layer: str, um2: float, height: float) -> Pair:
    (small,), (big,) = area(layer, um2, height)
    return ring(layer, small[1]), ring(layer, big[1])  # type: ignore[arg-type]


def ring(layer: str, inner: Box, by: float = 2.0) -> Shapes:
    left, bottom, right, top = inner
    return [
        (layer, (left - by, bottom - by, right + by, bottom)),
        (layer, (left - by, top, right + by, top + by)),
        (layer, (left - by, bottom - by, left, top + by)),
        (layer, (right, bottom - by, right + by, top + by)),
    ]


def apart(first: str, second: str, um: float, frame: Shapes | None = None) -> Pair:
    """A 1 um square on the layers `first`; to its right one on the layers `second`."""
    fixed = [*(frame or []), *on(first, (0, 0, 1, 1))]
    return around(um, lambda s: [*fixed, *on(second, (1 + s, 0, 2 + s, 1))])


def enclosed(inner: str, outer: str, um: float, size: float = 1.0, extra: str = "") -> Pair:
    """A square, enclosed on three sides amply and on the fourth by the rule's distance."""
    box = (0.0, 0.0, size, size)
    fixed = [*on(inner, box), *on(extra, grown(box, 2))]
    return around(um, lambda s: [*fixed, *on(outer, (-3, -3, size + s, size + 3))])


def enclosed_one_way(cut: str, size: float, outer: str, um: float, narrow: float) -> Pair:
    """A cut with `um` to the left and right and `narrow` above and below; bad: one side less."""
    half = size / 2
    cuts: Shapes = [(layer, (-half, -half, half, half)) for layer in cut.split()]
    return around(
        um, lambda s: [*cuts, *on(outer, (-half - um, -half - narrow, half + s, half + narrow))]
    )


def within(inner: str, outer: str, size: float = 1.0) -> Pair:
    return (
        [*on(inner, (0, 0, size, size)), *on(outer, (E, -1, 3, 3))],
        [*on(inner, (0, 0, size, size)), *on(outer, (0, 0, size, size))],
    )


def disjoint(first: str, second: str, frame: Shapes | None = None) -> Pair:
    fixed = [*(frame or []), *on(first, (0, 0, 1, 1))]
    return ([*fixed, *on(second, (1 - E, 0, 2, 1))], [*fixed, *on(second, (1, 0, 2, 1))])


def holds(outer: str, inner: str, extra: str = "") -> Pair:
    fixed = [*on(outer, (0, 0, 2, 2)), *on(extra, (-1, -1, 3, 3))]
    return fixed, [*fixed, *on(inner, (0.5, 0.5, 1.5, 1.5))]


def gate(l: float = 0.5, w: float = 1.0, layers: str = "diff nsdm", cap: float = 0.5) -> Shapes:
    """Poly over diffusion: channel from the origin to (l, w)."""
    first, *rest = layers.split()
    return [
        ("poly", (0, -cap, l, w + cap)),
        (first, (-1, 0, l + 1, w)),
        *((layer, (-2.0, -1.0, l + 2, w + 1)) for layer in rest),
    ]


def wide(layer: str, um: float) -> Pair:
    """A plate 3.1 um wide with a neighbour; good: also a neighbour of a plate of 3 um, closer."""
    near = um - E
    return (
        [(layer, (0, 0, 3.1, 8)), (layer, (3.1 + near, 0, 5, 8))],
        [
            *[(layer, (0, 0, 3.1, 8)), (layer, (3.1 + um, 0, 5, 8))],
            *[(layer, (20, 0, 23.0, 8)), (layer, (23 + near, 0, 25, 8))],
        ],
    )


def mim(plate: str, metal: str, x: float = 0, size: float = 2.0, by: float = 0.14) -> Shapes:
    box = (x, 0.0, x + size, size)
    return [(plate, box), (metal, grown(box, by))]


def capacitor(
    plate: str, metal: str, cut: str, cut_size: float, e: float, below: str
) -> dict[str, Pair]:
    cut_box = (0.0, 0.0, cut_size, cut_size)
    elbow = [(0, 0), (4, 0), (4, 2), (2, 2), (2, 4), (0, 4)]
    zigzag = [(0, 0), (4, 0), (4, 4), (2, 4), (2, 2), (1, 2), (1, 4), (0, 4)]
    return {
        f"{plate}.1": width(plate, 1.0),
        f"{plate}.2a": space(plate, 0.84),
        f"{plate}.2b": around(
            1.2, lambda s: [*mim(plate, metal), *mim(plate, metal, 2 + 0.28 + s)]
        ),
        f"{plate}.3": enclosed(plate, metal, 0.14, 2.0),
        f"{plate}.4": around(e, lambda s: [(cut, cut_box), (plate, (-3, -3, cut_size + s, 3))]),
        f"{plate}.5": apart(plate, cut, e),
        f"{plate}.6": ([(plate, (0, 0, 1, 20 + E))], [(plate, (0, 0, 1, 20))]),
        f"{plate}.7": ([(plate, zigzag)], [(plate, elbow)]),
        f"{plate}.8": apart(plate, below, 0.14),
        f"{plate}.11": around(1.34, lambda s: [*mim(plate, metal), (metal, (2 + s, 0, 5, 2))]),
    }


def shifted_corner(um: float, layer: str) -> Pair:
    """A polygon with a corner off the grid by 1 nm, and one on it."""
    return (
        [(layer, [(0, 0), (2 + um, 0), (2 + um, 2), (0, 2)])],
        [(layer, [(0, 0), (2, 0), (2, 2), (0, 2)])],
    )


def triangle(layer: str, dx: float) -> Shapes:
    return [(layer, [(0, 0), (dx, 0), (dx, 4)])]


PAIRS: dict[str, Pair] = {
    "x.1b": shifted_corner(0.001, "met1"),
    "x.2": (triangle("li1", 4), [("li1", (0, 0, 1, 1))]),
    "x.3a": (triangle("met1", 3), triangle("met1", 4)),
    **{
        f"x.5.{layer}": within(f"{layer}_pin", layer)
        for layer in ("poly", "li1", "met1", "met2", "met3", "met4", "met5")
    },
    "nwell.1": width("nwell", 0.84),
    "nwell.2a": space("nwell", 1.27),
    "nwell.4": (
        [("nwell", (0, 0, 3, 3)), *on("tap nsdm", (1, 1, 2, 2))],
        [("nwell", (0, 0, 3, 3)), *on("tap nsdm", (1, 1, 2, 2)), square("licon", 1.5, 1.5, 0.17)],
    ),
    "hvtp.1": width("hvtp", 0.38),
    "hvtp.2": space("hvtp", 0.38),
    "hvtp.3": around(0.18, lambda s: [*gate(layers="diff psdm"), ("hvtp", (-1, -1, 0.5 + s, 2))]),
    "hvtp.4": around(0.18, lambda s: [*gate(layers="diff psdm"), ("hvtp", (0.5 + s, -1, 3, 2))]),
    "hvtp.5": area("hvtp", 0.265, 0.5),
    "hvtp.6": hole("hvtp", 0.265, 0.5),
    "lvtn.1a": width("lvtn", 0.38),
    "lvtn.2": space("lvtn", 0.38),
    "lvtn.3a": around(0.18, lambda s: [*gate(), ("lvtn", (0.5 + s, -1, 3, 2))]),
    "lvtn.4b": around(0.18, lambda s: [*gate(), ("lvtn", (-1, -1, 0.5 + s, 2))]),
    "lvtn.9": apart("lvtn", "hvtp", 0.38),
    "lvtn.10": enclosed("lvtn", "nwell", 0.38),
    "lvtn.13": area("lvtn", 0.265, 0.5),
    "lvtn.14": hole("lvtn", 0.265, 0.5),
    "difftap.1": width("diff", 0.15),
    "difftap.1.tap": width("tap", 0.15),
    "difftap.2": (gate(w=0.415), gate(w=0.42)),
    "difftap.3": (
        [("diff", (0, 0, 1, 1)), ("tap", (1.265, 0, 2, 1))],
        # The second tap abuts: allowed.
        [("diff", (0, 0, 1, 1)), ("tap", (1.27, 0, 2, 1)), ("tap", (-1, 0, 0, 1))],
    ),
    "difftap.6": disjoint("diff", "tap"),
    "difftap.8": enclosed("diff psdm", "nwell", 0.18),
    "difftap.9": apart("diff nsdm", "nwell", 0.34),
    "difftap.10": enclosed("tap nsdm", "nwell", 0.18),
    "difftap.11": apart("tap psdm", "nwell", 0.13),
    "poly.1a": width("poly", 0.15),
    "poly.1b": around(0.35, lambda l: [*gate(l=l, layers="diff psdm"), ("lvtn", (-1, -1, 3, 3))]),
    "poly.2": space("poly", 0.21),
    "poly.4": apart("poly", "diff", 0.075),
    "poly.5": apart("poly", "tap", 0.055),
    "poly.6": around(
        0.3,
        lambda s: [
            ("poly", (0, -1, 0.5, 2)),
            ("diff", (-1, 0, 0.5 + s, 1)),
            ("tap", (0.5 + s, 0, 3, 1)),
        ],
    ),
    "poly.7": around(0.25, lambda s: [("poly", (0, -1, 0.5, 2)), ("diff", (-1, 0, 0.5 + s, 1))]),
    "poly.8": around(0.13, lambda s: [("poly", (0, -1, 0.5, 1 + s)), ("diff", (-1, 0, 1, 1))]),
    "poly.8.cross": (
        [("poly", (0, -1, 0.5, 0.5)), ("diff", (-1, 0, 1, 1))],
        [("poly", (0, -1, 0.5, 1)), ("diff", (-1, 0, 1, 1))],
    ),
    "poly.11": ([*gate(), ("poly", (0.5, 0.2, 0.7, 0.6))], gate()),
    "poly.12": disjoint("poly", "tap"),
    "nsd.1": width("nsdm", 0.38),
    "psd.1": width("psdm", 0.38),
    "nsd.2": space("nsdm", 0.38),
    "psd.2": space("psdm", 0.38),
    "nsd.5a": enclosed("diff", "nsdm", 0.125),
    "psd.5a": enclosed("diff", "psdm", 0.125),
    "nsd.5b": enclosed("tap", "nsdm", 0.125),
    "psd.5b": enclosed("tap", "psdm", 0.125),
    "nsd.7": around(0.13, lambda s: [*on("diff psdm", (0, 0, 1, 1)), ("nsdm", (1 + s, 0, 2, 1))]),
    "psd.7": around(0.13, lambda s: [*on("tap nsdm", (0, 0, 1, 1)), ("psdm", (1 + s, 0, 2, 1))]),
    "nsd.9": within("diff", "nsdm"),
    "nsd.10a": area("nsdm", 0.265, 0.5),
    "psd.10b": area("psdm", 0.255, 0.5),
    "npc.1": width("npc", 0.27),
    "npc.2": space("npc", 0.27),
    "npc.4": around(0.09, lambda s: [*gate(), ("npc", (0.5 + s, 0, 2, 1))]),
    "licon.1": side("licon", 0.17),
    "licon.2": space("licon", 0.17, 0.17),
    "licon.4": within("licon", "poly", 0.17),
    "licon.4.li1": within("licon", "li1", 0.17),
    "licon.5a": enclosed("licon", "diff", 0.04, 0.17),
    "licon.5c": enclosed_one_way("licon", 0.17, "diff", 0.06, 0.04),
    "licon.5b": around(
        0.06,
        lambda s: [
            ("tap", (0, 0, 1, 1)),
            ("diff", (1, 0, 3, 1)),
            ("licon", (0.83 - s, 0.4, 1 - s, 0.57)),
        ],
    ),
    "licon.6": within("licon", "tap", 0.17),
    "licon.7": enclosed_one_way("licon", 0.17, "tap", 0.12, 0.06),
    "licon.8": enclosed("licon", "poly", 0.05, 0.17),
    "licon.8a": enclosed_one_way("licon", 0.17, "poly", 0.08, 0.05),
    "licon.9": apart("licon poly", "psdm", 0.11),
    "licon.11": around(0.055, lambda s: [*gate(), ("licon", (0.5 + s, 0.4, 0.67 + s, 0.57))]),
    "licon.13": apart("licon diff", "npc", 0.09),
    "licon.14": apart("licon poly", "tap", 0.19),
    "licon.15": enclosed("licon poly", "npc", 0.1, 0.17),
    "licon.16": holds("tap", "licon"),
    "licon.17": disjoint("licon poly", "diff"),
    "li.1": width("li1", 0.17),
    "li.3": space("li1", 0.17),
    "li.5": enclosed_one_way("licon", 0.17, "li1", 0.08, 0.0),
    "li.6": area("li1", 0.0561, 0.17),
    "ct.1": side("mcon", 0.17),
    "ct.2": space("mcon", 0.19, 0.17),
    "ct.4": within("mcon", "li1", 0.17),
    "m1.1": width("met1", 0.14),
    "m1.2": space("met1", 0.14),
    "m1.3b": wide("met1", 0.28),
    "m1.4": enclosed("mcon", "met1", 0.03, 0.17),
    "m1.5": enclosed_one_way("mcon", 0.17, "met1", 0.06, 0.03),
    "m1.6": area("met1", 0.083, 0.2),
    "m1.7": hole("met1", 0.14, 0.2),
    "via.1a": side("via", 0.15),
    "via.2": space("via", 0.17, 0.15),
    "via.4a": enclosed("via", "met1", 0.055, 0.15),
    "via.5a": enclosed_one_way("via", 0.15, "met1", 0.085, 0.055),
    "m2.1": width("met2", 0.14),
    "m2.2": space("met2", 0.14),
    "m2.3b": wide("met2", 0.28),
    "m2.4": enclosed("via", "met2", 0.055, 0.15),
    "m2.5": enclosed_one_way("via", 0.15, "met2", 0.085, 0.055),
    "m2.6": area("met2", 0.0676, 0.2),
    "m2.7": hole("met2", 0.14, 0.2),
    "via2.1a": side("via2", 0.2),
    "via2.2": space("via2", 0.2, 0.2),
    "via2.4": enclosed("via2", "met2", 0.04, 0.2),
    "via2.5": enclosed_one_way("via2", 0.2, "met2", 0.085, 0.04),
    "m3.1": width("met3", 0.3),
    "m3.2": space("met3", 0.3),
    "m3.3d": wide("met3", 0.4),
    "m3.4": enclosed("via2", "met3", 0.065, 0.2),
    "m3.6": area("met3", 0.24, 0.3),
    "via3.1": side("via3", 0.2),
    "via3.2": space("via3", 0.2, 0.2),
    "via3.4": enclosed("via3", "met3", 0.06, 0.2),
    "via3.5": enclosed_one_way("via3", 0.2, "met3", 0.09, 0.06),
    "m4.1": width("met4", 0.3),
    "m4.2": space("met4", 0.3),
    "m4.5b": wide("met4", 0.4),
    "m4.3": enclosed("via3", "met4", 0.065, 0.2),
    "m4.4a": area("met4", 0.24, 0.3),
    "via4.1": side("via4", 0.8),
    "via4.2": space("via4", 0.8, 0.8),
    "via4.4": enclosed("via4", "met4", 0.19, 0.8),
    "m5.1": width("met5", 1.6),
    "m5.2": space("met5", 1.6),
    "m5.3": enclosed("via4", "met5", 0.31, 0.8),
    "m5.4": area("met5", 4.0, 1.6),
    **capacitor("capm", "met3", "via3", 0.2, 0.14, "via2"),
    **capacitor("cap2m", "met4", "via4", 0.8, 0.2, "via3"),
    "LU.2": around(
        -14.0, lambda s: [*on("diff nsdm", (0, 0, 1, 1)), *on("tap psdm", (s - 1, 0, s, 1))]
    ),
    "LU.3": around(
        -14.0, lambda s: [*on("diff psdm", (0, 0, 1, 1)), *on("tap nsdm", (s - 1, 0, s, 1))]
    ),
}
