"""`codesign extract LAYOUT`."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from codesign.cli.options import common_options
from codesign.cli.output import Output


@click.command()
@click.argument("layout", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--top", metavar="CELL", help="Cell to extract; needed where there are several tops.")
@click.option(
    *("-o", "--output"),
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="Write the netlist there.",
)
@click.option(
    "--mode",
    type=click.Choice(["none", "c", "rc"]),
    default="c",
    show_default=True,
    help="Parasitics: none, capacitances, or capacitances and resistances.",
)
@click.option(
    "--corner",
    type=click.Choice(["nom", "low", "high"]),
    default="nom",
    show_default=True,
    help="Interconnect corner.",
)
@click.option(
    "--ports",
    "port_file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Port list (.ports.json) to take the order from and to check.  [default: every pin]",
)
@click.option(
    "--engine",
    type=click.Choice(["own", "magic"]),
    default="own",
    show_default=True,
    help="Our extraction, or magic with the technology file of $PDK_ROOT.",
)
@click.option(
    "--law",
    type=click.Choice(["constant", "foundry", "calibrated"]),
    default="constant",
    show_default=True,
    help="Capacitances: constant coefficients, as magic has them, the foundry's tables, or these "
    "with its finger capacitors' coupling of close walls.",
)
@click.option(
    "--unknown",
    type=click.Choice(["refuse", "leave-out"]),
    default="refuse",
    show_default=True,
    help="Layers and devices that the process does not know: refuse them, or leave them out.",
)
@common_options
def extract(
    layout: Path,
    top: str | None,
    output: Path,
    mode: str,
    corner: str,
    port_file: Path | None,
    engine: str,
    law: str,
    unknown: str,
) -> Output:
    """Extract a netlist with parasitics from a layout (GDS or OASIS); its pins become ports.

    The ports are checked afterwards: with --ports, each must be there and reach a device, else
    exit code 1.
    """
    from codesign.files import write_atomic
    from codesign.layout.extract import read_ports, run_engine, summary
    from codesign.progress import reporter

    ports, unconnected = read_ports(port_file) if port_file is not None else (None, ())
    with reporter() as display:
        circuit = run_engine(
            engine,
            layout,
            top,
            mode=mode,
            corner=corner,
            ports=ports,
            unconnected=unconnected,
            law=law,
            unknown=unknown,
            progress=display,
        )
    write_atomic(output, circuit.spice())
    text = "\n".join([*circuit.comments, f"wrote {output}"])
    return Output({"netlist": output, **summary(circuit)}, text)
