"""Chips and conditions beyond the nominal one: what calibration, yield and sign-off run."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from codesign.pdk import Corner
from codesign.records import Record
from codesign.units import Celsius, Volts


class SignoffParameters(Record):
    """The grid of conditions of `codesign signoff`; at each the circuit gets a model of its own."""

    corners: tuple[Corner, ...] = Field(
        tuple(Corner), min_length=1, description="transistor corners"
    )
    temperatures: tuple[Annotated[Celsius, Field(ge=-55, le=150)], ...] = Field(
        (-40.0, 27.0, 125.0), min_length=1, description="temperatures of the chip"
    )
    supplies: tuple[Annotated[Volts, Field(gt=0, le=1.95)], ...] = Field(
        (1.71, 1.8, 1.89), min_length=1, description="supply voltages"
    )
    samples: int = Field(10, ge=1, description="test samples to run at each condition")
    tune: bool = Field(
        True,
        description="also tune a tester's global settings for the nominal biases: v_discharge, "
        "v_sense, v0, t_phase",
    )
    tuning_samples: int = Field(4, ge=1, description="training samples that they are tuned on")

    def conditions(self) -> Iterator[tuple[Corner, float, float]]:
        """Corner, temperature in C and supply in V of every condition, the grid's order."""
        yield from product(self.corners, self.temperatures, self.supplies)


class ChipParameters(Record):
    """Chips: how `codesign calibrate` measures one, and what `codesign yield` counts as good."""

    patterns: int = Field(
        60, ge=1, le=100_000, description="input patterns that calibration may show a chip"
    )
    observed: Literal["all", "outputs"] = Field(
        "all", description="whether a tester sees the spikes of all layers, or of the outputs"
    )
    samples: int = Field(50, ge=1, description="test samples to run on a chip, for the figures")
    count: int = Field(20, ge=1, le=100_000, description="chips that `codesign yield` runs")
    first: int = Field(1, ge=1, le=2**30, description="seed of the first of them")
    min_accuracy: float = Field(
        0.9, ge=0, le=1, description="a good chip's accuracy on these samples, at least"
    )
    max_rmse_ns: float | None = Field(
        None, gt=0, description="a good chip's error of output spikes, at most; any if left out"
    )
