"""What commands return, and how it and every error reach the user and the shell.

A command returns an `Output`; the group prints it as text, or as one JSON document with
`--json`. An error of ours becomes its exit code and a message without a traceback.
"""

from __future__ import annotations

import json
import signal
import sys
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import rich_click

from codesign.errors import CodesignError

JSON_KEY = "codesign.json"
DEBUG_KEY = "codesign.debug"


@dataclass(frozen=True)
class Output:
    """A command's result. `error` is for a result that is complete and yet fails a check."""

    data: dict[str, Any]
    text: str
    error: CodesignError | None = field(default=None)


class CodesignGroup(rich_click.RichGroup):
    """The one place where results are printed and exceptions become exit codes."""

    def invoke(self, ctx: click.Context) -> Any:
        if ctx.parent is not None:
            return super().invoke(ctx)
        try:
            output = super().invoke(ctx)
        except CodesignError as error:
            output = Output({}, "", error)
        except KeyboardInterrupt:
            click.echo("\ninterrupted; finished steps are kept", err=True)
            ctx.exit(128 + signal.SIGINT)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:
            output = Output({}, "", _internal(error))
        if isinstance(output, Output):
            _print(output, ctx)
            ctx.exit(output.error.exit_code if output.error else 0)
        return output


def _internal(error: Exception) -> CodesignError:
    internal = CodesignError(
        f"{type(error).__name__}: {error}",
        remedy="this is a defect of codesign or of a library it uses; --debug shows where",
    )
    internal.exit_code = 3
    internal.__cause__ = error
    return internal


def _print(output: Output, ctx: click.Context) -> None:
    error = output.error
    if error is not None and ctx.meta.get(DEBUG_KEY):
        traceback.print_exception(error, file=sys.stderr)
    if ctx.meta.get(JSON_KEY):
        data = output.data if error is None else {**output.data, "error": _as_json(error)}
        click.echo(json.dumps(data, indent=2, default=_plain))
    elif output.text:
        click.echo(output.text)
    if error is not None:
        click.secho("error: ", fg="red", bold=True, nl=False, err=True)
        click.echo(str(error), err=True)


def _plain(value: Any) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _as_json(error: CodesignError) -> dict[str, Any]:
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "remedy": error.remedy,
        "exit_code": error.exit_code,
    }
