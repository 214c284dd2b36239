"""All parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from autograd_core import Tensor, cat, no_grad


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters flattened and joined, in their order; differentiable."""
    return cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Copy consecutive pieces of ``vec`` into the parameters.

    Raises ``TypeError`` unless ``vec`` is a Tensor, and ``RuntimeError`` unless it has as many elements as all parameters;
    nothing is changed then.
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected a Tensor, but got: {type(vec).__name__}")
    listed = list(parameters)
    needed = sum(parameter.numel() for parameter in listed)
    if tuple(vec.shape) != (needed,):
        raise RuntimeError(f"vector_to_parameters: the parameters have {needed} elements, but the vector has the shape {tuple(vec.shape)}")
    start = 0
    with no_grad():
        for parameter in listed:
            end = start + parameter.numel()
            parameter.copy_(vec[start:end].reshape(tuple(parameter.shape)))
            start = end
