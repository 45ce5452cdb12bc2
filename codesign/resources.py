"""Where the data folders of the project are: pdk/, netlists/, characterization/, designs/.

A wheel carries them inside the package, under codesign/_data; a checkout (and an editable
installation of it) has them beside the package.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from codesign.errors import ToolError

FOLDERS = ("pdk", "netlists", "characterization", "designs")


def resource_dir(folder: str) -> Path:
    """One of FOLDERS on disk: `resource_dir("designs") / "iris.toml"`. ToolError when missing."""
    if folder not in FOLDERS:
        raise ValueError(f"{folder!r} is no data folder; there are {', '.join(FOLDERS)}")
    package = Path(str(files("codesign")))
    for root in (package / "_data", package.parent):
        if (root / folder).is_dir():
            return root / folder
    raise ToolError(
        f"the data folder {folder}/ is missing from this installation ({package})",
        remedy="install codesign again: pip install --force-reinstall codesign",
    )
