"""The exact ladder compiled: slots of rounded pulses, row by row. Imported when first used."""

# numba reads types from the arguments.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numba
import numpy as np

BLOCK = 128


@numba.njit(cache=True)
def _sweep(state, sign, on, w, c, c0, n, r, r_last):
    """Currents j_n of the columns from c0 on, all segments r but the last; state (5, BLOCK)."""
    rows = len(sign)
    j_n, y_n = state[0], state[1]
    j_n[:], y_n[:] = 0, 0
    for j in range(rows):
        rj = r_last if j == rows - 1 else r
        if on[j]:
            s = sign[j]
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


@numba.njit(cache=True)
def _sweep_opposite(state, sign, on, w, c, c0, n, r, far_share, r_end):
    """The same with a source line driven from the far end; see `opposite.norton_opposite`."""
    j_n, y_n, phi, phi_b, phi_phi = state[0], state[1], state[2], state[3], state[4]
    state[:] = 0
    phi[:] = far_share
    for j in range(len(sign)):
        s = sign[j] if on[j] else 0 * sign[j]
        a = s * s
        for k in range(n):
            y = y_n[k] + a * c[j, c0 + k]
            i = j_n[k] + s * w[j, c0 + k]
            f = 1 / (1 + r * y)
            phi_b[k] += r * f * phi[k] * i
            phi_phi[k] += r * f * phi[k] * phi[k]
            j_n[k], y_n[k] = i * f, y * f
            phi[k] *= f
    for k in range(n):
        p, y = phi[k] + (1 - far_share), y_n[k]
        j_n[k] = (y * phi_b[k] + p * j_n[k]) / (y * (r_end + phi_phi[k]) + p * p)


@numba.njit(cache=True)
def exact_gated(sign, count, slots, w, c, r, r_last, far_share, r_end, out):
    """out (batch, cols): mean column current per read voltage, by a Norton sweep in every slot.

    count (batch, rows): slots that each pulse lasts. Slots between two pulse ends are alike and
    are swept once. far_share, r_end: of a source line driven from the far end, or 0.
    """
    batch, rows = sign.shape
    cols = w.shape[1]
    state = np.empty((5, BLOCK), w.dtype)
    on = np.empty(rows, np.bool_)
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
                for j in range(rows):
                    on[j] = count[b, j] >= end and sign[b, j] != 0
                if far_share > 0:
                    _sweep_opposite(state, sign[b], on, w, c, c0, n, r, far_share, r_end)
                else:
                    _sweep(state, sign[b], on, w, c, c0, n, r, r_last)
                weight = (end - before) / slots
                for k in range(n):
                    out[b, c0 + k] += weight * state[0, k]
                before = end
