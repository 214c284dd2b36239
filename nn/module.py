"""``Module``: what layers and models have in common. A plain class; everything is found by looking at its attributes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

from autograd_core import Tensor, compile
from autograd_core.config import ACTIVE, MODE, get_mode
from autograd_core.conversion import to_arguments
from autograd_core.dtypes import as_dtype
from autograd_core.graph import RemovableHandle

from . import state
from .parameter import Buffer, Parameter
from .scopes import NOWHERE, enter

Self = TypeVar("Self", bound="Module")
_NO_HOOKS: list[Any] = []
_OWN = frozenset(("_buffers_kept", "_hooks", "_paths", "_pre_hooks", "training"))
_PLAIN = frozenset((type(None), bool, int, float, complex, str, bytes))


class _Hook(NamedTuple):
    """A registered hook; ``with_kwargs``: it is also shown the keyword arguments; ``always``: it is called as well where ``forward`` fails."""

    function: Callable[..., Any]
    with_kwargs: bool
    always: bool = False


class _BackwardHook(NamedTuple):
    """A registered hook on the backward pass; ``before``: it sees the gradients of the outputs before they go on."""

    function: Callable[..., Any]
    before: bool


class Module:
    """The base class of layers and models.

    Assign parameters, buffers and other modules to attributes in ``__init__`` and compute in ``forward``. What a module
    holds is read off its attributes in the order of their assignment, also inside lists, tuples and dicts; each
    parameter counts once, under its first name. Calling ``super().__init__()`` is good style, but nothing depends on it.

    >>> import autograd_core as ag
    >>> class Scale(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.factor = Parameter(ag.tensor([2.0]))
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> scale = Scale()
    >>> scale(ag.tensor([3.0])).item(), [name for name, _ in scale.named_parameters()]
    (6.0, ['factor'])
    """

    training: bool = True
    """Whether layers such as dropout behave as in training; set by ``train()`` and ``eval()``."""
    _paths: dict[str | None, str] = NOWHERE
    _hooks: list[Any] = _NO_HOOKS
    _pre_hooks: list[Any] = _NO_HOOKS
    _buffers_kept: Mapping[str, bool] = {}  # registered name -> persistent; replaced, never written

    # --- calling ------------------------------------------------------------------------------------------------

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward``, inside the module's scope and with its hooks."""
        mode = get_mode()
        outer = mode.scope
        path = self._paths.get(outer)
        if path is None:
            path = enter(self, outer, _CALL)
        if mode.recorder is not None and mode.recorder in ACTIVE:
            mode.recorder.module(self)
        token = MODE.set(mode.scoped(path))
        try:
            if self._hooks or self._pre_hooks:
                return self._call_with_hooks(args, kwargs)
            return self.forward(*args, **kwargs)
        finally:
            MODE.reset(token)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines its own."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        waiting = [hook for hook in self._hooks if isinstance(hook, _Hook) and hook.always]
        try:
            return self._hooked(args, kwargs, waiting)
        except Exception:
            for hook in waiting:
                hook.function(self, args, kwargs, None) if hook.with_kwargs else hook.function(self, args, None)
            raise

    def _hooked(self, args: tuple[Any, ...], kwargs: dict[str, Any], waiting: list[Any]) -> Any:
        for hook in list(self._pre_hooks):
            if hook.with_kwargs:
                changed = hook.function(self, args, kwargs)
                if changed is not None:
                    if not isinstance(changed, tuple) or len(changed) != 2:
                        raise RuntimeError(f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed!r:.80}.")
                    args, kwargs = changed
            else:
                changed = hook.function(self, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
        backward = [hook for hook in self._hooks if isinstance(hook, _BackwardHook)]
        if backward and get_mode().grad:
            from .backward_hooks import watched

            result = watched(self, backward, self.forward, args, kwargs)
        else:
            result = self.forward(*args, **kwargs)
        for hook in list(self._hooks):
            if isinstance(hook, _BackwardHook):
                continue
            if hook in waiting:
                waiting.remove(hook)
            changed = hook.function(self, args, kwargs, result) if hook.with_kwargs else hook.function(self, args, result)
            if changed is not None:
                result = changed
        return result

    def register_forward_pre_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False) -> RemovableHandle:
        """Call ``hook(module, args)`` before ``forward``; what it returns, if anything, replaces the arguments.

        With ``with_kwargs`` it is called as ``hook(module, args, kwargs)`` and returns both or ``None``. Returns a handle
        whose ``remove()`` takes the hook away.
        """
        if self._pre_hooks is _NO_HOOKS:
            self._pre_hooks = []
        return _registered(self._pre_hooks, _Hook(hook, with_kwargs), prepend)

    def register_forward_hook(self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after ``forward``; what it returns, if anything, replaces the output.

        With ``with_kwargs`` it is called as ``hook(module, args, kwargs, output)``, with ``always_call`` also where ``forward``
        raises, with ``None`` as the output. Returns a handle whose ``remove()`` takes the hook away.
        """
        if self._hooks is _NO_HOOKS:
            self._hooks = []
        return _registered(self._hooks, _Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the module's positional inputs are known.

        Both are tuples, with ``None`` where there is no gradient; a tuple that it returns replaces ``grad_input``.
        """
        if self._hooks is _NO_HOOKS:
            self._hooks = []
        return _registered(self._hooks, _BackwardHook(hook, before=False), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the module's backward; a tuple that it returns replaces ``grad_output``."""
        if self._hooks is _NO_HOOKS:
            self._hooks = []
        return _registered(self._hooks, _BackwardHook(hook, before=True), prepend)

    # --- attributes ---------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        before = self.__dict__.get(name)
        if before is not None or name in self._buffers_kept:
            self._check_replacement(name, before, value)
        if isinstance(value, Module):
            value.__dict__.pop("_paths", None)
        object.__setattr__(self, name, value)

    def _check_replacement(self, name: str, before: Any, value: Any) -> None:
        """Refuse to lose a parameter, a module or a buffer by assigning something else to its name."""
        if value is None or isinstance(value, (Parameter, Module)):
            if value is not None:
                self._forget_buffer(name)
            return
        given = type(value).__name__
        if isinstance(before, Parameter):
            raise TypeError(f"cannot assign '{given}' as parameter '{name}' (nn.Parameter or None expected). "
                            f"To change its numbers: with no_grad(): module.{name}.copy_(value)")
        if isinstance(before, Module):
            raise TypeError(f"cannot assign '{given}' as child module '{name}' (nn.Module or None expected)")
        if (name in self._buffers_kept or isinstance(before, Buffer)) and not isinstance(value, Tensor):
            raise TypeError(f"cannot assign '{given}' object to buffer '{name}' (Tensor or None expected)")
        if isinstance(before, Buffer) and not isinstance(value, Buffer):
            object.__setattr__(self, "_buffers_kept", {**self._buffers_kept, name: before.persistent})

    def _forget_buffer(self, name: str) -> None:
        if name in self._buffers_kept:
            object.__setattr__(self, "_buffers_kept", {kept: flag for kept, flag in self._buffers_kept.items() if kept != name})

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self._forget_buffer(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or ``None`` as the mark of one that is left out.

        Raises ``KeyError`` for a name that is empty, taken or has a dot in it, and ``TypeError`` for anything but a
        Parameter.
        """
        if not isinstance(self.__dict__.get(name) if isinstance(name, str) else None, Parameter):
            self._check_new(name, "parameter")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(f"cannot assign '{type(param).__name__}' object to parameter '{name}' (nn.Parameter or None required)")
        setattr(self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is kept and moved with the module but not trained; saved with it unless ``persistent=False``.

        Raises ``KeyError`` for a name that is empty, taken or has a dot in it, and ``TypeError`` for anything but a Tensor.
        """
        if name not in self._buffers_kept:
            self._check_new(name, "buffer")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"cannot assign '{type(tensor).__name__}' object to buffer '{name}' (Tensor or None required)")
        object.__setattr__(self, name, tensor)
        object.__setattr__(self, "_buffers_kept", {**self._buffers_kept, name: persistent})

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module under a name; ``register_module`` is the same.

        Raises ``KeyError`` for a name that is empty, taken or has a dot in it, and ``TypeError`` for anything but a module.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        if not isinstance(self.__dict__.get(name) if isinstance(name, str) else None, Module):
            self._check_new(name, "module")
        setattr(self, name, module)

    register_module = add_module

    def _check_new(self, name: Any, what: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{what} name should be a string. Got {type(name).__name__}")
        if "." in name:
            raise KeyError(f'{what} name can\'t contain ".", got: {name!r}')
        if not name:
            raise KeyError(f'{what} name can\'t be empty string ""')
        if getattr(self, name, None) is not None:
            raise KeyError(f"attribute '{name}' already exists")

    # --- what it holds ------------------------------------------------------------------------------------------

    def _members(self) -> Iterator[tuple[str, Any]]:
        """Every Tensor and module among the attributes, and in lists, tuples and dicts among them, with its name."""
        for name, value in list(self.__dict__.items()):
            if isinstance(value, (Tensor, Module)):
                yield name, value
            elif value.__class__ not in _PLAIN and name not in _OWN:
                yield from _unpacked(name, value)

    def _is_buffer(self, name: str, value: Any) -> bool:
        return name in self._buffers_kept or isinstance(value, Buffer)

    def _is_persistent(self, name: str, value: Any) -> bool:
        return self._buffers_kept[name] if name in self._buffers_kept else bool(getattr(value, "persistent", True))

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules held directly, each once, with their names."""
        seen: set[int] = set()
        for name, value in self._members():
            if isinstance(value, Module) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def children(self) -> Iterator[Module]:
        """The modules held directly."""
        for _, child in self.named_children():
            yield child

    def named_modules(self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True) -> Iterator[tuple[str, Module]]:
        """This module, named ``prefix``, and all modules below it with their paths, outer ones first.

        A module that is held at several places comes once, unless ``remove_duplicate=False``.
        """
        yield from self._descend(set() if memo is None else memo, prefix, remove_duplicate, ())

    def _descend(self, memo: set[Module], prefix: str, once: bool, above: tuple[Module, ...]) -> Iterator[tuple[str, Module]]:
        if self in (memo if once else above):
            return
        memo.add(self)
        yield prefix, self
        for name, value in self._members():
            if isinstance(value, Module):
                yield from value._descend(memo, f"{prefix}.{name}" if prefix else name, once, (*above, self))

    def modules(self) -> Iterator[Module]:
        """This module and all modules below it, each once."""
        for _, module in self.named_modules():
            yield module

    def _named(self, wanted: Callable[[Module, str, Any], bool], prefix: str, recurse: bool, once: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules(prefix=prefix, remove_duplicate=once) if recurse else [(prefix, self)]:
            for name, value in module._members():
                if wanted(module, name, value) and not (once and id(value) in seen):
                    seen.add(id(value))
                    yield f"{path}.{name}" if path else name, value

    def named_parameters(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Iterator[tuple[str, Parameter]]:
        """The parameters with their paths: those of this module, then those of each module below.

        A parameter that is held at several places comes once, under its first name, unless ``remove_duplicate=False``.
        Raises ``TypeError`` for a parameter or module inside a set, which has no order to name it by.
        """
        return self._named(lambda module, name, value: isinstance(value, Parameter), prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters, each once, as optimizers take them."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True) -> Iterator[tuple[str, Tensor]]:
        """The buffers with their paths, in the order of :meth:`named_parameters`."""
        return self._named(lambda module, name, value: isinstance(value, Tensor) and module._is_buffer(name, value), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """The module at a path such as ``"layers.0"``; ``""`` is the module itself. Raises ``AttributeError`` if there is none."""
        for path, module in self.named_modules(remove_duplicate=False):
            if path == target:
                return module
        raise AttributeError(_absent(self, target, "module", [path for path, _ in self.named_modules(remove_duplicate=False) if path]))

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a path such as ``"layers.0.weight"``. Raises ``AttributeError`` if there is none."""
        found = dict(self.named_parameters(remove_duplicate=False))
        if target not in found:
            raise AttributeError(_absent(self, target, "parameter", list(found)))
        return found[target]

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a path such as ``"norm.running_mean"``. Raises ``AttributeError`` if there is none."""
        found = dict(self.named_buffers(remove_duplicate=False))
        if target not in found:
            raise AttributeError(_absent(self, target, "buffer", list(found)))
        return found[target]

    # --- changing all of it -------------------------------------------------------------------------------------

    def train(self: Self, mode: bool = True) -> Self:
        """Switch this module and all below it to training, or with ``False`` to evaluation."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        for module in self.modules():
            if ACTIVE and (recorder := get_mode().recorder) in ACTIVE:
                recorder.mode_set(module)
            module.training = mode
        return self

    def eval(self: Self) -> Self:
        """Switch this module and all below it to evaluation: ``train(False)``."""
        return self.train(False)

    def apply(self: Self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` with each module below and then with this one, for instance to initialise their parameters."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Ask for gradients of all parameters, or with ``False`` freeze them."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def compile(self, **options: Any) -> None:
        """Compile ``forward`` in place, as :func:`autograd_core.compile` with these options does; a compiled whole training step is faster."""
        self.forward = compile(self.forward, **options)  # type: ignore[method-assign]

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with ``set_to_none=False`` overwrite them with zeros."""
        for parameter in self.parameters():
            grad = parameter.grad
            if grad is None:
                continue
            if set_to_none:
                parameter.grad = None
            else:
                grad.detach_().zero_()

    def to(self: Self, *args: Any, **kwargs: Any) -> Self:
        """Move to a device, a dtype or both, in place: ``to(device)``, ``to(dtype)``, ``to(device, dtype)``, ``to(tensor)``.

        A dtype changes floating-point parameters and buffers only; it must be floating point, or ``TypeError`` is raised.
        """
        where, dtype, _ = to_arguments(*args, **kwargs)
        if dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
            raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}")

        def convert(tensor: Tensor) -> Tensor:
            cast = dtype if tensor.is_floating_point() or tensor.is_complex() else None
            return tensor.to(device=where, dtype=cast)

        return self._convert(convert)

    def _convert(self: Self, convert: Callable[[Tensor], Tensor]) -> Self:
        """Replace the memory of all parameters, their gradients and all buffers; they stay the same objects."""
        for tensor in [*self.parameters(), *self.buffers()]:
            grad = tensor.grad
            tensor.data = convert(tensor.data)
            if grad is not None:
                grad.data = convert(grad.data)
        return self

    def cpu(self: Self) -> Self:
        """Move to the CPU."""
        return self._convert(lambda tensor: tensor.to("cpu"))

    def cuda(self: Self, device: Any = None) -> Self:
        """Move to a GPU, the current one unless ``device`` names another."""
        return self._convert(lambda tensor: tensor.cuda(device))

    def type(self: Self, dst_type: Any) -> Self:
        """Cast all parameters and buffers, also those of integers."""
        return self._convert(lambda tensor: tensor.to(as_dtype(dst_type)))

    def float(self: Self) -> Self:
        """Cast to float32."""
        return self.to("float32")

    def double(self: Self) -> Self:
        """Cast to float64."""
        return self.to("float64")

    def half(self: Self) -> Self:
        """Cast to float16."""
        return self.to("float16")

    # --- state --------------------------------------------------------------------------------------------------

    def state_dict(self, *, prefix: str = "", keep_vars: bool = False) -> dict[str, Tensor]:
        """Parameters and persistent buffers by path, sharing memory with the module; with ``keep_vars`` the tensors themselves."""
        return state.state_dict(self, prefix, keep_vars)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> state.IncompatibleKeys:
        """Copy parameters and buffers from a ``state_dict`` of Tensors or arrays, or nothing if it does not fit.

        Returns ``(missing_keys, unexpected_keys)``, both empty under ``strict``. With ``assign`` the tensors take over the
        given memory, dtype and device instead of copying. Raises ``RuntimeError`` that lists every missing and unexpected
        key (under ``strict``) and every difference of shapes.
        """
        return state.load_state_dict(self, state_dict, strict, assign)

    # --- showing it ---------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What a subclass shows of its settings in its ``repr``."""
        return ""

    def __repr__(self) -> str:
        name = type(self).__name__
        extra = self.extra_repr()
        children = self._child_lines()
        if not children:
            return f"{name}({extra})" if "\n" not in extra else f"{name}(\n  {_indented(extra)}\n)"
        lines = [*(extra.split("\n") if extra else []), *children]
        return f"{name}(\n  " + "\n  ".join(_indented(line) for line in lines) + "\n)"

    def _repr_html_(self) -> str:
        from .summary import module_html

        return module_html(self)

    def _child_lines(self) -> list[str]:
        return [f"({name}): {value!r}" for name, value in self._members() if isinstance(value, Module)]


_CALL = Module.__call__.__code__


def _registered(hooks: list[Any], hook: _Hook | _BackwardHook, prepend: bool) -> RemovableHandle:
    hooks.insert(0 if prepend else len(hooks), hook)
    return RemovableHandle(hooks, hook)


def _unpacked(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The Tensors and modules in ``value``, named ``name`` or, inside a container, ``name.key``."""
    if isinstance(value, (Tensor, Module)):
        yield name, value
    elif isinstance(value, (list, tuple)):
        for i, each in enumerate(value):
            if each.__class__ not in _PLAIN:
                yield from _unpacked(f"{name}.{i}", each)
    elif isinstance(value, dict):
        for key, each in list(value.items()):
            if each.__class__ not in _PLAIN:
                yield from _unpacked(f"{name}.{key}", each)
    elif isinstance(value, (set, frozenset)) and any(isinstance(each, (Parameter, Module)) for each in value):
        raise TypeError(f"attribute '{name}' is a set that holds parameters or modules: a set has no order to name them by. "
                        "Use a list, nn.ModuleList or nn.ParameterList")


def _absent(module: Module, target: str, what: str, names: list[str]) -> str:
    import difflib

    close = difflib.get_close_matches(target, names, n=3)
    hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else f"It has {', '.join(names[:8]) or 'none'}{' ...' if len(names) > 8 else ''}"
    return f"{type(module).__name__} has no {what} `{target}`. {hint}"


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
