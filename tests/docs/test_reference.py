"""The reference has a page for every package that can be imported, with its public names."""

import importlib.util
import inspect
from pathlib import Path

import pytest

import codesign.pnn
import codesign.tile

TOOL = Path(__file__).resolve().parents[2] / "tools" / "docs_reference.py"


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("docs_reference", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {name: text for name, _, text in module.reference_pages()}


@pytest.mark.parametrize("package", [codesign.pnn, codesign.tile])
def test_every_public_class_and_function_has_an_entry(pages, package):
    text = pages[package.__name__]
    for name in package.__all__:
        value = getattr(package, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert f"::: {value.__module__}.{value.__qualname__}\n" in text, name
            assert f"heading: {package.__name__}.{name}\n" in text
        else:
            assert f"`{name}`" in text


def test_every_room_has_a_page(pages):
    root = Path(codesign.__file__).parent
    rooms = {f"codesign.{path.parent.name}" for path in root.glob("*/__init__.py")}
    missing = rooms - set(pages) - {"codesign.cli"}
    assert not missing


def test_the_ground_is_listed_by_module(pages):
    text = pages["The ground"]
    for name in ("errors", "units", "records"):
        assert f"## codesign.{name}\n" in text
    assert "::: codesign.errors.CodesignError\n" in text
