"""The orthogonal polynomials of ``torch.special``, by their recurrences: gradients of every order come with them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..dtypes import as_dtype
from ..op import composite, detached


def _polynomial(F: Any, input: Any, n: Any, first: Any, following: Callable[[int, Any, Any, Any], Any]) -> Any:
    """``first(x)`` of degree 1, then ``following(k, x, p_k, p_{k-1})``; 1 of degree 0, and 0 below."""
    several = hasattr(n, "shape")
    if not several and not hasattr(input, "shape"):
        raise TypeError(f"expected a Tensor for input or n, but got two numbers, {input} and {n}")
    if not hasattr(input, "shape"):
        input = n * 0.0 + input
    if not several:
        n = int(n)
    elif as_dtype(n.dtype).is_floating_point:
        input, n = input + detached(n) * 0, F.trunc(detached(n))
    top = n if not several else int(detached(n).max()) if math.prod(n.shape) else 0
    one = F.exp(F.fill(detached(input), 0))
    result = F.where(n == 0, one, one - 1) if several else one if n == 0 else one - 1
    previous, current = one, first(input * one)
    for k in range(1, top + 1):
        if k > 1:
            previous, current = current, following(k - 1, input, current, previous)
        if several or k == top:
            result = F.where(n == k, current, result) if several else current
    return result


def _chebyshev(k: int, x: Any, p: Any, q: Any) -> Any:
    return 2 * x * p - q


_RECURRENCES: dict[str, tuple[str, Any, Callable[[int, Any, Any, Any], Any]]] = {
    "chebyshev_polynomial_t": ("The Chebyshev polynomial of the first kind, cos(n θ) at cos(θ)", lambda x: x, _chebyshev),
    "chebyshev_polynomial_u": ("The Chebyshev polynomial of the second kind", lambda x: 2 * x, _chebyshev),
    "chebyshev_polynomial_v": ("The Chebyshev polynomial of the third kind", lambda x: 2 * x - 1, _chebyshev),
    "chebyshev_polynomial_w": ("The Chebyshev polynomial of the fourth kind", lambda x: 2 * x + 1, _chebyshev),
    "hermite_polynomial_h": ("The physicist's Hermite polynomial", lambda x: 2 * x, lambda k, x, p, q: 2 * x * p - 2 * k * q),
    "hermite_polynomial_he": ("The probabilist's Hermite polynomial", lambda x: x, lambda k, x, p, q: x * p - k * q),
    "laguerre_polynomial_l": ("The Laguerre polynomial", lambda x: 1 - x, lambda k, x, p, q: ((2 * k + 1 - x) * p - k * q) / (k + 1)),
    "legendre_polynomial_p": ("The Legendre polynomial", lambda x: x, lambda k, x, p, q: ((2 * k + 1) * x * p - k * q) / (k + 1)),
}


def _declare(name: str, doc: str, first: Any, following: Callable[[int, Any, Any, Any], Any], shifted: bool) -> None:
    def function(F: Any, input: Any, n: Any) -> Any:
        return _polynomial(F, 2 * input - 1 if shifted else input, n, first, following)

    function.__doc__ = f"{doc}{', of ``2 * input - 1``' if shifted else ''}, of degree ``n``: a number or a tensor of them, which broadcasts, cut off; 0 for negative ``n``."
    composite(f"special_{name}(input: TensorLike, n: TensorLike) -> Tensor", places=("special",))(function)


for _name, (_doc, _first, _following) in _RECURRENCES.items():
    _declare(_name, _doc, _first, _following, False)
    if _following is _chebyshev:
        _declare(f"shifted_{_name}", _doc, _first, _following, True)
