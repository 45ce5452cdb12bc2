"""A step, a kind of design and a simulator of one's own."""

from __future__ import annotations

COUNT = """
from codesign.designs import Design
from codesign.flow import STEPS, Step, StepReport, register_steps


def run(context):
    netlist = context.run_dir / "netlist" / f"{context.design.name}.spice"
    instances = sum(line[:1] in "xX" for line in netlist.read_text().splitlines())
    context.path("count", "instances.txt").write_text(f"{instances}\\n")
    return StepReport({"instances": instances})


COUNT = Step(
    name="count",
    title="counting instances",
    run=run,
    design=("name",),
    inputs=("netlist/*.spice",),
    outputs=("count/instances.txt",),
)
register_steps(Design, lambda design: (*STEPS, COUNT))
"""


def test_a_step_joins_those_of_a_kind(place):
    plugin = place.write("count.py", COUNT)
    place.write("d.toml", 'name = "d"\n')
    options = ("--plugin", "count.py", "run", "d.toml", "--from", "count")
    early = place.codesign(*options)
    assert early.returncode == 2 and "count needs" in early.stderr
    assert "codesign generate d.toml" in early.stderr
    place.done("--plugin", "count.py", "generate", "d.toml")
    step = place.done(*options)["steps"][0]
    assert step["status"] == "done" and step["summary"]["instances"] > 10
    assert place.done(*options)["steps"][0]["status"] == "up to date"
    plugin.write_text(COUNT.replace('"xX"', '"xXrR"'))
    assert place.done(*options)["steps"][0]["reason"] == "code changed"
    unknown = place.codesign("run", "d.toml", "--from", "count")
    assert unknown.returncode == 2 and "unknown step 'count'" in unknown.stderr


DIVIDER = """
from typing import ClassVar, Literal

from pydantic import Field

from codesign.designs import DesignFile, register_design
from codesign.flow import Step, StepReport, register_steps
from codesign.pdk import default_process
from codesign.records import Name
from codesign.spice import Deck, OperatingPoint, run_batch
from codesign.units import Ohms


@register_design
class Divider(DesignFile):
    kind_name: ClassVar[str] = "divider"
    kind: Literal["divider"] = Field(description="two resistors")
    name: Name = Field(description="of the run directory")
    upper: Ohms = Field(1e3, gt=0, description="from the source to the middle")
    lower: Ohms = Field(3e3, gt=0, description="from the middle to ground")


def run(context):
    d = context.design
    deck = Deck(d.name, f"v1 a 0 1\\nr1 a m {d.upper:g}\\nr2 m 0 {d.lower:g}")
    found = run_batch(deck, OperatingPoint(("v(m)",)), process=default_process(), timeout_s=30)
    middle = float(found.waveforms["v(m)"][0])
    context.path("middle.txt").write_text(f"{middle:.6f}\\n")
    return StepReport({"middle_V": middle})


SOLVE = Step(
    name="solve", title="solving", run=run, design=("name", "upper", "lower"),
    outputs=("middle.txt",), tools=("ngspice",), requires=("ngspice",),
)
register_steps(Divider, lambda _: (SOLVE,))
"""
DIVIDED = 'kind = "divider"\nname = "half"\nupper = "2kohm"\nlower = "6kohm"\n'


def test_a_kind_of_design_brings_its_steps(place, requires_ngspice):
    place.write("divider.py", DIVIDER)
    place.write("half.toml", DIVIDED)
    step = place.done("--plugin", "divider.py", "run", "half.toml")["steps"][0]
    assert step["name"] == "solve" and abs(step["summary"]["middle_V"] - 0.75) < 1e-6
    place.write("half.toml", DIVIDED.replace("2kohm", "2kV"))
    wrong = place.codesign("--plugin", "divider.py", "run", "half.toml")
    assert wrong.returncode == 2 and "upper" in wrong.stderr and "ohm" in wrong.stderr
    listed = place.codesign("--plugin", "divider.py", "keys", "divider").stdout
    assert 'lower = "3kohm"' in listed and "from the middle to ground" in listed
    unknown = place.codesign("run", "half.toml")
    assert unknown.returncode == 2 and '"tile"' in unknown.stderr


RECORDER = """
from pathlib import Path

from codesign.spice import NgspiceSimulator, Simulator, register_simulator


class Recorder(Simulator):
    name = "recorder"

    def __init__(self):
        self.inner = NgspiceSimulator()

    def version(self):
        return self.inner.version()

    def run(self, deck, analysis, *, process, **options):
        Path("decks").mkdir(exist_ok=True)
        text = deck.text(analysis, models=deck.models(process))
        Path("decks", f"{deck.title}.spice").write_text(text)
        return self.inner.run(deck, analysis, process=process, **options)


register_simulator("recorder", Recorder)
"""


def test_a_simulator_records_every_deck(place, requires_ngspice):
    place.write("divider.py", DIVIDER)
    place.write("recorder.py", RECORDER)
    place.write("half.toml", DIVIDED)
    variables = {"CODESIGN_SIMULATOR": "recorder", "CODESIGN_PLUGINS": "divider.py:recorder.py"}
    step = place.done("run", "half.toml", **variables)["steps"][0]
    assert abs(step["summary"]["middle_V"] - 0.75) < 1e-6
    assert "r2 m 0 6000" in (place.folder / "decks/half.spice").read_text()
