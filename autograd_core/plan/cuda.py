"""Plans on a CUDA device: the recorded kernels taken apart into CuPy's own calls, which write into memory of the device's pool.

Kernels and rules are taken apart on NumPy stand-ins, as for the CPU, because what they call does not depend on where the
arrays lie; then each call is bound to CuPy's function of the same name. Nothing is read on the host in between, so a replay
only queues work. The generated code is that of the NumPy back end with three differences: numbers are passed as numbers
(CuPy hands them to the kernel by value), results are always named ``out=``, and gradients come from the pool at each replay.

Kernels of our own and graph capture attach in two places. A pass may join steps into one of kind ``fused``, which
``CudaProgram`` then writes as the launch of one kernel: today no such pass runs on a device, and every call is one launch.
``Program.function`` is all that a replay launches, on the current stream and into memory that stays where it is, which is what
the capture of a graph needs; arguments and new memory are what it would have to copy first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from ..backend.protocol import Backend
from ..backend.registry import BY_TYPE, backend_for_device
from ..engine import RAW, RawReading
from . import calls
from . import lower as taking_apart
from .errors import PlanError
from .graph import Captured, Constant, EntryGradient, Graph, Step, Value
from .memory import Layout, flat
from .numpy_backend import Program

REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "amax", "minimum": "amin"}
"""CuPy's name of what NumPy calls ``ufunc.reduce``."""


def device_of(graph: Graph, tensors: Sequence[Any]) -> tuple[Backend, int | None]:
    """Where a graph runs: the CPU if all of its memory lies there, else the device on which all other memory lies.

    Memory on the CPU beside it is what optimizers count in; steps that use it stay whole. Raises ``PlanError`` for two devices.
    """
    found = {(backend.name, backend.device_index(array)): backend for array in _memory(graph, tensors) for backend in (BY_TYPE[array.__class__],)}
    others = {place: backend for place, backend in found.items() if place[0] != "cpu"}
    if len(others) > 1:
        names = " and ".join(sorted(f"{name}:{index}" for name, index in others))
        raise PlanError(f"compile: a plan runs on one device, and this function uses memory on {names}. Compile a function for each of them")
    for (_, index), backend in others.items():
        return backend, index
    return backend_for_device("cpu"), None


def _memory(graph: Graph, tensors: Sequence[Any]) -> list[Any]:
    """The arrays that come from outside."""
    return [tensor._array for tensor in tensors] + [value.origin.array for value in graph.externals if isinstance(value.origin, (Captured, Constant))]


# --- calls ----------------------------------------------------------------------------------------------------------


def lower(graph: Graph, tensors: Sequence[Any], backend: Backend) -> None:
    """Take apart the steps of a graph on a device, in place; those that use memory of the CPU stay calls of their kernels."""
    among = _there(graph, tensors, backend)
    whole = {step: step.function for step in among}
    for step in among:
        step.function = _on_host(step)
    taking_apart.lower(graph, blocks=False, among=among)
    for step, function in whole.items():
        step.function = function  # what could not be taken apart stays a call of the kernel
    graph.steps = [step for step in graph.steps if step.kind != "flag"]  # a GPU raises no floating-point flags
    for step in graph.steps:
        if step.kind == "call":
            _bind(step, backend)


def _there(graph: Graph, tensors: Sequence[Any], backend: Backend) -> set[Step]:
    """The steps that have all of their values on the device."""
    there = {value for value, tensor in zip(graph.arguments, tensors, strict=True) if BY_TYPE[tensor._array.__class__] is backend}
    for value in graph.externals:
        array = value.origin.leaf.grad._array if isinstance(value.origin, EntryGradient) else value.origin.array
        if BY_TYPE[array.__class__] is backend:
            there.add(value)
    steps = set()
    for step in graph.steps:
        reads = list(step.reads())
        if reads and all(value in there for value in reads) and (step.op is None or step.op.name != "to_device"):
            steps.add(step)
            there.update(value for value in step.outputs if value is not None)
    return steps


def _on_host(step: Step) -> Callable[..., Any]:
    """The kernel or rule of a step for NumPy's arrays."""
    host = backend_for_device("cpu").xp.ndarray
    if step.kind == "rule" and isinstance(step.function, partial) and isinstance(step.function.args[0], RawReading):
        return partial(step.function.func, RAW[host], *step.function.args[1:])
    if step.op is None:
        return step.function
    return step.op.residual_kernels[host] if step.kind == "kept" else step.op.kernels[host]


def _bind(step: Step, backend: Backend) -> None:
    """Let a call of NumPy's library be the same call of the device's, on arrays of the device."""
    xp, function = backend.xp, step.function
    host = backend_for_device("cpu").xp
    own = _OWN.get(function)
    module = getattr(function, "__module__", None) or ""
    if own is not None:
        step.function = partial(own, xp)
    elif isinstance(function, host.ufunc):
        step.function = getattr(xp, function.__name__)
    elif step.name.endswith(".reduce"):
        step.function = getattr(xp, REDUCTIONS[step.name.removesuffix(".reduce")])
        step.attrs.setdefault("axis", 0)
    elif module == "numpy" or module.startswith("numpy."):
        namespace = xp
        for part in module.split(".")[1:]:
            namespace = getattr(namespace, part)
        step.function = getattr(namespace, function.__name__)
    if step.name == "dot" and any(value is not None and not flat(value) for value in step.outputs):
        step.takes_out = ""  # CuPy's dot writes to rows only

    step.inputs = _moved(step.inputs, backend)


def _moved(x: Any, backend: Backend) -> Any:
    """What a kernel made for itself, on the device."""
    if isinstance(x, (tuple, list)) and not hasattr(x, "_fields"):
        return x.__class__([_moved(each, backend) for each in x])
    if isinstance(x, Value):
        if isinstance(x.origin, Constant) and BY_TYPE[x.origin.array.__class__] is not backend:
            x.origin = Constant(backend.asarray(x.origin.array))
        return x
    return backend.asarray(x) if isinstance(x, backend_for_device("cpu").xp.ndarray) else x


def _spread(xp: Any, condition: Any, out: Any = None, *, dtype: Any) -> Any:
    return xp.subtract(condition.view("uint8"), 1, out=out, dtype=dtype, casting="unsafe")


def _keep(xp: Any, values: Any, mask: Any, out: Any = None) -> Any:
    bits = mask.dtype
    if out is None:
        return xp.bitwise_and(values.view(bits), mask).view(values.dtype)
    xp.bitwise_and(values.view(bits), mask, out=out.view(bits))
    return out


def _copy_of(xp: Any, source: Any, out: Any = None) -> Any:
    if out is None:
        return source.copy(order="C")
    xp.copyto(out, source)
    return out


def _diagonal(xp: Any, array: Any, *args: Any) -> Any:
    return array.diagonal(*args)  # CuPy has no arrays for reading alone


def _empty(xp: Any, out: Any = None, *, shape: Any, dtype: Any) -> Any:
    return xp.empty(shape, dtype=dtype) if out is None else out


def _zeros(xp: Any, out: Any = None, *, shape: Any, dtype: Any) -> Any:
    if out is None:
        return xp.zeros(shape, dtype=dtype)
    out.fill(0)
    return out


_OWN: dict[Callable[..., Any], Callable[..., Any]] = {
    calls.spread: _spread, calls.keep: _keep, calls.copy_of: _copy_of, calls.diagonal: _diagonal, calls.empty: _empty, calls.zeros: _zeros,
}
"""What taking apart calls besides the library, for a library that is given."""


# --- the program ----------------------------------------------------------------------------------------------------


class CudaProgram(Program):
    """Generated code over CuPy, in memory of the pool of one device."""

    side_by_side = False

    def __init__(self, graph: Graph, layout: Layout, number: int, backend: Backend, index: int | None = None) -> None:
        self.backend, self.index = backend, index
        layout.lasting.clear()  # gradients come from the pool, which is as fast, and belong to whoever holds them
        for step in graph.steps:
            if step.kind == "call":
                _bind(step, backend)  # passes write NumPy's calls too
        super().__init__(graph, layout, number)

    def summary(self) -> Iterable[str]:
        """The device, and how the plan runs there."""
        called = sum(step.kind == "call" for step in self.graph.steps)
        whole = sum(step.kind in ("op", "kept", "rule", "update") for step in self.graph.steps)
        device = self.backend.name + ("" if self.index is None else f":{self.index}")
        yield f"device           {device}: {called} calls of CuPy, {whole} kernels as recorded, one launch or more each; no kernels of the plan's own, no graph capture"

    def _allocate(self) -> None:
        with self.backend.on(self.index):
            pieces = [self.backend.xp.empty(size, dtype="uint8") for size in self.layout.sizes]
        for value, piece in self.layout.place.items():
            order = sorted(range(len(value.shape)), key=lambda i: -value.strides[i])
            flat = pieces[piece][: value.nbytes].view(value.dtype)
            array = flat.reshape([value.shape[i] for i in order]).transpose(sorted(range(len(order)), key=order.__getitem__))
            self.names[value] = name = f"b{piece}_{len(self.names)}"
            self.globals[name] = array
            self._fixed.add(value)

    def renew(self, offered: Mapping[Value, Any] = MappingProxyType({})) -> list[Any]:
        """See :meth:`Program.renew`: there is no memory of gradients to renew."""
        return []

    def _number(self, x: Any, step: Step, blocks: bool = False) -> Any:
        return x

    def _bits(self, step: Step) -> bool:
        return False

    def _call(self, step: Step, out: str) -> str:
        if step.kind != "call":
            return super()._call(step, out)
        arguments = [*map(self._expression, step.inputs), *[f"{key}={self._expression(value)}" for key, value in step.attrs.items()], *([f"out={out}"] if out else [])]
        return f"{self._bind(step.name.replace('.', '_'), step.function)}({', '.join(arguments)})"
