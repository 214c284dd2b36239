"""The state of a module by path, and loading it whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd_core import Tensor, no_grad

from .parameter import Parameter

if TYPE_CHECKING:
    from .module import Module


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` returns: the keys that the module has and the state lacks, and the reverse."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def _entries(module: Module, prefix: str) -> Iterator[tuple[str, Tensor]]:
    """Parameters and persistent buffers by path; shared ones under each of their names."""
    for path, part in module.named_modules(remove_duplicate=False):
        members = [(name, value) for name, value in part._members() if isinstance(value, Tensor)]
        start = f"{prefix}{path}." if path else prefix
        for name, value in members:
            if isinstance(value, Parameter):
                yield start + name, value
        for name, value in members:
            if part._is_buffer(name, value) and part._is_persistent(name, value):
                yield start + name, value


def state_dict(module: Module, prefix: str, keep_vars: bool) -> dict[str, Tensor]:
    """See ``Module.state_dict``."""
    return {name: value if keep_vars else value.detach() for name, value in _entries(module, prefix)}


def load_state_dict(module: Module, given: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """See ``Module.load_state_dict``."""
    if not isinstance(given, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(given).__name__}.")
    own = dict(_entries(module, ""))
    keys = IncompatibleKeys([name for name in own if name not in given], [name for name in given if name not in own])
    problems = []
    if strict and keys.unexpected_keys:
        problems.append(f"Unexpected key(s) in state_dict: {_quoted(keys.unexpected_keys)}. ")
    if strict and keys.missing_keys:
        problems.append(f"Missing key(s) in state_dict: {_quoted(keys.missing_keys)}. ")
    values: dict[str, Tensor] = {}
    for name, tensor in own.items():
        if name not in given:
            continue
        try:
            values[name] = value = given[name] if isinstance(given[name], Tensor) else Tensor(given[name])
        except (TypeError, ValueError, RuntimeError) as error:
            problems.append(f'While copying the parameter named "{name}", expected a Tensor or an array but received {type(given[name]).__name__}: {error}')
            continue
        if tuple(value.shape) != tuple(tensor.shape):
            problems.append(f"size mismatch for {name}: copying a param with shape {tuple(value.shape)} from checkpoint, "
                            f"the shape in current model is {tuple(tensor.shape)}.")
        elif value.is_complex() and not tensor.is_complex():
            problems.append(f"dtype mismatch for {name}: {value.dtype.name} from checkpoint cannot become {tensor.dtype.name} of the current model.")
        elif assign and tensor.requires_grad and not (value.is_floating_point() or value.is_complex()):
            problems.append(f"dtype mismatch for {name}: {value.dtype.name} from checkpoint cannot take the place of a parameter that requires grad.")
    if problems:
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t" + "\n\t".join(problems) + "\nNothing was loaded.")
    with no_grad():
        for name, value in values.items():
            if assign:
                own[name].data = value.detach()
            else:
                own[name].copy_(value.to(own[name].device))
    return keys


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
