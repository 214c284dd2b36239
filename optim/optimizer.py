"""``Optimizer``: parameter groups, their state, and its dictionary form. Update rules stand in the files beside this one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import wraps
from typing import Any

from autograd_core.config import no_grad
from autograd_core.graph import RemovableHandle
from autograd_core.tensor import Tensor

Params = Iterable[Any]
"""Tensors, ``(name, Tensor)`` pairs, or dicts with ``params`` and options of their own."""


def _tracked(step: Callable[..., Any]) -> Callable[..., Any]:
    """A subclass's ``step``, with the hooks around it; schedulers ask whether it was ever called."""

    @wraps(step)
    def tracked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._stepped = True
        if self._inside_step or not (self._pre_hooks or self._post_hooks):
            return step(self, *args, **kwargs)
        self._inside_step = True
        try:
            for hook in list(self._pre_hooks):
                changed = hook(self, args, kwargs)
                if changed is not None:
                    args, kwargs = changed
            result = step(self, *args, **kwargs)
            for hook in list(self._post_hooks):
                hook(self, args, kwargs)
            return result
        finally:
            self._inside_step = False

    return tracked


class Optimizer:
    """The base of all optimizers.

    Parameters
    ----------
    params : an iterable of Tensors, of ``(name, Tensor)`` pairs (``model.named_parameters()``), or of dicts: groups with
        the key ``params`` and options that differ from the defaults. Raises ``TypeError`` for anything else, and
        ``ValueError`` for an empty list, results of operations, and parameters that appear twice.
    defaults : the options of groups that do not give their own.

    ``param_groups`` is the list of groups, each a dict; ``state`` maps each parameter to a dict. A subclass defines ``step``.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _tracked(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        self._start()
        self.defaults = defaults
        if isinstance(params, Tensor):
            raise TypeError("params argument given to the optimizer should be an iterable of Tensors or dicts, but got a Tensor. Put it into a list: [tensor]")
        if callable(params) and not hasattr(params, "__iter__"):
            raise TypeError(f"params argument given to the optimizer should be an iterable of Tensors or dicts, but got {type(params).__name__}. "
                            "Call the method: model.parameters()")
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list. The model has no parameters, or its iterator was used up before")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def _start(self) -> None:
        """What is not part of the state that is saved."""
        self._pre_hooks: list[Callable[..., Any]] = []
        self._post_hooks: list[Callable[..., Any]] = []
        self._inside_step = False
        self._stepped = False

    # --- groups -------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group: a dict with ``params`` and the options that differ from the defaults, for example for newly unfrozen layers.

        Raises as the constructor does; nothing is added then.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group).__name__}")
        given = param_group["params"]
        if isinstance(given, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets will change between runs. "
                            "Please use a list instead")
        entries = [given] if isinstance(given, Tensor) else list(given)
        params = [entry[1] if isinstance(entry, tuple) else entry for entry in entries]
        names = [entry[0] for entry in entries if isinstance(entry, tuple)]
        self._check(params)
        if names and len(names) != len(params):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        named = bool(names) or "param_names" in param_group
        if any(("param_names" in group) != named for group in self.param_groups):
            raise ValueError("all optimizer param groups should be with/without names. "
                             f"cannot add param group {'with' if named else 'without'} names to the optimizer")
        param_group["params"] = params
        if names:
            param_group["param_names"] = names
        for name, default in self.defaults.items():
            param_group.setdefault(name, default)
        self.param_groups.append(param_group)

    def _check(self, params: list[Any]) -> None:
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {type(param).__name__}")
            if not param.is_leaf:
                raise ValueError(f"can't optimize a non-leaf Tensor: one of shape {tuple(param.shape)} was computed by {param.grad_fn}. "
                                 "Pass the tensors it was computed from, or .detach().requires_grad_()")
        if len(params) != len({id(param) for param in params}):
            raise ValueError("optimizer contains a parameter group with duplicate parameters. Give each parameter once")
        known = {id(param) for group in self.param_groups for param in group["params"]}
        if any(id(param) in known for param in params):
            raise ValueError("some parameters appear in more than one parameter group")

    # --- stepping -----------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters by their gradients, once. ``closure`` computes the loss anew, with gradients, and returns it."""
        raise NotImplementedError(f"{type(self).__name__} does not define step()")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters: ``.grad`` becomes ``None``, or zeros if not ``set_to_none``."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif (grad := p.grad) is not None:
                    if grad.requires_grad:
                        p.grad = grad = grad.detach()
                    with no_grad():
                        grad.zero_()

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each ``step``; it may return new ``(args, kwargs)``."""
        self._pre_hooks.append(hook)
        return RemovableHandle(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each ``step``."""
        self._post_hooks.append(hook)
        return RemovableHandle(self._post_hooks, hook)

    # --- saving -------------------------------------------------------------------------------------------------

    def _numbers(self) -> dict[Tensor, int]:
        numbers: dict[Tensor, int] = {}
        for group in self.param_groups:
            for p in group["params"]:
                numbers.setdefault(p, len(numbers))
        return numbers

    def state_dict(self) -> dict[str, Any]:
        """The state as plain data, in PyTorch's layout: ``state`` by the parameters' numbers, and ``param_groups``. It shares memory with the optimizer."""
        numbers = self._numbers()
        groups = [{**{k: v for k, v in group.items() if k != "params"}, "params": [numbers[p] for p in group["params"]]} for group in self.param_groups]
        state = {numbers[k] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a copy of a state, with tensors in their parameter's dtype and on its device.

        Raises ``ValueError`` if the groups do not match in number or size, or a tensor not in shape; nothing is changed then.
        """
        missing = [key for key in ("state", "param_groups") if key not in state_dict]
        if missing:
            raise KeyError(f"the state dict of an optimizer has the keys 'state' and 'param_groups'; this one lacks {missing[0]!r} "
                           f"and has {list(state_dict)[:5]}")
        saved = state_dict["param_groups"]
        if len(saved) != len(self.param_groups):
            raise ValueError(f"loaded state dict has a different number of parameter groups: {len(saved)}, the optimizer has {len(self.param_groups)}")
        for i, (mine, theirs) in enumerate(zip(self.param_groups, saved, strict=True)):
            if len(mine["params"]) != len(theirs["params"]):
                raise ValueError("loaded state dict contains a parameter group that doesn't match the size of optimizer's group: "
                                 f"group {i} has {len(theirs['params'])} parameters there and {len(mine['params'])} here")
        pairs = list(zip(self.param_groups, saved, strict=True))
        by_number = {number: p for mine, theirs in pairs for number, p in zip(theirs["params"], mine["params"], strict=True)}
        state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for number, entry in state_dict["state"].items():
            p = by_number.get(number)
            if p is None:
                state[number] = deepcopy(entry)
            else:
                state[p] = {key: self._taken_over(p, number, key, value) for key, value in entry.items()}
        groups = []
        for mine, theirs in pairs:
            kept = {name: mine[name] for name in ("param_names",) if name in mine}
            options = {name: deepcopy(value) for name, value in theirs.items() if name != "params"}
            groups.append({**self.defaults, **kept, **options, "params": mine["params"]})
        self.param_groups = groups
        self.state = state

    def _taken_over(self, p: Tensor, number: int, key: Any, value: Any) -> Any:
        if isinstance(value, Tensor):
            if key == "step":  # a count, in a dtype of its own on the host
                return value.detach().clone()
            self._check_state(p, number, key, value)
            return value.detach().to(p.device, p.dtype if p.is_floating_point() or p.is_complex() else value.dtype, copy=True)
        if isinstance(value, dict):
            return {k: self._taken_over(p, number, k, v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self._taken_over(p, number, key, each) for each in value)
        return deepcopy(value)

    def _check_state(self, p: Tensor, number: int, key: str, value: Tensor) -> None:
        """Raise if a loaded tensor cannot be the state of its parameter; rules whose state may have any shape check nothing."""

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._start()
        self.__dict__.update(state)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines += [""] * (i > 0) + [f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])
