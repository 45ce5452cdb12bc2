"""A device of a process: its nodes, its sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from codesign.errors import ToolError

_TERMINALS = {"n": "d g s b", "p": "d g s b", "cap": "c0 c1", "res": "r0 r1 b"}


@dataclass(frozen=True)
class DeviceFacts:
    """One device of the process. `kind` is n, p, cap or res; sizes in micrometres, the largest ones
    infinite where the models have no end."""

    name: str
    subcircuit: str
    kind: str
    file: str
    w_min_um: float
    l_min_um: float
    v_max_V: float
    description: str
    w_max_um: float = math.inf
    l_max_um: float = math.inf

    @property
    def terminals(self) -> tuple[str, ...]:
        """Its nodes in order. Raises ToolError for a kind that devices.toml may not have."""
        if self.kind not in _TERMINALS:
            raise ToolError(
                f"device {self.name} of the process has kind {self.kind!r}",
                remedy=f"kinds in devices.toml: {', '.join(_TERMINALS)}",
            )
        return tuple(_TERMINALS[self.kind].split())

    def sizes(self) -> str:
        """The drawn sizes it may have, as text."""
        w, l = f"{self.w_min_um:g} .. {self.w_max_um:g}", f"{self.l_min_um:g} .. {self.l_max_um:g}"
        return f"W {w} um, L {l} um".replace(" .. inf", " or more")
