"""The place of a Tensor in the graph: whether it asks for a gradient, the gradient, and the hooks on it."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import backward as _backward
from . import storage
from .config import ACTIVE, get_mode, refuse
from .cuts import cut_by
from .dtypes import narrow
from .errors import DtypeError, GraphError, ShapeError
from .node import RETAIN, Node, make_leaf, retain_gradient
from .storage import TensorBase, View, checked_name, real_array, wrap

if TYPE_CHECKING:
    from .tensor import Tensor


class RemovableHandle:
    """What registering a hook returns: ``remove()`` takes the hook away."""

    def __init__(self, hooks: list[Any], hook: Any) -> None:
        self._hooks = hooks
        self._hook = hook

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        if self._hook in self._hooks:
            self._hooks.remove(self._hook)


class GraphMethods(TensorBase):
    """The methods of a Tensor that ask about its graph or change it."""

    __slots__ = ()

    if TYPE_CHECKING:
        dtype: Any

    @property
    def name(self) -> str | None:
        """A name for drawings and messages; assignable."""
        try:
            return self._name
        except AttributeError:
            return None

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = name if name is None else checked_name(name)
        if self._node is not None:
            self._node.name = name

    @property
    def requires_grad(self) -> bool:
        """Whether a gradient will be computed for this tensor."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for a gradient, or no longer; only for leaves. Raises ``RuntimeError`` for integers and for results."""
        node = self._node
        if not requires_grad:
            if node is not None and not node.leaf:
                raise GraphError("you can only change requires_grad flags of leaf variables. Use .detach() to get the value without its graph")
            if node is not None:
                self._frozen = (node, node.grad)
                self._node = None
        elif node is None:
            if self._array.dtype.kind not in "fc" and not narrow(self._array):
                raise DtypeError(f"only Tensors of floating point and complex dtype can require gradients, this one is {self.dtype.name}. Convert it first: .float() or .double()")
            if self.is_inference() and not get_mode().inference:
                raise GraphError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed. Use .clone() to get a normal tensor")
            leaf, gradient = getattr(self, "_frozen", (None, None))
            if leaf is None:
                leaf = make_leaf(self._array, self.name)
                if self._view is not None and self._view.cut is not None:
                    leaf.cuts = (self._view.cut,)
            else:  # the same as before, so that graphs recorded then still find it
                leaf.array, leaf.shape, leaf.name = self._array, self._array.shape, self.name
            leaf.grad = gradient
            self._node = leaf
            self._frozen = (None, None)
        return self  # type: ignore[return-value]

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user, not by a recorded operation."""
        return self._node is None or self._node.leaf

    @property
    def grad_fn(self) -> Node | None:
        """The node that computed this tensor; ``None`` for leaves."""
        return None if self.is_leaf else self._node

    @property
    def grad(self) -> Tensor | None:
        """The gradient that ``backward()`` left here: the same Tensor at each read, ``None`` before."""
        node = self._node
        if node is None:
            return getattr(self, "_frozen", (None, None))[1]
        if node.leaf:
            if ACTIVE and (recorder := get_mode().recorder) in ACTIVE:
                recorder.gradient_read(node)
            return node.grad  # type: ignore[no-any-return]
        kept = node.retained
        if kept is None and RETAIN not in (node.hooks or ()):
            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be populated during "
                "backward(). Call .retain_grad() on it before backward() if you want it",
                stacklevel=2,
            )
        if kept is not None and not isinstance(kept, TensorBase):
            kept = node.retained = wrap(kept.copy())
        return kept  # type: ignore[no-any-return]

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, TensorBase):
                raise TypeError(f"assigned grad expected to be a Tensor or None but got {type(value).__name__}")
            if value._array.shape != self._array.shape:
                raise ShapeError(f"assigned grad has data of a different size: {tuple(value._array.shape)}, expected {tuple(self._array.shape)}")
            if value._array.dtype != self._array.dtype:
                raise DtypeError(f"assigned grad has data of a different type: {value.dtype.name}, expected {self.dtype.name}")
        if self._node is None:
            self._frozen = (getattr(self, "_frozen", (None, None))[0], value)
        elif self._node.leaf:
            if ACTIVE and (recorder := get_mode().recorder) in ACTIVE:
                recorder.gradient_set(self._node)
            self._node.grad = value
        else:
            self._node.retained = value

    @property
    def retains_grad(self) -> bool:
        """Whether this is a result whose gradient ``retain_grad()`` has asked for."""
        return self._node is not None and not self._node.leaf and RETAIN in (self._node.hooks or ())

    def retain_grad(self) -> None:
        """Keep the gradient of this result in ``.grad`` during backward."""
        if ACTIVE:
            refuse("retain_grad() asks for the gradient of a tensor that a replay does not make", "Use autograd.grad(loss, tensor) and return what it gives")
        node = self._node
        if node is None:
            raise GraphError("can't retain_grad on Tensor that has requires_grad=False")
        if not node.leaf:
            retain_gradient(node)

    def register_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call ``hook(gradient)`` when the gradient of this tensor is known; what it returns, if anything, replaces it."""
        if ACTIVE:
            refuse("a hook would not be called by a replay", "Do what it does inside the compiled function, on the gradient after backward()")
        node = self._node
        if node is None:
            raise GraphError("cannot register a hook on a tensor that doesn't require gradient")

        def adapted(g: Any) -> Any:
            changed = hook(g if isinstance(g, TensorBase) else wrap(g))
            if changed is None:
                return None
            if not isinstance(changed, TensorBase):
                raise TypeError(f"a hook must return a Tensor or None, got {type(changed).__name__}")
            array, before = changed._array, g._array if isinstance(g, TensorBase) else g
            if array.shape != before.shape:
                raise ShapeError(f"hook {_hook_name(hook)!r} has changed the size of value: the gradient has the shape {tuple(before.shape)}, it returned {tuple(array.shape)}")
            if array.dtype != before.dtype:
                raise DtypeError(f"hook {_hook_name(hook)!r} has changed the type of value: the gradient is {before.dtype}, it returned {array.dtype}")
            return changed if isinstance(g, TensorBase) else array

        if node.hooks is None:
            node.hooks = []
        node.hooks.append(adapted)
        return RemovableHandle(node.hooks, adapted)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call ``hook(tensor)`` after a backward pass has added to this leaf's ``.grad``."""
        node = self._node
        if node is None or not node.leaf:
            raise GraphError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if node.post_hooks is None:
            node.post_hooks = []
        reference = weakref.ref(self)

        def adapted(leaf: Any) -> None:
            tensor = reference()
            if tensor is not None:
                hook(tensor)

        node.post_hooks.append(adapted)
        return RemovableHandle(node.post_hooks, adapted)

    def backward(self, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None) -> None:
        """Add the gradient of this tensor to the ``.grad`` of the leaves it was computed from. See ``autograd.backward``."""
        if create_graph or inputs is not None or not _backward.straight(self, gradient, retain_graph):
            _backward.backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Tensor:
        """The same memory without the graph."""
        t: Tensor = wrap(real_array(self))
        if self._node is not None:
            t._view = cut_by("detach()", self)
        elif self._view is not None:
            t._view = self._view.cut
        return t

    def detach_(self) -> Tensor:
        """Cut this tensor out of its graph: it becomes a leaf that asks for no gradient."""
        if self._view.__class__ is View:
            raise GraphError("Can't detach views in-place. Use detach() instead")
        node = self._node
        if node is not None:
            self._frozen = (node, node.grad) if node.leaf else (None, self.grad if self.retains_grad else None)
            self._node = None
        return self  # type: ignore[return-value]

    @property
    def data(self) -> Tensor:
        """The same memory without graph and without the check of in-place writes. Assignment replaces the memory."""
        t: Tensor = wrap(real_array(self))
        t._view = storage.UNCHECKED
        return t

    @data.setter
    def data(self, value: Tensor) -> None:
        if ACTIVE:
            refuse("assigning .data replaces the memory of a tensor", "Write into it: tensor.data.copy_(value)")
        if not isinstance(value, TensorBase):
            raise TypeError(f"Variable data has to be a tensor, but got {type(value).__name__}")
        self._array = value._array
        if self._node is not None and self._node.leaf:
            self._node.array = value._array
            self._node.shape = value._array.shape

    def is_inference(self) -> bool:
        """Whether the tensor was made inside ``inference_mode``."""
        return self._view is storage.INFERENCE


def _hook_name(hook: Any) -> str:
    return str(getattr(hook, "__name__", type(hook).__name__))
