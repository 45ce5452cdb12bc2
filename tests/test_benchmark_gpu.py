"""The GPU benchmark where there is no GPU: it refuses, or runs in small."""

import json
import subprocess
import sys

import pytest
import torch

from codesign.resources import resource_dir


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *arguments],
        capture_output=True,
        text=True,
        cwd=resource_dir("designs").parent,
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_it_refuses_without_a_gpu() -> None:
    done = run()
    assert done.returncode == 2 and "no GPU" in done.stderr and not done.stdout


def test_every_figure_in_small() -> None:
    done = run("--smoke")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert len(figures["rows"]) > 25 and not figures["left_out"]
    assert all("failed" not in row for row in figures["rows"].values()), figures["rows"]
