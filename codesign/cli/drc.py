"""`codesign drc LAYOUT`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from codesign.cli.options import common_options
from codesign.cli.output import Output


@click.command()
@click.argument("layout", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--top", metavar="CELL", help="Cell to check; needed where there are several tops.")
@click.option(
    *("-o", "--output"),
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report there as JSON.",
)
@common_options
def drc(layout: Path, top: str | None, output: Path | None) -> Output:
    """Check a layout against the design rules; exits with 1 on violations.

    Density and antenna rules are not checked.
    """
    from codesign.errors import CheckFailed
    from codesign.layout.drc import check_drc, write_drc_json

    report = check_drc(layout, top)
    if output is not None:
        write_drc_json(report, output)
    failure = None if report.ok else CheckFailed(f"{layout}: {report.total} rule violations")
    return Output(report.as_json(), report.text(), failure)
