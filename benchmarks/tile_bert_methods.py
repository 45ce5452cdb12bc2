"""MiniLM on tiles by the mean field and by the finite elements: the same answers, and the time.

    python -m benchmarks.tile_bert_methods --run build/tile_bert [--sentences 64]

The plainly fine-tuned network of seed 1 of a run of designs/tile-bert.toml, test snippets, pulses
of 8 bits, no converters or noise, so that IR-drop is all that the two methods can differ in. Prints
JSON: per line resistance the accuracies of both, the share of equal decisions, the rms difference
of the logits as a share of what the drop changes, and seconds of processor time per sentence.
Exits with 1 when more than 5 % of the decisions differ anywhere.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from codesign.designs.tile_network import TileNetworkDesign
from codesign.resources import resource_dir
from codesign.tile import analog_layers, calibrate, convert, set_tile
from codesign.tile.parameters import Method, TileParameters
from codesign.training.tile.experiment import Experiment, load_weights
from codesign.training.tile.hardware_aware import Samples, logits_of

ACCURACY = 1e-3


def logits(model: nn.Module, test: Samples) -> tuple[Tensor, float]:
    """Logits (samples, 2) and processor seconds per sentence."""
    start_s = time.process_time()
    with torch.no_grad():
        found = torch.cat([logits_of(model, part) for part in test.by_length().batches(64)])
    return found, (time.process_time() - start_s) / len(test)


def network(experiment: Experiment, folder: Path) -> nn.Module:
    """The plainly trained network, with its input scales."""
    plain = next(aware for aware in experiment.aware if aware.kind == "plain")
    model = experiment.build(1)
    convert(model, experiment.tile, experiment.exclude, mapping=experiment.mapping)
    load_weights(model, folder / f"plain-1-{experiment.training_key(plain, 1)}.safetensors")
    set_tile(model, replace(experiment.tile, r_line_ohm=0.0, adc=None))
    batches = list(experiment.calibration.by_length().batches(64))
    return calibrate(model.eval(), batches, columns=False, run=logits_of)


def compare(model: nn.Module, params: TileParameters, test: Samples) -> dict[str, Any]:
    """Both methods at one line resistance."""
    labels = test.by_length().labels
    free, _ = logits(set_tile(model, replace(params, r_line_ohm=0.0)), test)
    found: dict[Method, Tensor] = {}
    seconds: dict[str, float] = {}
    methods: tuple[Method, ...] = ("mean_field", "fast")
    for method in methods:
        found[method], seconds[method] = logits(set_tile(model, params, method=method), test)
    mean_field, fast = found["mean_field"], found["fast"]
    return {
        "r_line_ohm": params.r_line_ohm,
        "accuracy": {m: float((f.argmax(1) == labels).float().mean()) for m, f in found.items()},
        "equal_decisions": float((mean_field.argmax(1) == fast.argmax(1)).float().mean()),
        "difference_over_drop": float((mean_field - fast).norm() / (fast - free).norm()),
        "seconds_per_sentence": seconds,
        "times_faster": seconds["fast"] / seconds["mean_field"],
    }


def main() -> int:
    """Compare, print, and say whether the decisions agree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("build/tile_bert"))
    parser.add_argument("--sentences", type=int, default=64)
    given = parser.parse_args()
    torch.set_num_threads(1)
    experiment = TileNetworkDesign.load(resource_dir("designs") / "tile-bert.toml").experiment()
    model = network(experiment, given.run / "train")
    test = experiment.tests["snippets"].take(slice(0, given.sentences))
    base = replace(experiment.tile, adc=None, accuracy=ACCURACY)
    rows = []
    for r in experiment.resistances_ohm:
        rows.append(compare(model, replace(base, r_line_ohm=r), test))
        print(rows[-1], file=sys.stderr, flush=True)
    figures = {
        "benchmark": "tile_bert_methods", "sentences": len(test),
        "layers_on_tiles": len(analog_layers(model)), "rows": rows,
        "holds": all(row["equal_decisions"] >= 0.95 for row in rows),
    }  # fmt: skip
    print(json.dumps(figures, indent=1))
    return 0 if figures["holds"] else 1


if __name__ == "__main__":
    sys.exit(main())
