"""Divisors of integers, and the parts that floating point numbers are made of."""

from __future__ import annotations

from typing import Any

from ..dtypes import as_dtype, int32
from ..kernels.choose import neighbour
from ..op import TORCH_TENSOR, S, composite, elementwise, ints, op
from ..spec import Meta

gcd = elementwise("gcd", "input other", takes="int", samples=[S(ints(3, 4, low=-12, high=12), ints(4, low=0, high=9))], inplace=True,
                  doc="The greatest common divisor of integers, never negative; of 0 and 0 it is 0.")
lcm = elementwise("lcm", "input other", takes="int", samples=[S(ints(3, 4, low=-12, high=12), ints(4, low=0, high=9))], inplace=True,
                  doc="The least common multiple of integers, never negative; with 0 it is 0.")
nextafter = elementwise("nextafter", "input other", kernel=neighbour, inplace=True, extra={"narrow_itself": True},
                        doc="The floating point number next to ``input`` on the way to ``other``; no gradient.")


def _power_of_two(F: Any, input: Any, other: Any) -> Any:
    own, power = as_dtype(input.dtype), as_dtype(other.dtype)
    if own.is_floating_point and not (power.is_floating_point or power.is_complex):
        other = F.to_dtype(other, dtype=own)
    return F.pow(2.0, other)


@composite("ldexp(input: Tensor, other: Tensor) -> Tensor")
def ldexp(F: Any, input: Any, other: Any) -> Any:
    """``input * 2 ** other``.

    >>> import autograd_core as ag
    >>> ag.ldexp(ag.tensor([1.0, 3.0]), ag.tensor([2, -1])).tolist()
    [4.0, 1.5]
    """
    return F.mul(input, _power_of_two(F, input, other))


@composite("ldexp_(input: Tensor, other: Tensor) -> Tensor", places=("Tensor",))
def ldexp_(F: Any, input: Any, other: Any) -> Any:
    """``ldexp``, written into the tensor itself."""
    return input.mul_(_power_of_two(F, input, other))


def _frexp_spec(input: Any) -> tuple[Meta, Meta]:
    dtype = as_dtype(input.dtype)
    if not dtype.is_floating_point:
        raise RuntimeError(f"frexp: only supports floating-point dtypes, got {dtype.name}. Convert it with .float()")
    return Meta(tuple(input.shape), dtype), Meta(tuple(input.shape), int32)


@op("frexp(input: Tensor) -> tuple[Tensor, Tensor]", kind="general", places=TORCH_TENSOR, outputs=("mantissa", "exponent"), constant_outputs=(1,), spec=_frexp_spec,
    samples=[S((3, 4)), S(()), S((0, 2)), S(ints(3), error=RuntimeError, match="floating-point")])
def frexp(xp: Any, input: Any) -> Any:
    """``input = mantissa * 2 ** exponent`` with mantissas from 0.5 to below 1: a named tuple; the exponents are int32.

    >>> import autograd_core as ag
    >>> mantissa, exponent = ag.frexp(ag.tensor([6.0, 0.25]))
    >>> mantissa.tolist(), exponent.tolist()
    ([0.75, 0.5], [3, -1])
    """
    if input.dtype.kind != "f":
        raise TypeError("not floating point")
    return xp.frexp(input)


@frexp.vjp("input")
def _(F: Any, g: Any, exponent: Any) -> Any:
    return F.ldexp(g[0], -exponent)
