"""`codesign completion SHELL`."""

from __future__ import annotations

import rich_click as click
from click.shell_completion import get_completion_class

from codesign.cli.options import common_options
from codesign.cli.output import Output


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
@common_options
def completion(ctx: click.Context, shell: str) -> Output:
    """Print the script that completes codesign's commands in SHELL.

    For bash: eval "$(codesign completion bash)".
    """
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"no completion for {shell}")
    script = kind(ctx.find_root().command, {}, "codesign", "_CODESIGN_COMPLETE").source()
    return Output({"shell": shell, "script": script}, script)
