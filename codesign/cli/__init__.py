"""The command line: `codesign`. One thin module per subcommand."""

from codesign.cli.main import cli, main

__all__ = ["cli", "main"]
