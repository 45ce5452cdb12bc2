"""`codesign regression`."""

from __future__ import annotations

import rich_click as click

from codesign.cli.options import common_options
from codesign.cli.output import Output


@click.command()
@common_options
def regression() -> Output:
    """Check model against SPICE on a small closed loop; exits with 1 when they drift apart."""
    from codesign.progress import reporter
    from codesign.verify.regression import run_regression

    with reporter() as display:
        report = run_regression(progress=display)
    return Output(report.as_json(), report.text, report.failure)
