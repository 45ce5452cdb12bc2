"""`codesign doctor`."""

from __future__ import annotations

import importlib.util
from dataclasses import asdict
from typing import TYPE_CHECKING

import rich_click as click

from codesign.cli.options import common_options
from codesign.cli.output import Output
from codesign.errors import MissingToolError

if TYPE_CHECKING:
    from codesign.flow.tools import ToolInfo
    from codesign.pnn.backends import Use


@click.command()
@common_options
def doctor() -> Output:
    """List every tool and model file with version, location and remedy.

    Then what solves layers of neurons on this machine's devices, and why. Exits with 3 when a
    required tool is missing.
    """
    from codesign.flow.tools import inspect, tool_names

    tools = [inspect(name) for name in tool_names()]
    missing = [tool.name for tool in tools if tool.required and not tool.found]
    error = None
    if missing:
        error = MissingToolError(f"missing: {', '.join(missing)}", remedy="see the remedies above")
    solvers = _solvers()
    data = {
        "ok": not missing,
        "tools": [{**asdict(t), "found": t.found} for t in tools],
        "solvers": [use._asdict() for use in solvers],
    }
    lines = [
        *map(_line, tools),
        *(f"layers   on {x.device:<11} {x.code}: {x.reason}" for x in solvers),
    ]
    return Output(data, "\n".join(lines), error)


def _solvers() -> list[Use]:
    """What solves layers, by device; none without torch."""
    if importlib.util.find_spec("torch") is None:
        return []
    from codesign.pnn.backends import used

    return used()


def _line(tool: ToolInfo) -> str:
    if tool.found:
        return f"ok       {tool.name:<14} {tool.version:<16} {tool.location}"
    state = "MISSING" if tool.required else "absent"
    return f"{state:<8} {tool.name:<14} {tool.remedy}"
