"""Parameters of one layer of physical neurons, all dimensionless.

Time is in units of the phase T; the membrane is 0 at reset and 1 at threshold.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from codesign.pnn.firing_curve import FiringCurve
from codesign.scalars import set_floats

_POLYNOMIALS = (
    "kick_plus",
    "kick_minus",
    "slope_plus",
    "slope_minus",
    "curvature_plus",
    "curvature_minus",
)
# Neuron that moves, neuron that moves it, share.
Coupling = tuple[int, int, float]

_PER_NEURON = ("v_start", "firing_offset")
_NUMBERS = (
    *("e_plus", "e_minus", "leak", "kick", "kick_per_weight_plus", "kick_per_weight_minus"),
    *("w_ref", "w_most", "t_end", "e_dis", "series", "off_plus", "off_minus", *_PER_NEURON),
)
_FINITE = ("kick", "kick_per_weight_plus", "kick_per_weight_minus", "off_plus", "off_minus")


@dataclass(frozen=True)
class PNNParameters:
    """What one layer's circuit does, arXiv:2412.09010 with terms that fitted circuits need.

        dv/dt = -leak v + sum_j w_j H(t - t_j) (1 - v/E_j + c_j v^2),   v(0) = v_start

    up to t_end; each spike that arrives in [0, t_end) adds kick + kick_per_weight w_j to v.
    With u = sqrt(|w|/w_ref) - 1 and the values of the weight's sign:
    1/E = 1/e + slope[0] u + slope[1] u^2 + ..., c = curvature[0] + curvature[1] u + ...
    Beyond |w| = w_most u stays what it is there: polynomials hold where they were fitted.

    e_plus, e_minus: reversal potentials of positive and negative weights; +-inf: ideal sum.
    kick_per_weight_*: minus the turn-on delay, in phases.
    kick_plus, kick_minus: polynomials in u, added to the kick where the weight is not 0: what nodes
        inside a synapse take with them when it turns on, or off at the end of accumulation.
    t_end: end of accumulation; spikes from there on contribute nothing.
    e_dis: reversal potential of the discharger (inf: constant current), unless firing_curve
        gives the spike time as a table.
    firing_offset: added to the membrane before the firing law is applied.
    series: in phases, resistance between the membrane and its synapses times the membrane's
        capacitance: synapses see v + series dv/dt.
    off_plus, off_minus: what a synapse of a positive or negative weight carries until its spike
        arrives, as a weight: leakage.
    gate: (shift, lag, at, width), what a gate that closes at t_end adds to a membrane that moves
        then: (shift + lag / (1 + ((v - at)/width)^2)) dv/dt, in phases. Its resistance, largest in
        the middle of the membrane's range, keeps some of the charge on the other side.
    coupling: (i, j, share): the membrane of neuron i (from 0) takes `share` times the movement of
        neuron j; C_ij/C of a capacitance between them, to first order. Not a circle: j's own v
        counts. `codesign.pnn.surroundings` has what is left of it at t_end.

    v_start and firing_offset are one value, or a tuple with one per neuron.
    """

    e_plus: float = math.inf
    e_minus: float = -math.inf
    leak: float = 0.0
    kick: float = 0.0
    kick_per_weight_plus: float = 0.0
    kick_per_weight_minus: float = 0.0
    kick_plus: tuple[float, ...] = ()
    kick_minus: tuple[float, ...] = ()
    slope_plus: tuple[float, ...] = ()
    slope_minus: tuple[float, ...] = ()
    curvature_plus: tuple[float, ...] = ()
    curvature_minus: tuple[float, ...] = ()
    w_ref: float = 0.25
    w_most: float = math.inf
    v_start: float | tuple[float, ...] = 0.0
    t_end: float = 1.0
    e_dis: float = math.inf
    firing_curve: FiringCurve | None = None
    firing_offset: float | tuple[float, ...] = 0.0
    series: float = 0.0
    off_plus: float = 0.0
    off_minus: float = 0.0
    gate: tuple[float, ...] = ()
    coupling: tuple[Coupling, ...] = ()

    def __post_init__(self) -> None:
        set_floats(self, *_NUMBERS)
        for name in _POLYNOMIALS:
            object.__setattr__(self, name, tuple(float(x) for x in getattr(self, name)))
            if not all(map(math.isfinite, getattr(self, name))):
                raise ValueError(f"{name} must be finite")
        if not self.e_plus > 0:
            raise ValueError(f"e_plus must be positive (inf for an ideal sum), not {self.e_plus}")
        if not self.e_minus < 0:
            raise ValueError(f"e_minus must be negative (-inf: ideal sum), not {self.e_minus}")
        if not self.e_dis > 1:
            raise ValueError(f"e_dis must be above 1 (inf: constant current), not {self.e_dis}")
        if not (self.leak >= 0 and math.isfinite(self.leak)):
            raise ValueError(f"leak must be at least 0 and finite, not {self.leak}")
        if not (self.w_ref > 0 and math.isfinite(self.w_ref)):
            raise ValueError(f"w_ref must be positive and finite, not {self.w_ref}")
        if not self.w_most > 0:
            raise ValueError(f"w_most must be positive (inf: no limit), not {self.w_most}")
        if not 0 < self.t_end <= 2:
            raise ValueError(f"t_end must be in (0, 2], in units of the phase, not {self.t_end}")
        for name in _PER_NEURON:
            value = getattr(self, name)
            if isinstance(value, Sequence) and not isinstance(value, str):
                object.__setattr__(self, name, tuple(float(x) for x in value))
                if not value or not all(map(math.isfinite, getattr(self, name))):
                    raise ValueError(f"{name} needs one finite value per neuron, not {value}")
            elif not math.isfinite(value):
                raise ValueError(f"{name} must be finite, not {value}")
        for name in _FINITE:
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, not {getattr(self, name)}")
        if not (0 <= self.series < 0.1):
            raise ValueError(f"series must be in [0, 0.1) phases, not {self.series}")
        object.__setattr__(self, "gate", _gate(self.gate))
        object.__setattr__(self, "coupling", tuple(map(_coupling, self.coupling)))
        if self.firing_curve is not None and not isinstance(self.firing_curve, FiringCurve):
            raise ValueError("firing_curve must be a FiringCurve or None")

    @property
    def has_kick(self) -> bool:
        """Whether arriving spikes move charge."""
        shared = (self.kick, self.kick_per_weight_plus, self.kick_per_weight_minus)
        return any((*shared, *self.kick_plus, *self.kick_minus))

    @property
    def has_curvature(self) -> bool:
        """Whether the synapse current has a part quadratic in v."""
        return any(self.curvature_plus) or any(self.curvature_minus)

    @property
    def is_surrounded(self) -> bool:
        """Whether something is added to what arriving spikes alone give."""
        return bool(self.coupling or self.has_off or self.gate)

    @property
    def has_off(self) -> bool:
        """Whether synapses carry current before their spikes arrive."""
        return bool(self.off_plus or self.off_minus)

    def of_neurons(self, first: int, stop: int) -> PNNParameters:
        """Those of some neurons of a layer. Raises ValueError when others are coupled to them."""
        inside = [first <= i < stop and first <= j < stop for i, j, _ in self.coupling]
        outside = [not first <= i < stop and not first <= j < stop for i, j, _ in self.coupling]
        if not all(a or b for a, b in zip(inside, outside, strict=True)):
            raise ValueError(f"coupling crosses the borders of neurons {first} to {stop - 1}")
        kept = [x for x, own in zip(self.coupling, inside, strict=True) if own]
        coupling = tuple((i - first, j - first, share) for i, j, share in kept)
        own = {name: getattr(self, name) for name in _PER_NEURON}
        cut: dict[str, Any] = {k: x[first:stop] for k, x in own.items() if isinstance(x, tuple)}
        return replace(self, coupling=coupling, **cut)

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe content: infinities as text, tuples as lists."""
        out: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, FiringCurve):
                value = {
                    "v_knots": list(value.v_knots),
                    "t_knots": list(value.t_knots),
                    "dt_dv": None if value.dt_dv is None else list(value.dt_dv),
                }
            elif isinstance(value, tuple):
                value = [list(x) if isinstance(x, tuple) else x for x in value]
            elif isinstance(value, float) and math.isinf(value):
                value = "inf" if value > 0 else "-inf"
            out[field.name] = value
        return out

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> PNNParameters:
        """Inverse of `to_dict`; missing keys take their defaults, unknown ones are refused."""
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {}
        for key, value in content.items():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ValueError(f"unknown PNN parameter {key!r}{hint}")
            try:
                values[key] = _parse(key, value)
            except (TypeError, ValueError, KeyError) as error:
                raise ValueError(f"PNN parameter {key}: {error}") from error
        return cls(**values)


def _gate(values: Sequence[float]) -> tuple[float, ...]:
    """Checked values of `gate`."""
    found = tuple(float(x) for x in values)
    if found and (len(found) != 4 or not all(map(math.isfinite, found)) or not found[3] > 0):
        raise ValueError(f"gate needs shift, lag, at and a positive width, not {values}")
    return found


def _coupling(entry: Sequence[float]) -> Coupling:
    """A checked entry of `coupling`."""
    moved, mover, share = entry
    if moved != int(moved) or mover != int(mover) or min(moved, mover) < 0 or moved == mover:
        raise ValueError(f"coupling needs two different neurons, from 0, not {moved} and {mover}")
    if not abs(share) < 1:
        raise ValueError(f"a coupling's share must be smaller than 1 in size, not {share}")
    return int(moved), int(mover), float(share)


def _parse(key: str, value: Any) -> Any:
    if key == "coupling":
        return tuple(tuple(entry) for entry in value)
    if key == "firing_curve":
        return None if value is None else FiringCurve(**value)
    if key in (*_POLYNOMIALS, "gate"):
        return tuple(float(x) for x in value)
    if key in _PER_NEURON and isinstance(value, (list, tuple)):
        return tuple(float(x) for x in value)
    return float(value)
