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

    Then what the simulator found was built with, and what solves layers of neurons on this
    machine's devices, and why. Exits with 3 when a required tool is missing.
    """
    from codesign.flow.tools import inspect, tool_names

    tools = [inspect(name) for name in tool_names()]
    missing = [tool.name for tool in tools if tool.required and not tool.found]
    error = None
    if missing:
        error = MissingToolError(f"missing: {', '.join(missing)}", remedy="see the remedies above")
    solvers, features = _solvers(), _simulator_features()
    data = {
        "ok": not missing,
        "tools": [{**asdict(t), "found": t.found} for t in tools],
        "simulator_features": features,
        "solvers": [use._asdict() for use in solvers],
    }
    lines = [
        *map(_line, tools),
        *([] if features is None else [f"ngspice  has {_listed(features)}"]),
        *(f"layers   on {x.device:<11} {x.code}: {x.reason}" for x in solvers),
    ]
    return Output(data, "\n".join(lines), error)


def _simulator_features() -> dict[str, bool] | None:
    """What this build of ngspice has; None without ngspice."""
    from codesign.spice.ngspice import NgspiceSimulator
    from codesign.spice.tool import FEATURES

    try:
        found = NgspiceSimulator().features()
    except MissingToolError:
        return None
    return {name: name in found for name in sorted({*FEATURES, "OSDI"})}


def _listed(features: dict[str, bool]) -> str:
    has = [name for name, found in features.items() if found]
    lacks = [name for name, found in features.items() if not found]
    lacking = f"; not {', '.join(lacks)}" if lacks else ""
    return f"{', '.join(has) or 'nothing beyond its core'}{lacking}"


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
