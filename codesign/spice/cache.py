"""Content-addressed store of simulation results: one .npz per result, written beside and renamed.

The key is a hash of everything that decides a result: deck text with its models and analysis, and
the simulator. A damaged entry counts as missing and is replaced.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from codesign.files import atomic_path

_META = "__meta__"


def cache_key(*parts: str) -> str:
    """Key of a result: SHA-256 over the parts, each with its length, in order."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(f"{len(data)}:".encode())
        digest.update(data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Cache:
    """Results in a directory, which is made when first written to."""

    directory: Path

    def path(self, key: str) -> Path:
        """File of an entry; two levels, so that no folder grows large."""
        return self.directory / key[:2] / f"{key}.npz"

    def get(self, key: str) -> dict[str, np.ndarray] | None:
        """Arrays of an entry, or None when there is none or it is damaged."""
        try:
            with np.load(self.path(key), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            json.loads(str(arrays.pop(_META)))
        # zipfile says NotImplementedError of a damaged entry whose compression it does not know.
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, NotImplementedError):
            return None
        return arrays

    def put(
        self, key: str, arrays: dict[str, np.ndarray], meta: dict[str, Any] | None = None
    ) -> None:
        """Store arrays under a key; concurrent writers of one key leave one whole entry."""
        contents: dict[str, Any] = {**arrays, _META: np.array(json.dumps(meta or {}))}
        with atomic_path(self.path(key)) as temporary:
            np.savez(temporary, **contents)
