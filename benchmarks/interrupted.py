"""`codesign yield` and `codesign signoff`, killed at random moments: the same tables in the end?

    python -m benchmarks.interrupted --run-dir DIR [--kills 10] [--seed 1] [--work DIR]

`--run-dir` is a finished `codesign train` of the design. Each command runs once undisturbed in a
copy of it and takes some time; in a second copy it is started again and again and killed (SIGKILL)
at a moment drawn evenly from that time, then left alone to finish. Compared are the final tables
and metrics, without what was only timed, and whether a process outlived its parent. Prints JSON;
exits with 1 when a claim does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd

from codesign.designs.network import Design

COMMANDS = {
    "yield": (["--chips", "4", "--samples", "4"], "chips.parquet"),
    "signoff": (["--samples", "4"], "conditions.parquet"),
}
# Two conditions: a grid, and small.
GRID = '\n[signoff]\ncorners = ["ss"]\ntemperatures = ["27C"]\nsupplies = ["1.71V", "1.8V"]\n'
_GRACE_S = 10.0
# In the environment of every process of a command.
_MARK = "CODESIGN_INTERRUPTED"


def main() -> int:
    """Kill, go on, compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--design", type=Path, default=Path("designs/iris.toml"))
    parser.add_argument("--commands", nargs="+", default=list(COMMANDS), choices=list(COMMANDS))
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path)
    given = parser.parse_args()
    work = given.work or Path(tempfile.mkdtemp(prefix="interrupted-"))
    work.mkdir(parents=True, exist_ok=True)
    design = work / "design.toml"
    text = given.design.read_text(encoding="utf-8").replace('view = "layout"', 'view = "schematic"')
    design.write_text(text + GRID, encoding="utf-8")
    Design.load(design)
    draw = random.Random(given.seed)
    rows = [_killed(name, given, design, work, draw) for name in given.commands]
    print(json.dumps({"benchmark": "interrupted", "seed": given.seed, "commands": rows}, indent=1))
    return (
        0
        if all(row["same_table"] and row["same_metrics"] and not row["left"] for row in rows)
        else 1
    )


def _killed(
    name: str, given: argparse.Namespace, design: Path, work: Path, draw: random.Random
) -> dict[str, Any]:
    options, table = COMMANDS[name]
    folders = [work / f"{name}-{which}" for which in ("whole", "killed")]
    for folder in folders:
        shutil.copytree(given.run_dir, folder, ignore=shutil.ignore_patterns("yield", "signoff"))
    command = [sys.executable, "-m", "codesign", name, str(design), *options, "--run-dir"]
    start = time.monotonic()
    subprocess.run([*command, str(folders[0])], check=True, stdout=subprocess.DEVNULL)
    whole_s = time.monotonic() - start
    moments, finished, left = [], 0, 0
    for _ in range(given.kills):
        moments.append(draw.uniform(0.0, whole_s))
        finished += _run_for(moments[-1], [*command, str(folders[1])])
        left += _left(folders[1])
    subprocess.run([*command, str(folders[1])], check=True, stdout=subprocess.DEVNULL)
    tables = [pd.read_parquet(folder / name / table) for folder in folders]
    texts = [(folder / name / "metrics.json").read_text(encoding="utf-8") for folder in folders]
    row = {
        "command": name,
        "undisturbed_s": round(whole_s, 1),
        "killed_after_s": [round(moment, 1) for moment in moments],
        "ended_before": finished,
        "rows": len(tables[0]),
        "same_table": bool(tables[0].equals(tables[1])),
        "same_metrics": texts[0] == texts[1],
        "left": left,
    }
    print(f"{name}: {row}", file=sys.stderr, flush=True)
    return row


def _run_for(seconds: float, command: list[str]) -> bool:
    """Start, and kill after so long; whether it had ended by itself."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=os.environ | {_MARK: command[-1]},
    )
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return False


def _left(folder: Path) -> int:
    """Processes, ngspice among them, that a killed command left, after a while."""
    end = time.monotonic() + _GRACE_S
    while time.monotonic() < end:
        if not _naming(folder):
            return 0
        time.sleep(0.2)
    return len(_naming(folder))


def _naming(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "environ").read_bytes()
        except OSError:
            continue
        if f"{_MARK}={folder}".encode() in words:
            found.append(int(process.name))
    return found


if __name__ == "__main__":
    sys.exit(main())
