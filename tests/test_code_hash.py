"""The hash of the code that decides something: it changes with that code and with no other."""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from codesign import files, sources
from codesign.errors import InputError
from codesign.files import atomic_path, code_hash
from codesign.spice import Cache

PACKAGE = {
    "__init__.py": "",
    "cell.py": "from .law import current\nfrom . import table\nimport json\n\n"
    "class Cell:\n    def read(self):\n        from {name} import late\n"
    "        return current()\n\n"
    "def measure():\n    return Cell().read()\n",
    "law.py": "from typing import TYPE_CHECKING\nimport {name}.deep.constants as c\n"
    "if TYPE_CHECKING:\n    from {name} import types\n\ndef current():\n    return c.ONE\n",
    "table.py": "ROWS = 3\n",
    "late.py": "X = 1\n",
    "types.py": "Y = 1\n",
    "report.py": "import {name}.cell\n",
    "deep/__init__.py": "",
    "deep/constants.py": "ONE = 1\n",
}


def fresh_hash(*things: Any) -> str:
    """As in a new process."""
    for kept in (sources.find_source, sources.imported, files._file_hash):
        kept.cache_clear()
    return code_hash(*things)


@pytest.fixture
def package(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's package on the path, under a name that no other test uses."""
    name = f"user_{abs(hash(request.node.nodeid))}"
    for file, text in PACKAGE.items():
        path = tmp_path / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{name}", name))
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        ("cell.py", True),
        ("law.py", True),
        ("table.py", True),
        ("late.py", True),
        ("deep/constants.py", True),
        ("types.py", False),
        ("report.py", False),
    ],
)
def test_what_a_module_imports_counts_and_nothing_else(
    package: str, tmp_path: Path, file: str, counts: bool
) -> None:
    before = fresh_hash(f"{package}.cell")
    assert package not in sys.modules, "nothing is imported for a hash"
    with (tmp_path / package / file).open("a") as stream:
        stream.write("Z = 1\n")
    assert (fresh_hash(f"{package}.cell") != before) is counts


def test_modules_classes_functions_and_partials_are_their_module(package: str) -> None:
    module = importlib.import_module(f"{package}.cell")
    expected = fresh_hash(f"{package}.cell")
    bound = functools.partial(module.measure)
    for thing in (module, module.Cell, module.measure, bound):
        assert code_hash(thing) == expected
    assert code_hash(module, module.Cell) == expected
    assert code_hash(f"{package}.table") != expected


def test_a_package_is_all_its_modules(package: str, tmp_path: Path) -> None:
    before = fresh_hash(package)
    (tmp_path / package / "report.py").write_text("changed = True\n")
    assert fresh_hash(package) != before


def test_a_file_of_the_user_counts_with_its_neighbours_and_its_bases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_synapse_x.py").write_text(
        "import my_helper_x\nimport numpy\nfrom codesign.spice.cache import Cache\n\n"
        "class Mine(Cache):\n    pass\n\ndef area():\n    return my_helper_x.K\n"
    )
    (tmp_path / "my_helper_x.py").write_text("K = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("my_synapse_x")
    before = fresh_hash(module.Mine), fresh_hash(module.area)
    found = {source.name for source in files._sources_of(module.Mine)}
    assert found == {"my_synapse_x", "codesign.spice.cache"}
    (tmp_path / "my_helper_x.py").write_text("K = 2\n")
    after = fresh_hash(module.Mine), fresh_hash(module.area)
    assert before[0] != after[0] and before[1] != after[1]


def test_codesign_s_own_code_counts_through_its_imports() -> None:
    found = {
        source.name for source in sources.imported(sources.find_source("codesign.spice.cache"))
    }
    assert found == {"codesign.files"}
    assert code_hash(Cache) == code_hash("codesign.spice.cache") != code_hash(atomic_path)


def test_it_is_the_same_in_every_process_and_wherever_the_code_lies(tmp_path: Path) -> None:
    answers = set()
    for place in ("one", "two"):
        folder = tmp_path / place
        folder.mkdir()
        (folder / "lone.py").write_text(
            "from codesign.files import code_hash\nimport lone_helper\n\ndef f():\n    pass\n\n"
            "if __name__ == '__main__':\n    print(code_hash(f))\n"
        )
        (folder / "lone_helper.py").write_text("A = 1\n")
        command = [sys.executable, str(folder / "lone.py")]
        root = str(Path(files.__file__).parents[1])
        done = subprocess.run(
            command, env={"PYTHONPATH": root}, capture_output=True, text=True, check=True
        )
        answers.add(done.stdout)
    assert len(answers) == 1


def test_without_source_the_remedy_is_named() -> None:
    with pytest.raises(InputError, match="no module 'no_such_module_x'"):
        code_hash("no_such_module_x")
    scope: dict[str, Any] = {"__name__": "typed_in"}
    exec("def f():\n    return 1\n", scope)
    with pytest.raises(InputError, match="define it in a file"):
        code_hash(scope["f"])
