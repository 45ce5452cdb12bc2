"""Pages of the Python reference: one for every package of codesign, made from its docstrings.

What is listed is what can be imported when the documentation is built: the names in a package's
`__all__`, or, without one, what its modules define. A package that moves takes its page along.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

PACKAGE = "codesign"
# The command line is documented by --help; kernels are what their callers say.
LEFT_OUT = ("cli", "kernels")


@functools.cache
def reference_pages() -> tuple[tuple[str, str, str], ...]:
    """(name, path in the site's sources, text) of every page, by name; the ground comes last."""
    package = importlib.import_module(PACKAGE)
    modules = dict(_modules(package, recursive=True))
    packages = [module for module in modules.values() if _is_package(module)]
    pages = [(module, _own_members(module, modules)) for module in packages]
    ground = [
        module
        for module in modules.values()
        if not _is_package(module) and module.__name__.count(".") == 1 and module.__doc__
    ]
    found = [
        (module.__name__, f"reference/{module.__name__}.md", _page(module, members))
        for module, members in pages
        if members
    ]
    text = "# The ground\n\nModules that every room uses.\n" + "".join(
        f"\n## {module.__name__}\n\n{_doc(module)}\n{_entries(_defined(module), 3)}"
        for module in ground
    )
    return (*found, ("The ground", "reference/ground.md", text))


def _modules(package: ModuleType, *, recursive: bool) -> Iterator[tuple[str, ModuleType]]:
    """Modules below a package, by name; those that need what is not installed are left out."""
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        if info.name.startswith("_") or info.name in LEFT_OUT:
            continue
        try:
            module = importlib.import_module(f"{package.__name__}.{info.name}")
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] == PACKAGE:
                raise
            continue
        yield module.__name__, module
        if recursive and info.ispkg:
            yield from _modules(module, recursive=True)


def _own_members(package: ModuleType, modules: dict[str, ModuleType]) -> dict[str, object]:
    """Members that no package around this one has on its page."""
    outer = modules.get(package.__name__.rpartition(".")[0])
    above = {id(value) for value in _members(outer).values()} if outer is not None else set()
    return {name: value for name, value in _members(package).items() if id(value) not in above}


def _is_package(module: ModuleType) -> bool:
    return hasattr(module, "__path__")


def _members(package: ModuleType) -> dict[str, object]:
    """Public name -> object: of `__all__`, else of all modules directly below."""
    names = getattr(package, "__all__", None)
    if names is not None:
        return {f"{package.__name__}.{name}": getattr(package, name) for name in sorted(names)}
    members: dict[str, object] = {}
    for _, module in _modules(package, recursive=False):
        if not _is_package(module):
            members |= _defined(module)
    return members


def _defined(module: ModuleType) -> dict[str, object]:
    """Public classes and functions that a module defines itself and documents."""
    return {
        f"{module.__name__}.{name}": value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isroutine(value))
        and getattr(value, "__module__", None) == module.__name__
        and value.__doc__
    }


def _page(package: ModuleType, members: dict[str, object]) -> str:
    return f"# {package.__name__}\n\n{_doc(package)}\n{_entries(members, 2)}"


def _doc(module: ModuleType) -> str:
    """A module's docstring; `[a][b]` in it is a pattern or an index, never a reference."""
    return inspect.cleandoc(module.__doc__ or "").replace("][", "]\\[") + "\n"


def _entries(members: dict[str, object], level: int) -> str:
    """An entry for every documented class and function; the other names in one line."""
    entries, others = [], []
    for name, value in members.items():
        short = name.rpartition(".")[2]
        home = getattr(value, "__module__", "") or ""
        qualified = getattr(value, "__qualname__", "")
        code = inspect.isclass(value) or inspect.isroutine(value)
        if code and home.startswith(PACKAGE) and qualified.isidentifier() and value.__doc__:
            entries.append(_entry(f"{home}.{qualified}", name, level))
        else:
            others.append(f"`{short}`")
    text = "".join(entries)
    return f"{text}\nOther names: {', '.join(others)}.\n" if others else text


def _entry(identifier: str, name: str, level: int) -> str:
    return (
        f"\n::: {identifier}\n    options:\n"
        f"      heading: {name}\n      toc_label: {name.rpartition('.')[2]}\n"
        f"      heading_level: {level}\n"
    )
