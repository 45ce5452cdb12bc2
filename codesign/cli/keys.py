"""`codesign keys [SECTION]`."""

from __future__ import annotations

import rich_click as click

from codesign.cli.options import common_options
from codesign.cli.output import Output


@click.command()
@click.argument("section", required=False)
@click.option("--markdown", is_flag=True, help="As the page of the documentation (docs/keys.md).")
@common_options
def keys(section: str | None, markdown: bool) -> Output:
    """List what a design file or sweep plan may say: every key with default, what is allowed, and
    meaning.

    SECTION is a table (training, network.synapse, transistor), or a kind of design, or `plan`.
    """
    from codesign.designs.keys import as_json, as_markdown, as_text, find_sections

    found = find_sections(section)
    return Output(as_json(found), as_markdown(found) if markdown else as_text(found))
