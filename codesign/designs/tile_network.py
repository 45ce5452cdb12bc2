"""TileNetworkDesign: a design file with kind = "tile_network", the comparison of trainings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field

from codesign.designs.base import DesignFile
from codesign.designs.load import register_design
from codesign.records import Name, Record
from codesign.units import Ohms, Seconds, Siemens, Volts

if TYPE_CHECKING:
    from codesign.training.tile.experiment import Experiment

Share = Annotated[float, Field(ge=0, lt=1)]
Rate = Annotated[float, Field(gt=0, le=1)]


class TileNetworkData(Record):
    """Sentences: what tools/fetch-tile-bert gets."""

    folder: str = Field(
        "~/.cache/codesign/tile-bert", description="what the tool filled; ~ is the home directory"
    )
    train_samples: int = Field(8072, ge=1, description="sentences to train with")
    test_samples: int = Field(2000, ge=1, description="sentences held out")
    evaluation_samples: int | None = Field(
        None, ge=1, description="of the test samples, evaluated; the others are set aside"
    )
    review_samples: int = Field(2000, ge=0, description="of the second set; 0 leaves it out")
    calibration_samples: int = Field(
        128, ge=1, description="of the training samples, to set the converters by"
    )
    max_tokens: int = Field(48, ge=4, le=128, description="longer sentences are cut")
    split_seed: int = Field(1, description="which sentences are held out")


class TileNetworkNetwork(Record):
    """minilm has pretrained weights; albert is trained from scratch."""

    architecture: Literal["minilm", "albert"] = Field("minilm", description="which network")
    layers: int | None = Field(None, ge=1, le=24, description="its depth; its own if left out")


class TileNetworkTile(Record):
    """Tiles of gated cells behind ramp converters."""

    rows: int = Field(512, ge=1, le=4096, description="rows of a tile")
    columns: int = Field(512, ge=1, le=4096, description="columns of a tile")
    g_max: Siemens = Field(25e-6, gt=0, le=1e-3, description="largest conductance of a device")
    v_read: Volts = Field(0.2, gt=0, le=0.5, description="voltage across a device that is read")
    t_window: Seconds = Field(127e-9, gt=0, le=1e-3, description="longest pulse of a read")
    pulse_bits: int = Field(8, ge=2, le=16, description="bits of a pulse's length, with the sign")
    adc_bits: int = Field(9, ge=2, le=24, description="bits of the converters")
    train_r_line: Ohms = Field(
        1.0, ge=0, le=1e3, description="bit line from row to row that is trained with"
    )
    r_line: tuple[Annotated[Ohms, Field(ge=0, le=1e3)], ...] = Field(
        (0.15, 0.35, 1.0, 2.0, 6.0), description="those that are evaluated"
    )
    method: Literal["exact", "fast", "mean_field"] = Field(
        "mean_field", description="solution of the bit lines"
    )
    products: Literal["full", "bfloat16"] = Field(
        "full", description="precision of mean_field's matrix products"
    )
    evaluation_accuracy: float = Field(
        5e-3, gt=0, le=0.1, description="relative error that the solution may have in evaluation"
    )
    training_accuracy: float = Field(
        1e-2, gt=0, le=0.1, description="and in training, where it is quicker"
    )


class TileNetworkTraining(Record):
    """Steps of `batch` sentences: digital first, then each kind for as many steps and seeds."""

    kinds: tuple[Literal["plain", "gaussian", "tile", "tile_calibrated"], ...] = Field(
        ("plain", "gaussian", "tile"),
        description="plain: digital; gaussian: noise on weights and outputs; tile: the tile's "
        "model inside; tile_calibrated: the same, gain and offset of columns calibrated",
    )
    seeds: tuple[int, ...] = Field((1, 2, 3), min_length=1, description="one training for each")
    first_steps: int = Field(504, ge=0, description="steps that all kinds share, digital")
    aware_steps: int = Field(252, ge=0, description="steps of each kind after them")
    batch: int = Field(32, ge=1, description="sentences per step")
    first_rate: Rate = Field(1e-4, description="learning rate of the shared steps")
    aware_rate: Rate = Field(3e-5, description="learning rate of the others")
    noise: Share = Field(
        0.02, description="sigma of the noise, of a column's largest weight and output"
    )
    draws: int = Field(3, ge=1, description="of read noise, per evaluation without IR-drop")
    drop_draws: int = Field(3, ge=1, description="of read noise, per evaluation with IR-drop")


@register_design
class TileNetworkDesign(DesignFile):
    """One network, its data, its tiles, the trainings to compare."""

    kind_name: ClassVar[str] = "tile_network"
    kind: Literal["tile_network"] = Field(description="a network whose layers run on tiles")
    name: Name = Field(description="names the run directory: letters, digits, underscores")
    network: TileNetworkNetwork = TileNetworkNetwork()
    data: TileNetworkData = TileNetworkData()
    tile: TileNetworkTile = TileNetworkTile()
    training: TileNetworkTraining = TileNetworkTraining()

    @property
    def seed(self) -> int:
        """The first of the training seeds."""
        return self.training.seeds[0]

    def with_seed(self, seed: int) -> Self:
        return self.override({"training.seeds": [seed]})

    def experiment(self) -> Experiment:
        """Data read, network ready to be built. Raises DataError without data or weights."""
        from codesign.tile import AdcParameters, TileMapping, TileParameters
        from codesign.training.tile.experiment import Budget, Experiment, kinds_of
        from codesign.training.tile.networks import DIGITAL, build_network
        from codesign.training.tile.snippets import MODEL, encode, read_reviews, read_snippets

        data, tile, training = self.data, self.tile, self.training
        folder = Path(data.folder).expanduser()
        vocabulary = folder / MODEL / "tokenizer.json"
        rest, kept = read_snippets(folder).split(data.test_samples, data.split_seed)
        if data.evaluation_samples is not None:
            rest = rest.take(list(range(min(data.evaluation_samples, len(rest)))))
        tests = {"snippets": encode(rest, vocabulary, data.max_tokens)}
        if data.review_samples:
            reviews, _ = read_reviews(folder).split(data.review_samples, data.split_seed)
            tests["reviews"] = encode(reviews, vocabulary, data.max_tokens)
        train = encode(
            kept.take(list(range(min(data.train_samples, len(kept))))), vocabulary, data.max_tokens
        )
        return Experiment(
            name=self.name,
            build=lambda seed: build_network(
                self.network.architecture, folder, seed, self.network.layers
            ),
            train=train,
            calibration=train.take(slice(0, data.calibration_samples)),
            tests=tests,
            tile=TileParameters(
                r_line_ohm=tile.train_r_line, v_read_V=tile.v_read, t_window_s=tile.t_window,
                pulse_bits=tile.pulse_bits, accuracy=tile.evaluation_accuracy,
                products=tile.products,
                adc=AdcParameters(bits=tile.adc_bits),
            ),
            mapping=TileMapping(tile.rows, tile.columns, tile.g_max),
            aware=kinds_of(training.kinds, training.noise, tile.training_accuracy),
            budget=Budget(
                training.first_steps, training.aware_steps, training.batch, training.first_rate,
                training.aware_rate,
            ),
            resistances_ohm=tile.r_line,
            seeds=training.seeds,
            draws=training.draws,
            drop_draws=training.drop_draws,
            exclude=DIGITAL,
            method=tile.method,
            identity={"network": self.network.model_dump(), "max_tokens": data.max_tokens,
                      "split_seed": data.split_seed, "test_samples": data.test_samples},
        )  # fmt: skip
