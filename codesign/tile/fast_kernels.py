"""Compiled CPU kernels of the tile model. Imported when a kernel is first called.

Columns are worked on in blocks whose state fits the first-level cache; inner loops run over the
columns of a block and vectorise. Lengths are in windows, voltages in read voltages.
"""

# numba reads types from the arguments.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numba
import numpy as np

BLOCK = 128
_STRIDE = 3 * BLOCK


@numba.njit(cache=True)
def _order(slice_of, sign, slices, order, start):
    """Active rows of one input sorted by slice: order (N,), start (P + 1,)."""
    start[:] = 0
    for j in range(len(slice_of)):
        if sign[j] != 0:
            start[slice_of[j] + 1] += 1
    for p in range(slices):
        start[p + 1] += start[p]
    fill = start.copy()
    for j in range(len(slice_of)):
        if sign[j] != 0:
            p = slice_of[j]
            order[fill[p]] = j
            fill[p] += 1


@numba.njit(cache=True)
def _add_row(at, share, duty, sign, w, c, n):
    """Moments of one row against the two hats of its element, weighted with its duty.

    at: the moments from the element's far node on, for each node BLOCK values each of diagonal,
    right-hand side and off-diagonal (of the element that starts there). One array with constant
    distances, so that the compiler can vectorise.
    """
    near, far = share, 1 - share
    dd, do, dn = duty * far * far, duty * far * near, duty * near * near
    rd, rn = duty * sign * far, duty * sign * near
    for k in range(n):
        at[k] += dd * c[k]
        at[BLOCK + k] += rd * w[k]
        at[2 * BLOCK + k] += do * c[k]
        at[3 * BLOCK + k] += dn * c[k]
        at[4 * BLOCK + k] += rn * w[k]


@numba.njit(cache=True)
def _current(diag, off, rhs, conductance, pivot, r, out, length, n):
    """Adds one slice's current into the integrator to out (n,)."""
    elements = len(conductance)
    g = conductance[0]
    for k in range(n):
        pivot[k] = diag[0, k] + g
        r[k] = rhs[0, k]
    for m in range(1, elements):
        g2 = conductance[m]
        for k in range(n):
            o = off[m - 1, k] - g
            l = o / pivot[k]
            pivot[k] = diag[m, k] + g + g2 - l * o
            r[k] = rhs[m, k] - l * r[k]
        g = g2
    for k in range(n):
        o = off[elements - 1, k] - g
        out[k] += length * (rhs[elements, k] - o / pivot[k] * r[k])


@numba.njit(cache=True)
def _opposite_current(diag, off, rhs, conductance, far_share, r_end, ends, out, length, n):
    """The same with a source line driven from the far end: `opposite` has the equations."""
    r, admittance, phi, phi_b, phi_phi = ends[0], ends[1], ends[2], ends[3], ends[4]
    for k in range(n):
        r[k], admittance[k], phi[k] = rhs[0, k], diag[0, k], far_share
    phi_b[:], phi_phi[:] = 0, 0
    for m in range(len(conductance)):
        g = conductance[m]
        for k in range(n):
            o, p, y = off[m, k], phi[k], admittance[k]
            d = 1 / (y + g)
            t = (g - o) * d
            phi_b[k] += p * r[k] * d
            phi_phi[k] += p * p * d
            r[k] = rhs[m + 1, k] + t * r[k]
            phi[k] = t * p
            admittance[k] = diag[m + 1, k] + (g * (y + 2 * o) - o * o) * d
    for k in range(n):
        p, y = phi[k] + (1 - far_share), admittance[k]
        out[k] += length * (y * phi_b[k] + p * r[k]) / (y * (r_end + phi_phi[k]) + p * p)


@numba.njit(cache=True)
def fast_forward(
    sign, slice_of, part, length, w, c, element, share, conductance, far_share, r_end, out
):
    """out (batch, cols): mean column current per read voltage over the window.

    sign, slice_of, part (batch, rows): polarity, slice in which the pulse ends, share of it that
    is on; length (batch, slices): each vector's slices, in windows. far_share, r_end: of a source
    line driven from the far end, or 0. Slices are visited from the last to the first, so that rows
    are only ever added.
    """
    batch, rows = sign.shape
    cols = w.shape[1]
    elements, slices = len(conductance), length.shape[1]
    order = np.empty(rows, np.int64)
    start = np.empty(slices + 1, np.int64)
    moments = np.empty((elements + 1) * _STRIDE, w.dtype)
    nodes = moments.reshape(elements + 1, 3, BLOCK)
    diag, rhs, off = nodes[:, 0], nodes[:, 1], nodes[:, 2]
    pivot, r = np.empty(BLOCK, w.dtype), np.empty(BLOCK, w.dtype)
    ends = np.empty((5, BLOCK), w.dtype)
    one = w.dtype.type(1)
    w_block, c_block = np.empty((rows, BLOCK), w.dtype), np.empty((rows, BLOCK), w.dtype)
    # A block's conductances stay in the second-level cache for the whole batch.
    for c0 in range(0, cols, BLOCK):
        n = min(BLOCK, cols - c0)
        w_block[:, :n], c_block[:, :n] = w[:, c0 : c0 + n], c[:, c0 : c0 + n]
        for b in range(batch):
            _order(slice_of[b], sign[b], slices, order, start)
            moments[:] = 0
            for p in range(slices - 1, -1, -1):
                if start[p] == start[slices]:
                    continue
                for i in range(start[p], start[p + 1]):
                    j = order[i]
                    _add_row(
                        moments[element[j] * _STRIDE :], share[j], part[b, j], sign[b, j],
                        w_block[j], c_block[j], n,
                    )  # fmt: skip
                if far_share > 0:
                    _opposite_current(
                        diag,
                        off,
                        rhs,
                        conductance,
                        far_share,
                        r_end,
                        ends,
                        out[b, c0:],
                        length[b, p],
                        n,
                    )
                else:
                    _current(diag, off, rhs, conductance, pivot, r, out[b, c0:], length[b, p], n)
                for i in range(start[p], start[p + 1]):
                    j = order[i]
                    _add_row(
                        moments[element[j] * _STRIDE :], share[j], one - part[b, j], sign[b, j],
                        w_block[j], c_block[j], n,
                    )  # fmt: skip


@numba.njit(cache=True)
def _opposite_solve_slice(diag, off, rhs, conductance, far_share, r_end, ends, pivot, u, v, n):
    """Drops u and transfers v (elements + 1, n) with a source line driven from the far end.

    `pivot` holds inverse pivots; `ends` the sums over the nodes that are gone, and the admittance.
    """
    elements = len(conductance)
    phi_b, phi_phi, admittance = ends[0], ends[1], ends[2]
    zero, near_share = ends.dtype.type(0), 1 - far_share
    for k in range(n):
        admittance[k], u[0, k], v[0, k] = diag[0, k], rhs[0, k], far_share
        phi_b[k], phi_phi[k] = zero, zero
    for m in range(elements):
        g = conductance[m]
        for k in range(n):
            o, phi, y = off[m, k], v[m, k], admittance[k]
            d = 1 / (y + g)
            pivot[m, k] = d
            t = (g - o) * d
            phi_b[k] += phi * u[m, k] * d
            phi_phi[k] += phi * phi * d
            u[m + 1, k] = rhs[m + 1, k] + t * u[m, k]
            v[m + 1, k] = t * phi
            admittance[k] = diag[m + 1, k] + (g * (y + 2 * o) - o * o) * d
    for k in range(n):
        phi, r, y = v[elements, k] + near_share, u[elements, k], admittance[k]
        whole = r_end + phi_phi[k]
        scale = 1 / (y * whole + phi * phi)
        v[elements, k] = phi * scale
        u[elements, k] = (r * whole - phi * phi_b[k]) * scale
        phi_b[k] = (y * phi_b[k] + phi * r) * scale
        phi_phi[k] = y * scale
    for m in range(elements - 1, -1, -1):
        g = conductance[m]
        for k in range(n):
            d, phi = pivot[m, k], v[m, k]
            t = (g - off[m, k]) * d
            u[m, k] = (u[m, k] - phi_b[k] * phi) * d + t * u[m + 1, k]
            v[m, k] = phi * d * phi_phi[k] + t * v[m + 1, k]


@numba.njit(cache=True)
def _solve_slice(diag, off, rhs, conductance, pivot, u, v, n):
    """Drops u and transfers v (elements + 1, n) of one slice; u = 0 and v = 1 at the integrator."""
    elements = len(conductance)
    for k in range(n):
        pivot[0, k] = diag[0, k] + conductance[0]
        u[0, k] = rhs[0, k]
    for m in range(1, elements):
        g, g2 = conductance[m - 1], conductance[m]
        for k in range(n):
            o = off[m - 1, k] - g
            l = o / pivot[m - 1, k]
            pivot[m, k] = diag[m, k] + g + g2 - l * o
            u[m, k] = rhs[m, k] - l * u[m - 1, k]
    for k in range(n):
        u[elements, k] = 0
        v[elements, k] = 1
    for m in range(elements - 1, -1, -1):
        g = conductance[m]
        for k in range(n):
            o = off[m, k] - g
            u[m, k] = (u[m, k] - o * u[m + 1, k]) / pivot[m, k]
            v[m, k] = -o * v[m + 1, k] / pivot[m, k]


@numba.njit(cache=True)
def _row_gradient(u, v, e, share, on, sign, w, c, total_v, total_uv, cross, g, gw, gc, n):
    """Adds one row's gradient to gw, gc (n,); returns that of its signed pulse.

    on: time in the slice in which it ends; the totals are over the slices before, times lengths.
    """
    b = share
    a = 1 - b
    g_pulse = g[0] * 0
    for k in range(n):
        vj = a * v[e, k] + b * v[e + 1, k]
        uv = (a * u[e, k] + b * u[e + 1, k]) * vj
        over_v = a * total_v[e, k] + b * total_v[e + 1, k] + on * vj
        over_uv = (
            a * a * total_uv[e, k] + a * b * cross[e, k] + b * b * total_uv[e + 1, k] + on * uv
        )
        gw[k] += g[k] * sign * over_v
        gc[k] -= g[k] * over_uv
        g_pulse += g[k] * (w[k] * vj - sign * c[k] * uv)
    return g_pulse


@numba.njit(cache=True)
def _slope(u, v, q, e, share, sign, w, c, g, n):
    """Gradient of one row's signed pulse were it to end in slice q; free lines after the last."""
    b = share
    a = 1 - b
    found = g[0] * 0
    if q == len(u):
        for k in range(n):
            found += g[k] * w[k]
        return found
    for k in range(n):
        vj = a * v[q, e, k] + b * v[q, e + 1, k]
        uj = a * u[q, e, k] + b * u[q, e + 1, k]
        found += g[k] * vj * (w[k] - sign * c[k] * uj)
    return found


# reassoc: sums over columns may be reordered, which lets them vectorise.
@numba.njit(cache=True, fastmath={"reassoc", "contract"})
def fast_backward(
    sign, slice_of, part, length, w, c, element, share, conductance, far_share, r_end,
    other, grad, gw, gc, gx,
):  # fmt: skip
    """Gradients of `fast_forward` by w, c (rows, cols) and by the signed pulses (batch, rows).

    Reciprocity: a cell's share of the column current is v at its row, the line's own transfer, so
    d out = v (sign w - c u) d duty + v duty (sign dw - u dc), slice by slice. other (batch, rows):
    a second slice to take half of a pulse's slope from, P for after the last one, -1 for none.
    """
    batch, rows = sign.shape
    cols = w.shape[1]
    elements, slices = len(conductance), length.shape[1]
    order = np.empty(rows, np.int64)
    start = np.empty(slices + 1, np.int64)
    moments = np.empty((elements + 1) * _STRIDE, w.dtype)
    nodes = moments.reshape(elements + 1, 3, BLOCK)
    diag, rhs, off = nodes[:, 0], nodes[:, 1], nodes[:, 2]
    pivot = np.empty((elements, BLOCK), w.dtype)
    ends = np.empty((3, BLOCK), w.dtype)
    u = np.empty((slices, elements + 1, BLOCK), w.dtype)
    v = np.empty((slices, elements + 1, BLOCK), w.dtype)
    total_v = np.empty((elements + 1, BLOCK), w.dtype)
    total_uv, cross = np.empty_like(total_v), np.empty_like(total_v)
    one = w.dtype.type(1)
    half = w.dtype.type(0.5)
    zero = w.dtype.type(0)
    w_block, c_block = np.empty((rows, BLOCK), w.dtype), np.empty((rows, BLOCK), w.dtype)
    gw_block, gc_block = np.empty((rows, BLOCK), w.dtype), np.empty((rows, BLOCK), w.dtype)
    for c0 in range(0, cols, BLOCK):
        n = min(BLOCK, cols - c0)
        w_block[:, :n], c_block[:, :n] = w[:, c0 : c0 + n], c[:, c0 : c0 + n]
        gw_block[:], gc_block[:] = 0, 0
        for b in range(batch):
            _order(slice_of[b], sign[b], slices, order, start)
            last = 0
            for p in range(slices):
                if start[p + 1] > start[p]:
                    last = p
            g = grad[b, c0 : c0 + n]
            moments[:] = 0
            for p in range(last, -1, -1):
                for i in range(start[p], start[p + 1]):
                    j = order[i]
                    _add_row(
                        moments[element[j] * _STRIDE :], share[j], part[b, j], sign[b, j],
                        w_block[j], c_block[j], n,
                    )  # fmt: skip
                if far_share > 0:
                    _opposite_solve_slice(
                        diag, off, rhs, conductance, far_share, r_end, ends, pivot, u[p], v[p], n
                    )
                else:
                    _solve_slice(diag, off, rhs, conductance, pivot, u[p], v[p], n)
                for i in range(start[p], start[p + 1]):
                    j = order[i]
                    _add_row(
                        moments[element[j] * _STRIDE :], share[j], one - part[b, j], sign[b, j],
                        w_block[j], c_block[j], n,
                    )  # fmt: skip
            total_v[:], total_uv[:], cross[:] = 0, 0, 0
            for p in range(last + 1):
                for i in range(start[p], start[p + 1]):
                    j = order[i]
                    slope = _row_gradient(
                        u[p], v[p], element[j], share[j], part[b, j] * length[b, p], sign[b, j],
                        w_block[j], c_block[j], total_v, total_uv, cross,
                        g, gw_block[j], gc_block[j], n,
                    )  # fmt: skip
                    q = other[b, j]
                    if q >= 0:
                        slope += _slope(
                            u, v, q, element[j], share[j], sign[b, j], w_block[j], c_block[j], g, n
                        )
                        slope *= half
                    gx[b, j] += slope
                d = length[b, p]
                for m in range(elements + 1):
                    for k in range(n):
                        total_v[m, k] += d * v[p, m, k]
                        total_uv[m, k] += d * u[p, m, k] * v[p, m, k]
                for m in range(elements):
                    for k in range(n):
                        cross[m, k] += d * (
                            u[p, m, k] * v[p, m + 1, k] + u[p, m + 1, k] * v[p, m, k]
                        )
            # A row without a pulse has the mean of its two one-sided derivatives: no load term.
            for j in range(rows):
                if sign[b, j] == 0:
                    e, near = element[j], share[j]
                    total = zero
                    for k in range(n):
                        vj = (one - near) * v[0, e, k] + near * v[0, e + 1, k]
                        total += g[k] * w_block[j, k] * vj
                    gx[b, j] += total
        gw[:, c0 : c0 + n], gc[:, c0 : c0 + n] = gw_block[:, :n], gc_block[:, :n]
