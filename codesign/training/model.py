"""A network with given neuron parameters, for designs that have no circuit behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from codesign.errors import DesignError
from codesign.records import Name, Record
from codesign.training.parameters import TrainingParameters
from codesign.training.reading import dataset_shape
from codesign.training.sources import image_shape

# Read by codesign.designs, so that checking a design file does not cost the import of torch.
if TYPE_CHECKING:
    from codesign.pnn import Architecture, PNNParameters

# As codesign.pnn.layer_shapes has it.
_LAYER = r"(\d+|conv\d+(k\d+)?(s\d+)?(p\d+)?(g\d+)?|(avg)?pool\d*)"


class ModelParameters(Record):
    """Layers and neuron of a network that is trained without a fitted circuit model.

    The input comes from the data set. A neuron of one's own is known by its name once the file
    that registers it is imported (`codesign.pnn.register_neuron`).
    """

    moved: ClassVar[Mapping[str, str]] = {
        "t_max": "neuron_parameters.t_max",
        "kappa": "neuron_parameters.kappa",
    }

    layers: str = Field(
        description='layers behind the inputs: "400-400-10", or "conv64-pool-512-10" for images'
    )
    neuron: Name = Field("rc_spike", description="model neuron: rc_spike, ttfs, or one of your own")
    neuron_parameters: dict[str, bool | int | float | str] = Field(
        {}, description="its parameters; ttfs: t_max, its window in phases, and kappa"
    )
    e_plus: float | None = Field(
        None, gt=0, description="reversal potential of weights >= 0; an ideal sum if left out"
    )
    e_minus: float | None = Field(
        None, lt=0, description="reversal potential of weights < 0; an ideal sum if left out"
    )
    leak: float = Field(0.0, ge=0, description="leak of the membrane, per phase")
    kick: float = Field(0.0, description="membrane moved by every arriving spike, in thresholds")
    e_dis: float | None = Field(
        None, gt=1, description="reversal potential of the discharger; constant if left out"
    )

    @field_validator("layers")
    @classmethod
    def _known(cls, layers: str) -> str:
        if re.fullmatch(rf"{_LAYER}(-{_LAYER})*", layers) is None:
            raise ValueError(
                f"{layers!r} is no list of layers; allowed: numbers (dense), conv64, conv64k5, "
                "conv64k3s2p1g4, pool, pool3, avgpool, joined by '-'"
            )
        return layers

    @field_validator("neuron")
    @classmethod
    def _registered(cls, neuron: str) -> str:
        # The usual one is known to exist without importing torch.
        if neuron != "rc_spike":
            from codesign.pnn.neurons import neuron_kind

            neuron_kind(neuron)
        return neuron

    @field_validator("neuron_parameters")
    @classmethod
    def _fit(cls, parameters: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if parameters and "neuron" in info.data:
            from codesign.pnn import neuron_named

            neuron_named(info.data["neuron"], parameters)
        return parameters

    def code(self) -> Iterator[type]:
        """The class of the neuron, unless it is the usual one."""
        if self.neuron != "rc_spike":
            from codesign.pnn.neurons import neuron_kind

            yield neuron_kind(self.neuron)

    def architecture(
        self, training: TrainingParameters, folder: Path | None = None
    ) -> Architecture:
        """The network over the data set's inputs; folder: the design file's.

        Raises DesignError when they do not fit.
        """
        from codesign.pnn import Architecture, neuron_named

        shape = image_shape(training.dataset)
        if shape is None or training.bias_spike:
            features, _ = dataset_shape(training, folder)
            shape = (1, 1, features + training.bias_spike)
        try:
            neuron = neuron_named(self.neuron, self.neuron_parameters)
            return Architecture(self.layers, shape, neuron)
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
