"""What pages say of the tools they were made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codesign.designs import DesignFile
from codesign.flow.tools import inspect

if TYPE_CHECKING:
    from codesign.verify.page import PageSetting

_VERSIONS = ("python", "ngspice", "models", "torch", "numpy", "scipy", "PySpice")


def page_setting(design: DesignFile) -> PageSetting:
    """Design file, versions of tools and seed, for the foot of a page."""
    from codesign.verify.page import PageSetting

    versions = {name: inspect(name).version or "missing" for name in _VERSIONS}
    return PageSetting(design.text, versions, design.seed)
