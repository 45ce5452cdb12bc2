"""libngspice through PySpice's NgSpiceShared (PySpice 1.5, libngspice 39), with four changes.

Debian's library name is found; the user's `.spiceinit` is not read; output is collected and judged
elsewhere (PySpice raises on any output with the word "error" and on harmless lines of stderr); and
commands bypass PySpice's length limit. ngspice keeps one global state: one per process, one thread.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PySpice.Spice.NgSpice.Shared import NgSpiceShared, ffi, ffi_string_utf8

from codesign.spice.tool import SPICEINIT, find_library

_LOG_LIMIT = 2000


class LibNgspice(NgSpiceShared):  # type: ignore[misc]
    """NgSpiceShared that finds the library on Debian and collects output without judging it."""

    in_use: bool = False

    @property
    def library_path(self) -> str:
        return find_library()

    @staticmethod
    def _send_char(message_c: Any, ngspice_id: int, user_data: Any) -> int:
        self = ffi.from_handle(user_data)
        prefix, _, content = ffi_string_utf8(message_c).partition(" ")
        (self._stderr if prefix == "stderr" else self._stdout).append(content)
        self.lines.append(content)
        return 0

    @staticmethod
    def _send_stat(message_c: Any, ngspice_id: int, user_data: Any) -> int:
        return 0

    @property
    def lines(self) -> list[str]:
        """Output since the last `take_log`."""
        return self.__dict__.setdefault("_lines", [])  # type: ignore[no-any-return]

    def take_log(self) -> str:
        """Output since the last call."""
        text = "\n".join(self.lines[-_LOG_LIMIT:])
        self.lines.clear()
        self.clear_output()
        return text

    def command(self, command: str) -> int:
        """Send one command; returns ngspice's code, which says little."""
        return int(self._ngspice_shared.ngSpice_Command(command.encode("ascii")))

    def forget_history(self) -> None:
        """Free ngspice's record of past commands, which grows with each one."""
        self._ngspice_shared.ngSpice_Command(ffi.NULL)

    def circuit(self, lines: list[str]) -> int:
        """Hand over a deck line by line."""
        keep = [ffi.new("char[]", line.encode()) for line in [*lines, ""]]
        return int(self._ngspice_shared.ngSpice_Circ(ffi.new("char *[]", [*keep, ffi.NULL])))

    def vectors(self) -> dict[str, np.ndarray]:
        """Copies of the current plot's vectors, the independent variable included."""
        shared = self._ngspice_shared
        plot = ffi_string_utf8(shared.ngSpice_CurPlot())
        names = shared.ngSpice_AllVecs(plot.encode())
        found: dict[str, np.ndarray] = {}
        i = 0
        while names != ffi.NULL and names[i] != ffi.NULL:
            name = ffi_string_utf8(names[i])
            info = shared.ngGet_Vec_Info(f"{plot}.{name}".encode())
            if info != ffi.NULL and info.v_realdata != ffi.NULL:
                data = ffi.buffer(info.v_realdata, info.v_length * 8)
                found[name.lower()] = np.frombuffer(data, dtype=np.float64).copy()
            i += 1
        return {} if plot == "const" else found


def open_library() -> LibNgspice:
    """This process's libngspice: initialised once, because it cannot be initialised again."""
    find_library()
    with _own_spiceinit(), _quiet():
        library = LibNgspice.new_instance()
    if not isinstance(library, LibNgspice):
        raise RuntimeError("another PySpice simulator already uses libngspice in this process")
    return library


@contextmanager
def _own_spiceinit() -> Iterator[None]:
    """Let the library find our `.spiceinit` while it starts, not the user's."""
    changed = ("HOME", "USERPROFILE", "SPICE_USERINIT_DIR")
    before = {name: os.environ.get(name) for name in changed}
    folder = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="codesign-spice-") as home:
        (Path(home) / ".spiceinit").write_text(SPICEINIT)
        os.environ.update(dict.fromkeys(changed, home))
        os.chdir(home)
        try:
            yield
        finally:
            os.chdir(folder)
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


@contextmanager
def _quiet() -> Iterator[None]:
    """PySpice warns about every ngspice it does not know by number, 39 among them."""
    logger = logging.getLogger("PySpice.Spice.NgSpice.Shared")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
