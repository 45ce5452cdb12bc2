"""Random flips, shifts and rotations of images that are coded as spike times."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

MOST_SHIFT_PIXELS = 4
MOST_ROTATION_DEG = 15.0


def augmented(
    times: Tensor,
    shape: tuple[int, int, int],
    window: tuple[float, float],
    inverted: bool,
    generator: torch.Generator,
) -> Tensor:
    """Each image flipped or not, shifted by up to 4 pixels and rotated by up to 15 degrees.

    times (batch, pixels or more): what lies beyond the pixels (a bias spike) stays. What moves in
    from outside is black. Drawn from the generator alone, on its device.
    """
    channels, height, width = shape
    count, batch = math.prod(shape), times.shape[0]
    draw = torch.rand(batch, 4, generator=generator, device=generator.device)
    flip = torch.where(draw[:, 0] < 0.5, -1.0, 1.0)
    angle = (2 * draw[:, 1] - 1) * math.radians(MOST_ROTATION_DEG)
    shift = (2 * draw[:, 2:] - 1) * MOST_SHIFT_PIXELS
    cos, sin = torch.cos(angle), torch.sin(angle)
    rows = [
        torch.stack([flip * cos, -sin * height / width, 2 * shift[:, 0] / width], dim=1),
        torch.stack([flip * sin * width / height, cos, 2 * shift[:, 1] / height], dim=1),
    ]
    theta = torch.stack(rows, dim=1).to(times)
    black = window[1] if inverted else window[0]
    pixels = times[:, :count].reshape(batch, channels, height, width) - black
    grid = affine_grid(theta, [batch, channels, height, width], align_corners=False)
    moved = grid_sample(pixels, grid, padding_mode="zeros", align_corners=False) + black
    return torch.cat([moved.reshape(batch, -1), times[:, count:]], dim=1)
