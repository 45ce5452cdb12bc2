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
    """Sentences; `folder` is what tools/fetch-tile-bert filled (~ is the home directory)."""

    folder: str = "~/.cache/codesign/tile-bert"
    train_samples: int = Field(8072, ge=1)
    test_samples: int = Field(2000, ge=1)
    evaluation_samples: int | None = Field(
        None, ge=1, description="of the test samples, evaluated; the others are set aside"
    )
    review_samples: int = Field(2000, ge=0, description="of the second set; 0 leaves it out")
    calibration_samples: int = Field(128, ge=1)
    max_tokens: int = Field(48, ge=4, le=128)
    split_seed: int = 1


class TileNetworkNetwork(Record):
    """minilm has pretrained weights; albert is trained from scratch."""

    architecture: Literal["minilm", "albert"] = "minilm"
    layers: int | None = Field(None, ge=1, le=24)


class TileNetworkTile(Record):
    """Tiles of gated cells behind ramp converters."""

    rows: int = Field(512, ge=1, le=4096)
    columns: int = Field(512, ge=1, le=4096)
    g_max: Annotated[Siemens, Field(gt=0, le=1e-3)] = 25e-6
    v_read: Annotated[Volts, Field(gt=0, le=0.5)] = 0.2
    t_window: Annotated[Seconds, Field(gt=0, le=1e-3)] = 127e-9
    pulse_bits: int = Field(8, ge=2, le=16)
    adc_bits: int = Field(9, ge=2, le=24)
    train_r_line: Annotated[Ohms, Field(ge=0, le=1e3)] = 1.0
    r_line: tuple[Annotated[Ohms, Field(ge=0, le=1e3)], ...] = (0.15, 0.35, 1.0, 2.0, 6.0)
    method: Literal["exact", "fast", "mean_field"] = "mean_field"
    products: Literal["full", "bfloat16"] = "full"
    evaluation_accuracy: Annotated[float, Field(gt=0, le=0.1)] = 5e-3
    training_accuracy: Annotated[float, Field(gt=0, le=0.1)] = 1e-2


class TileNetworkTraining(Record):
    """Steps of `batch` sentences: digital first, then each kind for as many steps and seeds."""

    kinds: tuple[Literal["plain", "gaussian", "tile", "tile_calibrated"], ...] = (
        "plain",
        "gaussian",
        "tile",
    )
    seeds: tuple[int, ...] = Field((1, 2, 3), min_length=1)
    first_steps: int = Field(504, ge=0)
    aware_steps: int = Field(252, ge=0)
    batch: int = Field(32, ge=1)
    first_rate: Rate = 1e-4
    aware_rate: Rate = 3e-5
    noise: Share = 0.02
    draws: int = Field(3, ge=1, description="of read noise, per evaluation without IR-drop")
    drop_draws: int = Field(3, ge=1, description="of read noise, per evaluation with IR-drop")


@register_design
class TileNetworkDesign(DesignFile):
    """One network, its data, its tiles, the trainings to compare."""

    kind_name: ClassVar[str] = "tile_network"
    kind: Literal["tile_network"] = Field(description="a network whose layers run on tiles")
    name: Name
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
