"""Normalisation by the statistics of the batch, of a sample, or of groups of channels."""

from __future__ import annotations

from typing import Any

from autograd_core import Tensor, empty, float64, int64, no_grad, ones, tensor, zeros

from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter


class BatchNorm(Module):
    """What the batch normalisations share: parameters ``weight`` and ``bias``, buffers with the running statistics."""

    _dimensions: tuple[int, ...] = ()

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True,
                 device: Any = None, dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(empty(num_features, device=device, dtype=dtype)) if affine else None
        self.bias = Parameter(empty(num_features, device=device, dtype=dtype)) if affine and bias else None
        self.register_buffer("running_mean", zeros(num_features, device=device, dtype=dtype) if track_running_stats else None)
        self.register_buffer("running_var", ones(num_features, device=device, dtype=dtype) if track_running_stats else None)
        self.register_buffer("num_batches_tracked", tensor(0, dtype=int64, device=device) if track_running_stats else None)
        self.reset_parameters()

    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def reset_running_stats(self) -> None:
        """Forget the running statistics: mean 0, variance 1, no batch seen."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            with no_grad():
                self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Start again from weight 1, bias 0 and no statistics."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in self._dimensions:
            expected = " or ".join(f"{n}D" for n in self._dimensions)
            raise ValueError(f"expected {expected} input (got {input.ndim}D input of shape {tuple(input.shape)})")
        factor: Any = self.momentum
        if self.training and self.num_batches_tracked is not None:
            with no_grad():
                self.num_batches_tracked.add_(1)
            if factor is None:
                factor = 1.0 / self.num_batches_tracked.to(float64)  # stays a tensor: a recorded step counts on, a GPU is not waited for
        use_batch = self.training or self.running_mean is None
        return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, use_batch, 0.0 if factor is None else factor, self.eps)

    def extra_repr(self) -> str:
        return (f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, bias={self.bias is not None}, "
                f"track_running_stats={self.track_running_stats}")


class BatchNorm1d(BatchNorm):
    """Normalise each of ``num_features`` features of (N, C) or (N, C, L) over the batch, then scale and shift.

    In training the batch's own mean and variance are used and averaged into ``running_mean`` and ``running_var`` with the
    weight ``momentum`` (``None``: all batches count the same); in evaluation those are used. Raises ``ValueError`` for
    another number of dimensions.
    """

    _dimensions = (2, 3)


class BatchNorm2d(BatchNorm):
    """Normalise each of ``num_features`` channels of (N, C, H, W) over batch and image; see :class:`BatchNorm1d`."""

    _dimensions = (4,)


class BatchNorm3d(BatchNorm):
    """Normalise each of ``num_features`` channels of (N, C, D, H, W) over batch and volume; see :class:`BatchNorm1d`."""

    _dimensions = (5,)


class _InstanceNorm(BatchNorm):
    """What the instance normalisations share: a sample without a batch has one dimension less."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = False, track_running_stats: bool = False,
                 device: Any = None, dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in self._dimensions:
            raise ValueError(f"expected {self._dimensions[0]}D or {self._dimensions[1]}D input (got {input.ndim}D input of shape {tuple(input.shape)})")
        batched = input.ndim == self._dimensions[1]
        if input.shape[1 if batched else 0] != self.num_features and self.affine:
            raise ValueError(f"expected input's size at dim={1 if batched else 0} to match num_features ({self.num_features}), but got: {tuple(input.shape)}")
        samples = input if batched else input.unsqueeze(0)
        use_own = self.training or self.running_mean is None
        momentum = 0.0 if self.momentum is None else self.momentum
        out = F.instance_norm(samples, self.running_mean, self.running_var, self.weight, self.bias, use_own, momentum, self.eps)
        return out if batched else out.squeeze(0)


class InstanceNorm1d(_InstanceNorm):
    """Normalise each channel of each sample of (N, C, L), or (C, L), over its length.

    Without ``affine`` there are no parameters, without ``track_running_stats`` evaluation is as training. Raises
    ``ValueError`` for another number of dimensions.
    """

    _dimensions = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Normalise each channel of each image of (N, C, H, W), or (C, H, W); see :class:`InstanceNorm1d`."""

    _dimensions = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalise each channel of each volume of (N, C, D, H, W), or (C, D, H, W); see :class:`InstanceNorm1d`."""

    _dimensions = (4, 5)


class LocalResponseNorm(Module):
    """Divide by a power of the mean square of ``size`` neighbouring channels; see ``nn.functional.local_response_norm``."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class LayerNorm(Module):
    """Normalise over the last dimensions, whose shape is ``normalized_shape``, then scale by ``weight`` and shift by ``bias``."""

    def __init__(self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight = Parameter(empty(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None
        self.bias = Parameter(empty(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine and bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start again from weight 1 and bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"


class RMSNorm(Module):
    """Divide by the root of the mean square over the last dimensions, then scale by ``weight``; ``eps`` defaults to the dtype's."""

    def __init__(self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight = Parameter(ones(*self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Normalise (N, C, ...) over groups of channels of each sample, then scale and shift each channel.

    Raises ``ValueError`` if ``num_groups`` does not divide ``num_channels``.
    """

    def __init__(self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True,
                 device: Any = None, dtype: Any = None, *, bias: bool = True) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.weight = Parameter(ones(num_channels, device=device, dtype=dtype)) if affine else None
        self.bias = Parameter(zeros(num_channels, device=device, dtype=dtype)) if affine and bias else None

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={self.bias is not None}"
