"""The group `codesign` and its subcommands."""

from __future__ import annotations

import rich_click as click

import codesign
from codesign.cli.calibrate import calibrate
from codesign.cli.chip_yield import chip_yield
from codesign.cli.completion import completion
from codesign.cli.doctor import doctor
from codesign.cli.drc import drc
from codesign.cli.extract import extract
from codesign.cli.init import init
from codesign.cli.keys import keys
from codesign.cli.lvs import lvs
from codesign.cli.map import map_weights
from codesign.cli.output import CodesignGroup
from codesign.cli.pdk import pdk
from codesign.cli.regression import regression
from codesign.cli.run import run
from codesign.cli.signoff import signoff
from codesign.cli.steps import step_command
from codesign.cli.verify import verify
from codesign.plugins import load_plugins


@click.group(cls=CodesignGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(codesign.__version__, prog_name="codesign")
@click.option(
    "--plugin",
    "plugins",
    metavar="FILE_OR_MODULE",
    multiple=True,
    help="A Python file or module of your own, which registers cells, data sets, model neurons, "
    "designs or steps; may be given several times.  [env: CODESIGN_PLUGINS]",
)
def cli(plugins: tuple[str, ...]) -> None:
    """Analog in-memory computing: circuit, model and network in one loop closed by SPICE.

    Start with `codesign init NAME`, then `codesign run NAME.toml`. Results are in
    build/<design name>/. Exit codes: 0 done; 1 a check failed; 2 bad input or usage; 3 a tool
    is missing or failed.
    """
    load_plugins(plugins)


STEP_COMMANDS = {
    "generate": "Write the netlists of a design's cells; in the layout view also draw, check "
    "(design rules, schematic, ports) and extract them.",
    "simulate": "Run the characterisation sweeps of a design's plan in ngspice.",
    "fit": "Fit the model's parameters to the simulated tables; write the cells' datasheet.",
    "train": "Train the network, with the fitted parameters inside where there is a circuit.",
}

for command in (
    *(init, run, *(step_command(name, text) for name, text in STEP_COMMANDS.items())),
    *(map_weights, verify, calibrate, chip_yield, signoff),
    *(keys, drc, extract, lvs, doctor, pdk, regression, completion),
):
    cli.add_command(command)


def main() -> None:
    cli(prog_name="codesign")
