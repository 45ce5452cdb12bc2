"""A user's folder: files outside the package, and the command line run in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from codesign.resources import resource_dir


@dataclass
class Place:
    """A folder with a user's files. Commands run as the shell runs them, in a process of their
    own: what a plugin registers stays there."""

    folder: Path

    def write(self, name: str, text: str) -> Path:
        """A file of the user's."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def python(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the folder."""
        checkout = str(resource_dir("designs").parent)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("CODESIGN_")}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**kept, "PYTHONPATH": checkout, **variables},
            capture_output=True,
            text=True,
            timeout=300,
        )

    def codesign(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in the folder."""
        return self.python("-m", "codesign", *arguments, **variables)

    def done(self, *arguments: str, **variables: str) -> dict[str, Any]:
        """What a command says with --json; it has to succeed."""
        result = self.codesign(*arguments, "--json", **variables)
        assert result.returncode == 0, result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
