"""[training.circuit]: what the circuit can carry, and where its neurons are accurate."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from codesign.records import Record

Signs = Literal["both", "positive", "negative"]


class CircuitParameters(Record):
    """Limits of weights, and penalties that keep neurons inside ranges of time and membrane.

    No limit and no penalty unless given.
    """

    w_min: float = Field(0.0, ge=0, description="smaller weights become 0 or w_min (nearest)")
    w_max: float | None = Field(
        None, gt=0, description="largest weight the circuit can carry, in size; none if left out"
    )
    signs: Signs = Field(
        "both", description="weights the cells have: both, positive or negative; others become 0"
    )
    range_penalty: float = Field(0.0, ge=0, description="weight of leaving the ranges below")
    range_jitter: float = Field(
        0.0, ge=0, description="sigma of inputs moved about to hold the ranges beyond the samples"
    )
    t_early: float = Field(0.0, description="no neuron fires before, in phases")
    t_late: float = Field(1.0, description="no neuron fires later, in phases")
    silent_hidden: bool = Field(
        False, description="hidden neurons may fire later or never: t_late is for the last layer"
    )
    v_low: float = Field(-1.0, description="lowest membrane during accumulation, in thresholds")
    v_high: float = Field(1.0, description="highest membrane during accumulation, in thresholds")

    @model_validator(mode="after")
    def _consistent(self) -> CircuitParameters:
        if not self.t_early < self.t_late:
            raise ValueError("t_early must be below t_late")
        if not self.v_low < self.v_high:
            raise ValueError("v_low must be below v_high")
        if self.w_max is not None and self.w_min >= self.w_max:
            raise ValueError("w_min must be below w_max")
        return self

    @property
    def bounds(self) -> tuple[float, float] | None:
        """Smallest and largest weight, None without a limit."""
        if self.w_max is None and self.signs == "both":
            return None
        size = math.inf if self.w_max is None else self.w_max
        return (
            0.0 if self.signs == "positive" else -size,
            0.0 if self.signs == "negative" else size,
        )
