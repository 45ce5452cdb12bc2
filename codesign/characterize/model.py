"""The fitted model of a circuit: physical parameters with errors, and the network model they make.

Stored as fit/model.json. Nothing dimensionless is stored twice: weights follow from currents
through C_eff, V_th and the phase, so that changing one parameter in the file changes the model.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from codesign.characterize.knob_curve import KnobCurve
from codesign.characterize.membrane import Membrane
from codesign.errors import DataError
from codesign.files import write_atomic
from codesign.pnn import FiringCurve, PNNParameters

SCHEMA_VERSION = 2
FORMS = ("linear", "extended")


@dataclass(frozen=True)
class Estimate:
    """A fitted value in `unit` with its standard error (None where a fit does not give one)."""

    value: float
    standard_error: float | None
    unit: str


@dataclass(frozen=True)
class LayerForm:
    """One model form of one layer. `pnn` is dimensionless except for what C_eff scales.

    `c_relative`: capacitance of each neuron over `c_eff_F`; empty where all are equal. `membrane`:
    what its v is of the voltage. `residual_ns`, `holdout_ns`: rms error of the firing time on the
    fitted runs and on runs that were left out; `max_ns`: largest; `parameters`: physical values
    with standard errors.
    """

    c_eff_F: float
    pnn: PNNParameters
    parameters: dict[str, Estimate]
    residual_ns: float
    holdout_ns: float
    max_ns: float
    trials: int
    c_relative: tuple[float, ...] = ()
    membrane: Membrane = field(default_factory=Membrane)


@dataclass(frozen=True)
class LayerModel:
    """All forms of one layer of neurons; `layer` counts from 1."""

    layer: int
    fan_in: int
    fan_out: int
    forms: dict[str, LayerForm]


@dataclass(frozen=True)
class Validity:
    """Range that the calibration covers: end voltage of the membrane, currents, firing times."""

    v_mem_V: tuple[float, float]
    i_synapse_A: tuple[float, float]
    t_fire_s: tuple[float, float]


@dataclass(frozen=True)
class FittedModel:
    """Everything the trainer, the mapping and the verification need to know of a circuit, and the
    conditions that it was characterised at."""

    corner: str
    temperature_C: float
    supply_V: float
    t_phase_s: float
    v0_V: float
    v_th_V: float
    currents: dict[str, KnobCurve]
    layers: tuple[LayerModel, ...]
    validity: Validity
    characterised: dict[str, Estimate]
    interconnect: str = "nom"
    variation: str = "none"
    seed: int = 1

    def parameters(self, form: str = "extended") -> list[PNNParameters]:
        """Dimensionless parameters of every layer. `form`: linear (the papers') or extended."""
        return [layer.forms[form].pnn for layer in self.layers]

    def current_scale_A(self, layer: int, form: str = "extended") -> float:
        """Current of weight 1 in a layer (counted from 1): C_eff V_th / T [arXiv:2412.09010]."""
        return self.layers[layer - 1].forms[form].c_eff_F * self.v_th_V / self.t_phase_s

    def current_scales_A(self, layer: int, form: str = "extended") -> np.ndarray:
        """`current_scale_A` of each neuron, (neurons, 1), or (1, 1) where all are equal."""
        relative = self.layers[layer - 1].forms[form].c_relative or (1.0,)
        return self.current_scale_A(layer, form) * np.array(relative)[:, None]

    def averaged(self) -> FittedModel:
        """The model without what tells neurons apart, for networks of other widths."""
        layers = []
        for layer in self.layers:
            forms = {
                name: replace(
                    form,
                    c_relative=(),
                    pnn=replace(form.pnn, firing_offset=0.0, coupling=()),
                )
                for name, form in layer.forms.items()
            }
            layers.append(replace(layer, forms=forms))
        return replace(self, layers=tuple(layers))

    def summary(self) -> dict[str, Any]:
        """The leading figures, for a printed line."""
        figures: dict[str, Any] = {"v_th_V": self.v_th_V}
        for layer in self.layers:
            for form, fitted in layer.forms.items():
                figures[f"layer_{layer.layer}_{form}_residual_ns"] = fitted.residual_ns
        return figures

    def save(self, path: Path) -> None:
        """Write the model as JSON, whole or not at all."""
        data = {"schema_version": SCHEMA_VERSION, **asdict(self)}
        for layer, stored in zip(self.layers, data["layers"], strict=True):
            for form, fitted in layer.forms.items():
                stored["forms"][form]["pnn"] = fitted.pnn.to_dict()
        write_atomic(path, json.dumps(data, indent=1, allow_nan=False) + "\n")

    @classmethod
    def load(cls, path: Path) -> FittedModel:
        """Read a model file. Raises DataError naming the file and what is wrong with it."""
        remedy = "run `codesign fit` again"
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise DataError(f"{path}: there is no fitted model", remedy=remedy) from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise DataError(f"{path} is damaged: {error}", remedy=remedy) from error
        # Version 1 had bias voltages at the gates of two polarities only.
        if not isinstance(data, dict) or data.get("schema_version") not in (1, SCHEMA_VERSION):
            raise DataError(f"{path}: schema_version is not {SCHEMA_VERSION}", remedy=remedy)
        try:
            return _from_dict(data)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            what = f"key {error} is missing" if isinstance(error, KeyError) else str(error)
            raise DataError(f"{path} is not a fitted model: {what}", remedy=remedy) from error


def _from_dict(data: dict[str, Any]) -> FittedModel:
    layers = []
    for entry in data["layers"]:
        forms = {
            form: LayerForm(
                c_eff_F=float(fitted["c_eff_F"]),
                pnn=PNNParameters.from_dict(fitted["pnn"]),
                parameters={k: Estimate(**v) for k, v in fitted["parameters"].items()},
                residual_ns=float(fitted["residual_ns"]),
                holdout_ns=float(fitted["holdout_ns"]),
                max_ns=float(fitted["max_ns"]),
                trials=int(fitted["trials"]),
                c_relative=tuple(map(float, fitted.get("c_relative", ()))),
                membrane=_membrane(fitted),
            )
            for form, fitted in entry["forms"].items()
        }
        if not set(FORMS) <= set(forms):
            raise ValueError(f"layer {entry['layer']} lacks one of the forms {', '.join(FORMS)}")
        for form, fitted in forms.items():
            _positive(fitted.c_eff_F, f"c_eff_F of layer {entry['layer']}, {form},")
            if fitted.pnn.firing_curve is None:
                raise ValueError(f"layer {entry['layer']}, {form}, has no firing_curve")
        layers.append(LayerModel(entry["layer"], entry["fan_in"], entry["fan_out"], forms))
    if not layers or [layer.layer for layer in layers] != list(range(1, len(layers) + 1)):
        raise ValueError("layers are not numbered 1, 2, ...")
    currents = {p: _curve(p, stored, data) for p, stored in data["currents"].items()}
    if not currents or not set(currents) <= {"n", "p"}:
        raise ValueError("currents needs n, p or both")
    if data["schema_version"] == 1 and len(currents) != 2:
        raise ValueError("currents needs n and p")
    ranges = {key: (float(low), float(high)) for key, (low, high) in data["validity"].items()}
    validity = Validity(**ranges)
    return FittedModel(
        corner=str(data["corner"]),
        temperature_C=float(data["temperature_C"]),
        supply_V=_positive(data["supply_V"], "supply_V"),
        t_phase_s=_positive(data["t_phase_s"], "t_phase_s"),
        v0_V=_positive(data["v0_V"], "v0_V"),
        v_th_V=_positive(data["v_th_V"], "v_th_V"),
        currents=currents,
        layers=tuple(layers),
        validity=validity,
        characterised={k: Estimate(**v) for k, v in data["characterised"].items()},
        # Files without them are of the nominal circuit.
        interconnect=str(data.get("interconnect", "nom")),
        variation=str(data.get("variation", "none")),
        seed=int(data.get("seed", 1)),
    )


def _membrane(fitted: dict[str, Any]) -> Membrane:
    if "membrane" in fitted:
        return Membrane(**{key: tuple(map(float, x)) for key, x in fitted["membrane"].items()})
    # Files without it have C(v) as two parameters.
    bend = (fitted["parameters"].get(f"capacitance_{k}", {"value": 0.0}) for k in (1, 2))
    return Membrane.bent(*(float(x["value"]) for x in bend))


def _curve(polarity: str, stored: dict[str, Any], data: dict[str, Any]) -> KnobCurve:
    if data["schema_version"] == 1:
        off = 0.0 if polarity == "n" else float(data["supply_V"])
        stored = {"values": stored["bias_V"], "i0_A": stored["i0_A"], "off": off, "unit": "V"}
    values, i0_A = (tuple(map(float, stored[key])) for key in ("values", "i0_A"))
    steps = np.diff(i0_A)
    if len(values) != len(i0_A) or len(values) < 4:
        raise ValueError(f"currents.{polarity} needs the same number of both, at least 4")
    if not (np.diff(values) > 0).all():
        raise ValueError(f"currents.{polarity}.values does not rise")
    if not (min(i0_A) > 0 and (np.all(steps > 0) or np.all(steps < 0))):
        raise ValueError(f"currents.{polarity}.i0_A is not positive and monotone")
    return KnobCurve(values, i0_A, float(stored["off"]), str(stored["unit"]))


def _positive(value: Any, name: str) -> float:
    """`value` as a float. Raises ValueError when it is not a positive finite number."""
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError(f"{name} must be positive and finite, not {number:g}")
    return number


def firing_curve(v: np.ndarray, t: np.ndarray, dt_dv: np.ndarray) -> FiringCurve:
    """A firing curve through points of a fitted formula with its slope; v rises, t falls."""
    return FiringCurve(tuple(map(float, v)), tuple(map(float, t)), tuple(map(float, dt_dv)))
