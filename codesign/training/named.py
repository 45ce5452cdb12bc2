"""The data sets that come with the package: scikit-learn's, image sets, yin-yang.

Each reads what it needs when it is asked, so that importing this file costs nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from codesign.errors import DataError
from codesign.training.sources import RawData, Reader, Samples, register_dataset

if TYPE_CHECKING:
    from codesign.training.images import Images
    from codesign.training.parameters import TrainingParameters


def _scikit_learn(name: str) -> Reader:
    def read(training: TrainingParameters, folder: Path) -> RawData:
        import numpy as np
        from sklearn import datasets

        bunch = getattr(datasets, f"load_{name}")()
        return RawData(
            Samples(np.asarray(bunch.data, float), np.asarray(bunch.target, np.int64)),
            tuple(str(x) for x in bunch.feature_names),
            tuple(str(x) for x in bunch.target_names),
        )

    return read


for _name, _shape in {
    "iris": (4, 3),
    "wine": (13, 3),
    "breast_cancer": (30, 2),
    "digits": (64, 10),
}.items():
    register_dataset(_name, _shape)(_scikit_learn(_name))


@register_dataset("yin_yang", (4, 3))
def yin_yang(training: TrainingParameters, folder: Path) -> RawData:
    """Points in a yin-yang symbol; see `codesign.training.yin_yang`."""
    from codesign.training.yin_yang import generate

    return generate(training.data_seed, training.train_samples, training.test_samples)


@register_dataset("mnist", (784, 10), image=(1, 28, 28))
def mnist(training: TrainingParameters, folder: Path) -> RawData:
    """The folder of IDX files at data_path."""
    from codesign.training.images import load_idx

    if training.data_path is None:
        raise DataError(
            "data set mnist comes with no package",
            remedy="give the folder of its IDX files as training.data_path",
        )
    return _images("mnist", load_idx(_path(training.data_path)), tuple("0123456789"), (1, 28, 28))


@register_dataset("fashion_mnist", (784, 10), image=(1, 28, 28))
def fashion_mnist(training: TrainingParameters, folder: Path) -> RawData:
    """The folder of IDX files at data_path, else Debian's package."""
    from codesign.training.images import FASHION_MNIST_CLASSES, FASHION_MNIST_DIR, load_idx

    given = training.data_path
    parts = load_idx(FASHION_MNIST_DIR if given is None else _path(given))
    return _images("fashion_mnist", parts, FASHION_MNIST_CLASSES, (1, 28, 28))


@register_dataset("cifar10", (3072, 10), image=(3, 32, 32))
def cifar10(training: TrainingParameters, folder: Path) -> RawData:
    """The published python archive at data_path, or its folder."""
    from codesign.training.images import CIFAR10_CLASSES, load_cifar10

    if training.data_path is None:
        raise DataError(
            "data set cifar10 comes with no package",
            remedy="give the path of cifar-10-python.tar.gz as training.data_path",
        )
    return _images("cifar10", load_cifar10(_path(training.data_path)), CIFAR10_CLASSES, (3, 32, 32))


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _images(
    name: str,
    parts: tuple[Images, Images],
    class_names: tuple[str, ...],
    shape: tuple[int, int, int],
) -> RawData:
    for images in parts:
        if images.pixels.shape[1:] != shape:
            raise DataError(f"data set {name} has images of {images.pixels.shape[1:]}, not {shape}")
    train, test = (Samples(x.pixels.reshape(len(x.pixels), -1), x.labels) for x in parts)
    names = tuple(f"pixel{i}" for i in range(train.features.shape[1]))
    return RawData(train, names, class_names, test, limits=(0.0, 255.0))
