"""A network with given neuron parameters, for designs that have no circuit behind them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from codesign.errors import DesignError
from codesign.training.parameters import DATASET_SHAPES, IMAGE_SHAPES, TrainingParameters

# Read by codesign.design, so that checking a design file does not cost the import of torch.
if TYPE_CHECKING:
    from codesign.pnn import Architecture, PNNParameters

_LAYER = r"(\d+|conv\d+(k\d+)?|pool\d*)"


class ModelParameters(BaseModel):
    """Layers and neuron of a network that is trained without a fitted circuit model.

    layers: as `codesign.pnn.Architecture` reads them, "400-400-10" or "conv64-pool-512-10"; the
    input comes from the data set. Reversal potentials left out mean an ideal weighted sum.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: str
    neuron: Literal["rc_spike", "ttfs"] = "rc_spike"
    e_plus: float | None = Field(None, gt=0, description="reversal potential of weights >= 0")
    e_minus: float | None = Field(None, lt=0, description="reversal potential of weights < 0")
    leak: float = Field(0.0, ge=0, description="per phase")
    kick: float = Field(0.0, description="membrane moved by every arriving spike")
    e_dis: float | None = Field(None, gt=1, description="reversal potential of the discharger")
    t_max: float = Field(4.0, gt=0, description="window of TTFS neurons, in phases")
    kappa: float = Field(1.0, gt=0, description="TTFS: lateness of silent neurons per membrane")

    @field_validator("layers")
    @classmethod
    def _known(cls, layers: str) -> str:
        if re.fullmatch(rf"{_LAYER}(-{_LAYER})*", layers) is None:
            raise ValueError(
                f"{layers!r} is no list of layers; allowed: numbers (dense), conv64, conv64k5, "
                "pool, pool3, joined by '-'"
            )
        return layers

    def architecture(self, training: TrainingParameters) -> Architecture:
        """The network over the data set's inputs. Raises DesignError when they do not fit."""
        from codesign.pnn import Architecture

        features, _ = DATASET_SHAPES[training.dataset]
        shape = IMAGE_SHAPES.get(training.dataset)
        if shape is None or training.bias_spike:
            shape = (1, 1, features + training.bias_spike)
        try:
            return Architecture(self.layers, shape, self.neuron, self.t_max, self.kappa)
        except ValueError as error:
            raise DesignError(
                f"model.layers: {error}", remedy="correct model.layers in the design file"
            ) from error

    def parameters(self) -> PNNParameters:
        """The neuron's parameters, the same in every layer."""
        from codesign.pnn import PNNParameters

        ideal = PNNParameters()
        return PNNParameters(
            e_plus=ideal.e_plus if self.e_plus is None else self.e_plus,
            e_minus=ideal.e_minus if self.e_minus is None else self.e_minus,
            leak=self.leak,
            kick=self.kick,
            e_dis=ideal.e_dis if self.e_dis is None else self.e_dis,
        )
