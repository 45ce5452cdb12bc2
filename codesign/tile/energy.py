"""Energy and latency of a matrix-vector product on tiles: read, converters, drivers, adders."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from codesign.tile.convert import analog_layers
from codesign.tile.layer import AnalogLayer
from codesign.tile.parameters import TileError, TileParameters


@dataclass(frozen=True)
class TileCosts:
    """What the periphery takes; set them from your own converters and drivers.

    Defaults are round figures of the published 14 nm phase-change chips' order, not measurements
    of ours: 0.5 pJ and 130 ns per conversion of a column, 10 fJ per word line edge pair, 50 fJ per
    digital addition of partial sums.
    """

    adc_J: float = 0.5e-12
    adc_s: float = 130e-9
    driver_J: float = 10e-15
    adder_J: float = 50e-15

    def __post_init__(self) -> None:
        for name in ("adc_J", "adc_s", "driver_J", "adder_J"):
            if not getattr(self, name) >= 0:
                raise TileError(f"{name} must be at least 0, not {getattr(self, name)}")


@dataclass(frozen=True)
class MVMCost:
    """energy_J and latency_s of one product; how much of the energy is the read itself."""

    energy_J: float
    read_J: float
    latency_s: float
    tiles: int


def read_energy(pulse: Tensor, g_plus: Tensor, g_minus: Tensor, params: TileParameters) -> Tensor:
    """Energy (batch,) in J that the devices take, V^2 g t each; drops along lines left out."""
    per_row = (g_plus + g_minus).sum(dim=1)
    time_s = pulse.abs() * params.t_window_s
    return (time_s @ per_row) * params.v_read_V**2


def layer_cost(
    layer: AnalogLayer, mean_pulse: float = 0.25, costs: TileCosts | None = None
) -> MVMCost:
    """One input vector through a layer, of a convolution one place of its kernel.

    mean_pulse: mean |pulse|, which the read energy is proportional to.
    """
    if layer.params is None:
        raise TileError("the layer is digital: it has no tile to cost")
    if not 0 <= mean_pulse <= 1:
        raise TileError(f"mean_pulse must be in [0, 1], not {mean_pulse}")
    costs, params = costs or TileCosts(), layer.params
    weight = layer.matrix.detach().abs()
    read_J = 0.0
    for rows in layer.row_blocks:
        part = weight[:, rows]
        total_S = float((part / part.amax(dim=1, keepdim=True).clamp_min(1e-12)).sum())
        read_J += total_S * layer.mapping.g_max_S * params.v_read_V**2
    read_J *= mean_pulse * params.t_window_s
    reads = 1 if params.input_mode == "pulse_width" else (params.slots or 1).bit_length()
    high, wide = len(layer.row_blocks), len(layer.column_blocks)
    lines = 2 if params.differential == "paired" else 1
    energy = read_J + reads * (
        high * layer.out_features * lines * costs.adc_J + wide * layer.in_features * costs.driver_J
    )
    energy += (high - 1 + reads - 1) * layer.out_features * costs.adder_J
    window_s = params.t_window_s if reads == 1 else reads * params.t_window_s / (params.slots or 1)
    return MVMCost(energy, read_J, window_s + reads * costs.adc_s, layer.tiles)


def model_cost(
    model: nn.Module, mean_pulse: float = 0.25, costs: TileCosts | None = None
) -> dict[str, MVMCost]:
    """Cost of one input vector through every layer on tiles, by name."""
    return {n: layer_cost(m, mean_pulse, costs) for n, m in analog_layers(model).items()}
