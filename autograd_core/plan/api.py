"""A compiled function: its calls are recorded twice and replayed from then on."""

from __future__ import annotations

import copy
import functools
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from .. import dtypes
from ..config import get_mode
from ..storage import TensorBase
from .compare import agreed
from .errors import PlanError, StaleError
from .native.backend import OverlapError
from .native.toolchain import ToolchainError, missing
from .record import Recorder
from .replay import Plan, default_passes
from .scalars.calls import Calls, arrives
from .scalars.plan import ScalarPlan
from .steady import UNUSUAL

PATIENCE = 8
"""How many calls of one signature in a row may be recorded before a warning says what is new each time: a few ways to begin, each of them twice."""
CACHE = 32
"""How many signatures a compiled function remembers."""


class Compiled:
    """A compiled function; see :func:`compile`."""

    def __init__(self, function: Callable[..., Any], exact: bool, backend: str, passes: tuple[str, ...]) -> None:
        functools.update_wrapper(self, function, updated=() if module_of(function) is not None else functools.WRAPPER_UPDATES)
        self.function = function
        self.exact = exact
        self.backend = backend
        self.passes = passes
        self._entries: OrderedDict[Any, _Entry] = OrderedDict()
        self._lock = threading.Lock()
        self._last: Plan | None = None
        self._warned_of_many = False
        self._scalars: Calls | None = None
        """The calls that compute with Scalars, once there was one."""
        self._quick: tuple[Callable[[Any], Any], Any, Any] | None = None
        """How the plan that was replayed last is called with nothing but tensors, in which mode, with which default dtype."""
        self._why_not_native = {"numpy": "backend='numpy'", "native": ""}.get(backend, "exact=True" if exact else missing() or "")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Replay, or record what is new."""
        mode = get_mode()
        quick = self._quick
        if quick is not None and mode is quick[1] and dtypes._default is quick[2] and not kwargs and self._lock.acquire(False):
            try:
                result = quick[0](args)
                if result is not UNUSUAL:
                    return result
            except (StaleError, OverlapError):
                self._quick = None
            finally:
                self._lock.release()
        if mode.recorder is not None or mode.anomaly or mode.keep:
            return self.function(*args, **kwargs)  # part of a larger recording, or someone wants to look at every op
        if not self._lock.acquire(blocking=False):
            raise PlanError(f"compile: {self._name} was called while another call of it runs, in another thread or from inside itself. "
                            "Its plans share memory: let calls wait for one another, or compile the function once for each thread")
        try:
            if self._scalars is not None or (not self._entries and arrives(args, kwargs)):
                calls = self._scalars or self._calls_with_scalars()
                result = calls(args, kwargs)
                self._scalars = calls
                return result
            tensors: list[Any] = []
            key = (mode.grad, mode.inference, dtypes._default, _signature(args, tensors), _signature(kwargs, tensors))
            entry = self._entries.get(key)
            if entry is None:
                entry = self._entries[key] = _Entry((args, kwargs))
                if len(self._entries) > CACHE:
                    self._forget_one(key)
            for plan in entry.plans:
                if plan.holds(tensors):
                    try:
                        result = plan(tensors) if mode.profile is None else mode.profile.replay(self._name, plan, tensors)
                    except StaleError as stale:
                        entry.plans.remove(plan)
                        entry.stale = str(stale)
                        break
                    except OverlapError as overlap:
                        entry.plans.remove(plan)
                        entry.why_not_native = str(overlap)
                        break
                    entry.recorded = 0
                    self._last = plan
                    plain = not kwargs and all(isinstance(x, TensorBase) for x in args) and len(tensors) == len(args)
                    self._quick = (plan.plain(args), mode, dtypes._default) if plain and mode.profile is None else None
                    return result
            return self._record(entry, tensors, args, kwargs)
        finally:
            self._lock.release()

    def __deepcopy__(self, memo: dict[int, Any]) -> Compiled:
        return type(self)(copy.deepcopy(self.function, memo), self.exact, self.backend, self.passes)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    @property
    def _name(self) -> str:
        return getattr(self.function, "__qualname__", repr(self.function))

    def _calls_with_scalars(self) -> Calls:
        if self.passes != default_passes(self.exact):
            raise ValueError(f"compile: {self._name} computes with Scalars, and passes= chooses among those over graphs of Tensors. Leave it out; exact=True is there for both")
        return Calls(self.function, self.exact, self.backend)

    def _record(self, entry: _Entry, tensors: list[Any], args: Any, kwargs: Any) -> Any:
        recorder = Recorder(tensors, entry.pending)
        module = module_of(self.function)
        if module is not None:
            recorder.graph.training[module] = module.training  # of a method, which is not called through the module
        result = recorder.run(self.function, args, kwargs)
        if recorder.tape.events:
            self._scalars = self._calls_with_scalars()
            self._entries.clear()
            return self._scalars.adopt(recorder, args, kwargs, result)
        if self.exact and self.backend == "native":
            raise ValueError(f"compile: {self._name} computes with tensors, whose sums backend='native' adds up in another order and whose functions it computes in its own way. "
                             "For every bit of the uncompiled function take backend='numpy' with exact=True")
        entry.recorded += 1
        if entry.recorded == PATIENCE:
            self._warn(f"{PATIENCE} calls with arguments of the same kind were recorded one after the other, {entry.reason(recorder)}")
        for i, earlier in enumerate(entry.pending):
            if earlier.graph.training == recorder.graph.training and earlier.entry_state() == recorder.entry_state():
                del entry.pending[i]
                try:
                    plan = Plan(agreed(earlier, recorder), tensors, self.passes, native=not self._why_not_native and not entry.why_not_native)
                except StaleError as stale:  # a state dict was loaded in between
                    entry.stale = str(stale)
                    break
                except (OverlapError, ToolchainError) as error:
                    if self.backend == "native" and isinstance(error, ToolchainError):
                        raise
                    entry.why_not_native = str(error)
                    return result  # the next two calls are recorded for NumPy
                plan.why_not_native = self._why_not_native or entry.why_not_native
                entry.plans.append(plan)
                self._last = plan
                del entry.plans[:-CACHE]
                return result
        entry.pending.append(recorder)
        del entry.pending[:-CACHE]
        return result

    def _forget_one(self, key: Any) -> None:
        """Forget the signature that was met first, and say what differs among signatures if that one has never had a plan."""
        _, forgotten = self._entries.popitem(last=False)
        if not forgotten.plans and not self._warned_of_many:
            self._warned_of_many = True
            before = list(self._entries)[-2]
            self._warn(f"more than {CACHE} kinds of arguments came, some of them only once, so they are recorded and never replayed. The last two "
                       f"differ in {_difference(before, key)}. Pass numbers that change as tensors of one shape, the same objects each time, and batches padded to a few shapes")

    def _warn(self, what: str) -> None:
        warnings.warn(f"compile: {self._name} runs slowly: {what}", stacklevel=4)

    # --- looking ------------------------------------------------------------------------------------------------

    @property
    def plan(self) -> Plan | ScalarPlan:
        """The plan that was made or replayed last. Raises ``PlanError`` before there is one."""
        if self._scalars is not None and self._scalars.last is not None:
            return self._scalars.last
        if self._last is None:
            raise PlanError(f"compile: {self._name} has no plan yet. The first two calls of a signature are recorded; then there is one")
        return self._last

    def _repr_html_(self) -> str | None:
        """In a notebook: the calls of the plan that was replayed last."""
        return self._last._repr_html_() if self._last is not None and self._scalars is None else None

    @property
    def plans(self) -> list[Plan | ScalarPlan]:
        """All plans, one for each signature."""
        return [*(() if self._scalars is None else self._scalars.plans), *[plan for entry in self._entries.values() for plan in entry.plans]]


def module_of(function: Any) -> Any:
    """The module that a function is, or whose method it is; ``None`` for others."""
    owner = function if hasattr(type(function), "named_parameters") else getattr(function, "__self__", None)
    return owner if hasattr(type(owner), "named_parameters") else None


class _Entry:
    """What is known of one signature."""

    def __init__(self, alive: Any) -> None:
        self.plans: list[Plan] = []
        self.pending: list[Recorder] = []
        self.why_not_native = ""
        """What keeps this signature from machine code, in words."""
        self.recorded = 0
        """How many calls were recorded since one was replayed."""
        self.stale = ""
        """Why the plan that was given up last no longer held, in words."""
        self.alive = list(_objects(alive))
        """Objects that the signature knows by identity: their address must not be given to others."""

    def reason(self, last: Recorder) -> str:
        """What differs from call to call, in words."""
        if self.stale:
            return f"because {self.stale}. Make it once, outside, and change it in place"
        new = [module for module in last.graph.training if all(module not in earlier.graph.training for earlier in self.pending)]
        if self.pending and new:
            return f"because each calls a {type(new[0]).__name__} that the others do not know. Make modules outside, once, or let nothing else hold those that are made inside"
        leaves = [leaf for leaf in last.entry_state() if all(leaf not in earlier.entry_state() for earlier in self.pending)]
        if self.pending and leaves:
            return (f"because each looks at the .grad of a tensor of shape {tuple(getattr(leaves[0], 'shape', ()))} that the others do not know. "
                    "Make it outside, once, and write into it, or make it inside")
        return "because modes of modules, or which tensors have a .grad or ask for one, differ each time. Make them alike before the call"


def _difference(a: Any, b: Any) -> str:
    """What differs between two signatures, in words."""
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        if len(a) == 2 and a[0] is b[0] and isinstance(a[0], type) and a[0] not in (bool, int, str, bytes, complex, float, tuple, list, dict):
            return f"which object an argument of class {a[0].__name__} is"
        for x, y in zip(a, b, strict=True):
            if x != y:
                return _difference(x, y)
    return f"an argument, or its size: {a!r}, then {b!r}"


def _signature(x: Any, tensors: list[Any]) -> Any:
    """What of an argument makes a plan another one; appends the tensors in it to ``tensors``."""
    if isinstance(x, TensorBase):
        for i, known in enumerate(tensors):
            if known is x:
                return ("same", i)
        tensors.append(x)
        array = x._array
        return (array.shape, array.dtype, array.strides, array.__class__, x._node is not None)
    kind = x.__class__
    if kind is tuple or kind is list:
        return (kind, *[_signature(each, tensors) for each in x])
    if kind is dict:
        return (kind, *[(key, _signature(each, tensors)) for key, each in x.items()])
    if x is None or kind in (bool, int, str, bytes, complex):
        return (kind, x)
    if kind is float:
        return (kind, x if x == x else "nan")
    if isinstance(x, tuple):
        return (kind, *[_signature(each, tensors) for each in x])
    if hasattr(x, "shape") and hasattr(x, "dtype") and hasattr(x, "__array_interface__"):
        raise PlanError(f"compile: an argument is a raw array of shape {tuple(x.shape)}, whose values a plan would keep. Pass a Tensor: autograd_core.from_numpy(array)")
    return (kind, id(x))


def _objects(x: Any) -> list[Any]:
    if isinstance(x, (tuple, list)):
        return [found for each in x for found in _objects(each)]
    if isinstance(x, dict):
        return [found for each in x.values() for found in _objects(each)]
    return [] if isinstance(x, TensorBase) else [x]
