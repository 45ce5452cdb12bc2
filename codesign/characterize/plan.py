"""Sweep plans: which characterisation sweeps are run, over which ranges, from a TOML file.

A plan is a list of `[[sweep]]` tables. Each has a `kind`, a `name` that becomes the file name of
its table, a `timeout` per simulation, and the ranges of its kind as {start, stop, step} with units.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from codesign.cells.base import View
from codesign.cells.knobs import Knob
from codesign.records import Name, Record, own_file, parse_toml, read_text, validate
from codesign.resources import resource_dir
from codesign.units import Amperes, Seconds, Volts, parse_quantity

MAX_POINTS = 2000
VoltsPerSecond = Annotated[
    float, BeforeValidator(lambda value: parse_quantity(value, "V/s")), Field(gt=0)
]
Timeout = Annotated[Seconds, Field(gt=0, le=86400)]


class OffsetRange(Record):
    """Voltages from `start` to `stop`, both included, `step` apart; either sign."""

    start: Volts
    stop: Volts
    step: Volts

    @model_validator(mode="after")
    def _countable(self) -> Self:
        if self.step <= 0:
            raise ValueError(f"step = {self.step:g} V must be positive")
        if self.stop < self.start:
            raise ValueError(f"stop = {self.stop:g} V is below start = {self.start:g} V")
        if (self.stop - self.start) / self.step > MAX_POINTS:
            raise ValueError(f"step = {self.step:g} V makes more than {MAX_POINTS} points")
        return self

    @property
    def values(self) -> tuple[float, ...]:
        """The voltages, rounded to 1 nV so that equal ones of different sweeps compare equal."""
        points = int((self.stop - self.start) / self.step + 1e-6) + 1
        return tuple(round(float(v), 9) for v in self.start + self.step * np.arange(points))


class VoltageRange(OffsetRange):
    """Voltages within the process' supply range."""

    @model_validator(mode="after")
    def _in_supply(self) -> Self:
        for key, value in (("start", self.start), ("stop", self.stop)):
            if not 0 <= value <= 1.95:
                raise ValueError(f"{key} = {value:g} V is outside 0 .. 1.95 V")
        return self


def _volts(start: float, stop: float, step: float) -> VoltageRange:
    return VoltageRange(start=start, stop=stop, step=step)


def _offsets(reach: float) -> OffsetRange:
    return OffsetRange(start=0.0 - reach, stop=reach, step=0.05)


class SweepBase(Record):
    """What every sweep has. `timeout` bounds one simulation; a sweep with a `view` is run only
    when that view of the cells is characterised."""

    name: Name
    timeout: Timeout = 60.0
    view: View | None = None


class SynapseCurrentSweep(SweepBase):
    """DC current of one polarity with its line on, against membrane and knob.

    The knobs' ranges are the synapse's own, unless the plan has others for biases.
    """

    kind: Literal["synapse_current"]
    polarities: Annotated[tuple[Literal["n", "p"], ...], Field(min_length=1)] = ("n", "p")
    v_mem: VoltageRange = _volts(0.2, 1.75, 0.05)
    v_bias_n: VoltageRange | None = None
    v_bias_p: VoltageRange | None = None

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.polarities)) != len(self.polarities):
            raise ValueError("polarities names one twice")
        return self

    def knob_values(self, polarity: str, knob: Knob, supply_V: float) -> tuple[float, ...]:
        """Values to characterise."""
        given = self.v_bias_n if polarity == "n" else self.v_bias_p
        return given.values if knob.is_bias and given else knob.values(supply_V)


class DischargerSweep(SweepBase):
    """DC current that the membrane loses in the firing phase, around the design's v_discharge."""

    kind: Literal["discharger"]
    v_mem: VoltageRange = _volts(0.2, 1.75, 0.025)
    v_discharge_offset: OffsetRange = _offsets(0.05)


class SensingThresholdSweep(SweepBase):
    """DC transfer of the powered sensing inverter, around the design's v_sense."""

    kind: Literal["sensing_threshold"]
    v_mem: VoltageRange = _volts(0.3, 0.75, 0.001)
    v_sense_offset: OffsetRange = _offsets(0.0)


class SensingDelaySweep(SweepBase):
    """Delay from the membrane passing the static threshold to the spike line, for ramps."""

    kind: Literal["sensing_delay"]
    slopes: Annotated[tuple[VoltsPerSecond, ...], Field(min_length=1)] = (2e5, 4e5, 8e5, 1.6e6)


class CapacitanceSweep(SweepBase):
    """Effective membrane capacitance with all synapses at zero weight: slope under `i_inject`."""

    kind: Literal["capacitance"]
    v_mem: VoltageRange = _volts(0.3, 1.65, 0.05)
    i_inject: Annotated[Amperes, Field(gt=0, le=10e-6)] = 100e-9


class ChargeInjectionSweep(SweepBase):
    """Charge moved on the membrane by one spike line rising and falling, at zero weight."""

    kind: Literal["charge_injection"]
    v_mem: VoltageRange = _volts(0.45, 1.45, 0.125)


class LeakSweep(SweepBase):
    """Droop of the membrane over a phase with nothing on."""

    kind: Literal["leak"]
    v_mem: VoltageRange = _volts(0.45, 1.65, 0.2)


class TrialSweep(SweepBase):
    """Random trials: knobs and spike times drawn from `seed`.

    i_min, i_max: currents to draw; left out, those that weights of the design's membrane need.
    """

    timeout: Timeout = 300.0
    runs: Annotated[int, Field(ge=1, le=10000)] = 30
    trials: Annotated[int, Field(ge=1, le=1000)] = 4
    warmup: Annotated[int, Field(ge=0, le=100)] = 1
    i_min: Annotated[Amperes, Field(gt=0)] | None = None
    i_max: Annotated[Amperes, Field(gt=0, le=100e-6)] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.i_max is not None and self.i_min is not None and self.i_max <= self.i_min:
            raise ValueError(f"i_max = {self.i_max:g} A must be above i_min = {self.i_min:g} A")
        return self


class ColumnSweep(TrialSweep):
    """Random trials through a whole column and the neuron behind it, one deck per layer and run."""

    kind: Literal["column"]


class NetworkSweep(TrialSweep):
    """Random trials through the whole network: every neuron as it is drawn, one deck per run."""

    kind: Literal["network"]
    timeout: Timeout = 1200.0
    runs: Annotated[int, Field(ge=1, le=10000)] = 16
    trials: Annotated[int, Field(ge=1, le=1000)] = 5


Sweep = Annotated[
    SynapseCurrentSweep
    | DischargerSweep
    | SensingThresholdSweep
    | SensingDelaySweep
    | CapacitanceSweep
    | ChargeInjectionSweep
    | LeakSweep
    | ColumnSweep
    | NetworkSweep,
    Field(discriminator="kind"),
]


class SweepPlan(Record):
    """Sweeps in the order in which they are run."""

    sweep: Annotated[tuple[Sweep, ...], Field(min_length=1)]

    @classmethod
    def load(cls, path: Path) -> SweepPlan:
        """The plan in a file. Raises DesignError naming file, key and what is allowed."""
        text = read_text(path, "sweep plan", remedy="name a plan of the folder characterization/")
        return cls.from_text(text, str(path))

    @classmethod
    def from_text(cls, text: str, source: str = "sweep plan") -> SweepPlan:
        """The plan in a TOML text; `source` names it in messages."""
        return validate(cls, parse_toml(text, source), source)

    def of_view(self, view: View) -> tuple[Sweep, ...]:
        """The sweeps that characterise a view, in order."""
        return tuple(sweep for sweep in self.sweep if sweep.view in (None, view))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for view in View:
            _check(self.of_view(view))
        return self


def _check(sweeps: Sequence[Sweep]) -> None:
    seen: set[str] = set()
    synapse_known = False
    for sweep in sweeps:
        for table in table_names(sweep):
            if table.lower() in seen:
                raise ValueError(f"sweep {sweep.name!r}: the table {table} is written twice")
            seen.add(table.lower())
        if isinstance(sweep, TrialSweep) and not synapse_known:
            raise ValueError(
                f"sweep {sweep.name!r} of kind {sweep.kind} needs a sweep of kind "
                "synapse_current, both polarities, before it"
            )
        if isinstance(sweep, SynapseCurrentSweep):
            synapse_known |= len(sweep.polarities) == 2


def table_names(sweep: Sweep) -> tuple[str, ...]:
    """Tables that a sweep writes, without the .parquet."""
    if isinstance(sweep, TrialSweep):
        return (f"{sweep.name}_trials", f"{sweep.name}_inputs")
    return (sweep.name,)


def plan_path(name: str, folder: Path = Path()) -> Path:
    """File of a plan: one that comes with codesign, `characterization/<name>.toml`, or a file
    `name.toml` in the design's folder."""
    if name.endswith(".toml"):
        return own_file(folder, name, "characterization.plan")
    return resource_dir("characterization") / f"{name}.toml"


def load_plan(name: str, folder: Path = Path()) -> SweepPlan:
    """The plan of that name, see `plan_path`."""
    return SweepPlan.load(plan_path(name, folder))
