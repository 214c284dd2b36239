"""Compiled functions of Scalars: recorded as a tape, replayed as array operations over one workspace of numbers.

``record.py`` keeps a ``Tape`` beside the graph of Tensors. Once a compiled function has shown that it computes with Scalars,
its calls come here. Numbers among the arguments are live: they are given to the function as recorded numbers, so that a
learning rate or a data point may change from call to call.
"""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...scalar import Scalar
from ...storage import TensorBase
from ..errors import PlanError
from ..record import Recorder
from .compare import agreed, entangled
from .kinds import xp
from .plan import ScalarPlan, returned
from .tape import LIMIT, Tape, holds

SIGNATURES = 32
"""How many signatures, and how many plans of each, are remembered."""


class Calls:
    """What a compiled function remembers of its calls with Scalars."""

    def __init__(self, function: Callable[..., Any], exact: bool, backend: str) -> None:
        self.function = function
        self.exact, self.backend = exact, backend
        self.entries: OrderedDict[Any, Entry] = OrderedDict()
        self.last: ScalarPlan | None = None

    def __call__(self, args: Any, kwargs: Any) -> Any:
        """Replay, or record what is new."""
        numbers: list[Any] = []
        scalars: list[Scalar] = []
        key = (signature(args, numbers, scalars), signature(kwargs, numbers, scalars))
        entry = self._entry(key, args, kwargs)
        for plan in entry.plans:
            if plan.fits(numbers, scalars):
                self.last = plan
                return plan(numbers, scalars)
        recorder = Recorder(())
        tape = recorder.tape
        tape.arguments = {id(x): i for i, x in reversed(list(enumerate(scalars)))}
        try:
            result = recorder.run(self.function, wrapped(args, tape), wrapped(kwargs, tape))
        except PlanError:
            raise
        except Exception as error:
            if tape.events or self.entries.keys() != {key}:
                raise
            raise _raw_arrays(args, kwargs, error) from error
        if not tape.events and self.entries.keys() == {key}:
            raise _raw_arrays(args, kwargs, None)
        if recorder.graph.steps:
            raise PlanError(f"compile: Tensors are computed in a function that computed with Scalars before, at {recorder.graph.steps[0].line}. "
                            "Compile the part with Scalars and the part with Tensors as functions of their own")
        return self._recorded(entry, recorder, result)

    def adopt(self, recorder: Recorder, args: Any, kwargs: Any, result: Any) -> Any:
        """Take over the first recording, whose arguments were given to the function as they are."""
        numbers: list[Any] = []
        scalars: list[Scalar] = []
        key = (signature(args, numbers, scalars), signature(kwargs, numbers, scalars))
        recorder.tape.given = numbers
        recorder.tape.plainly = True
        return self._recorded(self._entry(key, args, kwargs), recorder, result)

    @property
    def plans(self) -> list[ScalarPlan]:
        """All plans."""
        return [plan for entry in self.entries.values() for plan in entry.plans]

    def _entry(self, key: Any, args: Any, kwargs: Any) -> Entry:
        entry = self.entries.get(key)
        if entry is None:
            entry = self.entries[key] = Entry((args, kwargs))
            if len(self.entries) > SIGNATURES:
                self.entries.popitem(last=False)
        return entry

    def _recorded(self, entry: Entry, recorder: Recorder, result: Any) -> Any:
        later = recorder.tape
        described = recorder.graph.results
        for i, (earlier, results) in enumerate(entry.pending):
            if not entangled(earlier, later) and holds(later.questions, later.sources, earlier.given) and holds(earlier.questions, earlier.sources, later.given):
                del entry.pending[i]
                with without_collection():
                    self.last = ScalarPlan(agreed(earlier, later, (results, described)), self.exact, self.backend)
                entry.plans.append(self.last)
                del entry.plans[:-SIGNATURES]
                return returned(result)
        entry.pending.append((later, described))
        del entry.pending[:-SIGNATURES]
        return returned(result)


@contextmanager
def without_collection() -> Iterator[None]:
    """Millions of small objects without a cycle are about to be made, which the collector would look through again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Entry:
    """What is known of one signature."""

    def __init__(self, alive: Any) -> None:
        self.plans: list[ScalarPlan] = []
        self.pending: list[tuple[Tape, Any]] = []
        self.alive = [x for x in _leaves(alive) if not isinstance(x, (Scalar, float, int)) and not _is_array(x)]
        """Objects that the signature knows by identity: their address must not be given to others."""


def _raw_arrays(args: Any, kwargs: Any, error: Exception | None) -> Exception:
    """What to say of a function of raw arrays that turned out to compute nothing with Scalars."""
    for x in _leaves((args, kwargs)):
        if _is_array(x) and not _is_number(x):
            return PlanError(f"compile: an argument is a raw array of shape {tuple(x.shape)}, whose values a plan would keep. Pass a Tensor: autograd_core.from_numpy(array)")
    return error or PlanError("compile: the function did nothing with Scalars that a plan could repeat. Inside, the numbers among its arguments are recorded numbers, "
                              "which are no instances of float or int")


# --- arguments ----------------------------------------------------------------------------------------------------


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and hasattr(x, "dtype") and hasattr(x, "__array_interface__") and not isinstance(x, TensorBase)


def _is_number(x: Any) -> bool:
    kind = x.__class__
    return kind is float or (kind is int and -LIMIT <= x <= LIMIT) or isinstance(x, (xp.floating, xp.integer))


def _leaves(x: Any) -> list[Any]:
    if isinstance(x, (tuple, list)):
        return [found for each in x for found in _leaves(each)]
    if isinstance(x, dict):
        return [found for each in x.values() for found in _leaves(each)]
    return [x]


def arrives(args: Any, kwargs: Any) -> bool:
    """Whether arguments show that a function computes with Scalars: there are some among them, or raw arrays of numbers."""
    return any(isinstance(x, Scalar) or (_is_array(x) and x.shape) for x in _leaves((args, kwargs)))


def signature(x: Any, numbers: list[Any], scalars: list[Scalar]) -> Any:
    """What of an argument makes a plan another one; appends the numbers and the Scalars in it."""
    kind = x.__class__
    if kind is float:
        numbers.append(x)
        return float
    if isinstance(x, (tuple, list)):
        return (kind, *[signature(each, numbers, scalars) for each in x])
    if kind is Scalar:
        for i, known in enumerate(scalars):
            if known is x:
                return ("same", i)
        scalars.append(x)
        return Scalar
    if isinstance(x, dict):
        return (kind, *[(key, signature(each, numbers, scalars)) for key, each in x.items()])
    if _is_number(x):
        numbers.append(x if kind is int else x.item())
        return int if kind is int or isinstance(x, xp.integer) else float
    if isinstance(x, TensorBase):
        raise PlanError("compile: a Tensor is an argument of a function that computes with Scalars. Pass its numbers: tensor.tolist()")
    if _is_array(x) and x.dtype.kind in "fiu":
        numbers += x.ravel().tolist()
        return ("array", x.shape, x.dtype.kind)
    if _is_array(x):
        raise PlanError(f"compile: an argument is a raw array of {x.dtype}, whose values a plan would keep. Pass a list, or an array of floats or ints")
    if x is None or kind in (bool, int, str, bytes, complex):
        return (kind, x)
    return (kind, id(x))


def wrapped(x: Any, tape: Tape) -> Any:
    """An argument with its numbers as recorded numbers, in the order of ``signature``."""
    kind = x.__class__
    if isinstance(x, (tuple, list)):
        parts = [wrapped(each, tape) for each in x]
        return kind(*parts) if hasattr(x, "_fields") else tuple(parts) if isinstance(x, tuple) else parts
    if isinstance(x, dict):
        return {key: wrapped(each, tape) for key, each in x.items()}
    if _is_number(x):
        return tape.argument(x if kind in (int, float) else x.item())
    if _is_array(x) and x.dtype.kind in "fiu":
        if not x.shape:
            return tape.argument(x.item())
        numbers = xp.empty(x.size, dtype=object)
        numbers[:] = [tape.argument(each) for each in x.ravel().tolist()]
        return numbers.reshape(x.shape)
    return x
