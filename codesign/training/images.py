"""Image sets from their published files: IDX (MNIST, Fashion-MNIST) and the CIFAR-10 archive."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from codesign.errors import DataError

FASHION_MNIST_DIR = Path("/usr/share/datasets/fashion-mnist")
"""Where Debian's package dataset-fashion-mnist puts its files."""

FASHION_MNIST_CLASSES: tuple[str, ...] = (
    *("t-shirt", "trouser", "pullover", "dress", "coat"),
    *("sandal", "shirt", "sneaker", "bag", "ankle boot"),
)
CIFAR10_CLASSES: tuple[str, ...] = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)
_IDX_DTYPES = {0x08: np.uint8}
_CIFAR_SHAPE = (3, 32, 32)


class Images(NamedTuple):
    """pixels (samples, channels, height, width) of 0..255, labels (samples,)."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


def read_idx(path: Path) -> NDArray[np.uint8]:
    """The array in an IDX file of bytes, gzipped or not. Raises DataError."""
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
        zeros, kind, dimensions = struct.unpack(">HBB", raw[:4])
        if zeros != 0 or kind not in _IDX_DTYPES:
            raise ValueError("no IDX file of bytes")
        shape = struct.unpack(f">{dimensions}I", raw[4 : 4 + 4 * dimensions])
        data = np.frombuffer(raw, np.uint8, offset=4 + 4 * dimensions)
        if data.size != int(np.prod(shape)):
            raise ValueError(f"{data.size} values where {shape} were announced")
        return data.reshape(shape)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist", remedy=_remedy(path.parent)) from None
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise DataError(f"{path} is damaged: {error}", remedy=_remedy(path.parent)) from error


def load_idx(folder: Path) -> tuple[Images, Images]:
    """Training and test images of an MNIST-like folder: {train,t10k}-{images-idx3,labels-idx1}."""

    def part(name: str) -> Images:
        def find(kind: str) -> Path:
            plain = folder / f"{name}-{kind}-ubyte"
            return plain if plain.exists() else plain.with_name(plain.name + ".gz")

        pixels, labels = read_idx(find("images-idx3")), read_idx(find("labels-idx1"))
        if pixels.ndim != 3 or labels.shape != pixels.shape[:1]:
            raise DataError(f"{folder}: {name} has {pixels.shape} images, {labels.shape} labels")
        return Images(pixels[:, None], labels.astype(np.int64))

    return part("train"), part("t10k")


def load_cifar10(path: Path) -> tuple[Images, Images]:
    """Training and test images of the published python archive (.tar.gz) or its folder."""
    remedy = "give the path of cifar-10-python.tar.gz, or of the folder inside it, as data_path"
    names = [f"data_batch_{k}" for k in range(1, 6)]
    try:
        if path.is_dir():
            files = {name: (path / name).read_bytes() for name in (*names, "test_batch")}
        else:
            with tarfile.open(path) as archive:
                files = {}
                for member in archive.getmembers():
                    base = member.name.rsplit("/", 1)[-1]
                    if member.isfile() and base in (*names, "test_batch"):
                        content = archive.extractfile(member)
                        assert content is not None
                        files[base] = content.read()
        parts = {name: _cifar_batch(files[name]) for name in (*names, "test_batch")}
    except KeyError as error:
        raise DataError(f"{path} has no {error.args[0]}", remedy=remedy) from error
    except FileNotFoundError as error:
        raise DataError(f"{error.filename or path} does not exist", remedy=remedy) from error
    except (OSError, EOFError, ValueError, pickle.UnpicklingError, tarfile.TarError) as error:
        raise DataError(f"{path} is damaged: {error}", remedy=remedy) from error
    train = [parts[name] for name in names]
    return (
        Images(
            np.concatenate([x.pixels for x in train]), np.concatenate([x.labels for x in train])
        ),
        parts["test_batch"],
    )


class _PlainUnpickler(pickle.Unpickler):
    """Unpickles numpy arrays and plain containers only: the file may come from anywhere."""

    _ALLOWED = frozenset(
        {
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"{module}.{name} has no place in this archive")
        return super().find_class(module, name)


def _cifar_batch(content: bytes) -> Images:
    batch = _PlainUnpickler(io.BytesIO(content), encoding="bytes").load()
    if not isinstance(batch, dict) or b"data" not in batch or b"labels" not in batch:
        raise ValueError("a batch without data or labels")
    pixels = np.asarray(batch[b"data"], np.uint8)
    labels = np.asarray(batch[b"labels"], np.int64)
    return Images(pixels.reshape(len(labels), *_CIFAR_SHAPE), labels)


def _remedy(folder: Path) -> str:
    if folder == FASHION_MNIST_DIR:
        return "install it with tools/install-dataset (Debian package dataset-fashion-mnist)"
    return "give the folder of the IDX files as data_path"
