"""The comparison: fine-tunings of one network against conditions of the tile, piece by piece.

A piece is a training or one evaluation. Each is kept under a hash of what decides it, so that an
interrupted experiment goes on where it was; the summary is rewritten after every piece.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from statistics import mean, pstdev
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from codesign.files import atomic_path, write_atomic
from codesign.progress import ProgressCallback, silent
from codesign.tile import calibrate, convert
from codesign.training.tile.conditions import Condition, conditions, evaluate
from codesign.training.tile.hardware_aware import HardwareAware, fine_tune, logits_of, prepare
from codesign.training.tile.plan import Budget, Experiment, kinds_of

SCHEMA_VERSION = 1

__all__ = ["Budget", "Experiment", "kinds_of", "load_weights", "run_experiment"]


def run_experiment(
    experiment: Experiment, folder: Path, progress: ProgressCallback = silent
) -> dict[str, Any]:
    """Do every piece that `folder` does not hold yet; returns and writes the summary."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = conditions(
        experiment.tile, experiment.resistances_ohm, experiment.draws, experiment.drop_draws
    )
    total = len(experiment.seeds) * len(experiment.aware) * len(wanted) * len(experiment.tests)
    rows: list[dict[str, Any]] = []
    for seed in experiment.seeds:
        for aware in experiment.aware:
            model = None
            for condition in wanted:
                pieces = {
                    test: folder / f"{_piece(experiment, aware, seed, condition, test)}.json"
                    for test in experiment.tests
                }
                missing = {t: experiment.tests[t] for t, p in pieces.items() if not p.is_file()}
                if missing:
                    if model is None:
                        model = _trained(experiment, aware, seed, folder, progress)
                    found = evaluate(model, condition, missing, experiment.calibration, seed)
                    for test, figures in found.items():
                        write_atomic(pieces[test], json.dumps(figures))
                rows += [
                    {"kind": aware.kind, "seed": seed, "condition": condition.name, "test": test,
                     **json.loads(piece.read_text(encoding="utf-8"))}
                    for test, piece in pieces.items()
                ]  # fmt: skip
                summary = _summary(experiment, rows, len(rows) == total)
                write_atomic(folder / "experiment.json", json.dumps(summary, indent=1) + "\n")
                progress(len(rows), total, "evaluate")
    return summary


def _piece(
    experiment: Experiment, aware: HardwareAware, seed: int, condition: Condition, test: str
) -> str:
    key = experiment.evaluation_key(aware, seed, condition, test)
    name = condition.name.replace(", ", "-").replace("=", "")
    return f"{aware.kind}-{seed}-{name}-{test}-{key}"


def _trained(
    experiment: Experiment, aware: HardwareAware, seed: int, folder: Path,
    progress: ProgressCallback,
) -> nn.Module:  # fmt: skip
    """The converted network of one kind and seed: from its file, or trained and written there."""
    budget = experiment.budget
    model = experiment.build(seed)
    convert(
        model, experiment.tile, experiment.exclude,
        mapping=experiment.mapping, method=experiment.method,
    )  # fmt: skip
    path = folder / f"{aware.kind}-{seed}-{experiment.training_key(aware, seed)}.safetensors"
    if not path.is_file():
        first = folder / f"first-{seed}-{experiment.first_key(seed)}.safetensors"
        draws = torch.Generator().manual_seed(seed)
        if not first.is_file():
            prepare(model, HardwareAware("plain"), experiment.tile, draws)
            fine_tune(
                model, experiment.train, steps=budget.first_steps, batch=budget.batch,
                learning_rate=budget.first_rate, seed=seed, progress=progress, label="fine-tune",
            )  # fmt: skip
            _save(model, first)
        load_weights(model, first)
        prepare(model, aware, experiment.tile, draws)
        if aware.in_the_loop:
            # The tile in the loop has the input scales that it will be evaluated with.
            calibrate(
                model,
                list(experiment.calibration.batches(64)),
                columns=aware.kind == "tile_calibrated",
                run=logits_of,
            )
        fine_tune(
            model, experiment.train, steps=budget.aware_steps, batch=budget.batch,
            learning_rate=budget.aware_rate, seed=seed + 100, progress=progress,
            label=f"train {aware.kind}",
        )  # fmt: skip
        _save(model, path)
    load_weights(model, path)
    return model.eval()


def _save(model: nn.Module, path: Path) -> None:
    tensors = {name: p.detach().clone() for name, p in model.named_parameters()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary)


def load_weights(model: nn.Module, path: Path) -> None:
    """Parameters of a training that was kept; buffers (scales, gains) are calibrated anew."""
    stored = load_file(path)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(stored[name])


def _summary(experiment: Experiment, rows: list[dict[str, Any]], complete: bool) -> dict[str, Any]:
    """Per test, kind and condition: mean over seeds; spread over seeds, and over noise draws."""
    table: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        table.setdefault(row["test"], {}).setdefault(row["kind"], {}).setdefault(
            row["condition"], []
        ).append(row)
    means = {
        test: {
            kind: {
                condition: {
                    "accuracy": mean(r["accuracy"] for r in found),
                    "spread_seeds": pstdev(r["accuracy"] for r in found),
                    "spread_draws": mean(r["spread"] for r in found),
                    "seeds": len(found), "draws": found[0]["draws"], "samples": found[0]["samples"],
                }
                for condition, found in by_condition.items()
            }
            for kind, by_condition in by_kind.items()
        }
        for test, by_kind in table.items()
    }  # fmt: skip
    return {
        "schema_version": SCHEMA_VERSION, "experiment": experiment.name, "complete": complete,
        "settings": {
            **experiment.identity, "train_samples": len(experiment.train),
            "budget": asdict(experiment.budget), "seeds": list(experiment.seeds),
            "r_line_ohm": list(experiment.resistances_ohm),
            "method": experiment.method, "tile": asdict(experiment.tile),
            "mapping": asdict(experiment.mapping),
        },
        "accuracy": means,
    }  # fmt: skip
