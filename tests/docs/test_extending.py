"""The examples of docs/extending.md run as they stand, in a folder of their own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "extending.md"
BLOCK = re.compile(r'^```(\w+) title="([^"]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
SCRIPTS = [name for language, name, _ in BLOCKS if language == "python"]
DESIGNS = [name for language, name, _ in BLOCKS if language == "toml"]


def run(arguments: list[str], folder: Path) -> None:
    """Write all blocks into a folder and run Python there; fails with what it says."""
    for _, name, text in BLOCKS:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_runs(script, tmp_path):
    run([script], tmp_path)


@pytest.mark.parametrize("design", DESIGNS)
def test_design_is_generated(design, tmp_path):
    run(["-m", "codesign", "generate", design], tmp_path)
    assert list((tmp_path / "build").glob("*/netlist/*.spice"))
