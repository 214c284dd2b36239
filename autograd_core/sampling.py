"""Tensors of random numbers: functions that make them, and methods that fill a tensor in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import dtypes
from .creation import as_size, like_options, placement, scalar_or_array
from .dispatch import apply, into
from .inplace import inplace
from .op import REGISTRY
from .storage import TensorBase, real_array, wrap

if TYPE_CHECKING:
    from .random import Generator
    from .tensor import Tensor

_LARGEST = {"bool": 1, "uint8": 2**8 - 1, "int8": 2**7 - 1, "int16": 2**15 - 1, "int32": 2**31 - 1, "int64": 2**63 - 1, "uint16": 2**16 - 1,
            "uint32": 2**32 - 1, "uint64": 2**64 - 1, "bfloat16": 2**8, "float16": 2**11, "float32": 2**24, "float64": 2**53}
"""The largest integer up to which a dtype holds every one exactly."""


def _draw(op: str, attrs: dict[str, Any], d: Any, where: Any, requires_grad: bool = False, generator: Generator | None = None,
          out: Any = None) -> Tensor:
    """Run a random op; its input is a placeholder that says dtype and device."""
    chosen, backend, index = placement(d, where if where is not None or generator is None else generator.device, out)
    with backend.on(index):
        placeholder = wrap(backend.xp.empty((), dtype=chosen.dtype))
        result: Tensor = apply(REGISTRY[op], (placeholder,), {**attrs, "generator": generator})
    result._array = scalar_or_array(result._array)
    if out is not None:
        result = into(out, result)
    if requires_grad:
        result.requires_grad_()
    return result


def rand(*sizes: Any, size: Any = None, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """Numbers drawn uniformly from [0, 1).

    >>> import autograd_core as ag
    >>> ag.rand(2, 3).shape
    autograd_core.Size([2, 3])
    """
    return _draw("draw_uniform", {"low": 0.0, "high": 1.0, "shape": as_size("rand", sizes, size)}, dtype, device, requires_grad, generator, out)


def randn(*sizes: Any, size: Any = None, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """Numbers drawn from the normal distribution with mean 0 and variance 1."""
    return _draw("draw_normal", {"mean": 0.0, "std": 1.0, "shape": as_size("randn", sizes, size)}, dtype, device, requires_grad, generator, out)


def randint(low: int, high: Any = None, size: Any = None, *, generator: Generator | None = None, dtype: Any = None, device: Any = None,
            requires_grad: bool = False, out: Any = None) -> Tensor:
    """Integers from ``low`` up to but without ``high``, int64 by default: ``randint(high, size)`` or ``randint(low, high, size)``.

    Raises ``RuntimeError`` unless ``low < high``.
    """
    if size is None or high is None:
        low, high, size = 0, low, high if size is None else size
    chosen = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    _check_range("randint", low, high, chosen)
    return _draw("draw_integers", {"low": int(low), "high": int(high), "shape": as_size("randint", (size,))}, chosen, device,
                 requires_grad, generator, out)


def _check_range(op: str, low: int, high: int, dtype: Any) -> None:
    if not low < high:
        raise RuntimeError(f"{op}: expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if dtype.is_floating_point or dtype.is_complex:
        return
    largest = 1 if dtype is dtypes.bool_ else 2 ** (8 * dtype.itemsize - dtype.is_signed) - 1
    smallest = -largest - 1 if dtype.is_signed else 0
    for name, value in (("from", low), ("to - 1", high - 1)):
        if not smallest <= value <= largest:
            raise RuntimeError(f"{op}: {name} is out of bounds for {dtype.name}: {value} does not lie between {smallest} and {largest}")


def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """The integers from 0 to ``n - 1`` in random order."""
    if n < 0:
        raise RuntimeError(f"randperm: n must be non-negative, got {n}")
    chosen = dtypes.int64 if dtype is None else dtypes.as_dtype(dtype)
    if n > _LARGEST.get(chosen.name, n) + 1:
        raise RuntimeError(f"randperm: n cannot be greater than {_LARGEST[chosen.name] + 1} for {chosen.name}, got {n}")
    return _draw("draw_permutation", {"n": n}, chosen, device, requires_grad, generator, out)


def rand_like(input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """``rand`` in the shape, dtype and device of ``input``."""
    return rand(input._array.shape, generator=generator, **like_options(input, dtype, device), requires_grad=requires_grad)


def randn_like(input: Tensor, *, generator: Generator | None = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """``randn`` in the shape, dtype and device of ``input``."""
    return randn(input._array.shape, generator=generator, **like_options(input, dtype, device), requires_grad=requires_grad)


def randint_like(input: Tensor, low: int, high: int | None = None, *, generator: Generator | None = None, dtype: Any = None, device: Any = None,
                 requires_grad: bool = False) -> Tensor:
    """``randint`` in the shape, dtype and device of ``input``."""
    low, high = (0, low) if high is None else (low, high)
    return randint(low, high, input._array.shape, generator=generator, **like_options(input, dtype, device), requires_grad=requires_grad)


def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, dtype: Any = None, device: Any = None,
           requires_grad: bool = False, out: Any = None) -> Tensor:
    """Numbers drawn from normal distributions: ``mean`` and ``std`` are tensors (one draw per element), or numbers with ``size``.

    Raises ``RuntimeError`` for a negative ``std``.
    """
    if isinstance(mean, TensorBase) or isinstance(std, TensorBase):
        return apply(REGISTRY["draw_normal_of"], (mean, std), {"generator": generator}, out)  # type: ignore[no-any-return]
    _check_std(std)
    if size is None:
        raise TypeError("normal(): with two numbers, give the size too: normal(0.0, 1.0, (2, 3))")
    return _draw("draw_normal", {"mean": float(mean), "std": float(std), "shape": as_size("normal", (size,))}, dtype, device, requires_grad, generator, out)


def _check_std(std: float) -> None:
    if std < 0:
        raise RuntimeError(f"normal: expects std >= 0.0, but found std {std}")


class SamplingMethods(TensorBase):
    """The methods of a Tensor that fill it with random numbers."""

    __slots__ = ()

    if TYPE_CHECKING:
        dtype: Any

    def _fill(self, op: str, name: str, **attrs: Any) -> Tensor:
        real_array(self)
        return inplace(REGISTRY[op], self, (), attrs, name)  # type: ignore[no-any-return]

    def uniform_(self, low: float = 0.0, high: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers drawn uniformly from [``low``, ``high``)."""
        if not low <= high:
            raise RuntimeError(f"uniform_: expects to return a [from, to) range, but found from={low} > to={high}")
        return self._fill("draw_uniform", "uniform_", low=float(low), high=float(high), shape=None, generator=generator)

    def normal_(self, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers drawn from a normal distribution."""
        _check_std(std)
        return self._fill("draw_normal", "normal_", mean=float(mean), std=float(std), shape=None, generator=generator)

    def bernoulli_(self, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
        """Fill with ones with probability ``p`` (a number, or a tensor with one per element), zeros otherwise."""
        if not isinstance(p, TensorBase) and not 0 <= p <= 1:
            raise RuntimeError(f"bernoulli_: expects p to be in [0, 1], but got p={p}")
        return inplace(REGISTRY["draw_bernoulli"], self, (p,), {"generator": generator}, "bernoulli_")  # type: ignore[no-any-return]

    def random_(self, low: int | None = None, high: int | None = None, *, generator: Generator | None = None) -> Tensor:
        """Fill with integers: ``random_(low, high)`` from ``low`` up to but without ``high``, ``random_(high)`` from 0, ``random_()`` from all
        that the dtype holds exactly."""
        if low is None:
            low = _LARGEST[self.dtype.name] + 1 if high is None else high
            high = None
        if high is None:
            low, high = 0, low
        _check_range("random_", low, high, self.dtype)
        return self._fill("draw_integers", "random_", low=int(low), high=int(high), shape=None, generator=generator)

    def exponential_(self, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers drawn from the exponential distribution with rate ``lambd``."""
        if lambd <= 0:
            raise RuntimeError(f"exponential_: expects lambda > 0.0, but found lambda={lambd}")
        return self._fill("draw_exponential", "exponential_", rate=float(lambd), generator=generator)

    def geometric_(self, p: float, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers of trials until one of probability ``p`` succeeds: 1, 2, ..."""
        if not 0 < p < 1:
            raise RuntimeError(f"geometric_: expects p to be in (0, 1), but got p={p}")
        return self._fill("draw_geometric", "geometric_", p=float(p), generator=generator)

    def cauchy_(self, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers drawn from the Cauchy distribution."""
        if sigma <= 0:
            raise RuntimeError(f"cauchy_: expects sigma > 0.0, but found sigma={sigma}")
        return self._fill("draw_cauchy", "cauchy_", median=float(median), sigma=float(sigma), generator=generator)

    def log_normal_(self, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None) -> Tensor:
        """Fill with numbers whose logarithm is drawn from the normal distribution of ``mean`` and ``std``."""
        if std <= 0:
            raise RuntimeError(f"log_normal_: expects std > 0.0, but found std={std}")
        return self._fill("draw_log_normal", "log_normal_", mean=float(mean), std=float(std), generator=generator)
