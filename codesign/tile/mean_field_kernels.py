"""Compiled parts of the mean-field model: transfers of loaded lines, moments of pulses.

Imported when first used.
"""

# numba reads types from the arguments.
# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, error_model="numpy")
def transfer_forward(load, r_ohm, r_last_ohm, transfer):
    """transfer (levels, rows, cols): share of a current injected at a row that leaves the line.

    load (levels, rows, cols) in S. A Norton sweep towards the integrator gives what each wire
    passes on; their products from a row on are the row's transfer.
    """
    levels, rows, cols = load.shape
    one = load.dtype.type(1)
    admittance = np.empty(cols, load.dtype)
    for level in range(levels):
        admittance[:] = 0
        for j in range(rows):
            r = load.dtype.type(r_last_ohm if j == rows - 1 else r_ohm)
            for k in range(cols):
                y = admittance[k] + load[level, j, k]
                passed = one / (one + r * y)
                transfer[level, j, k] = passed
                admittance[k] = y * passed
        for j in range(rows - 2, -1, -1):
            for k in range(cols):
                transfer[level, j, k] *= transfer[level, j + 1, k]


@numba.njit(cache=True, error_model="numpy")
def transfer_backward(load, r_ohm, r_last_ohm, transfer, grad_transfer, grad_load):
    """grad_load of `transfer_forward`.

    By reciprocity minus v times the drop that the gradients, injected as currents, cause: a Norton
    sweep towards the integrator, then back.
    """
    levels, rows, cols = load.shape
    one = load.dtype.type(1)
    current, admittance = np.empty((rows, cols), load.dtype), np.empty((rows, cols), load.dtype)
    drop = np.empty(cols, load.dtype)
    for level in range(levels):
        for j in range(rows):
            r = load.dtype.type(r_ohm)
            for k in range(cols):
                y, i = load[level, j, k], grad_transfer[level, j, k]
                if j:
                    passed = one / (one + r * admittance[j - 1, k])
                    y += admittance[j - 1, k] * passed
                    i += current[j - 1, k] * passed
                admittance[j, k], current[j, k] = y, i
        drop[:] = 0
        for j in range(rows - 1, -1, -1):
            r = load.dtype.type(r_last_ohm if j == rows - 1 else r_ohm)
            for k in range(cols):
                # The node's drop u obeys y u + (u - next) / r = i.
                drop[k] = (drop[k] + r * current[j, k]) / (one + r * admittance[j, k])
                grad_load[level, j, k] = -transfer[level, j, k] * drop[k]


@numba.njit(cache=True)
def _cut(x, bins, index, part):
    """Bin in which each pulse of one vector ends, and the share of that bin that it is on."""
    for j in range(len(x)):
        length = abs(x[j]) * bins
        index[j] = min(int(length), bins - 1)
        part[j] = length - index[j]


@numba.njit(cache=True)
def _levels(x, weight, beta, basis, bins, index, part, alpha, value):
    """alpha (bins,): connected share of the load of one vector; value (levels, bins)."""
    one = x.dtype.type(1)
    alpha[:] = 0
    ended = alpha[0]
    total = alpha[0]
    for j in range(len(x)):
        if x[j] != 0:
            # Counted for now where it ends: whole in every bin before.
            alpha[index[j]] += weight[j]
            total += weight[j]
    for p in range(bins):
        ends = alpha[p]
        ended += ends
        alpha[p] = total - ended
    for j in range(len(x)):
        if x[j] != 0:
            alpha[index[j]] += weight[j] * part[j]
    scale = one / x.dtype.type(len(x))
    levels, terms = basis.shape
    for p in range(bins):
        a = max(alpha[p] * scale, x.dtype.type(0))
        alpha[p] = a
        z = a * (one + beta) / (a + beta)
        for q in range(levels):
            v = basis[q, terms - 1]
            for k in range(terms - 2, -1, -1):
                v = v * z + basis[q, k]
            value[q, p] = v


@numba.njit(cache=True)
def moments_forward(pulse, weight, beta, basis, bins, out):
    """out (batch, levels, rows): signed integrals of the levels' polynomials over each pulse."""
    batch, rows = pulse.shape
    levels = len(basis)
    index, part = np.empty(rows, np.int64), np.empty(rows, pulse.dtype)
    alpha, value = np.empty(bins, pulse.dtype), np.empty((levels, bins), pulse.dtype)
    before = np.empty((levels, bins), pulse.dtype)
    length = pulse.dtype.type(1.0 / bins)
    zero = pulse.dtype.type(0)
    for b in range(batch):
        x = pulse[b]
        _cut(x, bins, index, part)
        _levels(x, weight, beta, basis, bins, index, part, alpha, value)
        for q in range(levels):
            total = zero
            for p in range(bins):
                before[q, p] = total
                total += value[q, p]
            for j in range(rows):
                p = index[j]
                m = length * (before[q, p] + part[j] * value[q, p])
                out[b, q, j] = m if x[j] > 0 else -m


@numba.njit(cache=True)
def moments_backward(pulse, weight, beta, basis, bins, grad, g_pulse, g_weight):
    """Gradients of `moments_forward` by pulses (batch, rows), weight (rows,); returns beta's.

    A longer pulse adds the polynomial where it ends, and load to all that are on there.
    """
    batch, rows = pulse.shape
    levels, terms = basis.shape
    index, part = np.empty(rows, np.int64), np.empty(rows, pulse.dtype)
    alpha, value = np.empty(bins, pulse.dtype), np.empty((levels, bins), pulse.dtype)
    g_value, g_alpha = np.empty((levels, bins), pulse.dtype), np.empty(bins, pulse.dtype)
    before = np.empty(bins, pulse.dtype)
    one, zero = pulse.dtype.type(1), pulse.dtype.type(0)
    length = pulse.dtype.type(1.0 / bins)
    per_row = one / pulse.dtype.type(rows)
    g_beta = 0.0
    for b in range(batch):
        x = pulse[b]
        _cut(x, bins, index, part)
        _levels(x, weight, beta, basis, bins, index, part, alpha, value)
        for q in range(levels):
            g = grad[b, q]
            own = g_value[q]
            own[:] = 0
            total = zero
            for j in range(rows):
                p = index[j]
                g_pulse[b, j] += g[j] * value[q, p]
                signed = g[j] if x[j] > 0 else -g[j] if x[j] < 0 else zero
                own[p] += signed
                total += signed
            ended = zero
            for p in range(bins):
                ended += own[p]
                own[p] = total - ended
            for j in range(rows):
                if x[j] != 0:
                    own[index[j]] += part[j] * (g[j] if x[j] > 0 else -g[j])
        total = zero
        for p in range(bins):
            a = alpha[p]
            under = one / (a + beta)
            z = a * (one + beta) * under
            g_z = zero
            for q in range(levels):
                slope = zero
                for k in range(terms - 1, 0, -1):
                    slope = slope * z + k * basis[q, k]
                g_z += g_value[q, p] * slope
            g_z *= length
            g_alpha[p] = g_z * (one + beta) * beta * under * under
            g_beta += g_z * a * (a - one) * under * under
            before[p] = total
            total += g_alpha[p]
        for j in range(rows):
            if x[j] != 0:
                p = index[j]
                load = weight[j] * per_row * bins * g_alpha[p]
                g_pulse[b, j] += load if x[j] > 0 else -load
                g_weight[j] += per_row * (before[p] + part[j] * g_alpha[p])
    return g_beta
