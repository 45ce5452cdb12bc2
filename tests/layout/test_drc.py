from __future__ import annotations

import pytest

from codesign.layout.drc import RuleTable, check_drc
from codesign.layout.drc.checks import KINDS
from tests.layout.drawing import cell_of, write_gds
from tests.layout.drc_pairs import PAIRS

TABLE = RuleTable.sky130()


def test_every_rule_has_a_pair_a_kind_and_a_source():
    assert {rule.id for rule in TABLE.rules} == set(PAIRS)
    assert len({rule.id for rule in TABLE.rules}) == len(TABLE.rules)
    assert {rule.kind for rule in TABLE.rules} == set(KINDS)
    assert all(rule.source and rule.text for rule in TABLE.rules)


@pytest.mark.parametrize("rule_id", list(PAIRS))
def test_violation_is_found_and_the_limit_passes(tmp_path, rule_id):
    bad, good = PAIRS[rule_id]
    rules = (TABLE[rule_id],)
    for deep in (True, False):
        path = write_gds(tmp_path / "bad.gds", cell_of(bad))
        report = check_drc(path, "top", rules=rules, deep=deep)
        assert list(report.counts) == [rule_id] and not report.ok
        path = write_gds(tmp_path / "good.gds", cell_of(good))
        assert check_drc(path, "top", rules=rules, deep=deep).ok
