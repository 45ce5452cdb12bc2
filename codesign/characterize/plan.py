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

from codesign.cells.views import View
from codesign.records import Name, Record, parse_toml, read_text, validate
from codesign.resources import resource_dir
from codesign.units import Amperes, Seconds, Siemens, Volts, parse_quantity

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


class ConductanceRange(Record):
    """Conductances from `start` to `stop`, both included, `points` of them, evenly in log."""

    start: Annotated[Siemens, Field(gt=0)]
    stop: Annotated[Siemens, Field(le=1e-3)]
    points: Annotated[int, Field(ge=2, le=MAX_POINTS)]

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.stop <= self.start:
            raise ValueError(f"stop = {self.stop:g} S must be above start = {self.start:g} S")
        return self

    @property
    def values(self) -> tuple[float, ...]:
        """The conductances in siemens."""
        return tuple(map(float, np.geomspace(self.start, self.stop, self.points)))


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
    """DC current of one pair with its selector on, against membrane and bias voltage.

    A resistive synapse has no bias; its conductance is swept instead.
    """

    kind: Literal["synapse_current"]
    polarities: Annotated[tuple[Literal["n", "p"], ...], Field(min_length=1)] = ("n", "p")
    v_mem: VoltageRange = _volts(0.2, 1.75, 0.05)
    v_bias_n: VoltageRange = _volts(0.2, 0.8, 0.02)
    v_bias_p: VoltageRange = _volts(0.8, 1.56, 0.02)
    conductance: ConductanceRange = ConductanceRange(start=1e-9, stop=2e-6, points=24)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.polarities)) != len(self.polarities):
            raise ValueError("polarities names one twice")
        return self


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
    """Random trials: biases and spike times drawn from `seed`."""

    timeout: Timeout = 300.0
    runs: Annotated[int, Field(ge=1, le=10000)] = 30
    trials: Annotated[int, Field(ge=1, le=1000)] = 4
    warmup: Annotated[int, Field(ge=0, le=100)] = 1
    i_min: Annotated[Amperes, Field(gt=0)] = 2e-9
    i_max: Annotated[Amperes, Field(gt=0, le=10e-6)] = 150e-9
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 1

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.i_max <= self.i_min:
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


def load_plan(name: str) -> SweepPlan:
    """A plan that comes with codesign: `characterization/<name>.toml`."""
    return SweepPlan.load(resource_dir("characterization") / f"{name}.toml")
