"""``Tensor``: an array that can record how it was computed. Most of its methods are ops and come from ``_methods``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from . import _methods, dtypes, storage
from .backend.registry import BY_TYPE, backend_for_device
from .config import ACTIVE, refuse
from .conversion import ConversionMethods
from .creation import CreationMethods, array_from, as_device, as_size, scalar_or_array
from .cuts import mark_copy, read
from .devices import DEFAULT, check_format, device, strided
from .dtypes import as_dtype, dtype, from_numpy_dtype
from .graph import GraphMethods
from .interop import Protocols
from .node import Leaf, make_leaf, next_seq
from .restructure import RestructuringMethods
from .sampling import SamplingMethods
from .storage import TensorBase, checked_name, device_of, real_array

READ = "Return the tensor and read it after the call, or compute with it as a tensor (torch.where instead of if)"


class Size(tuple[int, ...]):
    """A shape: a tuple of ints with ``numel()``."""

    __slots__ = ()

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        return math.prod(self)

    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        return Size(found) if found.__class__ is tuple else found

    def __add__(self, other: Any) -> Any:
        return Size(tuple.__add__(self, other)) if isinstance(other, tuple) else NotImplemented

    def __repr__(self) -> str:
        return f"autograd_core.Size({list(self)})"


_SIZES: dict[tuple[int, ...], Size] = {}
"""The latest few shapes that were asked for: composites ask several times in a call, and making a ``Size`` takes as long as all the rest."""


def _size(shape: tuple[int, ...]) -> Size:
    if len(_SIZES) >= 256:
        _SIZES.clear()
    found = _SIZES[shape] = Size(shape)
    return found


class Tensor(_methods.Methods, GraphMethods, ConversionMethods, CreationMethods, SamplingMethods, RestructuringMethods, Protocols):
    """An n-dimensional array with a gradient.

    ``Tensor(data, requires_grad=False, name=None)``: numbers and nested lists take the default dtype, arrays keep
    theirs. ``Tensor(2, 3)`` is an uninitialised tensor of that shape, as in PyTorch.

    >>> x, y, z = Tensor(-2.0, requires_grad=True), Tensor(5.0, requires_grad=True), Tensor(-4.0, requires_grad=True)
    >>> f = (x + y) * z
    >>> f.backward()
    >>> f.item(), x.grad.item(), y.grad.item(), z.grad.item()
    (-12.0, -4.0, -4.0, 3.0)
    """

    __slots__ = ()
    layout = strided
    is_sparse = is_sparse_csr = is_quantized = is_mkldnn = is_meta = is_nested = is_mps = is_xla = is_xpu = is_ipu = is_mtia = is_vulkan = False

    def __init__(self, *data: Any, requires_grad: bool = False, name: str | None = None, dtype: Any = None, device: Any = None) -> None:
        if len(data) == 1 and data[0].__class__ is float and dtype is None and device is None:  # the usual scalar, straight
            self._array = array = dtypes._default.type(data[0])
            self._view = None
            if name is not None:
                self._name = checked_name(name)
            if requires_grad:
                self._node = leaf = Leaf()
                leaf.array = array
                leaf.shape = ()
                leaf.grad = leaf.hooks = leaf.post_hooks = None
                leaf.name = name
                leaf.seq = next_seq()
            else:
                self._node = None
            return
        where = as_device(device)
        chosen = None if dtype is None else as_dtype(dtype)
        if not data:
            array = array_from([], chosen or dtypes.get_default_dtype(), where)
        elif len(data) > 1 and all(type(n) is int for n in data):
            backend = backend_for_device((where or DEFAULT[0]).type)
            array = backend.xp.empty(as_size("Tensor", data), dtype=(chosen or dtypes.get_default_dtype()).dtype)
        elif len(data) == 1:
            source = data[0]
            if chosen is None and not hasattr(source, "dtype"):
                inferred = array_from(source, None, where)
                array = inferred if inferred.dtype.kind in "fc" else inferred.astype(dtypes.get_default_dtype().dtype)
            else:
                array = array_from(source, chosen, where)
        else:
            raise TypeError(f"Tensor() takes one piece of data or several ints as a shape, got {len(data)} arguments")
        self._array = scalar_or_array(array)
        self._node = None
        self._view = None
        if len(data) == 1 and isinstance(data[0], TensorBase):
            mark_copy(self, data[0])
        if name is not None:
            self._name = checked_name(name)
        if requires_grad:
            self.requires_grad_()

    # --- what it is ---------------------------------------------------------------------------------------------

    @property
    def array(self) -> Any:
        """The raw array of the backend (NumPy on ``cpu``, CuPy on ``cuda``); shares memory."""
        return real_array(self)

    @property
    def shape(self) -> Size:
        """The sizes of the dimensions."""
        shape = self._array.shape
        known = _SIZES.get(shape)
        return _size(shape) if known is None else known

    @property
    def dtype(self) -> dtype:
        """The type of the elements."""
        return from_numpy_dtype(self._array.dtype)

    @property
    def device(self) -> device:
        """Where the elements live."""
        return device_of(self._array)

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return int(self._array.ndim)

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return int(self._array.itemsize)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return int(self._array.nbytes)

    @property
    def is_cpu(self) -> bool:
        """Whether the tensor lives in host memory."""
        return self.device.type == "cpu"

    @property
    def is_cuda(self) -> bool:
        """Whether the tensor lives on a CUDA device."""
        return self.device.type == "cuda"

    @property
    def T(self) -> Tensor:  # noqa: N802
        """The dimensions in reverse order."""
        return _methods.permute(self, tuple(range(self.ndim))[::-1])

    @property
    def mT(self) -> Tensor:  # noqa: N802
        """The last two dimensions swapped."""
        if self.ndim == 1:
            raise RuntimeError("mT: tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor")
        return _methods.transpose(self, -2, -1) if self.ndim else self.T

    @property
    def H(self) -> Tensor:  # noqa: N802
        """The conjugate transpose of a matrix."""
        if self.ndim not in (0, 2):
            raise RuntimeError(f"H: tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor. For batches of matrices use mH")
        return _methods.adjoint(self)

    @property
    def mH(self) -> Tensor:  # noqa: N802
        """The last two dimensions swapped and complex numbers conjugated."""
        return _methods.adjoint(self)

    @property
    def real(self) -> Tensor:
        """The real part."""
        return _methods.real(self)

    @property
    def imag(self) -> Tensor:
        """The imaginary part. Raises ``RuntimeError`` for a real tensor."""
        return _methods.imag(self)

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the size of one dimension."""
        return self.shape if dim is None else self._array.shape[dim]

    def dim(self) -> int:
        """The number of dimensions."""
        return self.ndim

    def numel(self) -> int:
        """The number of elements."""
        return int(self._array.size)

    nelement = numel
    ndimension = dim

    def element_size(self) -> int:
        """Bytes per element."""
        return self.itemsize

    def stride(self, dim: int | None = None) -> Any:
        """How many elements apart neighbours lie in memory, per dimension."""
        array = real_array(self)
        strides = tuple(n // array.itemsize for n in array.strides)
        return strides if dim is None else strides[dim]

    def storage_offset(self) -> int:
        """How many elements of its memory lie before the first of this tensor."""
        array = real_array(self)
        owner = BY_TYPE[array.__class__].owner(array)
        address = [int(each.ctypes.data if hasattr(each, "ctypes") else each.data.ptr if hasattr(each, "data") else each.ptr) for each in (array, owner)]
        return (address[0] - address[1]) // int(array.itemsize)

    def dim_order(self) -> tuple[int, ...]:
        """The dimensions from the one whose neighbours lie farthest apart to the one whose lie nearest."""
        return tuple(sorted(range(self.ndim), key=lambda dim: -self.stride(dim)))

    def is_set_to(self, tensor: Tensor) -> bool:
        """Whether both are the same memory in the same shape and strides."""
        return (self.data_ptr(), self.shape, self.stride()) == (tensor.data_ptr(), tensor.shape, tensor.stride())

    def _never(self) -> bool:
        """``False``: there are no lazy conjugates or negatives, and memory is neither pinned nor shared between processes."""
        return False

    is_conj = is_neg = is_pinned = is_shared = is_distributed = _never

    def _itself(self) -> Tensor:
        """The tensor itself, which is what was asked for already."""
        return self

    resolve_neg = pin_memory = share_memory_ = to_dense = _itself

    def is_contiguous(self, memory_format: Any = None) -> bool:
        """Whether the elements lie in row-major order without gaps."""
        check_format("is_contiguous", memory_format)
        return bool(real_array(self).flags.c_contiguous)

    def is_floating_point(self) -> bool:
        """Whether the dtype is a real floating-point type."""
        return bool(self._array.dtype.kind == "f") or dtypes.narrow(self._array)

    def is_complex(self) -> bool:
        """Whether the dtype is complex."""
        return bool(self._array.dtype.kind == "c")

    def is_signed(self) -> bool:
        """Whether the dtype holds negative numbers."""
        return bool(self.dtype.is_signed)

    def is_nonzero(self) -> bool:
        """Whether the one element is not zero. Raises ``RuntimeError`` for a tensor of more or none."""
        return bool(self)

    def is_same_size(self, other: Tensor) -> bool:
        """Whether ``other`` has the same shape."""
        return self.shape == other.shape

    def get_device(self) -> int:
        """The number of the CUDA device, ``-1`` on the CPU."""
        index = self.device.index
        return -1 if index is None else index

    def data_ptr(self) -> int:
        """The address of the first element."""
        array = real_array(self)
        return int(array.ctypes.data if hasattr(array, "ctypes") else array.data.ptr)

    # --- in and out ---------------------------------------------------------------------------------------------

    def item(self) -> Any:
        """The Python number of a tensor with one element."""
        if ACTIVE:
            read(self, ".item()", ".item() reads a value", READ)
        try:
            return self._array.item()
        except ValueError:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar. Reduce it first, or use .tolist()") from None

    def numpy(self, *, force: bool = False) -> Any:
        """The tensor as a NumPy array that shares its memory.

        Raises ``RuntimeError`` for a tensor that requires grad, and ``TypeError`` for one on a GPU, unless ``force``
        (then as ``.detach().cpu().numpy()``).
        """
        if ACTIVE:
            read(self, ".numpy()", "the values of .numpy() are used outside the recorded ops", READ)
        if self._node is not None and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        array = real_array(self)
        backend = BY_TYPE[array.__class__]
        if backend.name != "cpu" and not force:
            raise TypeError(f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.")
        return backend.to_numpy(array)

    def tolist(self) -> Any:
        """Nested lists of Python numbers; a number for a tensor without dimensions."""
        if ACTIVE:
            read(self, ".tolist()", ".tolist() reads values", READ)
        return BY_TYPE[self._array.__class__].to_numpy(self._array).tolist()

    def apply_(self, callable: Any) -> Tensor:
        """Put ``callable`` of each element in its place. A Python loop, without gradient."""
        return self._mapped("apply_", callable)

    def map_(self, tensor: Tensor, callable: Any) -> Tensor:
        """Put ``callable`` of each element and that of ``tensor``, which broadcasts, in its place. A Python loop, without gradient."""
        return self._mapped("map_", callable, tensor)

    def map2_(self, x: Tensor, y: Tensor, callable: Any) -> Tensor:
        """Put ``callable`` of each element and those of ``x`` and ``y`` in its place. A Python loop, without gradient."""
        return self._mapped("map2_", callable, x, y)

    def _mapped(self, name: str, function: Any, *others: Tensor) -> Tensor:
        if any([each._node is not None for each in (self, *others)]):
            raise RuntimeError(f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead.")
        numbers = [each.expand(self.shape).reshape(-1).tolist() for each in (self, *others)]
        return self.copy_(self.new_tensor([function(*each) for each in zip(*numbers, strict=True)]).reshape(self.shape))

    # --- Python -------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        if ACTIVE:
            refuse("printing a tensor reads its values", READ)
        from .printing import represent

        return represent(self)

    def _repr_html_(self) -> str:
        from .notebook import tensor_html

        return tensor_html(self)

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if self.ndim == 0 else format(str(self), spec)

    __hash__ = object.__hash__

    def __len__(self) -> int:
        if not self._array.shape:
            raise TypeError("len() of a 0-d tensor")
        return int(self._array.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        if not self._array.shape:
            raise TypeError("iteration over a 0-d tensor")
        return iter([self[i] for i in range(self._array.shape[0])])

    def __bool__(self) -> bool:
        if ACTIVE:
            read(self, "bool()", "the truth of a tensor is a value that decides which Python code runs", READ)
        if self._array.size != 1:
            what = "more than one value" if self._array.size else "no values"
            raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous. Use .any() or .all()")
        return bool(self._array.item())

    def _number(self) -> Any:
        if ACTIVE:
            read(self, "float()", "converting a tensor to a Python number reads a value", READ)
        if self._array.size != 1:
            raise ValueError(f"only one element tensors can be converted to Python scalars, this one has the shape {tuple(self._array.shape)}. Reduce it first, or use .tolist()")
        return self._array.item()

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __complex__(self) -> complex:
        return complex(self._number())

    def __index__(self) -> int:
        if ACTIVE:
            read(self, "int()", "using a tensor as a Python index reads a value", READ)
        if self._array.dtype.kind not in "iub" or self._array.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._array.item())

    def __contains__(self, element: Any) -> bool:
        if ACTIVE:
            refuse("'in' reads the values of a tensor", READ)
        return bool((self._array == (element._array if isinstance(element, TensorBase) else element)).any())

    def __getitem__(self, index: Any) -> Tensor:
        return _methods.F.getitem(self, index)  # type: ignore[no-any-return]

    def __setitem__(self, index: Any, value: Any) -> None:
        _methods.F.setitem(self, index, value)

    def __copy__(self) -> Tensor:
        twin: Tensor = storage.new(type(self))
        twin._array, twin._node, twin._view = real_array(self), None, None
        if hasattr(self, "__dict__"):
            twin.__dict__.update(self.__dict__)
        if self.name is not None:
            twin._name = self.name
        if self._node is not None:
            twin._node = make_leaf(twin._array, self.name)
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if ACTIVE:
            refuse("copying a tensor by copy.deepcopy is not recorded", READ)
        if not self.is_leaf:
            raise RuntimeError("Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment. Use .detach().clone()")
        copied = _copied(self._array, memo)
        twin: Tensor = storage.new(type(self))
        twin._array, twin._node, twin._view = copied, None, None
        memo[id(self)] = twin
        if hasattr(self, "__dict__"):
            import copy

            twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        if self.name is not None:
            twin._name = self.name
        if self._node is not None:
            twin._node = make_leaf(copied, self.name)
            if self._node.grad is not None:
                twin._node.grad = self._node.grad.detach().clone()
        return twin

    def __reduce__(self) -> Any:
        if not self.is_leaf:
            raise RuntimeError("a Tensor with a graph cannot be pickled, because the graph cannot. Use .detach()")
        state = dict(self.__dict__) if hasattr(self, "__dict__") else None
        array = BY_TYPE[self._array.__class__].to_numpy(self._array)
        return (_rebuild, (type(self), array, str(self.device), self.requires_grad, self.name, state))

    # --- operators ----------------------------------------------------------------------------------------------

    __add__ = __radd__ = _methods.add
    __mul__ = __rmul__ = _methods.mul
    __sub__ = _methods.sub
    __truediv__ = _methods.div
    __pow__ = _methods.pow
    __matmul__ = _methods.matmul
    __mod__ = _methods.remainder
    __floordiv__ = _methods.floor_divide
    __neg__ = _methods.neg
    __abs__ = _methods.abs
    __lt__ = _methods.lt
    __le__ = _methods.le
    __gt__ = _methods.gt
    __ge__ = _methods.ge
    __iadd__ = _methods.add_
    __isub__ = _methods.sub_
    __imul__ = _methods.mul_
    __itruediv__ = _methods.div_

    def __rsub__(self, other: Any) -> Tensor:
        return _methods.sub(other, self)

    def __rtruediv__(self, other: Any) -> Tensor:
        return _methods.div(other, self)

    def __rmod__(self, other: Any) -> Tensor:
        return _methods.remainder(other, self)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return _methods.floor_divide(other, self)

    def __rpow__(self, other: Any) -> Tensor:
        return _methods.pow(other, self)

    def __rmatmul__(self, other: Any) -> Tensor:
        return _methods.matmul(other, self)

    def __pos__(self) -> Tensor:
        return self

    def __eq__(self, other: Any) -> Any:
        return _methods.eq(self, other) if _comparable(other) else NotImplemented

    def __ne__(self, other: Any) -> Any:
        return _methods.ne(self, other) if _comparable(other) else NotImplemented

    def __and__(self, other: Any) -> Tensor:
        return _methods.bitwise_and(self, other)

    def __or__(self, other: Any) -> Tensor:
        return _methods.bitwise_or(self, other)

    def __xor__(self, other: Any) -> Tensor:
        return _methods.bitwise_xor(self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __lshift__(self, other: Any) -> Tensor:
        return _methods.bitwise_left_shift(self, other)

    def __rshift__(self, other: Any) -> Tensor:
        return _methods.bitwise_right_shift(self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return _methods.bitwise_left_shift(other, self)

    def __rrshift__(self, other: Any) -> Tensor:
        return _methods.bitwise_right_shift(other, self)

    def __invert__(self) -> Tensor:
        if self._array.dtype.kind not in "biu":
            raise TypeError(f"bitwise_not: ~ (operator.invert) is only implemented on integer and Boolean-type tensors, this one is {self.dtype.name}")
        return _methods.bitwise_not(self)

    def split(self, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Views of ``split_size`` elements each along ``dim``, or of the sizes in a list; see ``split``."""
        return _methods.split(self, split_size, dim)

    def where(self, condition: Tensor, other: Any) -> Tensor:
        """The tensor where ``condition`` holds, ``other`` elsewhere."""
        return _methods.where(condition, self, other)  # type: ignore[no-any-return]


def _copied(array: Any, memo: dict[int, Any]) -> Any:
    """A copy of an array; what shared memory with another array that was copied before, under the same ``memo``, shares it again."""
    backend = BY_TYPE[array.__class__]
    owner = backend.owner(array)
    if backend.name != "cpu" or not array.shape or not owner.flags.c_contiguous:
        return array.copy()
    found = memo.get(id(owner))
    if found is None:
        found = memo[id(owner)] = owner.copy()
    return found if array is owner else backend.xp.ndarray(array.shape, array.dtype, found, array.ctypes.data - owner.ctypes.data, array.strides)


def _comparable(other: Any) -> bool:
    return isinstance(other, (TensorBase, bool, int, float, complex)) or hasattr(other, "dtype")


def _rebuild(cls: type[Tensor], array: Any, where: str, requires_grad: bool, name: str | None, state: dict[str, Any] | None) -> Tensor:
    t: Tensor = storage.new(cls)
    place = device(where)
    t._array = scalar_or_array(backend_for_device(place.type).asarray(array, index=place.index))
    t._node = None
    t._view = None
    if name is not None:
        t._name = name
    if state:
        t.__dict__.update(state)
    if requires_grad:
        t.requires_grad_()
    return t


storage.RESULT_CLASS.append(Tensor)
_methods.empty_tensor = partial(object.__new__, Tensor)  # the quickest way there is
__all__ = ["Size", "Tensor"]
