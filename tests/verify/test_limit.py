"""`--max-rmse-ns` when there is no error to hold against it."""

from __future__ import annotations

import json

import pytest

from codesign.designs import Design
from codesign.errors import CheckFailed
from codesign.flow import StepContext
from codesign.flow.steps import VERIFY


def test_nothing_compared_fails_the_check_and_says_so(tmp_path):
    design = Design.from_text('name = "toy"', "toy.toml").override({"verify.max_rmse_ns": 0.5})
    (tmp_path / "verify").mkdir()
    mappings = {"pnn": {"rmse_spike_time_ns": None, "failed_simulations": 50}}
    content = {"views": {"schematic": {"mappings": mappings}}}
    (tmp_path / "verify" / "metrics.json").write_text(json.dumps(content))
    with pytest.raises(CheckFailed, match="no output spike of mapping pnn") as caught:
        VERIFY.check(StepContext(design, tmp_path))
    assert caught.value.exit_code == 1
    assert "failed_simulations" in caught.value.remedy
