"""Any layer as a convolution: its neurons on every patch of an image, part of a batch at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from codesign.pnn.parameters import PNNParameters
from codesign.pnn.window import Window

Layer = Callable[[Tensor, Tensor, PNNParameters], tuple[Tensor, ...]]
"""Spikes (rows, n_in), weight (n_out, n_in) and parameters to answers (rows, n_out) each."""

_View = tuple[torch.Size, tuple[int, ...], int]
"""Shape, strides and offset of a tensor in the patches."""

# Patches that live at once.
_MOST_BYTES = 2 * 2**20


def on_patches(
    layer: Layer,
    images: Tensor,
    weight: Tensor,
    params: PNNParameters,
    window: Window,
    absent: float,
) -> tuple[Tensor, ...]:
    """Answers (batch, channels, h, w) of a layer to images of spike times (batch, channels, h, w).

    weight (channels, channels_in / groups * kernel^2); absent: a time that is no spike. Patches
    are made for a few samples at a time, and again for gradients: they are never kept.
    """
    height, width = (window.size_after(x) for x in images.shape[2:])
    sample = weight.shape[1] * window.groups * height * width * images.element_size()
    parts = images.split(max(1, _MOST_BYTES // max(sample, 1)))
    answers = [_part(layer, x, weight, params, window, absent) for x in parts]

    def image(rows: list[Tensor]) -> Tensor:
        joined = torch.cat(rows) if len(rows) > 1 else rows[0]
        return joined.reshape(-1, height, width, weight.shape[0]).permute(0, 3, 1, 2)

    return tuple(image(list(x)) for x in zip(*answers, strict=True))


def _part(
    layer: Layer,
    images: Tensor,
    weight: Tensor,
    params: PNNParameters,
    window: Window,
    absent: float,
) -> tuple[Tensor, ...]:
    """Answers (rows, channels) to all patches of some samples."""
    columns = window.patches(images, absent)
    storage = columns.untyped_storage().data_ptr()

    def pack(kept: Tensor) -> Tensor | _View:
        # What is empty lies nowhere, as all that is empty does.
        if not kept.numel() or kept.untyped_storage().data_ptr() != storage:
            return kept
        return kept.shape, kept.stride(), int(kept.storage_offset())

    def unpack(kept: Tensor | _View) -> Tensor:
        if isinstance(kept, Tensor):
            return kept
        with torch.no_grad():
            return window.patches(images, absent).as_strided(*kept)

    n_out = weight.shape[0] // window.groups
    groups = []
    with saved_tensors_hooks(pack, unpack):
        for g, own in enumerate(weight.split(n_out)):
            each = params.of_neurons(g * n_out, (g + 1) * n_out) if window.groups > 1 else params
            groups.append(layer(columns[g], own, each))
    if window.groups == 1:
        return groups[0]
    return tuple(torch.cat(x, dim=1) for x in zip(*groups, strict=True))
