"""Scalar functions of the membrane step, written so that loops over them vectorise.

Every function exists for float32 and float64; numba picks by the type of the argument. Constants
are typed, because a bare literal would lift float32 arithmetic to float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.types import Type
from numba.extending import intrinsic, overload

FAST = {"contract", "reassoc", "arcp", "nsz"}
"""Floating-point freedoms of the kernels: everything but the assumption of finite values."""


def _series(order: int, terms: int, dtype: Any) -> tuple[Any, ...]:
    """(2n+1)!! i_n(h)/h^n in powers of h^2, i_n the modified spherical Bessel function."""
    values = [1.0]
    for k in range(1, terms):
        values.append(values[-1] / (2 * k * (2 * order + 2 * k + 1)))
    return tuple(dtype(x) for x in values)


def _phi_series(terms: int, derivative: bool, dtype: Any) -> tuple[Any, ...]:
    """(1 - e^-x)/x, or its derivative, in powers of x."""
    values, factorial = [], 1.0
    for k in range(terms + 1):
        factorial *= k + 1
        values.append((-1) ** k / factorial)
    if derivative:
        values = [k * values[k] for k in range(1, terms + 1)]
    return tuple(dtype(x) for x in values[:terms])


_S32 = [_series(n, 6, np.float32) for n in range(3)]
_S64 = [_series(n, 10, np.float64) for n in range(3)]
_A32, _B32, _C32 = _S32
_A64, _B64, _C64 = _S64
_P32, _Q32 = (_phi_series(5, d, np.float32) for d in (False, True))
_P64, _Q64 = (_phi_series(10, d, np.float64) for d in (False, True))
SHORT_STEP = 1.0 / 16.0
"""Largest x for which `short_phi` and `short_dphi` hold to rounding."""
TINY_STEP = 1.0 / 256.0
"""The same for `tiny_phi` and `tiny_dphi`."""

_LOG2E_32, _LOG2E_64 = np.float32(1.4426950408889634), np.float64(1.4426950408889634)
_LN2_HIGH_32, _LN2_LOW_32 = np.float32(0.693359375), np.float32(-2.12194440054690583e-4)
_LN2_HIGH_64, _LN2_LOW_64 = np.float64(0.6931471803691238), np.float64(1.9082149292705877e-10)
_HALF_32, _HALF_64 = np.float32(0.5), np.float64(0.5)
_LOW_32, _HIGH_32 = np.float32(-80.0), np.float32(87.0)
_LOW_64, _HIGH_64 = np.float64(-700.0), np.float64(700.0)
_E32 = tuple(np.float32((-1.0) ** k / np.prod(np.arange(1.0, k + 1))) for k in range(8))
_E64 = tuple(np.float64((-1.0) ** k / np.prod(np.arange(1.0, k + 1))) for k in range(13))


def _power_of_half(width: int, bias: int, mantissa: int, result: Type, float_type: ir.Type) -> Any:
    @intrinsic
    def power(typingctx: Any, n: Any) -> Any:
        integer = types.int32 if width == 32 else types.int64

        def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            bits = builder.shl(
                builder.sub(ir.Constant(ir.IntType(width), bias), args[0]),
                ir.Constant(ir.IntType(width), mantissa),
            )
            return builder.bitcast(bits, float_type)

        return result(integer), codegen

    return power


_half_32 = _power_of_half(32, 127, 23, types.float32, ir.FloatType())
_half_64 = _power_of_half(64, 1023, 52, types.float64, ir.DoubleType())


def exp_neg(x: Any) -> Any:
    """e^-x, x held to the range that the type can express."""
    raise NotImplementedError("compiled only")


@overload(exp_neg, inline="never")
def _exp_neg(x: Any) -> Any:
    if x == types.float32:

        def single(x: Any) -> Any:
            x = min(max(x, _LOW_32), _HIGH_32)
            n = np.int32(np.floor(x * _LOG2E_32 + _HALF_32))
            k = np.float32(n)
            r = (x - k * _LN2_HIGH_32) - k * _LN2_LOW_32
            e = _E32
            p = ((e[7] * r + e[6]) * r + e[5]) * r + e[4]
            p = (((p * r + e[3]) * r + e[2]) * r + e[1]) * r + e[0]
            return p * _half_32(n)

        return single

    def double(x: Any) -> Any:
        x = min(max(x, _LOW_64), _HIGH_64)
        n = np.int64(np.floor(x * _LOG2E_64 + _HALF_64))
        k = np.float64(n)
        r = (x - k * _LN2_HIGH_64) - k * _LN2_LOW_64
        e = _E64
        p = ((e[12] * r + e[11]) * r + e[10]) * r + e[9]
        p = (((p * r + e[8]) * r + e[7]) * r + e[6]) * r + e[5]
        p = ((((p * r + e[4]) * r + e[3]) * r + e[2]) * r + e[1]) * r + e[0]
        return p * _half_64(n)

    return double


def psi012(x: Any) -> Any:
    """(e^-x, phi, chi, psi_2) of `codesign.pnn.series`, at any x."""
    raise NotImplementedError("compiled only")


@overload(psi012, inline="never")
def _psi012(x: Any) -> Any:
    if x == types.float32:
        one, two, half = np.float32(1), np.float32(2), _HALF_32
        twelve, sixty = np.float32(12), np.float32(60)

        def single(x: Any) -> Any:
            h = half * x
            eh = exp_neg(h)
            e = eh * eh
            small = abs(x) <= two
            u = h * h if small else one
            a, b, c = _A32, _B32, _C32
            s0 = ((((a[5] * u + a[4]) * u + a[3]) * u + a[2]) * u + a[1]) * u + a[0]
            s1 = ((((b[5] * u + b[4]) * u + b[3]) * u + b[2]) * u + b[1]) * u + b[0]
            s2 = ((((c[5] * u + c[4]) * u + c[3]) * u + c[2]) * u + c[1]) * u + c[0]
            inverse = one / (two if small else x)
            l0 = (one - e) * inverse
            l1 = twelve * (half * (one + e) - l0) * inverse * inverse
            l2 = sixty * (l0 - l1) * inverse * inverse
            return (
                e,
                eh * s0 if small else l0,
                eh * s1 if small else l1,
                eh * s2 if small else l2,
            )

        return single

    def double(x: Any) -> Any:
        h = 0.5 * x
        eh = exp_neg(h)
        e = eh * eh
        small = abs(x) <= 2.0
        u = h * h if small else 1.0
        a, b, c = _A64, _B64, _C64
        s0 = (((a[9] * u + a[8]) * u + a[7]) * u + a[6]) * u + a[5]
        s0 = ((((s0 * u + a[4]) * u + a[3]) * u + a[2]) * u + a[1]) * u + a[0]
        s1 = (((b[9] * u + b[8]) * u + b[7]) * u + b[6]) * u + b[5]
        s1 = ((((s1 * u + b[4]) * u + b[3]) * u + b[2]) * u + b[1]) * u + b[0]
        s2 = (((c[9] * u + c[8]) * u + c[7]) * u + c[6]) * u + c[5]
        s2 = ((((s2 * u + c[4]) * u + c[3]) * u + c[2]) * u + c[1]) * u + c[0]
        inverse = 1.0 / (2.0 if small else x)
        l0 = (1.0 - e) * inverse
        l1 = 12.0 * (0.5 * (1.0 + e) - l0) * inverse * inverse
        l2 = 60.0 * (l0 - l1) * inverse * inverse
        return e, eh * s0 if small else l0, eh * s1 if small else l1, eh * s2 if small else l2

    return double


def short_phi(x: Any) -> Any:
    """phi for 0 <= x <= SHORT_STEP."""
    raise NotImplementedError("compiled only")


@overload(short_phi, inline="never")
def _short_phi(x: Any) -> Any:
    if x == types.float32:
        p = _P32

        def single(x: Any) -> Any:
            return (((p[4] * x + p[3]) * x + p[2]) * x + p[1]) * x + p[0]

        return single
    q = _P64

    def double(x: Any) -> Any:
        s = (((q[9] * x + q[8]) * x + q[7]) * x + q[6]) * x + q[5]
        return ((((s * x + q[4]) * x + q[3]) * x + q[2]) * x + q[1]) * x + q[0]

    return double


def tiny_phi(x: Any) -> Any:
    """phi for 0 <= x <= TINY_STEP."""
    raise NotImplementedError("compiled only")


@overload(tiny_phi, inline="never")
def _tiny_phi(x: Any) -> Any:
    if x == types.float32:
        p = _P32

        def single(x: Any) -> Any:
            return (p[2] * x + p[1]) * x + p[0]

        return single
    q = _P64

    def double(x: Any) -> Any:
        return ((((q[5] * x + q[4]) * x + q[3]) * x + q[2]) * x + q[1]) * x + q[0]

    return double


def tiny_dphi(x: Any) -> Any:
    """Derivative of phi for 0 <= x <= TINY_STEP."""
    raise NotImplementedError("compiled only")


@overload(tiny_dphi, inline="never")
def _tiny_dphi(x: Any) -> Any:
    if x == types.float32:
        p = _Q32

        def single(x: Any) -> Any:
            return (p[2] * x + p[1]) * x + p[0]

        return single
    q = _Q64

    def double(x: Any) -> Any:
        return ((((q[5] * x + q[4]) * x + q[3]) * x + q[2]) * x + q[1]) * x + q[0]

    return double


def short_dphi(x: Any) -> Any:
    """Derivative of phi for 0 <= x <= SHORT_STEP."""
    raise NotImplementedError("compiled only")


@overload(short_dphi, inline="never")
def _short_dphi(x: Any) -> Any:
    if x == types.float32:
        p = _Q32

        def single(x: Any) -> Any:
            return (((p[4] * x + p[3]) * x + p[2]) * x + p[1]) * x + p[0]

        return single
    q = _Q64

    def double(x: Any) -> Any:
        s = (((q[9] * x + q[8]) * x + q[7]) * x + q[6]) * x + q[5]
        return ((((s * x + q[4]) * x + q[3]) * x + q[2]) * x + q[1]) * x + q[0]

    return double
