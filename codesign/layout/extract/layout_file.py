"""What a layout file is, from its first bytes: GDSII or OASIS, packed by gzip or not."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from codesign.errors import InputError

# A GDSII stream begins with a HEADER record (type 0, two-byte integer) of six bytes.
_STARTS = (b"\x00\x06\x00\x02", b"%SEMI-OASIS\r\n")
_GZIP = b"\x1f\x8b"
_LONGEST = max(map(len, _STARTS))
MAX_FILE_BYTES = 500_000_000
_CHUNK = 1 << 20


def check_layout_file(path: Path) -> None:
    """Raises InputError for a file that is missing, empty, too large (when unpacked) or no layout;
    what follows its first bytes is the reader's business."""
    try:
        with path.open("rb") as stream:
            start = stream.read(_LONGEST)
        size = path.stat().st_size
        if start.startswith(_GZIP):
            start, size = _unpacked(path)
    except OSError as error:
        raise InputError(
            f"cannot read the layout {path}: {error.strerror or error}", remedy="check the path"
        ) from error
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path} is damaged: {error}", remedy="pack the layout again") from error
    if not start:
        raise InputError(f"{path} is empty", remedy="write the layout again")
    if not start.startswith(_STARTS):
        raise InputError(
            f"{path} is no GDS file (it begins like neither GDSII nor OASIS)",
            remedy="export the layout as GDSII or OASIS, packed by gzip or not",
        )
    if size > MAX_FILE_BYTES:
        raise InputError(
            f"{path} has {size / 1e6:.0f} MB or more; extraction takes files up to "
            f"{MAX_FILE_BYTES / 1e6:.0f} MB",
            remedy="extract parts of the layout on their own",
        )


def _unpacked(path: Path) -> tuple[bytes, int]:
    """First bytes and size of what gzip packed; it stops counting beyond the limit."""
    with gzip.open(path) as stream:
        start = stream.read(_LONGEST)
        size = len(start)
        while size <= MAX_FILE_BYTES and (chunk := stream.read(_CHUNK)):
            size += len(chunk)
    return start, size
