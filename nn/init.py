"""Initial values. Each function fills a tensor in place, without recording, and returns it.

Functions that draw take ``generator``, so that a model can be initialised independently of all other draws.

>>> import autograd_core as ag
>>> weight = ag.empty(3, 4)
>>> _ = xavier_uniform_(weight, generator=ag.Generator().manual_seed(0))
>>> bool((weight.abs() <= (6 / 7) ** 0.5).all())
True
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

from autograd_core import Tensor, cat, eye, no_grad, rand_like, randn_like, where, zeros_like

if TYPE_CHECKING:
    from autograd_core import Generator

_GAINS = {"linear": 1.0, "conv1d": 1.0, "conv2d": 1.0, "conv3d": 1.0, "conv_transpose1d": 1.0, "conv_transpose2d": 1.0, "conv_transpose3d": 1.0,
          "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 0.75}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the spread of activations through a nonlinearity; ``param`` is leaky_relu's slope (0.01).

    Raises ``ValueError`` for a nonlinearity that it does not know.

    >>> calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        if param is not None and (isinstance(param, bool) or not isinstance(param, (int, float))):
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}. Known are {', '.join([*_GAINS, 'leaky_relu'])}")
    return _GAINS[nonlinearity]


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with draws that are uniform between ``a`` and ``b``."""
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with normal draws."""
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def trunc_normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Generator | None = None) -> Tensor:
    """Fill with normal draws of which those outside ``[a, b]`` are drawn again.

    Raises ``ValueError`` if ``[a, b]`` is empty or ``std`` is not positive.
    """
    if not a < b or not std > 0:
        raise ValueError(f"trunc_normal_ needs a < b and std > 0, got a={a}, b={b}, std={std}")
    low, high = (a - mean) / std, (b - mean) / std
    inside = 0.5 * (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2)))
    nearest = min(max(low, 0.0), high)  # where the density in the interval is highest
    with no_grad():
        values = zeros_like(tensor)
        missing = values == 0
        while missing.any():
            if inside > 0.25:
                drawn = randn_like(tensor, generator=generator)
                accepted = (drawn >= low) & (drawn <= high)
            else:  # few normal draws would fall into the interval: draw uniformly, keep in proportion to the density
                drawn = rand_like(tensor, generator=generator) * (high - low) + low
                accepted = rand_like(tensor, generator=generator) <= ((nearest * nearest - drawn * drawn) * 0.5).exp()
            values = where(missing & accepted, drawn, values)
            missing = missing & ~accepted
        return tensor.copy_((values * std + mean).clamp(a, b))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number."""
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return constant_(tensor, 0.0)


def eye_(tensor: Tensor) -> Tensor:
    """Ones on the diagonal of a matrix, zeros elsewhere. Raises ``ValueError`` unless there are two dimensions."""
    if tensor.ndim != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with no_grad():
        return tensor.copy_(eye(*tensor.shape, dtype=tensor.dtype, device=tensor.device))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution weight (out, in / groups, *kernel) that passes its input channels on unchanged, as far as there are outputs.

    Raises ``ValueError`` unless there are 3 to 5 dimensions, or if ``groups`` does not divide the outputs.
    """
    if tensor.ndim not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    out_channels, in_channels = tensor.shape[:2]
    if out_channels % groups:
        raise ValueError("dim 0 must be divisible by groups")
    passed = cat([eye(out_channels // groups, in_channels, dtype=tensor.dtype, device=tensor.device)] * groups)
    centre = tuple(n // 2 for n in tensor.shape[2:])
    with no_grad():
        tensor.zero_()
        tensor[(slice(None), slice(None), *centre)] = passed
    return tensor


def _fans(tensor: Tensor) -> tuple[int, int]:
    """The number of inputs and outputs that one element of a weight connects."""
    if tensor.ndim < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    receptive = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive, tensor.shape[0] * receptive


def _nothing_to_fill(tensor: Tensor) -> bool:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return True
    return False


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform draws with the variance 2 gain^2 / (inputs + outputs). Raises ``ValueError`` below two dimensions."""
    bound = gain * math.sqrt(6.0 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal draws with the variance 2 gain^2 / (inputs + outputs). Raises ``ValueError`` below two dimensions."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(_fans(tensor))), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    return calculate_gain(nonlinearity, a) / math.sqrt(_fans(tensor)[mode == "fan_out"])


def kaiming_uniform_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None) -> Tensor:
    """Uniform draws with the variance gain^2 / inputs (or outputs, with ``mode="fan_out"``); ``a`` is the slope of leaky_relu.

    Raises ``ValueError`` below two dimensions, and for a mode or nonlinearity that it does not know.
    """
    if _nothing_to_fill(tensor):
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Generator | None = None) -> Tensor:
    """Normal draws with the variance gain^2 / inputs (or outputs, with ``mode="fan_out"``); see :func:`kaiming_uniform_`."""
    if _nothing_to_fill(tensor):
        return tensor
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def reset_affine(weight: Tensor, bias: Any, generator: Generator | None = None) -> None:
    """What Linear, Bilinear and the convolutions start from: both uniform within 1 / sqrt(number of inputs)."""
    kaiming_uniform_(weight, a=math.sqrt(5), generator=generator)
    if bias is not None:
        fan_in = _fans(weight)[0]
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0.0
        uniform_(bias, -bound, bound, generator)
