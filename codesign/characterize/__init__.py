"""Characterisation: sweep plans, the tables that simulation makes of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Looked up when used: plans are read where neither pandas nor a simulator is wanted.
_HOME = {
    "SweepPlan": "plan",
    "load_plan": "plan",
    "table_names": "plan",
    "run_plan": "run",
    "read_table": "tables",
    "write_table": "tables",
}

__all__ = ["SweepPlan", "load_plan", "read_table", "run_plan", "table_names", "write_table"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
