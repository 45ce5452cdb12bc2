"""How the command line finds a user's Python file: three ways in, and what goes wrong."""

from __future__ import annotations

import pytest

from .conftest import Place

RINGS = """
from codesign.training import register_dataset

@register_dataset("{name}", shape=(2, 2))
def read(training, folder):
    raise NotImplementedError
"""
MODEL = """
name = "small"
[model]
layers = "3-2"
[training]
dataset = "{dataset}"
"""


def is_known(place: Place, dataset: str, *options: str, **variables: str) -> bool:
    """Whether a design with a data set is read: training stops at the data set's own error."""
    place.write("d.toml", MODEL.format(dataset=dataset))
    result = place.codesign(*options, "train", "d.toml", **variables)
    known = "NotImplementedError" in result.stderr
    assert known or (result.returncode == 2 and "unknown data set" in result.stderr), result.stderr
    return known


def test_without_a_plugin_the_name_is_unknown(place):
    place.write("rings.py", RINGS.format(name="rings"))
    assert not is_known(place, "rings")


def test_option_and_variable_take_files_and_modules(place):
    for name in ("one", "two"):
        place.write(f"{name}.py", RINGS.format(name=name))
    place.write("elsewhere/three.py", RINGS.format(name="three"))
    assert is_known(place, "two", "--plugin", "one.py", "--plugin", "two.py")
    assert is_known(place, "three", CODESIGN_PLUGINS="one.py:elsewhere/three.py")
    # A module is found as Python finds it.
    assert is_known(place, "one", "--plugin", "one", CODESIGN_PLUGINS="two")


def test_installed_packages_register_by_their_entry_point(place):
    place.write("packaged.py", RINGS.format(name="packaged"))
    place.write("mine-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    place.write("mine-1.0.dist-info/entry_points.txt", "[codesign.plugins]\nmine = packaged\n")
    assert is_known(place, "packaged")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("missing.py", None, ("missing.py", "no such file")),
        ("no_such_module", None, ("no_such_module", "ModuleNotFoundError")),
        ("broken.py", "import sys\n1 / 0\n", ("broken.py", "ZeroDivisionError: division by zero")),
        ("typo.py", "def f(:\n", ("typo.py", "SyntaxError: ")),
        ("leaves.py", "raise SystemExit(0)\n", ("leaves.py", "SystemExit: 0")),
        ("json.py", "", ("json.py", "a module json is known already")),
        ("my-cell.py", "", ("my-cell.py", "no Python module's")),
    ],
)
def test_a_plugin_that_cannot_be_used_is_bad_input(place, name, text, said):
    if text is not None:
        place.write(f"own/{name}", text)
    given = f"own/{name}" if name.endswith(".py") else name
    result = place.codesign("--plugin", given, "completion", "bash")
    assert result.returncode == 2
    assert all(part in result.stderr for part in said), result.stderr
    assert "Traceback" not in result.stderr


def test_what_a_plugin_refuses_keeps_its_remedy(place):
    place.write("strict.py", "from codesign.errors import InputError\n"
                "raise InputError('needs a licence', remedy='ask for one')\n")  # fmt: skip
    result = place.codesign("completion", "bash", CODESIGN_PLUGINS="strict.py")
    assert result.returncode == 2
    assert "needs a licence" in result.stderr and "ask for one" in result.stderr


def test_a_design_file_cannot_name_one(place):
    place.write("d.toml", 'name = "a"\nplugins = ["evil.py"]\n')
    result = place.codesign("generate", "d.toml")
    assert result.returncode == 2 and "plugins: unknown key" in result.stderr


WORKERS = """
import sys
from codesign.plugins import load_plugins
from codesign.spice import run_jobs

if __name__ == "__main__":
    load_plugins([sys.argv[1]])
    import job
    outcomes = run_jobs([1, 2], job.Doubler, workers=1, timeout_s=60)
    print([outcome.value for outcome in outcomes])
"""
JOB = """
import codesign.training.sources as sources
from codesign.training import register_dataset

@register_dataset("here_too", shape=(2, 2))
def read(training, folder):
    raise NotImplementedError

class Doubler:
    def __call__(self, task):
        return 2 * task, "here_too" in sources.dataset_names()
"""


def test_workers_have_what_their_parent_has(place):
    place.write("elsewhere/job.py", JOB)
    place.write("main.py", WORKERS)
    result = place.python("main.py", "elsewhere/job.py")
    assert result.stdout.strip() == "[(2, True), (4, True)]", result.stderr
