"""`codesign init NAME`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from codesign.cli.options import common_options
from codesign.cli.output import Output


@click.command()
@click.argument("name")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write it.  [default: <NAME>.toml]",
)
@common_options
def init(name: str, output: Path | None) -> Output:
    """Write a commented design file called NAME to start from."""
    from codesign.flow.template import write_design_file

    path = write_design_file(name, output or Path(f"{name}.toml"))
    return Output(
        {"name": name, "path": str(path)},
        f"wrote {path}; edit it, then: codesign run {path}",
    )
