"""How a network is trained; times and membranes are dimensionless (phase = 1, threshold = 1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from codesign.records import Record
from codesign.training.circuit_parameters import CircuitParameters
from codesign.training.loss_parameters import LossParameters
from codesign.training.sources import check_dataset, image_shape, is_file

# Read by codesign.designs, so that checking a design file does not cost the import of torch.
if TYPE_CHECKING:
    import torch

    from codesign.pnn import Solution

Method = Literal["exact", "dstd", "dstd2"]


class TrainingParameters(Record):
    """Data, optimiser and solution of one training run; its loss, and the circuit's limits."""

    moved: ClassVar[Mapping[str, str]] = {
        **{name: f"loss.{name}" for name in LossParameters.model_fields},
        **{name: f"circuit.{name}" for name in CircuitParameters.model_fields},
    }

    dataset: str = Field(
        "iris",
        description="iris, wine, breast_cancer, digits, yin_yang, mnist, fashion_mnist, cifar10, "
        "or a .csv, .parquet or .npz file beside the design",
    )
    label: str | None = Field(
        None, description="a file's column of classes (.npz: array); the last (y) if left out"
    )
    data_path: str | None = Field(
        None, description="folder or archive of an image set; fashion_mnist: Debian's, if left out"
    )
    train_samples: int | None = Field(
        None, ge=1, description="only so many training samples, the first ones; all if left out"
    )
    test_samples: int | None = Field(
        None,
        ge=1,
        description="held-out samples, stratified; if left out 50, of few samples a third. Image "
        "sets have their own; yin_yang draws so many, 1000 if left out",
    )
    calibration_samples: int = Field(12, ge=1, description="drawn from the training samples")
    coding: Literal["direct", "inverted"] = Field(
        "direct", description="direct: large feature, late spike; inverted: large feature, early"
    )
    input_window: tuple[float, float] = Field(
        (0.0, 1.0), description="earliest and latest input spike, in phases"
    )
    bias_spike: bool = Field(True, description="an input more, which spikes at bias_time")
    bias_time: float = Field(0.0, ge=0, lt=1, description="spike time of the bias input, in phases")
    augmentation: bool = Field(
        False, description="image sets: random flip, shift and rotation of every training image"
    )

    seed: int = Field(1, ge=0, description="of initial weights, batches and noise")
    split_seed: int | None = Field(
        None, ge=0, description="of the data split, or of generated samples; seed if left out"
    )
    dtype: Literal["float32", "float64"] = Field(
        "float64", description="precision that is trained in"
    )
    device: Literal["cpu", "auto"] = Field("cpu", description="auto: a GPU where there is one")

    epochs: int = Field(100, ge=1, description="passes over the training samples")
    batch_size: int = Field(32, ge=1, description="samples per step of the optimiser, AdamW")
    learning_rate: float = Field(1e-3, gt=0, description="of the optimiser, at its highest")
    learning_rate_end: float = Field(
        0.02, ge=0, le=1, description="last over first learning rate; cosine in between"
    )
    warmup_epochs: float = Field(0.0, ge=0, description="rise of the learning rate from 0")
    weight_decay: float = Field(0.0, ge=0, description="of AdamW; 0 is Adam")
    patience: int | None = Field(
        None, ge=1, description="stop after so many epochs without a lower training loss"
    )

    method: Method = Field("dstd2", description="solution in training: exact, dstd or dstd2")
    steps: int | tuple[int, ...] = Field(
        10, description="DSTD intervals per phase (TTFS: per window), of all layers or of each"
    )
    test_method: Method = Field("exact", description="solution for the final accuracies")
    test_steps: int = Field(30, ge=1, description="DSTD intervals for accuracies")
    random_offset: bool = Field(True, description="new grid offset in every batch")
    warp: float = Field(1.0, ge=1, le=4, description="grid denser late in the phase; 1: uniform")
    products: Literal["float32", "tf32", "bfloat16"] = Field(
        "float32", description="precision of products with float32 weights on a GPU"
    )
    spike_noise: float = Field(0.0, ge=0, description="sigma of spike times, in phases")
    noise_on_silent: bool = Field(
        False, description="spike noise also on silent inputs and neurons, which it may make fire"
    )

    baseline: bool = Field(
        True, description="also train the ideal-sum baseline, which the ann mapping needs"
    )
    robust: float = Field(
        0.0, ge=0, le=1, description="sigma of the logarithm of every weight, drawn anew for every "
        "batch: a chip whose currents are not the ones meant; 0: none"
    )
    evaluate_every: int = Field(
        25, ge=0, description="epochs between evaluations and after the last; 0: no such ones"
    )
    checkpoint_every: int = Field(50, ge=1, description="epochs between checkpoints")

    loss: LossParameters = Field(LossParameters(), description="what the loss weighs")
    circuit: CircuitParameters = Field(
        CircuitParameters(), description="what the circuit can carry, and where it is accurate"
    )

    @field_validator("dataset")
    @classmethod
    def _known(cls, dataset: str) -> str:
        return check_dataset(dataset)

    @model_validator(mode="after")
    def _consistent(self) -> TrainingParameters:
        steps = (self.steps,) if isinstance(self.steps, int) else self.steps
        if not steps or min(steps) < 1:
            raise ValueError("steps must be at least 1, for every layer")
        if self.augmentation and image_shape(self.dataset) is None:
            raise ValueError(f"augmentation is for image sets, which {self.dataset} is not")
        if self.label is not None and not is_file(self.dataset):
            raise ValueError(f"label is for data files, which {self.dataset} is not")
        low, high = self.input_window
        if not 0 <= low < high <= 1:
            raise ValueError("input_window must be two increasing times in [0, 1]")
        return self

    @property
    def data_seed(self) -> int:
        """Seed of the data split."""
        return self.seed if self.split_seed is None else self.split_seed

    def solution(self, offset: float = 0.0) -> Solution:
        """The solution that is trained with, at a grid offset."""
        from codesign.pnn import Solution

        return Solution(self.method, self.steps, offset, self.warp, self.products)

    @property
    def torch_dtype(self) -> torch.dtype:
        import torch

        return torch.float64 if self.dtype == "float64" else torch.float32
