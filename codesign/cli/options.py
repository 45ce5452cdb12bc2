"""Options that commands share: --json and --debug everywhere, DESIGN and --run-dir for steps."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codesign.cli.output import DEBUG_KEY, JSON_KEY

if TYPE_CHECKING:
    from codesign.designs import Design, DesignFile

Command = Callable[..., Any]


@dataclass(frozen=True)
class StepSettings:
    """What every step command is given: DESIGN, --run-dir, --seed, --force, --workers, --view,
    --dask."""

    design_file: Path
    run_dir: Path | None
    seed: int | None
    force: bool
    workers: int
    view: str | None = None
    dask: str | None = None

    @property
    def jobs(self) -> int | str:
        """Where simulations run: so many processes here, or a Dask scheduler's workers."""
        return self.dask or self.workers

    def network_design(self, command: str, **overrides: Any) -> Design:
        """The design, which has to be a network's with a circuit."""
        from codesign.designs import Design
        from codesign.errors import InputError

        design = self.design(**overrides)
        if not isinstance(design, Design) or design.model is not None:
            raise InputError(
                f"{self.design_file} has no circuit of a network: {command} does not apply",
                remedy="use it with a design that has [network]",
            )
        return design

    def design(self, **overrides: Any) -> DesignFile:
        """The design with --seed and other overrides (dotted keys; None is no override)."""
        from codesign.designs import load_design

        design = load_design(self.design_file)
        if self.seed is not None:
            design = design.with_seed(self.seed)
        overrides["view"] = self.view
        given = {key: value for key, value in overrides.items() if value is not None}
        return design.override(given) if given else design

    def directory(self, design: DesignFile) -> Path:
        return self.run_dir or Path("build") / design.name


def _remember(key: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def callback(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta[key] = True

    return callback


def common_options(function: Command) -> Command:
    """--json and --debug."""
    function = click.option(
        *("-v", "--debug"),
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_remember(DEBUG_KEY),
        help="Show the traceback of an error.",
    )(function)
    return click.option(
        "--json",
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_remember(JSON_KEY),
        help="Print one JSON document on standard output; progress goes to standard error.",
    )(function)


def where_options(function: Command) -> Command:
    """--workers and --dask: where simulations run."""
    function = click.option(
        "--dask",
        metavar="ADDRESS",
        help="Simulate on the workers of this Dask scheduler (tcp://...), instead of here.",
    )(function)
    return click.option(
        "--workers",
        type=click.IntRange(1),
        default=lambda: len(os.sched_getaffinity(0)),
        show_default="one per core",
        help="Simulations at the same time.",
    )(function)


def step_options(function: Command) -> Command:
    """DESIGN and the options of every step; the command gets them as one `StepSettings`."""

    @functools.wraps(function)
    def command(
        design_file: Path,
        run_dir: Path | None,
        seed: int | None,
        force: bool,
        workers: int,
        view: str | None,
        dask: str | None,
        **others: Any,
    ) -> Any:
        settings = StepSettings(design_file, run_dir, seed, force, workers, view, dask)
        return function(settings, **others)

    decorators = (
        click.argument("design_file", metavar="DESIGN", type=click.Path(path_type=Path)),
        click.option(
            "--run-dir",
            type=click.Path(path_type=Path, file_okay=False),
            help="Run directory.  [default: build/<design name>]",
        ),
        click.option(
            "--seed",
            type=click.IntRange(1, 2**31 - 1),
            help="Seed of training and, where the design has random variation, of the chip.",
        ),
        click.option(
            "--view",
            type=click.Choice(["schematic", "layout"]),
            help="View of the cells to work on, instead of the design's.",
        ),
        click.option("--force", is_flag=True, help="Run also what is up to date."),
        where_options,
        common_options,
    )
    wrapped: Command = command
    for decorate in reversed(decorators):
        wrapped = decorate(wrapped)
    return wrapped
