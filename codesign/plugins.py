"""Python files of the user's own, which register what designs then name: cells, data sets, model
neurons, kinds of designs, steps.

Three doors: `$CODESIGN_PLUGINS` (files or module names, joined as in `$PATH`), `codesign --plugin`,
and the entry point group "codesign.plugins" of an installed package. A design file is data and
cannot name one. Worker processes load the same ones before they read their first task.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path

from codesign.errors import CodesignError, InputError

PLUGINS_VARIABLE = "CODESIGN_PLUGINS"
ENTRY_POINTS = "codesign.plugins"

_loaded: set[str] = set()


def load_plugins(given: Iterable[str] = ()) -> None:
    """Import every plugin, each once per process; `given` are added to `$CODESIGN_PLUGINS`, so that
    worker processes have them too.

    A file is imported under its own name, its folder at the end of the path: what it defines can be
    sent to workers. Raises InputError for a plugin that is missing or fails, with its error.
    """
    names = [*plugin_names(), *map(_resolved, given)]
    if names:
        os.environ[PLUGINS_VARIABLE] = os.pathsep.join(dict.fromkeys(names))
    for point in entry_points(group=ENTRY_POINTS):
        _load(f"{point.name} = {point.value}", point.value.partition(":")[0])
    for name in dict.fromkeys(names):
        _load(name, _module_of(name))


def plugin_names() -> tuple[str, ...]:
    """What `$CODESIGN_PLUGINS` names, files with their whole path."""
    named = os.environ.get(PLUGINS_VARIABLE, "").split(os.pathsep)
    return tuple(_resolved(name) for name in named if name)


def _resolved(name: str) -> str:
    return str(Path(name).resolve()) if _is_file(name) else name


def _is_file(name: str) -> bool:
    return name.endswith(".py") or "/" in name or os.sep in name


def _module_of(name: str) -> str:
    """The module to import; a file's folder joins the path, behind everything else."""
    if not _is_file(name):
        return name
    path = Path(name)
    if not path.is_file():
        raise InputError(f"plugin {path}: no such file", remedy="correct its path")
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise InputError(
            f"plugin {path} cannot be imported: its name is no Python module's",
            remedy="rename it: letters, digits and underscores, then .py",
        )
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    return path.stem


def _load(name: str, module: str) -> None:
    if name in _loaded:
        return
    try:
        found = importlib.import_module(module)
    except CodesignError as error:
        raise InputError(f"plugin {name}: {error.message}", remedy=error.remedy) from error
    except (Exception, SystemExit) as error:
        last = traceback.format_exception_only(error)[-1].strip()
        raise InputError(
            f"plugin {name} failed: {last}", remedy="correct it; --debug shows where"
        ) from error
    origin = getattr(found, "__file__", None)
    if _is_file(name) and (origin is None or Path(origin).resolve() != Path(name)):
        raise InputError(
            f"plugin {name}: a module {module} is known already ({origin})",
            remedy="rename the file",
        )
    _loaded.add(name)
