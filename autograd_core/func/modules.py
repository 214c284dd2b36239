"""Modules as functions of their parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import _methods
from ..queries import is_tensor


def _owner(module: Any, path: str) -> tuple[Any, str]:
    *parents, name = path.split(".")
    for part in parents:
        module = getattr(module, part)
    return module, name


def functional_call(module: Any, parameter_and_buffer_dicts: Any, args: Any = None, kwargs: Mapping[str, Any] | None = None, *, tie_weights: bool = True,
                    strict: bool = False) -> Any:
    """``module(*args, **kwargs)`` with other tensors in the place of its parameters and buffers; the module is as before afterwards.

    Parameters
    ----------
    parameter_and_buffer_dicts : name -> tensor, as ``dict(module.named_parameters())``, or several such dicts. Names that
        are missing keep the module's own tensors, unless ``strict``.
    args : a tuple of arguments, or one that is none. kwargs : named arguments.
    tie_weights : parameters that are the same object under several names are replaced under all of them.

    Raises ``RuntimeError`` for names that the module does not have.

    >>> import autograd_core as ag, nn
    >>> layer = nn.Linear(2, 1)
    >>> functional_call(layer, {"weight": ag.ones(1, 2), "bias": ag.zeros(1)}, ag.tensor([1.0, 2.0])).tolist()
    [3.0]
    """
    given: dict[str, Any] = {}
    for part in [parameter_and_buffer_dicts] if isinstance(parameter_and_buffer_dicts, Mapping) else parameter_and_buffer_dicts:
        for name, value in part.items():
            if name in given:
                raise ValueError(f"functional_call: {name!r} appears in several of the dictionaries, so it is not clear which tensor is meant")
            given[name] = value
    known: dict[str, Any] = {**dict(module.named_parameters(remove_duplicate=False)), **dict(module.named_buffers(remove_duplicate=False))}
    unexpected = [name for name in given if name not in known]
    if unexpected:
        raise RuntimeError(f"functional_call: unexpected key(s): {', '.join(map(repr, unexpected))}. The module's are {', '.join(map(repr, known))}")
    for name, value in given.items():
        if not is_tensor(value):
            raise TypeError(f"functional_call: expected a Tensor for {name!r}, got {type(value).__name__}")
    if strict and (missing := [name for name in known if name not in given]):
        raise RuntimeError(f"functional_call: missing key(s): {', '.join(map(repr, missing))}")
    if tie_weights:
        for name, value in list(given.items()):
            given.update({other: value for other, tensor in known.items() if tensor is known[name] and other not in given})
    places = [(*_owner(module, name), value) for name, value in given.items()]
    before = [(owner, name, owner.__dict__[name]) for owner, name, _ in places]
    try:
        for owner, name, value in places:
            owner.__dict__[name] = value
        arguments = () if args is None else tuple(args) if isinstance(args, tuple) else (args,)
        return module(*arguments, **(kwargs or {}))
    finally:
        for owner, name, value in before:
            owner.__dict__[name] = value


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Let every batch norm in ``root`` normalise by its batch alone, without running statistics; ``root`` is changed and returned.

    Inside ``vmap`` running statistics cannot be kept: each example would have its own.

    >>> import nn
    >>> replace_all_batch_norm_modules_(nn.Sequential(nn.BatchNorm1d(3)))[0].running_mean is None
    True
    """
    for module in root.modules():
        if hasattr(module, "track_running_stats") and "BatchNorm" in type(module).__name__:
            module.track_running_stats = False
            module.running_mean = module.running_var = module.num_batches_tracked = None
    return root


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of several modules of one architecture, stacked: for an ensemble run by ``vmap`` over ``functional_call``.

    >>> import nn
    >>> parameters, buffers = stack_module_state([nn.Linear(2, 1) for _ in range(3)])
    >>> parameters["weight"].shape
    autograd_core.Size([3, 1, 2])
    """
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0")
    if len({type(model) for model in models}) > 1:
        raise RuntimeError("stack_module_state: Expected models to all be of the same class")

    def stack(parts: list[dict[str, Any]], grad: bool) -> dict[str, Any]:
        made = {name: _methods.stack([part[name].detach() for part in parts], 0) for name in parts[0]}
        return {name: value.requires_grad_() if grad and parts[0][name].requires_grad else value for name, value in made.items()}

    return stack([dict(model.named_parameters()) for model in models], True), stack([dict(model.named_buffers()) for model in models], False)
