"""The ngspice programs on this machine: where they are, which versions, their environment."""

from __future__ import annotations

import ctypes.util
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from codesign.errors import MissingToolError

NGSPICE_VARIABLE = "CODESIGN_NGSPICE"
LIBRARY_VARIABLE = "NGSPICE_LIBRARY_PATH"
# hsa: the sky130 library's dialect; ng_nomodcheck: no per-instance parameter checks and their
# files; one thread: parallel runs are processes, and OpenMP threads would fight over their cores.
SPICEINIT = "set ngbehavior=hsa\nset ng_nomodcheck\nset num_threads=1\n"
# Variables that make ngspice read the user's settings or write another raw format.
_DROPPED_VARIABLES = ("SPICE_USERINIT_DIR", "SPICE_ASCIIRAWFILE", "NGSPICE_INPUT_DIR", "DISPLAY")
_LIBRARY_NAMES = ("libngspice.so.0", "libngspice.so", "libngspice.0.dylib", "libngspice.dylib")

# What a build of ngspice may have, and what it says then: solver in use, devices it lists.
FEATURES = {
    "CIDER": re.compile(r"^NUMD\b", re.MULTILINE),
    "KLU": re.compile(r"Using KLU as Direct Linear Solver"),
    "XSPICE": re.compile(r"^(?:gain|spice2poly)\b", re.MULTILINE),
}
_PROBE_END = "CODESIGN PROBE DONE"
_PROBE = f"""* which features does this ngspice have
v1 a 0 1
r1 a 0 1k
.option klu
.control
op
devhelp
osdi none.osdi
echo {_PROBE_END}
quit
.endc
.end
"""


@dataclass(frozen=True)
class Ngspice:
    """The `ngspice` program. `find` looks it up each time, so that PATH counts as it is then."""

    path: Path

    @classmethod
    def find(cls) -> Ngspice:
        """`$CODESIGN_NGSPICE`, else `ngspice` on the PATH. Raises MissingToolError."""
        wanted = os.environ.get(NGSPICE_VARIABLE)
        found = shutil.which(wanted or "ngspice")
        if found is None:
            what = f"{NGSPICE_VARIABLE}={wanted} is no program" if wanted else "not on the PATH"
            raise MissingToolError(
                f"ngspice is missing ({what})",
                remedy="install it: `apt-get install ngspice` (Debian, Ubuntu)",
            )
        return cls(Path(found))

    def version(self) -> str:
        """Version such as "39". Raises MissingToolError when the program does not answer."""
        try:
            answer = subprocess.run(
                [str(self.path), "--version"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
            ).stdout
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MissingToolError(
                f"{self.path} does not run: {error}", remedy="reinstall ngspice"
            ) from error
        match = re.search(r"ngspice-(\d+(?:\.\d+)*)", answer)
        if match is None:
            raise MissingToolError(
                f"{self.path} is not ngspice: --version says {answer.strip()[:80]!r}",
                remedy="install it: `apt-get install ngspice` (Debian, Ubuntu)",
            )
        return match[1]

    def features(self) -> frozenset[str]:
        """Those of FEATURES that this build has, by what it answers to a small deck: an unknown
        option such as `klu` is ignored without a word. Raises MissingToolError."""
        status = self.path.stat()
        return _features(self.path, status.st_mtime_ns, status.st_size)


@cache
def _features(path: Path, changed_ns: int, size: int) -> frozenset[str]:
    """Asked once per program, known by its path, time and size."""
    with tempfile.TemporaryDirectory(prefix="codesign-spice-") as scratch:
        folder = Path(scratch)
        (folder / ".spiceinit").write_text(SPICEINIT)
        (folder / "deck.spice").write_text(_PROBE)
        try:
            done = subprocess.run(
                [str(path), "-b", "deck.spice"],
                cwd=folder,
                env=environment(folder),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=20,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MissingToolError(
                f"{path} does not run: {error}", remedy="reinstall ngspice"
            ) from error
    return features_of(done.stdout + done.stderr)


def features_of(log: str) -> frozenset[str]:
    """What the answer to the probing deck says; none where the deck was not even started."""
    if _PROBE_END not in log:
        return frozenset()
    found = {name for name, pattern in FEATURES.items() if pattern.search(log)}
    # The command is known where OSDI is built in: it complains of the missing file, or not at all.
    if not re.search(r"osdi: no such command", log, re.IGNORECASE):
        found.add("OSDI")
    return frozenset(found)


def environment(home: Path) -> dict[str, str]:
    """Environment of a simulator run whose `.spiceinit` is `home`'s, not the user's."""
    env = {k: v for k, v in os.environ.items() if k not in _DROPPED_VARIABLES}
    env.update(HOME=str(home), USERPROFILE=str(home), LC_ALL="C", OMP_NUM_THREADS="1")
    return env


def find_library() -> str:
    """Name or path of libngspice that the dynamic loader takes. Raises MissingToolError.

    PySpice looks for `libngspice.so`, which on Debian only the -dev package has; the run-time
    package's name is `libngspice.so.0`.
    """
    wanted = os.environ.get(LIBRARY_VARIABLE)
    candidates = [wanted] if wanted else [ctypes.util.find_library("ngspice"), *_LIBRARY_NAMES]
    for name in candidates:
        if not name:
            continue
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    raise MissingToolError(
        f"libngspice is missing ({f'{LIBRARY_VARIABLE}={wanted}' if wanted else 'not found'})",
        remedy="install it: `apt-get install libngspice0` (Debian, Ubuntu)",
    )
