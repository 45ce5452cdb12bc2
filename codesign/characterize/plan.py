"""Sweep plans: which characterisation sweeps are run, over which ranges, from a TOML file.

A plan is a list of `[[sweep]]` tables. Each has a `kind`, a `name` that becomes the file name of
its table, a `timeout` per simulation, and the ranges of its kind as {start, stop, step} with units.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from codesign.cells.base import View
from codesign.cells.knobs import Knob
from codesign.characterize.ranges import OffsetRange, VoltageRange, offsets, voltages
from codesign.records import Name, Record, own_file, parse_toml, read_text, validate
from codesign.resources import resource_dir
from codesign.units import Amperes, Quantity, Seconds

VoltsPerSecond = Annotated[float, Quantity("V/s"), Field(gt=0)]
Timeout = Annotated[Seconds, Field(gt=0, le=86400)]


class SweepBase(Record):
    """What every sweep has. `timeout` bounds one simulation; a sweep with a `view` is run only
    when that view of the cells is characterised."""

    name: Name = Field(description="becomes the file name of its table")
    timeout: Timeout = Field(60.0, description="longest duration of one simulation")
    view: View | None = Field(None, description="only where this view is characterised")


class SynapseCurrentSweep(SweepBase):
    """DC current of one polarity with its line on, against membrane and knob.

    The knobs' ranges are the synapse's own, unless the plan has others for biases.
    """

    kind: Literal["synapse_current"] = Field(description="kind of sweep")
    polarities: tuple[Literal["n", "p"], ...] = Field(
        ("n", "p"), min_length=1, description="signs of the weights, n positive, p negative"
    )
    v_mem: VoltageRange = Field(voltages(0.2, 1.75, 0.05), description="membrane")
    v_bias_n: VoltageRange | None = Field(
        None, description="bias of positive weights; the synapse's own range if left out"
    )
    v_bias_p: VoltageRange | None = Field(
        None, description="bias of negative weights; the synapse's own range if left out"
    )

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

    kind: Literal["discharger"] = Field(description="kind of sweep")
    v_mem: VoltageRange = Field(voltages(0.2, 1.75, 0.025), description="membrane")
    v_discharge_offset: OffsetRange = Field(
        offsets(0.05), description="gate of the discharger, from the design's v_discharge"
    )


class SensingThresholdSweep(SweepBase):
    """DC transfer of the powered sensing inverter, around the design's v_sense."""

    kind: Literal["sensing_threshold"] = Field(description="kind of sweep")
    v_mem: VoltageRange = Field(voltages(0.3, 0.75, 0.001), description="membrane")
    v_sense_offset: OffsetRange = Field(
        offsets(0.0), description="gate of the sensing bias, from the design's v_sense"
    )


class SensingDelaySweep(SweepBase):
    """Delay from the membrane passing the static threshold to the spike line, for ramps."""

    kind: Literal["sensing_delay"] = Field(description="kind of sweep")
    slopes: tuple[VoltsPerSecond, ...] = Field(
        (2e5, 4e5, 8e5, 1.6e6), min_length=1, description="fall of the membrane"
    )


class CapacitanceSweep(SweepBase):
    """Effective membrane capacitance with all synapses at zero weight: slope under `i_inject`."""

    kind: Literal["capacitance"] = Field(description="kind of sweep")
    v_mem: VoltageRange = Field(voltages(0.3, 1.65, 0.05), description="membrane")
    i_inject: Amperes = Field(
        100e-9, gt=0, le=10e-6, description="current whose slope is measured"
    )


class ChargeInjectionSweep(SweepBase):
    """Charge moved on the membrane by one spike line rising and falling, at zero weight."""

    kind: Literal["charge_injection"] = Field(description="kind of sweep")
    v_mem: VoltageRange = Field(voltages(0.45, 1.45, 0.125), description="membrane")


class LeakSweep(SweepBase):
    """Droop of the membrane over a phase with nothing on."""

    kind: Literal["leak"] = Field(description="kind of sweep")
    v_mem: VoltageRange = Field(voltages(0.45, 1.65, 0.2), description="membrane")


class TrialSweep(SweepBase):
    """Random trials: knobs and spike times drawn from `seed`.

    i_min, i_max: currents to draw; left out, those that weights of the design's membrane need.
    """

    timeout: Timeout = Field(300.0, description="longest duration of one simulation")
    runs: int = Field(30, ge=1, le=10000, description="decks, each with knobs of its own")
    trials: int = Field(4, ge=1, le=1000, description="samples in sequence in a deck")
    warmup: int = Field(1, ge=0, le=100, description="samples before them, not measured")
    i_min: Annotated[Amperes, Field(gt=0)] | None = Field(
        None, description="smallest current to draw; what the weights need if left out"
    )
    i_max: Annotated[Amperes, Field(gt=0, le=100e-6)] | None = Field(
        None, description="largest current to draw; what the weights need if left out"
    )
    seed: int = Field(1, ge=0, le=2**31 - 1, description="of knobs and spike times")

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.i_max is not None and self.i_min is not None and self.i_max <= self.i_min:
            raise ValueError(f"i_max = {self.i_max:g} A must be above i_min = {self.i_min:g} A")
        return self


class ColumnSweep(TrialSweep):
    """Random trials through a whole column and the neuron behind it, one deck per layer and run."""

    kind: Literal["column"] = Field(description="kind of sweep")


class NetworkSweep(TrialSweep):
    """Random trials of neurons as they are drawn, each a column cut out of the network: in every
    run other knobs and, in larger networks, other neurons."""

    kind: Literal["network"] = Field(description="kind of sweep")
    timeout: Timeout = Field(600.0, description="longest duration of one simulation")
    runs: int = Field(16, ge=1, le=10000, description="networks, each with knobs of its own")
    neurons: int = Field(
        8, ge=1, le=1024, description="neurons of each layer to simulate in a run, at most"
    )
    trials: int = Field(5, ge=1, le=1000, description="samples in sequence in a deck")


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


_WHERE = (
    "name in `characterization.plan` a file beside the design, `plan.toml`, or a plan of the "
    "folder characterization/ without its ending"
)


class SweepPlan(Record):
    """Sweeps in the order in which they are run."""

    sweep: tuple[Sweep, ...] = Field(min_length=1, description="the sweeps, each by its kind")

    @classmethod
    def load(cls, path: Path) -> SweepPlan:
        """The plan in a file. Raises DesignError naming file, key and what is allowed."""
        text = read_text(path, "sweep plan", remedy=_WHERE)
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
