"""The recorder: sees every kernel call of forward, backward and optimizer while a function runs, and writes them down.

Arrays are known by identity, each for as long as it lives: what the function drops is forgotten before its address can be
given to another array, so a recording needs little more memory than the function itself. Backward runs on raw arrays by the
very rules that eager uses; each rule is one step of the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, WeakSet, ref

from ..backend.registry import BY_TYPE
from ..backward import unshared
from ..config import ACTIVE, MODE, user_line
from ..engine import RAW, RawReading
from ..node import RETAIN, next_seq, pull_general
from ..op import COMPOSITES, REGISTRY, Op, Rule
from ..scalar import Recorded, Scalar, watch
from ..storage import TensorBase, wrap
from .errors import refusal
from .escapes import refuse_escapes
from .graph import Argument, Captured, EntryGradient, Graph, Step, Value
from .heap import give_back
from .scalars.tape import Tape
from .snapshots import OUTLIVES, taken

REPLACED = object()
"""Stands for the first ``.grad`` of a leaf that was replaced before anybody looked at it."""
OVERWRITES = frozenset(("fill", "copy"))
"""In-place ops that never read what they write to."""


def is_array(x: Any) -> bool:
    """Whether something is a raw array or a library's scalar."""
    return hasattr(x, "shape") and hasattr(x, "dtype") and hasattr(x, "strides")


class Recorder:
    """One recording. It stands in ``Mode.recorder`` while the function runs."""

    def __init__(self, arguments: Sequence[Any], earlier: Sequence[Recorder] = ()) -> None:
        self.graph = Graph()
        self.tape = Tape()
        """What Scalars do."""
        self._known: dict[int, Value] = {}
        self._alive: dict[int, Any] = {}
        """Address -> a weak reference to the array that lives there, or the array itself where it takes none."""
        self._outliving = {id(owner) for recorder in earlier for owner in recorder.owners()}
        """The owners of memory that an earlier recording knows too, which keeps them."""
        self._second = bool(earlier)
        self.started = next_seq()
        """Leaves with a later number were made inside."""
        self._first_leaf: dict[Any, Any] = {}
        self._training: WeakKeyDictionary[Any, bool | None] = WeakKeyDictionary()
        """Module -> its mode when it was first called, ``None`` if ``train()`` came first. Those that live no longer than the function are no part of what a plan depends on."""
        self._set: WeakSet[Any] = WeakSet()
        """The modules that ``train()`` and ``eval()`` were called for."""
        self.read: set[Value] = set()
        """What some step looked at; the contents of other constants mean nothing."""
        self.pulled: set[Any] = set()
        """The nodes that a backward pass went through."""
        self.arguments = arguments
        self._argument_of_leaf = {tensor._node: i for i, tensor in enumerate(arguments) if tensor._node is not None}
        for i, tensor in enumerate(arguments):
            known = self._known.get(id(tensor._array))
            self.graph.arguments.append(known or self._learn(tensor._array, Value(tensor._array, Argument(i))))
            if tensor._node is not None and not tensor._node.leaf:
                raise refusal(user_line(), f"the argument of shape {tuple(tensor.shape)} has a graph of its own, which a replay would not extend",
                              "Compute it inside the compiled function, or pass it .detach()ed")

    # --- running ------------------------------------------------------------------------------------------------

    def run(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call ``function`` and record it. Returns what it returns; the graph is complete then."""
        token = MODE.set(MODE.get().replace(recorder=self))
        ACTIVE.append(self)
        watch(True)
        try:
            results = [function(*args, **kwargs)]  # in a list, so that no variable here counts as a holder
        finally:
            watch(False)
            ACTIVE.remove(self)
            MODE.reset(token)
        self._finish(results)
        return results[0]

    def _finish(self, results: list[Any]) -> None:
        self.graph.results = self._result(results[0])
        if self.tape.events and self.graph.steps:
            raise refusal(self.graph.steps[0].line, "Scalars and Tensors are computed in one compiled function, whose graphs are replayed apart",
                          "Compile the part with Scalars and the part with Tensors as functions of their own")
        self.tape.finish()
        self.graph.entry = {leaf: present for leaf, present in self.graph.entry.items() if leaf.seq < self.started}
        for leaf in [leaf for leaf in self._first_leaf if leaf.seq < self.started and self._first_leaf[leaf] is not leaf.grad]:
            self.graph.gradients[leaf] = None if leaf.grad is None else self.value(leaf.grad._array)
        self._first_leaf.clear()
        for value in self.graph.externals:  # let go of the leaves that were made inside, and their gradients
            origin = value.origin
            if origin.__class__ is Captured and origin.tensor is not None and self._new_leaf(origin.tensor):
                value.origin = Captured(origin.array, None)
        origin = None
        self.pulled.clear()
        for module, training in self._training.items():
            if training is not None:
                self.graph.training[module] = training
            if module in self._set:
                self.graph.modes[module] = module.training
        self._refuse_new_leaves()
        refuse_escapes(self, results)
        self.arguments = ()
        self._known.clear()  # from here on the graph says everything; what was computed on the way may go
        self._alive.clear()

    def _new_leaf(self, tensor: Any) -> bool:
        """Whether a tensor asks for a gradient since the recording began."""
        node = tensor._node
        return node is not None and node.leaf and node.seq > self.started

    def _refuse_new_leaves(self) -> None:
        """Refuse that an argument asks for a gradient from now on: a replay would not make it ask."""
        for tensor in self.arguments:
            if self._new_leaf(tensor):
                self.refuse(f"requires_grad_() changes the argument of shape {tuple(tensor.shape)}, which a replay would not do",
                            "Take a tensor of the function's own, x = x.detach().requires_grad_(), or call it outside")

    def _result(self, result: Any) -> Any:
        if isinstance(result, TensorBase):
            node = result._node
            if self._new_leaf(result):
                raise refusal(self.line(), f"a returned tensor of shape {tuple(result._array.shape)} asks for a gradient and was made inside: a replay returns one that does not",
                              "Return it .detach()ed, and its .grad beside it")
            if node is not None and not node.leaf and node not in self.pulled and node._first not in self.pulled:
                raise refusal(self.line(), f"a returned tensor of shape {tuple(result._array.shape)} has a graph, made by {node.op.name}, that a replay does not build",
                              "Call backward inside the compiled function, or return it .detach()ed, or compute inside no_grad()")
            return self.value(result._array, result)
        if isinstance(result, (tuple, list)):
            parts = [self._result(each) for each in result]
            return result.__class__(*parts) if hasattr(result, "_fields") else result.__class__(parts)
        if isinstance(result, dict):
            return {key: self._result(each) for key, each in result.items()}
        return self.tape.result(result) if isinstance(result, (Scalar, Recorded)) else result

    def line(self) -> str:
        """The user's line that is running."""
        return user_line()

    def refuse(self, what: str, rewrite: str) -> None:
        """Raise for something that a replay could not repeat."""
        raise refusal(self.line(), what, rewrite)

    # --- values -------------------------------------------------------------------------------------------------

    def _learn(self, array: Any, value: Value) -> Value:
        address = id(array)
        self._known[address] = value
        try:
            self._alive[address] = ref(array, partial(self._forget, address))
        except TypeError:  # a number of the array library
            self._alive[address] = array
        return value

    def _forget(self, address: int, _: Any) -> None:
        self._known.pop(address, None)
        self._alive.pop(address, None)

    def owners(self) -> list[Any]:
        """The objects that own captured memory."""
        arrays = [value.origin.array for value in self.graph.externals if value.origin.__class__ is Captured]
        return [BY_TYPE[array.__class__].owner(array) for array in arrays if hasattr(array, "__setitem__")]

    def value(self, array: Any, tensor: Any = None) -> Value:
        """The Value of an array; one that nobody has seen came from outside."""
        known = self._known.get(id(array))
        if known is None:
            known = self._learn(array, Value(array, Captured(array, tensor)))
            self.graph.externals.append(known)
        if tensor is not None and known.origin.__class__ is Captured and tensor is not known.origin.tensor:
            leaf = tensor._node is not None and tensor._node.leaf
            if known.origin.tensor is None or (leaf and known.origin.tensor._node is None):  # a parameter itself says more than what was .detach()ed from it
                known.origin = Captured(known.origin.array, tensor)
        return known

    def _reference(self, x: Any) -> Any:
        if isinstance(x, TensorBase):
            return self.value(x._array, x)
        if is_array(x):
            return self.value(x)
        if isinstance(x, (tuple, list)) and not hasattr(x, "_fields") and any(is_array(each) or isinstance(each, (TensorBase, tuple, list)) for each in x):
            return x.__class__([self._reference(each) for each in x])
        return x

    def _output(self, array: Any, inputs: Sequence[Any]) -> Value:
        """The Value of a result, and whose memory it is."""
        if not array.shape and not hasattr(array, "__setitem__"):
            return self._learn(array, Value(array))
        owner = BY_TYPE[array.__class__].owner(array)
        for x in _arrays_in(inputs):
            if hasattr(x, "__setitem__") and BY_TYPE[x.__class__].owner(x) is owner:
                return self._learn(array, Value(array, root=self.value(x)))
        return self._learn(array, Value(array))

    def same(self, before: Any, after: Any) -> None:
        """``after`` is ``before`` as an array of its own: a number that was given memory."""
        self._learn(after, self.value(before))

    def copied(self, source: Any, copy: Any = None) -> Any:
        """``copy`` is a copy of ``source``; one is made if there is none, of a number too, which with other values may be an array."""
        if copy is None:
            copy = source.copy(order="C") if source.shape else BY_TYPE[source.__class__].asarray(source).copy()[()]
        reference = self._reference(source)
        self.read.add(reference)
        op = REGISTRY["clone"]
        self._step(Step(op.name, "op", op.kernels[source.__class__], (reference,), {}, (self._learn(copy, Value(copy)),), op))
        return copy

    def writing(self, array: Any, tensor: Any) -> None:
        """``array`` is about to be written."""
        if tensor is not None and tensor._array is not array:  # one that was cast first
            tensor = None
        root = self.value(array, tensor).root
        if root.origin.__class__ is Captured and root.snapshot is None:
            held = root.origin.array
            if id(BY_TYPE[held.__class__].owner(held)) in self._outliving:
                root.snapshot = OUTLIVES
            else:
                root.snapshot = held.copy() if self._second else taken(held)

    # --- kernel calls -------------------------------------------------------------------------------------------

    def _step(self, step: Step) -> None:
        step.line = self.line()
        step.scope = MODE.get().scope
        self.graph.steps.append(step)

    def applied(self, op: Op, inputs: Sequence[Any], arrays: Sequence[Any], attrs: dict[str, Any], result: Any, residuals: tuple[Any, ...], out: Any) -> Any:
        """Dispatch ran ``op``. Returns the result, which may be made an array so that it has an identity."""
        if op.kind == "dynamic":
            self.refuse(f"{op.spoken} returns a shape that depends on values", "Use torch.where, a mask that is multiplied, or masked_fill, whose shapes are fixed")
        if op.kind == "effect":
            self.refuse(f"{op.spoken} has an effect that a replay does not repeat", "Call it outside of the compiled function")
        references = tuple([self.value(array, x) if isinstance(x, TensorBase) else self._reference(x) for x, array in zip(inputs, arrays, strict=True)])
        array_type = next(array.__class__ for array in arrays if is_array(array))
        if out is not None and arrays[0].dtype != out.dtype:  # what is written was cast first: the result is cast back
            self.read.update(v for v in references if isinstance(v, Value))
            wide = Value(BY_TYPE[array_type].xp.empty(out.shape, arrays[0].dtype))
            self._step(Step(op.name, "op", op.kernels[array_type], references, attrs, (wide,), op))
            references, op, attrs = (self.value(out), wide), REGISTRY["copy"], {}
        if out is not None:
            target = references[0]
            if op.name not in OVERWRITES and op.kind != "random":
                self.read.add(target)
            self.read.update(v for v in references[1:] if isinstance(v, Value))
            written = self._learn(out, Value(out, root=target.root))
            self._step(Step(op.name, "op", op.kernels[array_type], references, attrs, (written,), op, into=True, writes=(target,)))
            return result
        if op.kind != "random":
            self.read.update(v for v in references if isinstance(v, Value))
        kernel = op.residual_kernels[array_type] if residuals else op.kernels[array_type]
        if op.outputs is not None or residuals:
            results = tuple(result) if op.outputs is not None else (result, *residuals)
            outputs = tuple([self._output(each, arrays) if is_array(each) else None for each in results])
            if any(each is not None and not is_array(each) for each in results):
                self.refuse(f"{op.spoken} returns something that is no array", "Call it outside of the compiled function")
            self._step(Step(op.name, "kept" if residuals else "op", kernel, references, attrs, outputs, op, single=False))
            return result
        if result.__class__.__name__ in ("bool", "bool_"):
            result = BY_TYPE[array_type].asarray(result)  # there are only two of them, which would be taken for one another
        elif op.kind != "view" and any(result is each for each in arrays):  # this time: with other numbers it may be another array
            result = result.view() if result.shape else result.copy()
        self._step(Step(op.name, "op", kernel, references, attrs, (self._output(result, arrays),), op))
        give_back(result.nbytes)
        return result

    def __call__(self, op: Op, tensors: Sequence[Any], attrs: dict[str, Any], result: Any) -> None:
        """Dispatch ran an update of parameters."""
        if any(self._new_leaf(t) for t in tensors):
            self.refuse("an optimizer updates a tensor that was made inside", "Make both outside, or write x = x - rate * gradient with the gradient of autograd.grad(loss, x)")
        references = tuple([self.value(t._array, t) for t in tensors])
        self.read.update(references)
        array_type = tensors[-1]._array.__class__
        live = getattr(attrs, "live", None)
        self._step(Step(op.name, "update", op.kernels[array_type], references, dict(attrs), (), op, writes=references[: -attrs["count"]], live=live))

    # --- gradients ----------------------------------------------------------------------------------------------

    def reading(self, array_type: type) -> RecordedReading:
        """The reading in which backward runs; from here on a NaN counts as new."""
        backend = BY_TYPE[array_type]
        self._step(Step("backward", "flag", backend.nan_possible, (), {}, ()))
        return RecordedReading(self, RAW[array_type])

    def rule(self, rule: Rule, raw: RawReading, g: Any, values: list[Any], results: Any, line: str) -> None:
        """Backward evaluated a local gradient."""
        listed = results if isinstance(results, (tuple, list)) else (results,)
        arguments = (g, *values)
        if all(each is None or any(each is given for given in _arrays_in(arguments)) for each in listed):
            return
        references = tuple([self._reference(x) for x in arguments])
        self.read.update(v for v in Step("", "", max, references, {}, ()).reads())
        outputs = tuple([None if each is None or id(each) in self._known else self._output(each, arguments) for each in listed])
        step = Step(rule.label, "rule", partial(rule.function, raw), references, {}, outputs, single=not isinstance(results, (tuple, list)))
        self._step(step)
        step.line = line or step.line

    def gradient_read(self, leaf: Any) -> None:
        """Somebody looks at a leaf's ``.grad``."""
        if leaf not in self._first_leaf:
            gradient = leaf.grad
            self._first_leaf[leaf] = gradient
            self.graph.entry[leaf] = gradient is not None
            if gradient is not None and id(gradient._array) not in self._known:
                self.graph.externals.append(self._learn(gradient._array, Value(gradient._array, EntryGradient(leaf))))

    def gradient_set(self, leaf: Any) -> None:
        """Somebody is about to replace a leaf's ``.grad``."""
        if leaf not in self._first_leaf:
            self._first_leaf[leaf] = REPLACED

    def land(self, leaf: Any, g: Any, owned: bool) -> None:
        """Leave a gradient in a leaf, as ``backward`` does."""
        if leaf.hooks or leaf.post_hooks:
            self.refuse("a hook on a leaf would not be called by a replay", "Do what it does inside the compiled function, after backward()")
        self.gradient_read(leaf)
        before = leaf.grad
        if before is None:
            fresh = g.shape and unshared(g, owned)  # nobody else knows it: from here on it goes by the copy's name
            leaf.grad = wrap(self.copied(g, g if fresh else None))
        elif before._node is not None:
            self.refuse("a gradient that has a graph of its own is added to", "Set .grad to None first")
        elif before._array.shape:
            self.writing(before._array, None)
            before._array += g
            op = REGISTRY["add"]
            target, other = self.value(before._array), self.value(g)
            self.read.update((target, other))
            written = self._learn(before._array, Value(before._array, root=target.root))
            self._step(Step(op.name, "op", op.kernels[g.__class__], (target, other), {}, (written,), op, into=True, writes=(target,)))
        else:
            leaf.grad = wrap(self.reading_add(before._array, g))

    def reading_add(self, before: Any, g: Any) -> Any:
        """The sum of two raw gradients, recorded."""
        result = before + g
        op = REGISTRY["add"]
        references = (self._reference(before), self._reference(g))
        self.read.update(references)
        self._step(Step(op.name, "op", op.kernels[g.__class__], references, {}, (self._output(result, (before, g)),), op))
        return result

    def entry_state(self) -> dict[Any, bool]:
        """For each leaf whose ``.grad`` the step looks at first, whether it has one; arguments by position."""
        return {self._argument_of_leaf.get(leaf, leaf): present for leaf, present in self.graph.entry.items()}

    def added_to_part(self, before: Any, g: Any, key: Any) -> None:
        """Add a cotangent to a part of one that is there."""
        add_to_part(before, g, key=key)
        target = self.value(before)
        references = (target, self._reference(g))
        self.read.update(references)
        written = self._learn(before, Value(before, root=target.root))
        self._step(Step("add_to_part", "call", add_to_part, references, {"key": key}, (written,), writes=(target,)))

    def module(self, module: Any) -> None:
        """A module is being called: its mode is part of what the plan depends on."""
        if module._hooks or module._pre_hooks:
            self.refuse(f"{type(module).__name__} has a forward hook, which a replay would not call", "Remove it while the function is compiled, or do its work inside forward()")
        if self._training.setdefault(module, module.training) is not module.training and module not in self._set:
            self.refuse(f"the mode of {type(module).__name__} is assigned", "Call its train() or eval()")

    def mode_set(self, module: Any) -> None:
        """The mode of a module is about to be set: the step leaves it so, and what it was does not matter if nobody has called the module."""
        self._training.setdefault(module, None)
        self._set.add(module)


def add_to_part(before: Any, g: Any, *, key: Any) -> Any:
    """Add ``g`` to the region of ``before`` that ``key`` selects, in place."""
    before[(*key, ...)] += g
    return before


class RecordedReading(RawReading):
    """Rules read on raw arrays, as eager does, each written down."""

    def __init__(self, recorder: Recorder, raw: RawReading) -> None:
        super().__init__(raw.backend)
        self.recorder = recorder
        self.plain = raw
        self.owned: set[Any] = set()
        """The nodes whose pending cotangent is memory of this pass."""

    def __getattr__(self, name: str) -> Any:
        op = REGISTRY.get(name)
        if op is None:
            if name in COMPOSITES:
                return partial(COMPOSITES[name].function, self)
            raise AttributeError(f"no op is called {name!r}")

        def recorded(*arrays: Any, **attrs: Any) -> Any:
            result = op.kernels[arrays[0].__class__](*arrays, **attrs)
            return self.recorder.applied(op, arrays, arrays, attrs, result, (), None)

        return recorded

    def contributions(self, node: Any, g: Any) -> Sequence[Any]:
        """See :meth:`Reading.contributions`."""
        if node.hooks and any(hook is not RETAIN for hook in node.hooks):
            self.recorder.refuse(f"a hook on a result of {node.op.name} would not be called by a replay", "Do what it does inside the compiled function")
        self.recorder.pulled.add(node)
        give_back(getattr(g, "nbytes", 0))
        op, parents = node.op, node.parents
        rule = self._joint_rule(node)
        if rule is not None:
            results: Any = self._evaluated(rule, node, g)
        else:
            names, rules = op.inputs, op.rules
            results = [None if parent is None or names[i] not in rules else self._evaluated(rules[names[i]], node, g) for i, parent in enumerate(parents)]
        return [None if parent is None or result is None else result if result.shape == parent.shape and node.dtypes is None else self._fit(node, i, result)
                for i, (parent, result) in enumerate(zip(parents, results, strict=True))]

    def _evaluated(self, rule: Rule, node: Any, g: Any) -> Any:
        values = self._values(rule, node)
        results = rule.function(self.plain, g, *values)
        self.recorder.rule(rule, self.plain, g, values, results, node.line)
        return results

    def add(self, before: Any, g: Any) -> Any:
        """The sum of two cotangents."""
        return self.recorder.reading_add(before, g)

    def accumulate(self, pending: dict[Any, Any], node: Any, g: Any) -> None:
        """Add a further cotangent to a node's."""
        pending[node] = self.add(pending[node], g)
        self.owned.add(node)

    @staticmethod
    def pull(node: Any, F: Any, g: Any, pending: dict[Any, Any]) -> None:
        """Give each parent its cotangent; an op that reads a part adds to that part alone, as in eager, if the memory is this pass's own."""
        if "adds" not in node.op.extra:
            pull_general(node, F, g, pending)
            return
        parent = node._first
        before = pending[parent]
        if before is not None and parent in F.owned and before.shape:
            F.recorder.added_to_part(before, g, node.attrs["key"])
            return
        pull_general(node, F, g, pending)
        F.owned.add(parent)


def _arrays_in(inputs: Any) -> list[Any]:
    found: list[Any] = []
    for x in inputs:
        if isinstance(x, (tuple, list)):
            found += _arrays_in(x)
        elif is_array(x):
            found.append(x)
    return found


