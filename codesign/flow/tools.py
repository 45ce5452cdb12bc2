"""The programs, libraries and packages that codesign stands on: version, location, remedy."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass

from codesign.errors import MissingToolError


@dataclass(frozen=True)
class ToolInfo:
    """One tool as found here. `version` None: it is missing, and `remedy` says what to do."""

    name: str
    kind: str
    required: bool
    version: str | None
    location: str | None
    remedy: str

    @property
    def found(self) -> bool:
        return self.version is not None


def _python() -> tuple[str | None, str | None]:
    fits = sys.version_info >= (3, 11)
    return (platform.python_version() if fits else None), sys.executable


def _ngspice() -> tuple[str | None, str | None]:
    from codesign.spice.tool import Ngspice

    program = Ngspice.find()
    return program.version(), str(program.path)


def _libngspice() -> tuple[str | None, str | None]:
    from codesign.spice.tool import find_library

    name = find_library()
    return name.rpartition(".so.")[2] or "unknown", name


def _model_library() -> tuple[str | None, str | None]:
    from codesign.pdk import where

    library = where()
    return library.version, str(library.path)


_PROGRAMS: dict[str, tuple[str, Callable[[], tuple[str | None, str | None]], str]] = {
    "python": ("interpreter", _python, "install Python 3.11 or later"),
    "ngspice": ("program", _ngspice, "apt-get install ngspice (39 or later)"),
    "libngspice": ("library", _libngspice, "apt-get install libngspice0"),
    "models": ("model files", _model_library, "codesign pdk install"),
}
_OPTIONAL_PROGRAMS: dict[str, tuple[str, str]] = {
    "netgen": ("netgen-lvs", "optional, a second comparison: apt-get install netgen-lvs"),
    "magic": ("magic", "optional, the official extraction: magic 8.3.600 or later, and $PDK_ROOT"),
}
# Distribution name: the module to look for.
_PACKAGES = {
    "PySpice": "PySpice",
    "click": "click",
    "gdstk": "gdstk",
    "jinja2": "jinja2",
    "klayout": "klayout",
    "matplotlib": "matplotlib",
    "numba": "numba",
    "numpy": "numpy",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
    "pydantic": "pydantic",
    "rich": "rich",
    "rich-click": "rich_click",
    "safetensors": "safetensors",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
    "torch": "torch",
}
_EXTRAS = {
    "distributed": "dask",
    "tensorboard": "tensorboard",
    "transformers": "transformers",
    "triton": "triton",
}


def inspect(name: str) -> ToolInfo:
    """What is known of one tool: a name of `tool_names()`."""
    if name in _PROGRAMS:
        kind, look, remedy = _PROGRAMS[name]
        try:
            version, location = look()
        except MissingToolError as error:
            return ToolInfo(name, kind, True, None, None, f"{error.message}; {error.remedy}")
        return ToolInfo(name, kind, True, version, location, remedy)
    if name in _OPTIONAL_PROGRAMS:
        return _optional(name, *_OPTIONAL_PROGRAMS[name])
    if name in _EXTRAS:
        remedy = f"optional: pip install 'codesign[{_EXTRAS[name]}]'"
        return _package(name, name, required=False, remedy=remedy)
    return _package(name, _PACKAGES[name], required=True, remedy=f"pip install {name}")


def require(*names: str) -> None:
    """Raises MissingToolError, with the remedy, for the first of these tools that is missing."""
    for name in names:
        tool = inspect(name)
        if not tool.found:
            raise MissingToolError(f"{name} is missing", remedy=tool.remedy)


def tool_names() -> tuple[str, ...]:
    return (*_PROGRAMS, *_OPTIONAL_PROGRAMS, *_PACKAGES, *_EXTRAS)


def _optional(name: str, command: str, remedy: str) -> ToolInfo:
    location = shutil.which(command)
    return ToolInfo(name, "program", False, "found" if location else None, location, remedy)


def _package(name: str, module: str, *, required: bool, remedy: str) -> ToolInfo:
    try:
        version: str | None = importlib.metadata.version(name)
        spec = importlib.util.find_spec(module)
    except (importlib.metadata.PackageNotFoundError, ModuleNotFoundError):
        return ToolInfo(name, "package", required, None, None, remedy)
    if spec is None:
        return ToolInfo(name, "package", required, None, None, remedy)
    places = list(spec.submodule_search_locations or ())
    location = spec.origin or (places[0] if places else None)
    return ToolInfo(name, "package", required, version, location, remedy)
