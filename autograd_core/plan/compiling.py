"""``compile``, with the arguments of ``torch.compile``, and compiled modules."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from ..config import get_mode
from .api import Compiled, module_of
from .native.toolchain import ToolchainError, missing
from .replay import AVAILABLE, default_passes

MODES = ("default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs")
UNCOMPILED = ("eager", "aot_eager")
"""Back ends of PyTorch that run a function as it is."""


class CompiledModule(Compiled):
    """A compiled module, or a method of one: replayed where no gradients are recorded, run as it is where its result will have a graph.

    All but calling it is passed on to the module.
    """

    def __init__(self, function: Callable[..., Any], exact: bool, backend: str, passes: tuple[str, ...]) -> None:
        super().__init__(function, exact, backend, passes)
        self._warned = False
        self._module = module_of(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Replay or record; run the module where a graph is asked for, and say once what would be faster."""
        mode = get_mode()
        if mode.recorder is None and mode.grad and any(p.requires_grad for p in self._module.parameters()):
            if not self._warned:
                self._warned = True
                warnings.warn(f"compile: {self._name} is called where gradients are recorded, and a replay builds no graph, so it runs uncompiled. Compile the "
                              "whole training step, with loss.backward() and optimizer.step() inside: step = autograd_core.compile(train_step)", stacklevel=2)
            return self.function(*args, **kwargs)
        return super().__call__(*args, **kwargs)

    @property
    def _name(self) -> str:
        return type(self._module).__name__

    def __getattr__(self, name: str) -> Any:
        module = self.__dict__.get("_module")
        found = getattr(module, name)
        if not callable(found) or getattr(found, "__self__", None) is not module:
            return found

        def passed_on(*args: Any, **kwargs: Any) -> Any:
            result = found(*args, **kwargs)
            return self if result is module else result  # model.eval(), model.to(...)

        return passed_on

    def __setattr__(self, name: str, value: Any) -> None:
        module = self.__dict__.get("_module")
        if module is None or name in self.__dict__:
            super().__setattr__(name, value)
        else:
            setattr(module, name, value)

    def __getitem__(self, key: Any) -> Any:
        return self._module[key]

    def __len__(self) -> int:
        return len(self._module)

    def __repr__(self) -> str:
        return f"compile({self._module!r})"


def compile(function: Callable[..., Any] | None = None, *, exact: bool = False, backend: str = "auto", passes: Iterable[str] | None = None,
            mode: str | None = None, options: Any = None, fullgraph: bool = False, dynamic: bool | None = None, disable: bool = False) -> Any:
    """A function that runs like ``function``, many times faster once it has been called twice.

    The first two calls with arguments of the same shapes, dtypes and Python values run ``function`` and record every
    kernel call of forward, ``backward()`` and optimizers; later ones replay these as a plan. Also a decorator.

    Parameters
    ----------
    function : any function of Tensors, or of Scalars and numbers, of Python values and objects, nested in tuples, lists and dicts; a whole training step, say.
    exact : only what leaves every bit as the uncompiled function has it.
    backend : ``"numpy"``: straight-line code over the array library. ``"native"``: machine code, built by the C compiler of this machine.
        ``"auto"``: machine code where there is a compiler and ``exact`` is not asked for, otherwise NumPy; ``describe()`` says which and why.
    passes : the names of the passes to run, for looking at what each does. Default: all that ``exact`` allows. Not for functions of Scalars.
    mode, options, fullgraph, dynamic : of ``torch.compile``, without effect: the graph is whole, each shape has a plan, and there is one way to make it.
    disable : with ``True`` return ``function`` itself; so do PyTorch's back ends ``"eager"`` and ``"aot_eager"``; its ``"inductor"`` is ``"auto"``.

    What is captured (parameters, buffers, optimizer state, learning rates, random generators) is read and written live.
    Returned tensors belong to the caller and have no graph. What cannot be replayed raises ``PlanError``, with the line.
    A compiled module passes all but calls on to the module. Where its result would have a graph it runs as it is, with a warning.

    >>> import autograd_core as ag
    >>> w = ag.tensor([1.0, 2.0], requires_grad=True)
    >>> @ag.compile
    ... def step(x):
    ...     w.grad = None
    ...     loss = ((w * x) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> [step(ag.tensor([3.0, n])).item() for n in (1.0, 2.0, 3.0)]
    [13.0, 25.0, 45.0]
    >>> w.grad.tolist()
    [18.0, 36.0]
    """
    if function is None:
        return functools.partial(compile, exact=exact, backend=backend, passes=passes, mode=mode, options=options, disable=disable)
    if mode is not None and options is not None:
        raise RuntimeError("compile: give mode or options, not both")
    if mode is not None and mode not in MODES:
        raise RuntimeError(f"compile: there is no mode {mode!r}; there are {', '.join(map(repr, MODES))}")
    if disable or backend in UNCOMPILED:
        return function
    backend = "auto" if backend == "inductor" else backend
    if backend not in ("numpy", "native", "auto"):
        raise ValueError(f"compile: backend must be 'numpy', 'native' or 'auto', got {backend!r}")
    if backend == "native" and (reason := missing()) is not None:
        raise ToolchainError(f"compile: backend='native' needs a C compiler: {reason}. backend='auto' uses NumPy where there is none")
    chosen = default_passes(exact) if passes is None else tuple(passes)
    unknown = [name for name in chosen if name not in AVAILABLE]
    if unknown:
        raise ValueError(f"compile: there is no pass {unknown[0]!r}; there are {', '.join(AVAILABLE)}")
    return (Compiled if module_of(function) is None else CompiledModule)(function, exact, backend, chosen)
