"""Data-parallel training of a design with a [model], in processes that torchrun starts.

    torchrun --nproc-per-node 2 -m codesign.flow.parallel DESIGN [--run-dir DIR]

Writes DIR/train/ as `codesign train` does, with the result of a single process up to rounding.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from codesign.designs import Design
from codesign.errors import CodesignError, InputError
from codesign.plugins import load_plugins


def train_design(design: Design, run_dir: Path) -> None:
    """Train in this process's group; the first process reports to standard error."""
    import torch

    from codesign.training import EpochRecord, dataset_for, process_group, train

    if design.model is None:
        raise InputError(
            f"design {design.name} has a circuit, whose network is small",
            remedy=f"run `codesign train {design.source}` in one process",
        )
    torch.set_num_threads(1)
    training = design.training

    def report(record: EpochRecord) -> None:
        print(f"epoch {record.epoch}/{training.epochs}: loss {record.loss:.4f}", file=sys.stderr)

    net = design.model.architecture(training, design.folder)
    data = dataset_for(training, design.folder)
    with process_group(training.device) as group:
        parameters = design.model.parameters()
        train(parameters, net, training, run_dir / "train", report, group, data)


def main() -> int:
    """Parse, train; errors as one message and an exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("design", type=Path)
    parser.add_argument("--run-dir", type=Path)
    arguments = parser.parse_args()
    try:
        load_plugins()
        design = Design.load(arguments.design)
        train_design(design, arguments.run_dir or Path("build") / design.name)
    except CodesignError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
