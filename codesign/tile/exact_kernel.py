"""The exact ladder compiled: slots of rounded pulses, row by row. Imported when first used."""

# numba reads types from the arguments.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numba
import numpy as np

BLOCK = 128


@numba.njit(cache=True)
def exact_gated(sign, count, slots, w, c, r, r_last, out):
    """out (batch, cols): mean column current per read voltage, by a Norton sweep in every slot.

    count (batch, rows): slots that each pulse lasts. Slots between two pulse ends are alike and
    are swept once.
    """
    batch, rows = sign.shape
    cols = w.shape[1]
    j_n, y_n = np.empty(BLOCK, w.dtype), np.empty(BLOCK, w.dtype)
    ends = np.empty(slots + 1, np.bool_)
    for b in range(batch):
        ends[:] = False
        for j in range(rows):
            if sign[b, j] != 0:
                ends[count[b, j]] = True
        for c0 in range(0, cols, BLOCK):
            n = min(BLOCK, cols - c0)
            before = 0
            for end in range(1, slots + 1):
                if not ends[end]:
                    continue
                j_n[:], y_n[:] = 0, 0
                for j in range(rows):
                    on = count[b, j] >= end and sign[b, j] != 0
                    rj = r_last if j == rows - 1 else r
                    if on:
                        s = sign[b, j]
                        for k in range(n):
                            y = y_n[k] + c[j, c0 + k]
                            f = 1 / (1 + rj * y)
                            j_n[k] = (j_n[k] + s * w[j, c0 + k]) * f
                            y_n[k] = y * f
                    else:
                        for k in range(n):
                            f = 1 / (1 + rj * y_n[k])
                            j_n[k] *= f
                            y_n[k] *= f
                weight = (end - before) / slots
                for k in range(n):
                    out[b, c0 + k] += weight * j_n[k]
                before = end
