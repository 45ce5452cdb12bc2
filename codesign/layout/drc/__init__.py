"""Design rule check: the process's rule table over a layout, with klayout's regions."""

from codesign.layout.drc.check import check_drc
from codesign.layout.drc.report import DRCReport, Violation, write_drc_json
from codesign.pdk.rules import Rule, RuleTable

__all__ = ["DRCReport", "Rule", "RuleTable", "Violation", "check_drc", "write_drc_json"]
