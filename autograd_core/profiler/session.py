"""``profile``: what users hold."""

from __future__ import annotations

import enum
import functools
import os
from collections.abc import Callable, Iterable
from contextvars import Token
from time import perf_counter_ns
from typing import Any, TypeVar

from ..config import MODE, Mode, get_mode
from ..files import write_whole
from .events import Event
from .recording import Recording
from .table import Averages, averages
from .timeline import Timeline, timeline
from .trace import chrome_trace

_Function = TypeVar("_Function", bound=Callable[..., Any])


class ProfilerActivity(enum.Enum):
    """PyTorch's names of what can be measured; here both are, always."""

    CPU = "cpu"
    CUDA = "cuda"


class profile:  # noqa: N801 - PyTorch's name
    """Measure the time, calls and bytes of everything inside, forward, backward and updates.

    Parameters
    ----------
    activities, record_shapes, profile_memory, with_stack : PyTorch's parameters, without effect: everything is measured.

    Numbers and graphs are those of a run without it: each op takes the path that it takes otherwise. It holds no tensor and
    no graph. It measures the thread, or task, in which it is entered. An op, and its rule, take about twenty microseconds more,
    which are not counted as theirs. On CUDA the device is waited for after each op, so that nothing overlaps.

    >>> import autograd_core as ag
    >>> w = ag.ones(100, requires_grad=True)
    >>> with profile() as p:
    ...     (w * w).sum().backward()
    >>> [(row.name, row.phase, row.calls, row.results, row.saved) for row in p.rows("op", sort="name") if row.name == "mul"]
    [('mul', 'forward', 1, 400, 0), ('mul', 'backward', 1, 400, 0)]
    """

    def __init__(self, activities: Iterable[ProfilerActivity] | None = None, *, record_shapes: bool = True, profile_memory: bool = True, with_stack: bool = True) -> None:
        self._token: Token[Mode] | None = None
        self._recording: Recording | None = None
        self._events: list[Event] = []
        self._entries: list[Any] = []
        self._start = self._end = 0

    # --- running ------------------------------------------------------------------------------------------------

    def __enter__(self) -> profile:
        if self._token is not None:
            raise RuntimeError("profile: this profile is running already. Make another one: with profile() as p")
        mode = get_mode()
        outer = mode.profile
        self._recording = Recording() if outer is None or outer.closed else outer
        self._own = self._recording is not outer
        self._first = len(self._recording.events), len(self._recording.memory.entries)
        self._token = MODE.set(mode.replace(profile=self._recording))
        self._start, self._end = perf_counter_ns(), 0
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._recording is not None
        assert self._token is not None
        self._end = perf_counter_ns()
        recording = self._recording
        for event in self._window(recording):
            recording.end(event)
        self._events = [event for event in self._window(recording) if event.end]
        self._entries = recording.memory.entries[self._first[1] :]
        if self._own:
            recording.closed = True
            recording.memory.close()
        MODE.reset(self._token)
        self._token = self._recording = None

    def _window(self, recording: Recording) -> list[Event]:
        return recording.events[self._first[0] :]

    @property
    def events(self) -> list[Event]:
        """What was measured, in the order in which it began."""
        if self._recording is not None:
            return [event for event in self._window(self._recording) if event.end]
        return self._events

    @property
    def seconds(self) -> float:
        """From entering to leaving."""
        return ((self._end or perf_counter_ns()) - self._start) / 1e9 if self._start else 0.0

    # --- looking ------------------------------------------------------------------------------------------------

    def rows(self, by: str = "op", sort: str = "self") -> Averages:
        """The sums by ``"op"``, ``"module"`` (its path, as in ``named_modules()``) or ``"line"`` of the user's source.

        ``sort`` is ``"self"``, ``"total"``, ``"calls"``, ``"results"``, ``"saved"`` (largest first) or ``"name"``. A rule counts under the
        op, module and line of its forward node, with phase ``backward``. A module's ``total`` includes its submodules'.
        """
        return averages(self.events, self.seconds, by, sort)

    def table(self, by: str = "op", sort: str = "self", limit: int | None = None) -> str:
        """:meth:`rows` as text; at most ``limit`` of them."""
        return self.rows(by, sort).table(row_limit=-1 if limit is None else limit)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> Averages:
        """PyTorch's name of :meth:`rows`; by line where ``group_by_stack_n`` is given."""
        return self.rows("line" if group_by_stack_n else "op")

    def memory(self) -> Timeline:
        """The bytes alive in results and saved values over time, and what makes the peak."""
        entries = self._recording.memory.entries[self._first[1] :] if self._recording is not None else self._entries
        return timeline(entries, self._start, self.seconds)

    def times(self, tensor: Any) -> tuple[float, float] | None:
        """The seconds that the op behind ``tensor`` (or a node) took forward, and its rule backward so far; ``None`` if it was not measured."""
        node = getattr(tensor, "_node", tensor)
        node = getattr(node, "_first", None) if hasattr(node, "index") else node
        seconds = getattr(node, "seconds", None)
        return None if seconds is None else (seconds[0], seconds[1])

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write a trace for chrome://tracing and https://ui.perfetto.dev as JSON; the file is there whole or not at all."""
        write_whole(path, chrome_trace(self.events, self.memory(), self._start).encode())

    def plot_memory(self, path: str | os.PathLike[str] | None = None, ax: Any = None) -> Any:
        """:meth:`memory` as a Matplotlib figure, saved where ``path`` says."""
        return self.memory().plot(path, ax)

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"<profile of {len(self.events)} events in {self.seconds * 1e3:.3f} ms>"

    def _repr_html_(self) -> str:
        return self.rows()._repr_html_()


class record_function:  # noqa: N801 - PyTorch's name
    """A range with a name in the profile that runs, if one does; a context manager and a decorator.

    >>> with profile() as p:
    ...     with record_function("prepare"):
    ...         pass
    >>> [(event.name, event.phase) for event in p.events]
    [('prepare', 'range')]
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name if args is None else f"{name} {args}"
        self._spans: list[Any] = []

    def __enter__(self) -> record_function:
        recording = get_mode().profile
        span = recording.span(self.name, "range") if recording is not None and not recording.closed else None
        self._spans.append(span)
        if span is not None:
            span.__enter__()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        span = self._spans.pop()
        if span is not None:
            span.__exit__(None, None, None)

    def __call__(self, function: _Function) -> _Function:
        """As a decorator: every call is a range."""

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return function(*args, **kwargs)

        return wrapper  # type: ignore[return-value]
