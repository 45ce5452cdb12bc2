"""`codesign lvs LAYOUT NETLIST`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from codesign.cli.options import common_options
from codesign.cli.output import Output


@click.command()
@click.argument("layout", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("netlist", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--top",
    metavar="CELL",
    help="Cell of the layout and subcircuit; needed where the layout has several top cells.",
)
@click.option(
    "--engine",
    type=click.Choice(["klayout", "netgen"]),
    default="klayout",
    show_default=True,
    help="netgen needs the program netgen-lvs.",
)
@click.option(
    *("-o", "--output"),
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the report there as JSON.",
)
@common_options
def lvs(layout: Path, netlist: Path, top: str | None, engine: str, output: Path | None) -> Output:
    """Compare a layout with its SPICE netlist; exits with 1 when they differ.

    Pins of the layout must be the ports of the subcircuit; where it has none, its labels.
    """
    from codesign.errors import CheckFailed
    from codesign.layout.extract import extract_circuit, only_top_cell
    from codesign.layout.lvs import compare, compare_with_netgen, read_circuit, write_lvs_json
    from codesign.progress import reporter

    top = top or only_top_cell(layout)
    schematic = read_circuit(netlist, top)
    with reporter() as display:
        extracted = extract_circuit(layout, top, mode="none", progress=display)
    report = (compare if engine == "klayout" else compare_with_netgen)(extracted, schematic)
    if output is not None:
        write_lvs_json(report, output)
    failure = None if report.match else CheckFailed(f"{layout} does not match {netlist}")
    # What a match does not say: a pin in two pieces is to be joined outside.
    warnings = [line for line in extracted.comments if line.startswith("warning")]
    text = "\n".join([report.text(), *warnings])
    return Output(report.as_json() | {"warnings": warnings}, text, failure)
