"""Functions of the linear membrane step in Triton; as `codesign.pnn.series` has them."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def psi012(x, double: tl.constexpr):
    """e^-x, psi_0 = phi, psi_1 = chi and psi_2 of x, elementwise.

    Series in u = (x/2)^2 up to |x| = 2, where the closed forms cancel; 9 terms in float64, 5 in
    float32.
    """
    large = tl.abs(x) > 2.0
    h = tl.where(large, 0.0, 0.5 * x)
    u = h * h
    if double:
        a = 1.0 + u * (1.0 / 272.0)
        b = 1.0 + u * (1.0 / 304.0)
        c = 1.0 + u * (1.0 / 336.0)
        a = 1.0 + u * (1.0 / 210.0) * a
        b = 1.0 + u * (1.0 / 238.0) * b
        c = 1.0 + u * (1.0 / 266.0) * c
        a = 1.0 + u * (1.0 / 156.0) * a
        b = 1.0 + u * (1.0 / 180.0) * b
        c = 1.0 + u * (1.0 / 204.0) * c
        a = 1.0 + u * (1.0 / 110.0) * a
        b = 1.0 + u * (1.0 / 130.0) * b
        c = 1.0 + u * (1.0 / 150.0) * c
        a = 1.0 + u * (1.0 / 72.0) * a
        b = 1.0 + u * (1.0 / 88.0) * b
        c = 1.0 + u * (1.0 / 104.0) * c
    else:
        a = 1.0 + u * (1.0 / 72.0)
        b = 1.0 + u * (1.0 / 88.0)
        c = 1.0 + u * (1.0 / 104.0)
    a = 1.0 + u * (1.0 / 42.0) * a
    b = 1.0 + u * (1.0 / 54.0) * b
    c = 1.0 + u * (1.0 / 66.0) * c
    a = 1.0 + u * (1.0 / 20.0) * a
    b = 1.0 + u * (1.0 / 28.0) * b
    c = 1.0 + u * (1.0 / 36.0) * c
    a = 1.0 + u * (1.0 / 6.0) * a
    b = 1.0 + u * (1.0 / 10.0) * b
    c = 1.0 + u * (1.0 / 14.0) * c
    half = tl.exp(-h)
    y = tl.where(large, x, 4.0)
    decay = tl.exp(-y)
    inverse = 1.0 / y
    p0 = (1.0 - decay) * inverse
    p1 = 12.0 * (0.5 * (1.0 + decay) - p0) * (inverse * inverse)
    p2 = 60.0 * (p0 - p1) * (inverse * inverse)
    return (
        tl.where(large, decay, half * half),
        tl.where(large, p0, half * a),
        tl.where(large, p1, half * b),
        tl.where(large, p2, half * c),
    )
