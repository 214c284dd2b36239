"""What surrounds a computation: gradient mode, recording of values, anomaly mode, module scope, default dtype.

The default dtype is process-wide, as in PyTorch. Everything else is local to the thread or task (a context
variable): one thread's ``no_grad`` never switches off another's graph.
"""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar, Token
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Mode:
    """An immutable set of switches; one context variable holds the current one.

    ``general`` sums up the rare switches, so that the hot path tests a single flag: when it is set,
    every op takes the general path of ``dispatch``. ``special`` is the same without the profile, which only looks on.
    """

    __slots__ = ("_changed", "_scoped", "_unprofiled", "anomaly", "general", "grad", "inference", "keep", "profile", "recorder", "saving", "scope", "special", "vmap")

    def __init__(self, *, grad: bool = True, inference: bool = False, keep: bool = False, anomaly: bool | str = False, recorder: Any = None, scope: str | None = None,
                 vmap: Any = None, saving: Any = None, profile: Any = None) -> None:
        self.grad = grad
        self.inference = inference
        self.keep = keep
        self.anomaly = anomaly
        self.recorder = recorder
        self.scope = scope
        self.vmap = vmap
        self.saving = saving
        self.profile = profile
        self.special = inference or keep or anomaly or recorder is not None or vmap is not None or saving is not None
        self.general = self.special or profile is not None
        self._unprofiled: Mode | None = None
        self._scoped: dict[str, Mode] = {}
        self._changed: dict[tuple[tuple[str, Any], ...], Mode] = {}

    def replace(self, **changes: Any) -> Mode:
        """A copy with some switches changed; remembered, because ``no_grad`` is entered at every step."""
        key = tuple(changes.items())
        mode = self._changed.get(key)
        if mode is None:
            mode = self._with(changes)
            if not any(changes.get(name) is not None for name in ("recorder", "vmap", "saving", "profile")):  # else this mode would keep the recorder alive
                self._changed[key] = mode
        return mode

    def _with(self, changes: dict[str, Any]) -> Mode:
        current = {name: getattr(self, name) for name in ("grad", "inference", "keep", "anomaly", "profile", "recorder", "saving", "scope", "vmap")}
        return Mode(**{**current, **changes})

    def unprofiled(self) -> Mode:
        """This mode without its profile; remembered, because it is entered at every op that is measured."""
        mode = self._unprofiled
        if mode is None:
            mode = self._unprofiled = self._with({"profile": None})
        return mode

    def scoped(self, path: str) -> Mode:
        """This mode inside the module scope ``path``; remembered, because modules are entered at every step."""
        mode = self._scoped.get(path)
        if mode is None:
            mode = self._scoped[path] = self._with({"scope": path})
        return mode


ACTIVE: list[Any] = []
"""The recorders at work in any thread, and the anomaly modes, so that what must not happen or be forgotten then costs next to nothing to ask otherwise."""


READS: ContextVar[deque[Any] | None] = ContextVar("autograd_core_reads", default=None)
"""The numbers that were read out of graphs since anomaly mode was entered, the latest 64, for ``explain``."""


HELD: ContextVar[list[Any] | None] = ContextVar("autograd_core_held", default=None)
"""Inside ``detect_anomaly``, the array library's warnings about numbers whose birth a report may tell: (words, line) each, shown at the end unless it did."""


def refuse(what: str, rewrite: str) -> None:
    """Raise if a recorder looks on: a replay could not repeat ``what``. Called where ``ACTIVE`` is not empty."""
    recorder = MODE.get().recorder
    if recorder is not None and recorder in ACTIVE:
        recorder.refuse(what, rewrite)


def user_line() -> str:
    """``file:line`` of the innermost frame outside these packages."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("autograd_core", "nn", "optim"):
        outer = frame.f_back
        if outer is None:
            break
        frame = outer
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def warn_user(words: str, category: type[Warning] = UserWarning) -> None:
    """A warning at the user's own line, however deep inside these packages it arises; like any other, shown once for each line."""
    place, _, number = user_line().rpartition(":")
    warnings.warn_explicit(words, category, place, int(number), registry=_SHOWN.setdefault(place, {}))


_SHOWN: dict[str, dict[Any, Any]] = {}
"""File -> the warnings that were shown for it, as Python's own warnings remember them."""


MODE: ContextVar[Mode] = ContextVar("autograd_core_mode", default=Mode())  # noqa: B039 - never changed in place
get_mode = MODE.get


class _ModeContext:
    """A context manager and decorator that changes switches of the current mode."""

    changes: dict[str, Any]

    def __init__(self) -> None:
        self._tokens: list[Token[Mode]] = []

    def __enter__(self) -> None:
        self._tokens.append(MODE.set(MODE.get().replace(**self.changes)))

    def __exit__(self, *exc_info: object) -> None:
        MODE.reset(self._tokens.pop())

    def __call__(self, function: _Function) -> _Function:
        changes = self.changes
        if inspect.isgeneratorfunction(function):
            return _stepping(function, changes)  # type: ignore[return-value]

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            token = MODE.set(MODE.get().replace(**changes))
            try:
                return function(*args, **kwargs)
            finally:
                MODE.reset(token)

        return wrapper  # type: ignore[return-value]


def _stepping(function: Callable[..., Any], changes: dict[str, Any]) -> Callable[..., Any]:
    """A generator function whose steps run in the changed mode, while its caller keeps its own in between."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        resume, argument = generator.send, None
        while True:
            token = MODE.set(MODE.get().replace(**changes))
            try:
                value = resume(argument)
            except StopIteration as stop:
                return stop.value
            finally:
                MODE.reset(token)
            try:
                resume, argument = generator.send, (yield value)
            except GeneratorExit:
                generator.close()
                raise
            except BaseException as error:
                resume, argument = generator.throw, error

    return wrapper


def _without_parentheses(cls: type[_ModeContext], function: Callable[..., Any] | None) -> Any:
    instance = object.__new__(cls)
    if function is None:
        return instance
    instance.__init__()  # type: ignore[misc]
    return instance(function)


class _Switch(_ModeContext):
    """A context that always makes the same changes; as a decorator it may stand without parentheses."""

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        return _without_parentheses(cls, function)

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        super().__init__()


class no_grad(_Switch):  # noqa: N801 - PyTorch's name
    """Record no graph inside; also a decorator.

    >>> import autograd_core as ag
    >>> x = ag.tensor(2.0, requires_grad=True)
    >>> with ag.no_grad():
    ...     y = x * 3
    >>> y.requires_grad
    False
    """

    changes = {"grad": False}  # noqa: RUF012 - read only


class enable_grad(_Switch):  # noqa: N801
    """Record the graph inside, even within :class:`no_grad`; also a decorator."""

    changes = {"grad": True}  # noqa: RUF012


class set_grad_enabled(_ModeContext):  # noqa: N801
    """Switch recording on or off: at once when called, and back when used as a context manager.

    >>> import autograd_core as ag
    >>> with ag.set_grad_enabled(False):
    ...     ag.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.changes = {"grad": bool(mode)}
        self._outer = MODE.set(MODE.get().replace(grad=bool(mode)))

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        MODE.reset(self._outer)

    def __call__(self, function: _Function) -> _Function:
        """As a decorator: the mode holds while the function runs."""
        MODE.reset(self._outer)
        return super().__call__(function)


class inference_mode(_ModeContext):  # noqa: N801
    """``no_grad`` whose results can never join a graph later; also a decorator."""

    def __new__(cls, mode: bool | Callable[..., Any] = True) -> Any:  # noqa: D102
        if callable(mode):
            return _without_parentheses(cls, mode)
        return object.__new__(cls)

    def __init__(self, mode: bool | Callable[..., Any] = True) -> None:
        super().__init__()
        self.changes = {"grad": False, "inference": True} if mode else {"inference": False, "grad": True}


class record(_Switch):  # noqa: N801 - used as a statement, like no_grad
    """Keep every value, and after ``backward()`` every gradient, of the graph built inside, for drawing and explaining.

    Results without dimensions (scalars) are kept anyway.
    """

    changes = {"keep": True}  # noqa: RUF012


def _watch_reads() -> None:
    """Start a new log of reads where anomaly mode begins; inside it, go on with the log there is."""
    if not MODE.get().anomaly:
        READS.set(deque(maxlen=64))


def show_warnings(found: list[tuple[str, str]]) -> None:
    """Show warnings about numbers, each at its line of the user's."""
    for words, line in found:
        place, _, number = line.rpartition(":")
        warnings.warn_explicit(words, RuntimeWarning, place, int(number))


class detect_anomaly(_Switch):  # noqa: N801
    """Record the source line of every operation inside, and where NaNs and infinities are born; also a decorator.

    A backward pass then raises ``RuntimeError`` when a NaN has reached its root, and names the first operation that made
    one out of finite numbers, with its inputs, their index, the line and what to write instead; likewise at the operation
    whose rule makes the first NaN of the backward pass. An in-place error names the line that saved and the line that wrote.
    With ``forward=True`` the first such operation raises at once, also for infinities; -inf that comes from a constant, as
    in attention masks, is legal. ``check_nan`` is PyTorch's parameter: ``False`` only records lines. A graph that has grown
    over 16 steps, as ``total += loss`` makes it, is warned of once, with the variable that keeps it. Slower: every op takes
    the general path.
    """

    changes: dict[str, Any] = {"anomaly": True}  # noqa: RUF012

    def __new__(cls, function: Callable[..., Any] | bool | None = None, *, check_nan: bool = True, forward: bool = False) -> Any:
        """As a decorator without parentheses, or with options."""
        if callable(function):
            return _without_parentheses(cls, function)
        return object.__new__(cls)

    def __init__(self, function: Callable[..., Any] | bool | None = None, *, check_nan: bool = True, forward: bool = False) -> None:
        super().__init__()
        self._watches: list[AbstractContextManager[None]] = []
        if forward:
            self.changes = {"anomaly": "forward"}
        elif not check_nan or function is False:
            self.changes = {"anomaly": "lines"}

    @contextmanager
    def _watching(self) -> Iterator[None]:
        """What goes with the mode: reads are logged, and warnings held back that a report may tell of."""
        _watch_reads()
        ACTIVE.append(self)
        held: list[Any] = []
        token = None if self.changes["anomaly"] == "lines" else HELD.set(held)
        try:
            yield
        finally:
            ACTIVE.remove(self)
            if token is not None:
                HELD.reset(token)
            show_warnings(held)

    def __enter__(self) -> None:
        self._watches.append(self._watching())
        self._watches[-1].__enter__()
        super().__enter__()

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__(*exc_info)
        self._watches.pop().__exit__(None, None, None)

    def __call__(self, function: _Function) -> _Function:
        """As a decorator: the mode holds while the function runs."""
        changed = super().__call__(function)

        @functools.wraps(function)
        def stepping(*args: Any, **kwargs: Any) -> Any:
            _watch_reads()
            ACTIVE.append(self)  # no more than that: a generator that is left suspended would change its caller's context
            try:
                return (yield from changed(*args, **kwargs))
            finally:
                ACTIVE.remove(self)

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with self._watching():
                return changed(*args, **kwargs)

        return stepping if inspect.isgeneratorfunction(function) else wrapper  # type: ignore[return-value]


class set_detect_anomaly(_ModeContext):  # noqa: N801
    """:class:`detect_anomaly` as a switch: at once when called, and back when used as a context manager."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__()
        if mode:
            _watch_reads()
        self._outer = MODE.set(MODE.get().replace(anomaly="lines" if mode and not check_nan else bool(mode)))
        self._switch(mode)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        MODE.reset(self._outer)
        self._switch(bool(MODE.get().anomaly))

    @staticmethod
    def _switch(on: bool) -> None:
        """Whether reads of numbers are noticed from now on; one entry stands for all switches."""
        if on and set_detect_anomaly not in ACTIVE:
            ACTIVE.append(set_detect_anomaly)
        elif not on and set_detect_anomaly in ACTIVE:
            ACTIVE.remove(set_detect_anomaly)


def is_grad_enabled() -> bool:
    """Whether operations record a graph here and now."""
    return MODE.get().grad


def is_inference_mode_enabled() -> bool:
    """Whether this code runs inside :class:`inference_mode`."""
    return MODE.get().inference
