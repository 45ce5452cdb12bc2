"""The group `codesign` and its subcommands."""

from __future__ import annotations

import rich_click as click

import codesign
from codesign.cli.completion import completion
from codesign.cli.doctor import doctor
from codesign.cli.drc import drc
from codesign.cli.extract import extract
from codesign.cli.fit import fit
from codesign.cli.generate import generate
from codesign.cli.init import init
from codesign.cli.lvs import lvs
from codesign.cli.output import CodesignGroup
from codesign.cli.pdk import pdk
from codesign.cli.regression import regression
from codesign.cli.run import run
from codesign.cli.simulate import simulate
from codesign.cli.train import train
from codesign.cli.verify import verify


@click.group(cls=CodesignGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(codesign.__version__, prog_name="codesign")
def cli() -> None:
    """Analog in-memory computing: circuit, model and network in one loop closed by SPICE.

    Start with `codesign init NAME`, then `codesign run NAME.toml`. Results are in
    build/<design name>/. Exit codes: 0 done; 1 a check failed; 2 bad input or usage; 3 a tool
    is missing or failed.
    """


for command in (
    *(init, run, generate, simulate, fit, train, verify),
    *(drc, extract, lvs, doctor, pdk, regression, completion),
):
    cli.add_command(command)


def main() -> None:
    cli(prog_name="codesign")
