"""Tensors from data, filled ones and ranges. All functions take ``dtype=``, ``device=``, ``requires_grad=``; random ones are in ``sampling``."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from functools import reduce
from numbers import Number
from typing import TYPE_CHECKING, Any

from . import dtypes, spec, storage
from .backend.registry import BY_TYPE, backend_for_device
from .config import ACTIVE, get_mode
from .cuts import mark_copy, read
from .devices import DEFAULT, check_format, device
from .dispatch import into
from .dtypes import as_dtype, dtype, from_numpy_dtype
from .errors import ArgumentError, ShapeError
from .misuse import checked
from .storage import TensorBase, checked_name, device_of, wrap

if TYPE_CHECKING:
    from .tensor import Tensor

# --- arrays from data ---------------------------------------------------------------------------------------------


def array_from(data: Any, d: dtype | None, where: device | None) -> Any:
    """A new array of this library from numbers, nested lists, arrays or Tensors; floats take the default dtype."""
    if isinstance(data, TensorBase):
        if ACTIVE:
            read(data, "a tensor made out of another", "making a tensor out of another one copies values outside the recorded ops",
                 "Use tensor.clone(), tensor.detach() or tensor.to(dtype)")
        where = where or device_of(data._array)
        data = data._array
    first = data
    if isinstance(data, (list, tuple)):
        while isinstance(first, (list, tuple)) and first:
            first = first[0]
        if d is None and hasattr(first, "dtype"):
            d = _common_dtype(data)
        data = _untensored(data)
    backend = backend_for_device((where or DEFAULT[0]).type)
    explicit = getattr(first, "dtype", None)
    if getattr(data, "shape", None) is None or not hasattr(data, "dtype"):
        data = _numbers(data, d)
        if d is not None and data.size and d.dtype.kind != "b":
            refuse_overflow("tensor", data.min() if data.dtype.kind != "c" else data.flat[0], d)
            refuse_overflow("tensor", data.max() if data.dtype.kind != "c" else data.flat[0], d)
    elif data.dtype.kind in "OUSV":
        from_numpy_dtype(data.dtype)  # raises: NumPy would read numbers out of text
    if d is None:
        if explicit is not None:
            d = from_numpy_dtype(getattr(explicit, "dtype", explicit))
        else:
            kind = data.dtype.kind
            usual = {"f": dtypes.get_default_dtype(), "c": dtypes.default_complex(), "i": dtypes.int64}
            d = usual[kind] if kind in usual else from_numpy_dtype(data.dtype)
    source = BY_TYPE[data.__class__]
    if source is not backend:
        data = source.to_numpy(data)
    array = backend.asarray(data, dtype=d.dtype, index=where.index if where is not None else None)
    return array.copy() if array is data or getattr(array, "base", None) is not None else array


def _numbers(data: Any, d: dtype | None) -> Any:
    """Numbers and nested lists as a NumPy array; the user's error for what is neither, or ragged, or too large."""
    asarray = backend_for_device("cpu").asarray
    try:
        array = asarray(data, dtype="O" if d is dtypes.uint64 else None)
        if d is dtypes.uint64 and all(isinstance(each, int) for each in array.flat):
            return array  # small and large integers together would become float64
        array = asarray(data)
    except ValueError as error:
        raise ValueError(f"tensor: expected sequences of equal length at each depth, but some differ ({error}). Pad the shorter ones") from error
    if array.dtype.kind in "OUSV":
        if isinstance(data, int) or (array.dtype.kind == "O" and all(isinstance(each, int) for each in array.flat)):
            raise ValueError("tensor: Overflow when unpacking long long: an integer does not fit int64. Make it a float")
        raise TypeError(f"a tensor cannot be made of {type(data).__name__} data: {data!r:.80}")
    if array.dtype.kind == "u" and array.dtype.itemsize == 8:
        raise ValueError("tensor: Overflow when unpacking long long: an integer does not fit int64. Make it a float")
    return array


def refuse_overflow(op: str, number: Any, d: dtype) -> None:
    """Raise for a number that the dtype cannot hold, as PyTorch does; a negative one wraps around in an unsigned one."""
    if d.is_complex:
        return
    if isinstance(number, complex) or getattr(number, "dtype", _REAL).kind == "c":
        raise (TypeError if op == "tensor" else RuntimeError)(f"{op}: value cannot be converted to type {d.name} without overflow: {number} is complex. Take its real part")
    if d.is_floating_point:
        return
    high = 2 ** (8 * d.itemsize - d.is_signed) - 1
    low = -high - 1 if d.is_signed else -high
    if not low <= number <= high:
        raise RuntimeError(f"{op}: value cannot be converted to type {d.name} without overflow: {number} does not lie between {low} and {high}")


_REAL = dtypes.float64.dtype


def _common_dtype(data: Any) -> dtype:
    """The dtype that holds all of nested lists, in which are Tensors, arrays or NumPy's numbers."""
    if isinstance(data, (list, tuple)):
        return reduce(spec.promote_types, [_common_dtype(each) for each in data]) if data else dtypes.bool_
    own = getattr(data, "dtype", None)
    if own is not None:
        return from_numpy_dtype(getattr(own, "dtype", own))
    return {bool: dtypes.bool_, float: dtypes.get_default_dtype(), complex: dtypes.default_complex()}.get(data.__class__, dtypes.int64)


def _untensored(data: Any) -> Any:
    """Nested lists with the Tensors in them replaced by their numbers."""
    if isinstance(data, TensorBase):
        if ACTIVE:
            read(data, "a tensor made out of a list", "making a tensor out of a list of tensors reads their values", "Use torch.stack or torch.cat")
        return BY_TYPE[data._array.__class__].to_numpy(data._array)
    if isinstance(data, (list, tuple)):
        return [_untensored(each) for each in data]
    return data


def scalar_or_array(array: Any) -> Any:
    """A 0-d NumPy array as the NumPy scalar it holds, which computes several times faster."""
    return array[()] if not array.shape and BY_TYPE[array.__class__].name == "cpu" else array


def as_device(value: Any) -> device | None:
    """A device for what users pass as one; a bare int is a CUDA device's number."""
    return None if value is None else device(f"cuda:{value}") if isinstance(value, int) else device(value)


def finish(array: Any, requires_grad: bool = False, name: str | None = None, out: Any = None) -> Tensor:
    """A new array as a Tensor in the mode at hand, or written into ``out``."""
    t: Tensor = wrap(scalar_or_array(array))
    if get_mode().inference:
        t._view = storage.INFERENCE
    if name is not None:
        t._name = checked_name(name)
    if out is not None:
        t = into(out, t)
    if requires_grad:
        t.requires_grad_()
    return t


def placement(d: Any, where: Any, out: Any = None) -> tuple[dtype, Any, int | None]:
    """The dtype (or the default), the backend and the device's number; those of ``out``, if there is one."""
    if out is not None:
        d, where = out.dtype, out.device
    chosen = dtypes.get_default_dtype() if d is None else as_dtype(d)
    place = as_device(where) or DEFAULT[0]
    return chosen, backend_for_device(place.type), place.index


def as_size(op: str, values: Sequence[Any], named: Any = None) -> tuple[int, ...]:
    """A shape given as several ints, as one sequence, or as one sequence by name."""
    if named is not None:
        if values:
            raise TypeError(f"{op}(): the size was given twice, as {tuple(values)!r} and as size={named!r}")
        values = (named,)
    elif not values:
        raise TypeError(f"{op}(): missing 1 required positional argument: 'size'. Pass a tuple, which may be empty")
    if len(values) == 1 and not hasattr(values[0], "__index__") and isinstance(values[0], Sequence):
        values = values[0]
    elif len(values) == 1 and getattr(values[0], "ndim", 0) == 1:
        values = values[0].tolist()
    try:
        shape = tuple([n.__index__() for n in values])
    except (AttributeError, TypeError):
        raise TypeError(f"{op}(): argument 'size' must be a tuple of ints, got {tuple(values)!r}") from None
    if min(shape, default=0) < 0:
        raise ShapeError(f"{op}: Dimension size must be non-negative, got {shape}")
    return shape


def tensor(data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, name: str | None = None, pin_memory: bool = False) -> Tensor:
    """A new tensor with a copy of ``data``: a number, nested lists, an array or a Tensor.

    Without ``dtype``, Python floats take the default dtype, ints int64, bools bool; arrays and Tensors keep theirs.
    ``name`` labels it in drawings and messages. Raises ``TypeError`` for what is not numeric, ``ValueError`` for
    ragged lists. ``pin_memory`` is accepted and ignored.

    >>> import autograd_core as ag
    >>> ag.tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    >>> ag.tensor([1, 2]).dtype
    autograd_core.int64
    """
    if data.__class__ is float and dtype is None and device is None:
        return finish(dtypes.get_default_dtype().dtype.type(data), requires_grad, name)
    if isinstance(data, TensorBase):
        warnings.warn("To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
                      "sourceTensor.detach().clone().requires_grad_(True), rather than tensor(sourceTensor).", UserWarning, stacklevel=2)
    made = finish(array_from(data, None if dtype is None else as_dtype(dtype), as_device(device)), False, name)
    if isinstance(data, TensorBase):
        mark_copy(made, data)
    return made.requires_grad_() if requires_grad else made


def from_numpy(ndarray: Any) -> Tensor:
    """A tensor that shares the memory of a NumPy array: what is written to one shows in the other.

    Raises ``TypeError`` for anything but an ndarray of a dtype that tensors have.

    >>> import numpy as np
    >>> import autograd_core as ag
    >>> a = np.zeros(2)
    >>> t = ag.from_numpy(a)
    >>> a[0] = 1
    >>> t
    tensor([1., 0.], dtype=autograd_core.float64)
    """
    if not hasattr(ndarray, "__array_interface__") or not hasattr(ndarray, "strides") or not hasattr(ndarray, "__setitem__"):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    from_numpy_dtype(ndarray.dtype)
    if not ndarray.flags.writeable:
        warnings.warn("The given NumPy array is not writable: writing to the tensor will raise an error. Copy the array first if you mean to write to it",
                      UserWarning, stacklevel=2)
    return wrap(ndarray)  # type: ignore[no-any-return]


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """``data`` as a tensor, without a copy where dtype and device allow it; a Tensor stays in its graph."""
    if isinstance(data, TensorBase):
        return data.to(device=device, dtype=dtype)  # type: ignore[attr-defined,no-any-return]
    chosen, where = None if dtype is None else as_dtype(dtype), as_device(device)
    if hasattr(data, "dtype") and getattr(data, "shape", None):
        own = from_numpy_dtype(data.dtype)
        backend = BY_TYPE[data.__class__]
        if (chosen is None or chosen is own) and (where is None or (where.type == backend.name and where.index in (None, backend.device_index(data)))):
            return wrap(data)  # type: ignore[no-any-return]
    return finish(array_from(data, chosen, where))


def asarray(obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False) -> Tensor:
    """``obj`` as a tensor. ``copy=True`` always copies, ``copy=False`` raises ``ValueError`` where a copy would be needed."""
    result = as_tensor(obj, dtype=dtype, device=device)
    source = obj._array if isinstance(obj, TensorBase) else obj
    shared = result._array is source
    if copy is False and not shared:
        raise ValueError("asarray: can't alias arbitrary data, another dtype or another device with copy=False. Leave copy out")
    if isinstance(obj, TensorBase) and not requires_grad:
        result = result.detach()
    if copy and shared:
        result = result.clone()
    if requires_grad:
        result = result.detach() if result is not obj else result
        result.requires_grad_()
    return result


# --- filled -------------------------------------------------------------------------------------------------------


def zeros(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """Zeros of a shape given as ints or as one sequence, in the default dtype unless ``dtype`` says otherwise.

    >>> import autograd_core as ag
    >>> ag.zeros(2, 3)
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """
    chosen, backend, index = placement(dtype, device, out)
    with backend.on(index):
        return finish(backend.xp.zeros(as_size("zeros", sizes, size), dtype=chosen.dtype), requires_grad, out=out)


def ones(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """Ones of a shape given as ints or as one sequence."""
    chosen, backend, index = placement(dtype, device, out)
    with backend.on(index):
        return finish(backend.xp.ones(as_size("ones", sizes, size), dtype=chosen.dtype), requires_grad, out=out)


def empty(*sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """Uninitialised memory of a shape given as ints or as one sequence: its numbers mean nothing until written."""
    chosen, backend, index = placement(dtype, device, out)
    with backend.on(index):
        return finish(backend.xp.empty(as_size("empty", sizes, size), dtype=chosen.dtype), requires_grad, out=out)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """A tensor filled with one number, whose type decides the dtype: bool, int64, or the default dtype.

    >>> import autograd_core as ag
    >>> ag.full((2,), 7), ag.full((2,), 0.5)
    (tensor([7, 7]), tensor([0.5000, 0.5000]))
    """
    if hasattr(fill_value, "item"):
        dtype = fill_value.dtype if dtype is None else dtype
        fill_value = fill_value.item()
    if not issubclass(fill_value.__class__, Number):
        raise ArgumentError(f"full: argument 'fill_value' (position 2) must be Number, not {type(fill_value).__name__}")
    chosen, backend, index = placement(spec.number_dtype(fill_value) if dtype is None else dtype, device, out)
    if chosen.dtype.kind != "b":
        refuse_overflow("full", fill_value, chosen)
    if chosen.dtype.kind == "u" and fill_value < 0:
        fill_value = int(fill_value) % 256**chosen.itemsize
    with backend.on(index):
        return finish(backend.xp.full(as_size("full", (size,)), fill_value, dtype=chosen.dtype), requires_grad, out=out)


def like_options(input: Any, d: Any, where: Any) -> dict[str, Any]:
    """``dtype`` and ``device`` as given, or else those of ``input``."""
    return {"dtype": input.dtype if d is None else d, "device": input.device if where is None else where}


def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """Zeros in the shape, dtype and device of ``input``."""
    check_format("zeros_like", memory_format)
    return zeros(input._array.shape, **like_options(input, dtype, device), requires_grad=requires_grad)


def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """Ones in the shape, dtype and device of ``input``."""
    check_format("ones_like", memory_format)
    return ones(input._array.shape, **like_options(input, dtype, device), requires_grad=requires_grad)


def empty_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """Uninitialised memory in the shape, dtype and device of ``input``."""
    check_format("empty_like", memory_format)
    return empty(input._array.shape, **like_options(input, dtype, device), requires_grad=requires_grad)


@checked
def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, memory_format: Any = None) -> Tensor:
    """One number in the shape, dtype and device of ``input``."""
    check_format("full_like", memory_format)
    return full(input._array.shape, fill_value, **like_options(input, dtype, device), requires_grad=requires_grad)


def empty_strided(size: Any, stride: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Uninitialised memory of a shape whose neighbours lie ``stride`` elements apart, per dimension."""
    shape, steps = as_size("empty_strided", (size,)), tuple(stride)
    if len(shape) != len(steps):
        raise RuntimeError(f"empty_strided: mismatch in length of strides and shape: {shape} and {steps}")
    extent = 1 + sum([(n - 1) * step for n, step in zip(shape, steps, strict=True)]) if math.prod(shape) else 0
    made = empty(extent, dtype=dtype, device=device).as_strided(shape, steps)
    return made.requires_grad_() if requires_grad else made


def frombuffer(buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """The numbers that an object with Python's buffer protocol holds, such as ``bytearray``, in one dimension and without a copy.

    Raises ``ValueError`` where the bytes are too few or no multiple of the dtype's.

    >>> import autograd_core as ag
    >>> ag.frombuffer(bytearray([1, 0, 2, 0]), dtype=ag.int16).tolist()
    [1, 2]
    """
    return finish(backend_for_device("cpu").xp.frombuffer(buffer, dtype=as_dtype(dtype).dtype, count=count, offset=offset), requires_grad)


# --- ranges -------------------------------------------------------------------------------------------------------


def arange(start: Any = None, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """Numbers from ``start`` (0 if only one is given) up to but without ``end``, ``step`` apart: int64 if all are ints.

    Raises ``RuntimeError`` for a step of 0 or one that leads away from ``end``.

    >>> import autograd_core as ag
    >>> ag.arange(3), ag.arange(1, 2, 0.25)
    (tensor([0, 1, 2]), tensor([1.0000, 1.2500, 1.5000, 1.7500]))
    """
    start, end = (0, start) if end is None else (0 if start is None else start, end)
    if end is None:
        raise TypeError("arange(): missing argument 'end': arange(end), arange(start, end) or arange(start, end, step)")
    start, end, step = (each.item() if hasattr(each, "item") else each for each in (start, end, step))
    if step == 0:
        raise RuntimeError("arange: step must be nonzero")
    if not abs(end - start) < math.inf:
        raise RuntimeError(f"arange: unsupported range: {start} -> {end}")
    if (end - start) / step < 0:
        raise RuntimeError(f"arange: upper bound and lower bound inconsistent with step sign (start {start}, end {end}, step {step})")
    integral = all(isinstance(each, int) for each in (start, end, step))
    chosen, backend, index = placement(dtypes.int64 if dtype is None and integral else dtype, device, out)
    with backend.on(index):
        if integral:
            array = backend.xp.arange(start, end, step)
        else:
            array = start + step * backend.xp.arange(math.ceil((end - start) / step))
        return finish(array.astype(chosen.dtype), requires_grad, out=out)


def range(start: Any = 0, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """Numbers from ``start`` to ``end``, which is included, in the default dtype. ``arange`` goes up to its end, as Python does.

    >>> import autograd_core as ag
    >>> ag.range(0, 1, 0.5).tolist()
    [0.0, 0.5, 1.0]
    """
    if end is None:
        raise TypeError("range(): missing argument 'end'")
    if step == 0:
        raise RuntimeError("range: step must be nonzero")
    if (end - start) / step < 0:
        raise RuntimeError(f"range: upper bound and lower bound inconsistent with step sign (start {start}, end {end}, step {step})")
    chosen, backend, index = placement(dtype, device, out)
    with backend.on(index):
        return finish((start + step * backend.xp.arange(math.floor((end - start) / step) + 1)).astype(chosen.dtype), requires_grad, out=out)


@checked
def linspace(start: Any, end: Any, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """``steps`` numbers at equal distances from ``start`` to ``end``, both included."""
    if steps < 0:
        raise RuntimeError(f"linspace: number of steps must be non-negative, got {steps}")
    start, end = (each.item() if hasattr(each, "item") else each for each in (start, end))
    chosen, backend, index = placement(dtype, device, out)
    with backend.on(index):
        return finish(backend.xp.linspace(start, end, steps).astype(chosen.dtype), requires_grad, out=out)


@checked
def logspace(start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """``steps`` powers of ``base`` whose exponents lie at equal distances from ``start`` to ``end``, both included.

    >>> import autograd_core as ag
    >>> ag.logspace(0, 2, 3)
    tensor([  1.,  10., 100.])
    """
    if steps < 0:
        raise RuntimeError(f"logspace: number of steps must be non-negative, got {steps}")
    start, end, base = (each.item() if hasattr(each, "item") else each for each in (start, end, base))
    chosen, backend, index = placement(dtype, device, out)
    with backend.on(index):
        return finish((backend.xp.full((), base, dtype="float64") ** backend.xp.linspace(start, end, steps)).astype(chosen.dtype), requires_grad, out=out)


def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor without dimensions that holds one number, in the default dtype."""
    return full((), s, dtype=dtypes.get_default_dtype() if dtype is None else dtype, device=device, requires_grad=requires_grad)


def _triangle_indices(op: str, row: int, col: int, offset: int, d: Any, where: Any) -> Tensor:
    if row < 0 or col < 0:
        raise RuntimeError(f"{op}: {'row' if row < 0 else 'col'} must be non-negative, got {row} and {col}")
    chosen, backend, index = placement(dtypes.int64 if d is None else d, where)
    with backend.on(index):
        xp = backend.xp
        triangle = getattr(xp, op.partition("_")[0])(xp.ones((row, col), dtype="bool"), offset)
        return finish(xp.stack(xp.nonzero(triangle)).astype(chosen.dtype))


@checked
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The positions in the lower triangle of a ``row`` by ``col`` matrix, as int64 of shape (2, n): rows, then columns.

    >>> import autograd_core as ag
    >>> ag.tril_indices(2, 2).tolist()
    [[0, 1, 1], [0, 0, 1]]
    """
    return _triangle_indices("tril_indices", row, col, offset, dtype, device)


@checked
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The positions in the upper triangle of a ``row`` by ``col`` matrix, as int64 of shape (2, n): rows, then columns."""
    return _triangle_indices("triu_indices", row, col, offset, dtype, device)


@checked
def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False, out: Any = None) -> Tensor:
    """The ``n`` by ``n`` (or ``n`` by ``m``) matrix with ones on its diagonal and zeros elsewhere."""
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"eye: n and m must be greater or equal to 0, got {n} and {m}")
    chosen, backend, index = placement(dtype, device, out)
    with backend.on(index):
        return finish(backend.xp.eye(n, m, dtype=chosen.dtype), requires_grad, out=out)


class CreationMethods(TensorBase):
    """The methods of a Tensor that make new tensors in its dtype and on its device."""

    __slots__ = ()

    if TYPE_CHECKING:
        dtype: Any
        device: Any

    def new_tensor(self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """A copy of ``data`` in this tensor's dtype and on its device."""
        chosen = self.dtype if dtype is None else as_dtype(dtype)
        return finish(array_from(data, chosen, self.device if device is None else as_device(device)), requires_grad)

    def new(self, *data: Any) -> Tensor:
        """A tensor of data, or an uninitialised one of a shape, as ``Tensor(...)`` makes it, in this tensor's dtype and on its device."""
        return storage.RESULT_CLASS[0](*data, dtype=self.dtype, device=self.device)  # type: ignore[no-any-return]

    def new_empty_strided(self, size: Any, stride: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """Uninitialised memory of another shape and other strides in this tensor's dtype and on its device."""
        return empty_strided(size, stride, **like_options(self, dtype, device), requires_grad=requires_grad)

    def new_zeros(self, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """Zeros of another shape in this tensor's dtype and on its device."""
        return zeros(*sizes, size=size, **like_options(self, dtype, device), requires_grad=requires_grad)

    def new_ones(self, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """Ones of another shape in this tensor's dtype and on its device."""
        return ones(*sizes, size=size, **like_options(self, dtype, device), requires_grad=requires_grad)

    def new_empty(self, *sizes: Any, size: Any = None, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """Uninitialised memory of another shape in this tensor's dtype and on its device."""
        return empty(*sizes, size=size, **like_options(self, dtype, device), requires_grad=requires_grad)

    def new_full(self, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        """One number in another shape, in this tensor's dtype and on its device."""
        return full(size, fill_value, **like_options(self, dtype, device), requires_grad=requires_grad)
