"""Every error codesign raises on purpose, with the exit code the command line gives it.

Exit codes: 0 done; 1 a check failed; 2 bad input or usage; 3 a tool is missing or failed.
"""

from __future__ import annotations


class CodesignError(Exception):
    """Base of all errors meant for the user: a message, and what to do next."""

    exit_code = 2

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class CheckFailed(CodesignError):
    """A tolerance, DRC or LVS check did not hold."""

    exit_code = 1


class InputError(CodesignError):
    """Bad input: a design file, a table, a model, a command-line value."""

    exit_code = 2


class DesignError(InputError):
    """A design file or sweep plan is not valid."""


class DataError(InputError):
    """A table, model, checkpoint or data set is damaged or does not fit the design."""


class ToolError(CodesignError):
    """An external tool or a model library is missing or failed."""

    exit_code = 3


class MissingToolError(ToolError):
    """A tool or model library is not installed."""


class SimulationError(ToolError):
    """The simulator failed on a deck; names the deck, the status and the last log lines."""
