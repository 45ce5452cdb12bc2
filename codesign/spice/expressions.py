"""Numbers and parameter expressions of netlists, evaluated without a simulator."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from codesign.errors import InputError

_SUFFIX = {"t": 1e12, "g": 1e9, "meg": 1e6, "k": 1e3, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}
_SUFFIX |= {"f": 1e-15, "a": 1e-18, "mil": 25.4e-6}
_NUMBER = re.compile(
    r"(?<![\w.])((?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(meg|mil|[tgkmunpfa])?[a-z]*(?![\w.])"
)
_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARE: dict[type, Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS: dict[str, Callable[..., float]] = {
    "int": math.trunc, "floor": math.floor, "ceil": math.ceil, "abs": abs, "sqrt": math.sqrt,
    "min": min, "max": max, "exp": math.exp, "ln": math.log, "log": math.log, "log10": math.log10,
    "pow": math.pow, "pwr": math.pow,
}  # fmt: skip
_LONGEST = 400
_FAULTS = (SyntaxError, ValueError, TypeError, ArithmeticError, RecursionError, MemoryError)


def evaluate(text: str, names: Mapping[str, float] | None = None) -> float:
    """Value of a number or expression; `names`: parameters in lower case.

    Raises InputError for what is neither, or uses names that are not known.
    """
    inner = text.strip().strip("'\"{}").strip().lower()
    if len(inner) > _LONGEST:
        raise InputError(f"an expression of {len(inner)} characters is too long")
    plain = _NUMBER.sub(_number, inner)
    try:
        tree = ast.parse(plain.replace("^", "**"), mode="eval")
        value = float(_value(tree.body, names or {}))
    except InputError:
        raise
    except _FAULTS as error:
        reason = str(error).split(" (<unknown>", 1)[0]
        raise InputError(f"{_short(text)} is no number or expression: {reason}") from None
    if not math.isfinite(value):
        raise InputError(f"{_short(text)} is not finite")
    return value


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def _number(found: re.Match[str]) -> str:
    value = float(found[1]) * _SUFFIX.get(found[2] or "", 1.0)
    if not math.isfinite(value):
        raise InputError(f"{_short(found[0])} is not finite")
    return repr(value)


def _value(node: ast.expr, names: Mapping[str, float]) -> Any:
    match node:
        case ast.Constant(value=float()):
            # Numbers were written as floats above; what Python alone takes for one, 1_0, is none.
            return node.value
        case ast.Name(id=name):
            if name not in names:
                raise InputError(f"parameter {name} is not defined")
            return names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, names)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand, names)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return math.pow(_value(left, names), _value(right, names))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, names), _value(right, names))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            return float(_COMPARE[type(op)](_value(left, names), _value(right, names)))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(argument, names) for argument in arguments))
    raise InputError("only numbers, parameters, + - * / ^ < > and simple functions are allowed")
