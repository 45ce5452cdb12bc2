"""[training.loss]: what the loss weighs beside the class."""

from __future__ import annotations

from pydantic import Field

from codesign.records import Record


class LossParameters(Record):
    """The loss of arXiv:2412.09010: cross entropy of softmax(-t/softmax_scale), and penalties.

    Every penalty is 0 unless given. Published: temporal_penalty 0.1, weight_norm 1e-2,
    early_penalty 0.2.
    """

    softmax_scale: float = Field(
        0.07, gt=0, description="time difference between outputs that the loss sees, in phases"
    )
    temporal_penalty: float = Field(0.0, ge=0, description="weight of (t - t_ref)^2, outputs")
    t_ref: float = Field(0.9, description="wanted time of the outputs, in phases")
    weight_norm: float = Field(0.0, ge=0, description="weight of the sum of squared weights")
    early_penalty: float = Field(0.0, ge=0, description="weight of (t - t_quiet)^2, all neurons")
    t_quiet: float = Field(1.0, description="time that early_penalty pulls to, in phases")
    idle_penalty: float = Field(0.0, ge=0, description="weight of (t - t_idle)^2, unused outputs")
    t_idle: float = Field(0.8, description="wanted time of outputs without a class, in phases")
    firing_promotion: float = Field(
        0.0, ge=0, description="weight of how far silent hidden neurons are from firing"
    )
