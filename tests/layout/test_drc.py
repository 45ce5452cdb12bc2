from __future__ import annotations

import json
import random

import gdstk
import pytest

from codesign.layout.drc import check_drc, write_drc_json
from codesign.layout.drc.checks import KINDS
from codesign.pdk import default_process
from tests.layout.drc_drawing import cell_of, moved, square, transistor, write_gds
from tests.layout.drc_pairs import PAIRS
from tests.layout.drc_pairs_marked import ALLOWED, CORE, MARKED, OUTSIDE_CORE

TABLE = default_process().rules
ALL_PAIRS = PAIRS | MARKED


def test_every_rule_has_a_pair_a_kind_and_a_source():
    assert {rule.id for rule in TABLE.rules} == set(ALL_PAIRS)
    assert len({rule.id for rule in TABLE.rules}) == len(TABLE.rules)
    assert {rule.kind for rule in TABLE.rules} == set(KINDS)
    assert all(rule.source and rule.text for rule in TABLE.rules)


@pytest.mark.parametrize("rule_id", list(ALL_PAIRS))
def test_violation_is_found_and_the_limit_passes(tmp_path, rule_id):
    bad, good = ALL_PAIRS[rule_id]
    rules = (TABLE[rule_id],)
    for deep in (True, False):
        path = write_gds(tmp_path / "bad.gds", cell_of(bad))
        report = check_drc(path, "top", rules=rules, deep=deep)
        assert list(report.counts) == [rule_id] and not report.ok
        path = write_gds(tmp_path / "good.gds", cell_of(good))
        assert check_drc(path, "top", rules=rules, deep=deep).ok


def violated(tmp_path, shapes, **options) -> set[str]:
    return set(check_drc(write_gds(tmp_path / "l.gds", cell_of(shapes)), **options).counts)


@pytest.mark.parametrize("polarity", ["n", "p"])
def test_a_transistor_drawn_by_the_rules_is_clean_everywhere(tmp_path, polarity):
    for w, l in ((0.42, 0.15), (1.0, 0.25), (5.0, 2.0)):
        assert violated(tmp_path, transistor(polarity, w, l)) == set()


def test_abutting_tap_and_implants_are_clean(tmp_path):
    butted = [
        *[("diff", (-0.29, 0, 1, 1)), ("nsdm", (-0.5, -0.2, 1, 1.2))],
        *[("tap", (1, 0, 1.6, 1)), ("psdm", (1, -0.2, 2, 1.2))],
        *[square("licon", 0.8, 0.5, 0.17), square("licon", 1.3, 0.5, 0.17)],
        ("li1", (0.6, 0.3, 1.5, 0.7)),
    ]
    assert violated(tmp_path, butted) == set()
    # The p implant 50 nm too far into the n-diffusion, or 50 nm short of its tap.
    others = [shape for shape in butted if shape[0] != "psdm"]
    assert "nsd.8" in violated(tmp_path, [*others, ("psdm", (0.95, -0.2, 2, 1.2))])
    assert "nsd.9" in violated(tmp_path, [*others, ("psdm", (1.05, -0.2, 2, 1.2))])


def test_notches_and_coinciding_edges_are_violations(tmp_path):
    notch = [("met1", (0, 0, 2, 0.5)), ("met1", (0, 0, 0.5, 2)), ("met1", (0.6, 0, 1.1, 2))]
    assert violated(tmp_path, notch) == {"m1.2"}
    flush = [square("licon", 0, 0, 0.17), ("poly", (-1, -1, 1, 0.085)), ("npc", (-1, -1, 1, 0.5))]
    assert {"licon.8", "licon.8a"} - violated(tmp_path, flush) == {"licon.8a"}
    bare = [*[("diff", (0, 0, 1, 1)), ("nsdm", (0, 0, 1, 1))]]
    assert "nsd.5a" in violated(tmp_path, bare)
    # Poly that ends on the edge of the diffusion, without any end cap.
    assert "poly.8" in violated(tmp_path, [("diff", (-1, 0, 1, 1)), ("poly", (0, -1, 0.2, 1))])


def test_wide_metal_keeps_its_distance_from_what_extends_from_it_too(tmp_path):
    plate = ("met1", (0.0, 0.0, 4.0, 4.0))
    stub, neighbour = ("met1", (4.0, 1.0, 4.5, 1.2)), ("met1", (4.1, 1.4, 6.0, 1.6))
    assert violated(tmp_path, [plate, stub, neighbour]) == {"m1.2", "m1.3b"}
    # Beyond 0.28 um from the plate the stub is ordinary metal.
    far = [plate, ("met1", (4.0, 1.0, 9.0, 1.2)), ("met1", (4.6, 1.34, 9.0, 1.54))]
    assert violated(tmp_path, far) == set()


def array(columns: int, rows: int, rotated: bool = False) -> list[gdstk.Cell]:
    cell = cell_of([*transistor("n"), *moved(transistor("p"), 0, 4)], "unit")
    # Neighbours 90 nm apart where 140 nm are needed: an error between cells, not inside one.
    cell.add(*cell_of([("met1", (-0.5, 0, 1.41, 0.2))]).polygons)
    top = gdstk.Cell("top")
    top.add(gdstk.Reference(cell, columns=columns, rows=rows, spacing=(2.0, 8.0)))
    if rotated:
        top.add(gdstk.Reference(cell, (-5, -5), rotation=1.5707963267948966, x_reflection=True))
    return [top, cell]


def test_errors_between_the_cells_of_an_array_are_all_found(tmp_path):
    path = write_gds(tmp_path / "array.gds", *array(4, 3, rotated=True))
    rules = (TABLE["m1.2"],)
    reports = [check_drc(path, "top", rules=rules, deep=deep) for deep in (True, False)]
    assert reports[0] == reports[1]
    assert reports[0].counts == {"m1.2": 9}
    assert reports[0].violations[0].box_um == (1.41, 0.0, 1.5, 0.2)


def test_hierarchical_and_flat_checks_agree_on_everything(tmp_path):
    path = write_gds(tmp_path / "array.gds", *array(3, 3, rotated=True))
    deep, flat = (check_drc(path, "top", deep=deep) for deep in (True, False))
    assert deep.counts.keys() == flat.counts.keys()
    assert {"m1.2", "nwell.2a"} <= deep.counts.keys()


def test_report_names_rule_place_and_value_and_its_json_is_complete(tmp_path):
    path = write_gds(tmp_path / "l.gds", cell_of([("met2", (1, 1, 1.1, 9))]))
    report = check_drc(path)
    assert "m2.1: 1 x width of met2: 0.14 um" in report.text()
    assert "(1.000, 1.000) .. (1.100, 9.000) um" in report.text()
    write_drc_json(report, tmp_path / "drc.json")
    data = json.loads((tmp_path / "drc.json").read_text())
    assert data["schema_version"] == 1 and data["ok"] is False and data["violations"] == 1
    assert data["rules"]["m2.1"]["boxes_um"] == [[1.0, 1.0, 1.1, 9.0]]
    assert data["rules_checked"] == len(TABLE.rules)


def test_stored_places_are_limited_but_the_count_is_not(tmp_path):
    narrow = [("met1", (0.3 * i, 0, 0.3 * i + 0.1, 1)) for i in range(1005)]
    report = check_drc(write_gds(tmp_path / "l.gds", cell_of(narrow)))
    assert report.counts["m1.1"] == 1005 and len(report.places("m1.1")) == 1000
    assert "and 995 more" in report.text()


@pytest.mark.parametrize("seed", range(4))
def test_hierarchy_changes_no_verdict_on_random_layouts(tmp_path, seed):
    """Nested, rotated and mirrored cells of random rectangles, most of them violations."""
    rng = random.Random(seed)
    drawn = default_process().technology.layers
    widths = [rule.layer for rule in TABLE.rules if rule.kind == "width"]
    layers = [*(layer for layer in widths if layer in drawn), "licon", "mcon", "via"]

    def boxes(count: int, extent: float) -> list[tuple[str, tuple[float, float, float, float]]]:
        grid = [round(rng.uniform(0, extent), 1) for _ in range(2 * count)]
        sizes = [rng.randrange(20, 200) * 0.005 for _ in range(2 * count)]
        corners = zip(grid[::2], grid[1::2], sizes[::2], sizes[1::2], strict=True)
        return [(rng.choice(layers), (x, y, x + w, y + h)) for x, y, w, h in corners]

    inner = cell_of([*boxes(60, 4), *transistor("n"), *moved(transistor("p"), 2, 1)], "inner")
    middle, top = cell_of(boxes(20, 4), "middle"), cell_of(boxes(20, 20), "top")
    turn = rng.choice((0.0, 0.5, 1.0)) * 3.141592653589793
    middle.add(gdstk.Reference(inner, (5, 1), rotation=turn, x_reflection=rng.random() < 0.5))
    top.add(gdstk.Reference(middle, columns=3, rows=2, spacing=(9, 9)))
    top.add(gdstk.Reference(inner, (rng.randrange(20), 3)))
    path = write_gds(tmp_path / "random.gds", top, middle, inner)
    deep, flat = (check_drc(path, "top", deep=deep) for deep in (True, False))
    assert deep.counts.keys() == flat.counts.keys() and len(flat.counts) > 20


@pytest.mark.parametrize("rule_id", list(OUTSIDE_CORE))
def test_rules_of_the_periphery_do_not_hold_in_a_memory(tmp_path, rule_id):
    shapes = OUTSIDE_CORE[rule_id]
    assert rule_id in violated(tmp_path, shapes)
    assert rule_id not in violated(tmp_path, [*shapes, *CORE])


def test_a_contact_needs_one_of_two_sides_at_each_corner(tmp_path):
    """A bar with a strip across its end, as drivers of standard cells have it: no two opposite
    sides have the distance, yet one side at each corner has; without the strip two corners lack
    both."""
    licon, bar = square("licon", 0, 0, 0.17), ("poly", (-0.5, -0.135, 0.145, 0.135))
    strip = ("poly", (-0.005, -0.385, 0.145, 0.385))
    assert "licon.8a" not in violated(tmp_path, [licon, bar, strip])
    assert "licon.8a" in violated(tmp_path, [licon, bar])


def test_vias_are_apart_from_a_capacitor_along_x_or_along_y(tmp_path):
    """The official technology file measures to a square: 0.19 um both ways is too near."""
    plate = [("cap2m", (0, 0, 2, 2)), ("met4", (-0.2, -0.2, 2.2, 2.2))]
    for gap, wrong in ((0.19, True), (0.2, False)):
        found = violated(tmp_path, [*plate, ("via4", (2 + gap, 2 + gap, 2.8 + gap, 2.8 + gap))])
        assert ("cap2m.5" in found) is wrong


def test_layers_without_rules_are_named(tmp_path):
    path = tmp_path / "l.gds"
    cell = cell_of([("met1", (0, 0, 1, 1)), ("diode", (0, 0, 1, 1)), ("hvtr", (3, 0, 4, 1))])
    cell.add(gdstk.rectangle((5, 0), (6, 1), layer=74, datatype=20))
    cell.add(gdstk.rectangle((5, 0), (6, 1), layer=68, datatype=5))
    report = check_drc(write_gds(path, cell))
    assert report.ok and report.unchecked == ("74/20",)
    assert report.text().splitlines()[-1] == "not checked, for want of rules: layers 74/20"
    assert report.as_json()["layers_not_checked"] == ["74/20"]


@pytest.mark.parametrize("what", list(ALLOWED))
def test_what_the_foundry_s_cells_do_is_no_violation(tmp_path, what):
    shapes, rules = ALLOWED[what]
    assert not rules & violated(tmp_path, shapes)
