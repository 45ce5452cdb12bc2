"""What an experiment consists of, and the hash of what decides each of its pieces."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import nn

from codesign.files import hash_bytes
from codesign.tile import TileMapping, TileParameters
from codesign.tile.parameters import Method
from codesign.training.tile.conditions import Condition
from codesign.training.tile.hardware_aware import HardwareAware, Kind, Samples


@dataclass(frozen=True)
class Budget:
    """Steps of AdamW: digital fine-tuning first, then every kind of hardware-aware training."""

    first_steps: int
    aware_steps: int
    batch: int = 32
    first_rate: float = 1e-4
    aware_rate: float = 3e-5


@dataclass(frozen=True)
class Experiment:
    """What is trained and evaluated. `tests` by name; the first is that of the training set.

    build: the network for a seed, digital, the same every time. identity: what decides it and the
    data. method: of the tile model.
    """

    name: str
    build: Callable[[int], nn.Module]
    train: Samples
    calibration: Samples
    tests: dict[str, Samples]
    tile: TileParameters
    mapping: TileMapping
    aware: tuple[HardwareAware, ...]
    budget: Budget
    resistances_ohm: tuple[float, ...]
    seeds: tuple[int, ...] = (1,)
    draws: int = 3
    drop_draws: int = 3
    exclude: tuple[str, ...] = ()
    method: Method = "fast"
    identity: dict[str, Any] = field(default_factory=dict)

    def first_key(self, seed: int) -> str:
        """Hash of everything that decides the digital fine-tuning."""
        budget = self.budget
        return _hash(
            self.identity,
            len(self.train),
            budget.first_steps,
            budget.batch,
            budget.first_rate,
            seed,
        )

    def training_key(self, aware: HardwareAware, seed: int) -> str:
        """Hash of everything that decides a trained network; digital ones see no tile."""
        seen: list[Any] = [asdict(aware), self.budget.aware_steps, self.budget.aware_rate]
        if aware.kind != "plain":
            seen.append(_changed(self.mapping))
        if aware.in_the_loop:
            seen += [_changed(self.tile), self.method, len(self.calibration)]
        return _hash(self.first_key(seed), *seen)

    def evaluation_key(
        self, aware: HardwareAware, seed: int, condition: Condition, test: str
    ) -> str:
        """Hash of everything that decides one accuracy."""
        seen: list[Any] = [condition.name, self.tests[test].digest()]
        if condition.params is not None:
            seen += [_changed(condition.params), condition.columns, condition.draws, self.method,
                     _changed(self.mapping), len(self.calibration)]  # fmt: skip
        return _hash(self.training_key(aware, seed), *seen)


def _changed(parameters: Any) -> dict[str, Any]:
    """Fields that are not at their defaults, so that new ones leave the hashes as they were."""
    standard = asdict(type(parameters)())
    return {k: v for k, v in asdict(parameters).items() if v != standard[k]}


def _hash(*parts: Any) -> str:
    return hash_bytes(json.dumps(parts, sort_keys=True, default=str).encode())[:10]


def kinds_of(names: tuple[Kind, ...], noise: float, accuracy: float) -> tuple[HardwareAware, ...]:
    """The trainings to compare, with equal Gaussian noise where they have it."""
    return tuple(HardwareAware(kind, noise, noise, accuracy) for kind in names)
