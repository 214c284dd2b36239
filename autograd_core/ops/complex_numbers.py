"""Complex numbers and their parts.

The gradient of a real function of z = x + iy is its derivative by x plus i times its derivative by y, as in PyTorch:
a step against it makes the function smaller. None of these functions is holomorphic, so each rule states it itself.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from ..dtypes import as_dtype, complex64, complex128, float32, float64, is_complex
from ..errors import DtypeError, ShapeError
from ..kernels.blocks import at_hand, in_blocks, large
from ..kernels.numbers import ZERO, has_nan
from ..op import Arg, S, composite, elementwise, op, span
from ..spec import Meta, broadcast, computed_dtype
from .arithmetic import sign_of

PARTS = {complex64: float32, complex128: float64}
WHOLE = {float32: complex64, float64: complex128}
_PLANE = Arg(values=[[1 + 2j, -3 - 4j], [2j, -1.5 + 1j]])
_REAL = Arg(values=[1.0, -2.0, 0.5])


def complexes(*shape: int) -> Arg:
    """A sample's argument of complex numbers."""
    return Arg(shape, kind="complex")


conjugated = elementwise("conjugated", ufunc="conjugate", vjp="conjugated(g)", holomorphic=False, promotes="none", places=(), label="conj", extra={"written": "conj"},
                         takes="none", samples=[S(complexes(2, 3)), S(complexes()), S(complexes(0, 2))], doc="The complex conjugate.")


@composite("conj(input: Tensor) -> Tensor", out=False, aliases=("conj_physical",))
def conj(F: Any, input: Any) -> Any:
    """The complex conjugate; a real tensor is returned as it is."""
    return F.conjugated(input) if is_complex(input) else input


# --- parts --------------------------------------------------------------------------------------------------------


def _part_spec(name: str, input: Any) -> Meta:
    dtype = as_dtype(input.dtype)
    if dtype not in PARTS:
        raise DtypeError(f"{name}: not implemented for tensors with non-complex dtypes, this one is {dtype.name}")
    return Meta(tuple(input.shape), PARTS[dtype])


@op("real_part(input: Tensor) -> Tensor", kind="view", label="Re", holomorphic=False, spec=lambda input: _part_spec("real", input), extra={"written": "real"},
    samples=[S(complexes(2, 3)), S(complexes()), S(complexes(0, 2))])
def real_part(xp: Any, input: Any) -> Any:
    """The real part of complex numbers, as a view."""
    return input.real


@real_part.vjp("input")
def _(F: Any, g: Any) -> Any:
    return g + 0j


@op("imaginary_part(input: Tensor) -> Tensor", kind="view", label="Im", holomorphic=False, spec=lambda input: _part_spec("imag", input), extra={"written": "imag"},
    samples=[S(complexes(2, 3)), S(complexes()), S(complexes(0, 2))])
def imaginary_part(xp: Any, input: Any) -> Any:
    """The imaginary part of complex numbers, as a view."""
    return input.imag


@imaginary_part.vjp("input")
def _(F: Any, g: Any) -> Any:
    return g * 1j


@composite("real(input: Tensor) -> Tensor", out=False, places=("torch",))
def real(F: Any, input: Any) -> Any:
    """The real part, as a view; a real tensor is returned as it is."""
    return F.real_part(input) if is_complex(input) else input


@composite("imag(input: Tensor) -> Tensor", out=False, places=("torch",))
def imag(F: Any, input: Any) -> Any:
    """The imaginary part, as a view. Raises ``RuntimeError`` for a real tensor."""
    if not is_complex(input):
        raise DtypeError(f"imag: not implemented for tensors with non-complex dtypes, this one is {as_dtype(input.dtype).name}. Use zeros_like")
    return F.imaginary_part(input)


@composite("resolve_conj(input: Tensor) -> Tensor", out=False)
def resolve_conj(F: Any, input: Any) -> Any:
    """The tensor itself: conjugation is never left for later."""
    return input


# --- size and direction -------------------------------------------------------------------------------------------


def _sgn(xp: Any, input: Any) -> Any:
    if input.dtype.kind != "c":
        return sign_of(xp, input)
    size = xp.abs(input)
    return xp.where(size == 0, 0, input / xp.where(size == 0, 1, size)).astype(input.dtype)


def _sgn_vjp(F: Any, g: Any, input: Any, out: Any) -> Any:
    if not is_complex(input):
        return F.fill(g, 0)
    size = F.abs(input)
    return F.where(size == 0, 0, (g - F.real(F.conj(out) * g) * out) / F.where(size == 0, 1, size))


def _angle(xp: Any, input: Any) -> Any:
    if input.dtype.kind == "c":
        return xp.angle(input)
    dtype = input.dtype if input.dtype.kind == "f" else _default(input)
    if input.dtype.kind == "f" and input.size < _FEW:
        (zero,) = ZERO[input.__class__, input.dtype]
        return xp.arctan2(zero, input + zero)  # one call that keeps NaN; the sum makes -0 a 0
    if input.dtype is dtype and large(input):
        return in_blocks(xp, partial(_angle, xp), input)
    if input.dtype.kind == "f" and input.ndim and at_hand(input) and not has_nan(input):
        sides = (input < 0).astype(dtype)
        sides *= math.pi
        return sides
    return xp.where(input < 0, math.pi, xp.where(input == input, 0, input)).astype(dtype)


_FEW = 1 << 11
"""Elements up to which one slow call takes less than a choice."""


def _default(input: Any) -> Any:
    return computed_dtype("angle", "float", (input,)).dtype


def _angle_vjp(F: Any, g: Any, input: Any) -> Any:
    if not is_complex(input):
        return F.fill(g, 0)
    return F.where(input == 0, 0, g * 1j / F.conj(F.where(input == 0, 1, input)))


def _angle_spec(input: Any) -> Meta:
    dtype = as_dtype(input.dtype)
    return Meta(tuple(input.shape), PARTS.get(dtype) or computed_dtype("angle", "float", (input,)))


sgn = elementwise("sgn", kernel=_sgn, vjp=_sgn_vjp, holomorphic=False, inplace=True, samples=[S(_PLANE), S(_REAL)],
                  doc="The sign of real numbers; ``input / |input|`` of complex ones, and 0 at 0, where the gradient is 0 too.")
angle = elementwise("angle", kernel=_angle, vjp=_angle_vjp, holomorphic=False, spec=_angle_spec, samples=[S(_PLANE), S(_REAL)],
                    doc="The angle in the complex plane, in radians between -π and π; 0 or π for real numbers. The gradient at 0 is 0.")

# --- from parts ---------------------------------------------------------------------------------------------------


def _pair(op: str, names: tuple[str, str], first: Any, second: Any) -> Meta:
    shape = broadcast(op, names, (first, second))
    dtype = computed_dtype(op, "equal", (first, second))
    if dtype not in WHOLE:
        raise DtypeError(f"{op}: Expected both inputs to be Float or Double tensors but got {as_dtype(first.dtype).name} and {as_dtype(second.dtype).name}")
    return Meta(shape, WHOLE[dtype])


def _compose(xp: Any, real: Any, imag: Any) -> Any:
    if real.dtype != imag.dtype or real.dtype.kind != "f":
        raise TypeError(real.dtype)
    real, imag = xp.broadcast_arrays(real, imag)
    result = xp.empty(real.shape, dtype=WHOLE[as_dtype(real.dtype)].dtype)
    result.real, result.imag = real, imag
    return result if result.shape else result[()]


complex_ = elementwise("complex", "real imag", kind="general", kernel=_compose, promotes="equal", holomorphic=False, places=("torch",),
                       spec=lambda real, imag: _pair("complex", ("real", "imag"), real, imag), takes="none",
                       samples=[S((3, 4), (3, 4)), S((), ()), S((0, 2), (0, 2)), S((3, 1), (4,)), S((4,), (3, 4)), S((2, 3), (4,), error=RuntimeError, match="must match")],
                       signature="complex(real: Tensor, imag: Tensor) -> Tensor", vjp={"real": "real(g)", "imag": "imag(g)"},
                       doc="``real + 1j * imag``, of two tensors of one dtype.")
polar = elementwise("polar", "abs angle", kind="general", kernel=lambda xp, abs, angle: _compose(xp, abs * xp.cos(angle), abs * xp.sin(angle)), promotes="equal", holomorphic=False,
                    places=("torch",), spec=lambda abs, angle: _pair("polar", ("abs", "angle"), abs, angle), takes="none",
                    samples=[S(span(0.5, 2.0, 3, 4), (3, 4)), S(span(0.5, 2.0), ()), S((0, 2), (0, 2)), S(span(0.5, 2.0, 3, 1), (4,)), S(span(0.5, 2.0, 4), (3, 4)),
                    S((2, 3), (4,), error=RuntimeError, match="must match")],
                    signature="polar(abs: Tensor, angle: Tensor) -> Tensor",
                    vjp={"abs": "real(g) * cos(angle) + imag(g) * sin(angle)", "angle": "imag(g) * (abs * cos(angle)) - real(g) * (abs * sin(angle))"},
                    doc="The complex numbers of size ``abs`` at ``angle``, in radians.")

# --- as pairs -----------------------------------------------------------------------------------------------------


def _as_real_spec(input: Any) -> Meta:
    meta = _part_spec("view_as_real", input)
    return Meta((*meta.shape, 2), meta.dtype)


@op("view_as_real(input: Tensor) -> Tensor", kind="view", places=("torch",), holomorphic=False, spec=_as_real_spec,
    samples=[S(complexes(2, 3)), S(complexes()), S(complexes(0, 2)), S((2, 3), error=RuntimeError, match="non-complex")])
def view_as_real(xp: Any, input: Any) -> Any:
    """Complex numbers as pairs of real ones in a new last dimension, sharing the memory. Raises ``RuntimeError`` for real tensors."""
    if input.dtype.kind != "c":
        raise TypeError(input.dtype)
    return xp.asarray(input)[..., None].view(input.real.dtype)


@view_as_real.vjp("input")
def _(F: Any, g: Any) -> Any:
    return F.view_as_complex(F.contiguous(g))


def _as_complex_spec(input: Any) -> Meta:
    dtype = as_dtype(input.dtype)
    if dtype not in WHOLE:
        raise DtypeError(f"view_as_complex: only supported for float and double tensors, but got a tensor of {dtype.name}")
    if not input.shape or input.shape[-1] != 2:
        raise ShapeError(f"view_as_complex: Tensor must have a last dimension of size 2, got the shape {tuple(input.shape)}")
    return Meta(tuple(input.shape[:-1]), WHOLE[dtype])


@op("view_as_complex(input: Tensor) -> Tensor", kind="view", places=("torch",), holomorphic=False, spec=_as_complex_spec,
    samples=[S((3, 2)), S((2,)), S((0, 3, 2)), S((2, 3), error=RuntimeError, match="size 2")])
def view_as_complex(xp: Any, input: Any) -> Any:
    """Pairs of real numbers in the last dimension as complex ones, sharing the memory; float32 or float64. Raises ``RuntimeError`` for other dtypes and sizes."""
    if not input.shape or input.shape[-1] != 2 or input.dtype.kind != "f":
        raise TypeError(input.shape)
    if input.size and input.strides[-1] != input.dtype.itemsize:
        raise ShapeError(f"view_as_complex: Tensor must have a last dimension with stride 1, but the elements lie {input.strides[-1]} bytes apart. Use .contiguous() first")
    if not input.size:
        return xp.zeros(input.shape[:-1], dtype=WHOLE[as_dtype(input.dtype)].dtype)  # strides mean nothing here
    return input.view(WHOLE[as_dtype(input.dtype)].dtype)[..., 0]


@view_as_complex.vjp("input")
def _(F: Any, g: Any) -> Any:
    return F.view_as_real(g)
