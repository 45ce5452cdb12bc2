"""`codesign regression`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from codesign.cli.options import common_options, where_options
from codesign.cli.output import Output


@click.command()
@click.option(
    "--reference",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder with model.json, biases.csv and regression.toml; the shipped iris by default.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of kept simulation results; without it, everything is simulated.",
)
@where_options
@common_options
def regression(
    reference: Path | None, cache: Path | None, workers: int, dask: str | None
) -> Output:
    """Check model against SPICE on a small closed loop; exits with 1 when they drift apart."""
    from codesign.pdk import default_process
    from codesign.progress import reporter
    from codesign.resources import resource_dir
    from codesign.verify.regression import run_regression

    folder = reference or resource_dir("characterization") / "iris"
    with reporter() as display:
        report = run_regression(
            folder, default_process(), cache_dir=cache, workers=dask or workers, progress=display
        )
    return Output(report.as_json(), report.text, report.failure)
