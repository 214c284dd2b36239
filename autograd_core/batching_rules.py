"""How each op runs on a batch: a table of rules by op name, and what holds for a whole kind.

A rule takes a ``Call`` and returns the results with the batch as first dimension, or Batched tensors when it is
composed of other ops. Elementwise ops align dimensions; ops with a ``dim`` shift it; ops without any rule run on one
example after the other (``how`` says so, and a warning does once).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from . import _methods
from .batching import Batched, Call, VmapError, active_frames, base_of, batched, expand_to, levels_of, over_levels
from .dispatch import apply
from .op import REGISTRY, Op
from .queries import is_tensor
from .spec import infer_reshape, wrap_dim, wrap_dims
from .storage import operand

Rule = Callable[[Call], Any]

RULES: dict[str, Rule] = {}
"""Op name -> its batching rule."""


class Unbatched:
    """What a rule returns when the result is the same for all examples."""

    def __init__(self, value: Any) -> None:
        self.value = value


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Decorator: the batching rule of these ops."""

    def attach(function: Rule) -> Rule:
        for name in names:
            RULES[name] = function
        return function

    return attach


def rule_of(op: Op) -> Rule:
    """The rule that serves an op: its own, its kind's, or the loop."""
    own: Rule | None = op.batching or RULES.get(op.name)
    if own is not None:
        return own
    return aligned if op.kind == "elementwise" else loop


def how(op: Op) -> str:
    """How ``vmap`` runs an op, for the table of ops: ``aligned``, ``rule``, ``random``, ``loop``, or ``none`` for ops that have no place in it."""
    if op.kind in ("random", "update"):
        return "random" if op.kind == "random" else "none"
    own = rule_of(op)
    return "aligned" if own is aligned else "loop" if own is loop else "rule"


# --- kinds --------------------------------------------------------------------------------------------------------


def _lined_up(call: Call, i: int, rank: int) -> Any:
    """Operand ``i`` with its batch in front of ``rank`` dimensions; what is no batch broadcasts from the right anyway."""
    value = call.values[i]
    missing = rank - call.ndim(i) if call.batched[i] else 0
    if missing <= 0:
        return value
    shape = tuple(value.shape)
    return value.reshape((shape[0], *[1] * missing, *shape[1:]))


def aligned(call: Call) -> Any:
    """Elementwise: the dimensions of an example are lined up from the right, with the batch before them."""
    rank = max([call.ndim(i) for i, x in enumerate(call.inputs) if is_tensor(x)])
    return call.run(*[_lined_up(call, i, rank) for i in range(len(call.inputs))])



@rule("masked_fill")
def _masked_fill(call: Call) -> Any:
    if not call.batched[2]:
        return aligned(call)
    return composed(call, lambda F, input, mask, value: F.where(mask, F.to_dtype(value, dtype=input.dtype), input))


_warned: set[str] = set()


def loop(call: Call) -> Any:
    """One example after the other."""
    if call.op.kind == "dynamic" and call.op.name != "masked_select":
        raise VmapError(f"vmap: {call.op.spoken} has a result whose shape depends on values, which may differ between examples. Use where, a mask, or compute it outside vmap")
    if call.op.name == "masked_select" and call.batched[1]:
        raise VmapError("vmap: selecting with a mask that differs between examples has results of different shapes. Use where(mask, x, 0) or masked_fill instead")
    if not call.size:
        raise VmapError(f"vmap: {call.op.spoken} has no batching rule and cannot run on an empty batch")
    if call.op.name not in _warned:
        _warned.add(call.op.name)
        warnings.warn(f"vmap: there is no batching rule for {call.op.spoken}; it runs on one example after the other, which is slow", stacklevel=2)
    take = REGISTRY["slice_view"]
    results = [call.run(*[apply(take, (value,), {"key": (k,)}) if flag else value for value, flag in zip(call.values, call.batched, strict=True)]) for k in range(call.size)]
    stack = REGISTRY["stack"]
    if call.op.outputs is not None:
        return tuple(apply(stack, column, {"dim": 0}) for column in zip(*results, strict=True))
    return apply(stack, results, {"dim": 0})


@rule("to_dtype", "to_integer", "to_device", "clone", "tril", "triu", "extend", "extend_adjoint", "draw_exponential")
def native(call: Call) -> Any:
    """Ops that leave dimensions before their own alone."""
    return call.run(*call.values)


def composed(call: Call, function: Callable[..., Any]) -> Any:
    """A rule that is a formula in other ops, read on examples."""
    return function(_methods.F, *call.inputs, **call.attrs)


# --- ops with dims ------------------------------------------------------------------------------------------------


def _column(call: Call) -> tuple[Any, int]:
    """The first operand, with one dimension more where an example has none, and its number of dimensions."""
    value = call.full(0)
    rank = call.ndim(0)
    return (value, rank) if rank else (value.reshape((call.size, 1)), 1)


@rule("sum", "mean", "count_nonzero", "all", "any", "amax", "amin", "argmax", "argmin", "logsumexp", "variance", "deviation", "norm_over", "prod", "max_along",
      "min_along", "median_along", "kthvalue", "mode")
def reduction(call: Call) -> Any:
    """The same reduction, over dimensions one further."""
    dim = call.attrs.get("dim")
    keepdim = bool(call.attrs.get("keepdim", False))
    rank = call.ndim(0)
    value, effective = _column(call)
    if dim is None or (isinstance(dim, (tuple, list)) and not len(dim)):
        value = value.reshape((call.size, -1)) if call.size else value.reshape((0, max(_numel(call.shape(0)), 0)))
        result = call.run(value, dim=1, **({"keepdim": False} if "keepdim" in call.attrs else {}))
        return _each(result, lambda r: r.reshape((call.size, *[1] * rank)) if keepdim else r)
    dims = wrap_dims(dim if isinstance(dim, int) else tuple(dim), rank, call.op.spoken)
    shifted: Any = dims[0] + 1 if isinstance(dim, int) else tuple(d + 1 for d in dims)
    result = call.run(value, dim=shifted)
    return _each(result, lambda r: r.reshape((call.size,)) if effective != rank and keepdim else r)


def _numel(shape: tuple[int, ...]) -> int:
    total = 1
    for n in shape:
        total *= n
    return total


def _each(result: Any, change: Callable[[Any], Any]) -> Any:
    return tuple(change(r) for r in result) if isinstance(result, tuple) else change(result)


@rule("softmax_along", "log_softmax_along", "cumsum", "cumprod", "sort", "topk", "shift", "cummax", "cummin", "logcumsumexp")
def along(call: Call) -> Any:
    """Along one dimension, which stays."""
    value, rank = _column(call)
    result = call.run(value, dim=wrap_dim(call.attrs["dim"], rank, call.op.spoken) + 1)
    return _each(result, lambda r: r.reshape((call.size,)) if not call.ndim(0) else r)


@rule("soft_cross_entropy")
def _soft_cross_entropy(call: Call) -> Any:
    return call.run(call.full(0), call.full(1), dim=call.attrs["dim"] % call.ndim(0) + 1)


@rule("flip")
def _flip(call: Call) -> Any:
    dims = call.attrs["dims"]
    return call.run(call.values[0], dims=tuple(d + 1 for d in wrap_dims(dims if isinstance(dims, int) else tuple(dims), call.ndim(0), "flip")))


@rule("roll")
def _roll(call: Call) -> Any:
    dims = call.attrs["dims"]
    value = call.values[0]
    if dims is None or (not isinstance(dims, int) and not len(dims)):
        if not call.size or not call.ndim(0):
            return value
        return call.run(value.reshape((call.size, -1)), dims=1).reshape(tuple(value.shape))
    return call.run(value, dims=dims % call.ndim(0) + 1 if isinstance(dims, int) else tuple(d % call.ndim(0) + 1 for d in dims))


@rule("cat")
def _cat(call: Call) -> Any:
    kept = [i for i in range(len(call.inputs)) if call.shape(i) != (0,)] or [0]
    return call.run(*[call.full(i) for i in kept], dim=wrap_dim(call.attrs["dim"], call.ndim(kept[0]), "cat") + 1)


@rule("stack")
def _stack(call: Call) -> Any:
    return call.run(*[call.full(i) for i in range(len(call.inputs))], dim=wrap_dim(call.attrs["dim"], call.ndim(0) + 1, "stack") + 1)


# --- shapes -------------------------------------------------------------------------------------------------------


@rule("reshape", "view")
def _reshape(call: Call) -> Any:
    return call.run(call.values[0], shape=(call.size, *infer_reshape(call.shape(0), call.attrs["shape"], call.op.name)))


@rule("permute")
def _permute(call: Call) -> Any:
    return call.run(call.values[0], dims=(0, *[d + 1 for d in wrap_dims(tuple(call.attrs["dims"]), call.ndim(0), "permute")]))


@rule("transpose")
def _transpose(call: Call) -> Any:
    rank = call.ndim(0)
    if not rank:
        return call.values[0]
    return call.run(call.values[0], dim0=wrap_dim(call.attrs["dim0"], rank, "transpose") + 1, dim1=wrap_dim(call.attrs["dim1"], rank, "transpose") + 1)


@rule("unsqueeze")
def _unsqueeze(call: Call) -> Any:
    return call.run(call.values[0], dim=wrap_dim(call.attrs["dim"], call.ndim(0) + 1, "unsqueeze") + 1)


@rule("squeeze")
def _squeeze(call: Call) -> Any:
    dims = wrap_dims(call.attrs["dim"], call.ndim(0), "squeeze")
    gone = tuple(d + 1 for d in dims if call.ndim(0) and call.shape(0)[d] == 1)
    return call.run(call.values[0], dim=gone) if gone else call.values[0]


@rule("broadcast_to")
def _broadcast_to(call: Call) -> Any:
    shape = tuple(call.attrs["shape"])
    return call.run(_lined_up(call, 0, len(shape)), shape=(call.size, *shape))


@rule("sum_to")
def _sum_to(call: Call) -> Any:
    shape, own = tuple(call.attrs["shape"]), call.shape(0)
    extra = len(own) - len(shape)
    dims = tuple(i + 1 for i, n in enumerate(own) if i < extra or (n != 1 and shape[i - extra] == 1))
    value = call.values[0]
    if dims:
        value = call.other("sum", value, dim=dims, keepdim=True, dtype=None)
    return value.reshape((call.size, *shape)) if extra else value


@rule("diagonal")
def _diagonal(call: Call) -> Any:
    rank = call.ndim(0)
    return call.run(call.values[0], dim1=wrap_dim(call.attrs["dim1"], rank, "diagonal") + 1, dim2=wrap_dim(call.attrs["dim2"], rank, "diagonal") + 1)


@rule("diagonal_place")
def _diagonal_place(call: Call) -> Any:
    shape = tuple(call.attrs["shape"])
    return call.run(call.values[0], shape=(call.size, *shape), dim1=call.attrs["dim1"] % len(shape) + 1, dim2=call.attrs["dim2"] % len(shape) + 1)


@rule("slice_view")
def _slice_view(call: Call) -> Any:
    return call.run(call.values[0], key=(slice(None), *call.attrs["key"]))


@rule("slice_place")
def _slice_place(call: Call) -> Any:
    return call.run(call.values[0], key=(slice(None), *call.attrs["key"]), shape=(call.size, *call.attrs["shape"]))


@rule("slice_write")
def _slice_write(call: Call) -> Any:
    from .ops.index import sliced_shape

    region = len(sliced_shape(call.shape(0), call.attrs["key"]))
    value = _lined_up(call, 1, region) if is_tensor(call.values[1]) else call.values[1]
    return call.run(call.full(0), value, key=(slice(None), *call.attrs["key"]))


def _followed(value: Any, chain: Any) -> Any:
    """The region of an example that a chain of views selects."""
    for op, attrs in chain:
        value = apply(op, (value,), attrs)
    return value


def _with_region(call: Call, whole: Any, value: Any) -> Any:
    """A copy of an example with a value written into the region of the chain."""
    whole = call.example(whole).clone()
    region = _followed(whole, call.attrs["chain"])
    (region.copy_ if is_tensor(value) else region.fill_)(value)
    return whole


@rule("view_read")
def _view_read(call: Call) -> Any:
    return _followed(call.inputs[0], call.attrs["chain"]).clone()


@rule("view_write")
def _view_write(call: Call) -> Any:
    return _with_region(call, call.full(0), call.inputs[1])


@rule("view_place")
def _view_place(call: Call) -> Any:
    return _with_region(call, call.values[0].new_zeros((call.size, *call.attrs["shape"])), call.inputs[0])


@rule("copy", "fill")
def _copy(call: Call) -> Any:
    source = call.values[1]
    if not is_tensor(source):
        return call.run(call.full(0), source)
    rank = call.ndim(0)
    value = _lined_up(call, 1, rank)
    while value.ndim > rank + 1:  # leading sizes of 1 that one example may have too many
        value = value.reshape((call.size, *tuple(value.shape)[2:]))
    return call.other("copy", call.full(0), value)


@rule("identity_like", "causal_mask", "base_grid")
def _constant(call: Call) -> Any:
    return Unbatched(call.run(call.values[0]))


# --- products -----------------------------------------------------------------------------------------------------


@rule("matmul")
def _matmul(call: Call) -> Any:
    a, b = call.values
    ra, rb = call.ndim(0), call.ndim(1)
    if not call.batched[1] and rb == 2:
        return call.run(a, b)  # the batch is one more row of the left matrix
    if not call.batched[0] and ra == 2 and rb == 1:
        return call.run(b, a.transpose(-2, -1))
    lead = max(ra, rb, 2) - 2

    def matrix(x: Any, batch: bool, rank: int, column: bool) -> Any:
        shape = tuple(x.shape)
        if rank == 1:
            shape = (*shape, 1) if column else (*shape[:-1], 1, shape[-1])
        own = max(rank, 2) - 2
        if batch:
            shape = (shape[0], *[1] * (lead - own), *shape[1:])
        return x.reshape(shape) if shape != tuple(x.shape) else x

    result = call.run(matrix(a, call.batched[0], ra, False), matrix(b, call.batched[1], rb, True))
    shape = list(result.shape)
    if rb == 1:
        del shape[-1]
    if ra == 1:
        del shape[-1 if rb == 1 else -2]
    return result.reshape(tuple(shape)) if len(shape) != result.ndim else result


@rule("linear")
def _linear(call: Call) -> Any:
    if call.batched[0] and not any(call.batched[1:]) and call.shape(0)[-1]:
        return call.run(*call.values)

    def apart(F: Any, input: Any, weight: Any, bias: Any) -> Any:
        out = F.matmul(input, F.transpose(weight, dim0=-2, dim1=-1) if weight.ndim > 1 else weight)
        return out if bias is None else out + bias

    return composed(call, apart)


@rule("contract")
def _contract(call: Call) -> Any:
    inputs, _, result = call.attrs["equation"].partition("->")
    letter = next(c for c in "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA" if c not in call.attrs["equation"])
    parts = [letter + part if flag else part for part, flag in zip(inputs.split(","), call.batched, strict=True)]
    return call.run(*call.values, equation=f"{','.join(parts)}->{letter}{result}")


# --- indexing -----------------------------------------------------------------------------------------------------


def _moved(value: Any, source: Any, target: Any) -> Any:
    """Dimensions moved as by ``moveaxis``."""
    source, target = list(source), list(target)
    order = [d for d in range(value.ndim) if d not in source]
    for s, t in sorted(zip(source, target, strict=True), key=lambda pair: pair[1]):
        order.insert(t, s)
    return value if order == list(range(value.ndim)) else _methods.permute(value, tuple(order))


def _with_rows(call: Call, index: Any) -> Any:
    """A batch of indices (B, k, ...) as one index (k + 1, B, ...) whose first entry is the example."""
    from .creation import arange

    shape = tuple(index.shape)
    rows = arange(call.size, device=base_of(index).device).reshape((1, call.size, *[1] * (len(shape) - 2)))
    rows = _methods.broadcast_to(rows, (1, call.size, *shape[2:]))
    return _methods.cat([rows, _moved(index, [1], [0])], 0)


def _adjacent(dims: Any) -> bool:
    return bool(dims[-1] - dims[0] == len(dims) - 1)


def _after_rows(dims: Any, count: int) -> tuple[list[int], list[int]] | None:
    """Where the indexed dimensions of a region lie when the example is an index too, and where one example has them."""
    if _adjacent(dims) and dims[0] > 0:
        return list(range(1, 1 + count)), list(range(1 + dims[0], 1 + dims[0] + count))
    return None


@rule("index")
def _index(call: Call) -> Any:
    dims = tuple(call.attrs["dims"])
    index = call.values[1]
    further = tuple(d + 1 for d in dims)
    if not call.batched[1]:
        result = call.run(call.values[0], index, dims=further)
        return result if _adjacent(dims) else _moved(result, [index.ndim - 1], [0])
    if not call.batched[0]:
        result = call.run(call.values[0], _moved(index, [1], [0]), unique=False)
        return _moved(result, [dims[0]], [0]) if _adjacent(dims) else result
    result = call.run(call.values[0], _with_rows(call, index), dims=(0, *further))
    moved = _after_rows(dims, index.ndim - 2)
    return result if moved is None else _moved(result, *moved)


@rule("index_accumulate")
def _index_accumulate(call: Call) -> Any:
    dims, shape = tuple(call.attrs["dims"]), tuple(call.attrs["shape"])
    further = tuple(d + 1 for d in dims)
    value = call.full(0)
    if not call.batched[1]:
        if not _adjacent(dims):
            value = _moved(value, [0], [call.values[1].ndim - 1])
        return call.run(value, call.values[1], dims=further, shape=(call.size, *shape))
    moved = _after_rows(dims, call.values[1].ndim - 2)
    if moved is not None:
        value = _moved(value, moved[1], moved[0])
    return call.run(value, _with_rows(call, call.values[1]), dims=(0, *further), shape=(call.size, *shape))


@rule("take_rows")
def _take_rows(call: Call) -> Any:
    return composed(call, lambda F, input, index, name: F.index(input, F.index_of([index], sizes=(input.shape[0],), dims=(0,)), dims=(0,), unique=False))


@rule("place_rows")
def _place_rows(call: Call) -> Any:
    return composed(call, lambda F, input, index, shape: F.index_accumulate(input, F.index_of([index], sizes=(shape[0],), dims=(0,)), dims=(0,), shape=shape))


def _positions(F: Any, mask: Any) -> tuple[Any, tuple[int, ...]]:
    return F.permute(F.argwhere(mask), (1, 0)), tuple(range(mask.ndim))


@rule("take_masked")
def _take_masked(call: Call) -> Any:
    def taken(F: Any, input: Any, mask: Any) -> Any:
        positions, dims = _positions(F, mask)
        return F.index(input, positions, dims=dims, unique=True)

    return loop(call) if call.batched[1] else composed(call, taken)


@rule("place_masked")
def _place_masked(call: Call) -> Any:
    def placed(F: Any, input: Any, mask: Any, shape: Any) -> Any:
        positions, dims = _positions(F, mask)
        return F.index_accumulate(input, positions, dims=dims, shape=shape, unique=True)

    return loop(call) if call.batched[1] else composed(call, placed)


@rule("index_write")
def _index_write(call: Call) -> Any:
    from .ops.index import indexed_shape

    dims = tuple(call.attrs["dims"])
    further = tuple(d + 1 for d in dims)
    rank = len(indexed_shape(call.shape(0), call.shape(1), dims))
    value = call.values[2]
    tensor = is_tensor(value)
    if tensor:  # with the batch and all dimensions of the region
        own = tuple(value.shape)[1:] if call.batched[2] else tuple(value.shape)
        value = value.reshape((call.size if call.batched[2] else 1, *[1] * (rank - len(own)), *own))
    if not call.batched[1]:
        if tensor and not _adjacent(dims):
            value = _moved(value, [0], [call.values[1].ndim - 1])
        return call.run(call.full(0), call.values[1], value, dims=further)
    moved = _after_rows(dims, call.values[1].ndim - 2)
    if tensor and moved is not None:
        value = _moved(value, moved[1], moved[0])
    return call.run(call.full(0), _with_rows(call, call.values[1]), value, dims=(0, *further))


@rule("last_written")
def _last_written(call: Call) -> Any:
    return call.run(_with_rows(call, call.values[0]), sizes=(call.size, *call.attrs["sizes"]))


@rule("index_of")
def _index_of(call: Call) -> Any:
    rank = max(call.ndim(i) for i in range(len(call.inputs)))
    lined = [_lined_up(call, i, rank) for i in range(len(call.inputs))]
    if len(lined) == 1:
        return _moved(call.run(*lined), [1], [0])
    common = max((tuple(x.shape) for x in lined), key=len)
    if len(common) == rank:  # nothing but the batch would broadcast
        common = (call.size, *common)
    return _moved(call.run(*lined), [1], [0])


@rule("index_select")
def _index_select(call: Call) -> Any:
    if not call.ndim(0):
        return loop(call)
    dim = wrap_dim(call.attrs["dim"], call.ndim(0), "index_select")
    if not call.batched[1]:
        return call.run(call.values[0], call.values[1], dim=dim + 1)
    return composed(call, lambda F, input, index, dim: F.index(input, F.reshape(index, shape=(1, -1)), dims=(dim % input.ndim,), unique=False))


@rule("index_add")
def _index_add(call: Call) -> Any:
    if call.batched[1] or not call.ndim(0):
        return loop(call)
    return call.run(call.full(0), call.values[1], call.full(2), dim=wrap_dim(call.attrs["dim"], call.ndim(0), "index_add") + 1)


@rule("lookup")
def _embedding(call: Call) -> Any:
    if not call.batched[1]:
        return call.run(*call.values)
    if call.attrs["scale_grad_by_freq"]:
        return loop(call)

    def looked_up(F: Any, input: Any, weight: Any, padding_idx: Any, scale_grad_by_freq: bool) -> Any:
        rows = F.index(weight, F.unsqueeze(input, dim=0), dims=(0,), unique=False)
        return rows if padding_idx is None else F.where(F.unsqueeze(F.eq(input, padding_idx % weight.shape[0]), dim=-1), rows.detach(), rows)

    return composed(call, looked_up)


def _gathered(call: Call, *values: Any, **attrs: Any) -> Any:
    """An op that indexes along ``dim`` with an index of the same rank; numbers count as rows of one."""
    rank = max(call.ndim(i) for i, x in enumerate(call.inputs) if is_tensor(x))
    lined = [x.reshape((call.size, 1)) if is_tensor(x) and x.ndim == 1 else x for x in values]
    return call.run(*lined, dim=wrap_dim(call.attrs["dim"], max(rank, 1), call.op.spoken) + 1, **attrs)


@rule("gather")
def _gather(call: Call) -> Any:
    return _gathered(call, call.full(0), call.full(1)).reshape((call.size, *call.shape(1)))


@rule("gather_accumulate")
def _gather_accumulate(call: Call) -> Any:
    shape = tuple(call.attrs["shape"])
    return _gathered(call, call.full(0), call.full(1), shape=(call.size, *(shape or (1,)))).reshape((call.size, *shape))


@rule("scatter_write", "scatter_add")
def _scatter(call: Call) -> Any:
    source = call.full(2)
    if is_tensor(source) and call.ndim(2) != call.ndim(1):
        source = source.reshape((call.size, *[1] * call.ndim(1)))
        source = _methods.broadcast_to(source, (call.size, *call.shape(1)))
    return _gathered(call, call.full(0), call.full(1), source).reshape((call.size, *call.shape(0)))


@rule("last_scattered")
def _last_scattered(call: Call) -> Any:
    shape = tuple(call.attrs["shape"])
    return _gathered(call, call.full(0), shape=(call.size, *(shape or (1,)))).reshape((call.size, *call.shape(0)))


# --- random -------------------------------------------------------------------------------------------------------


def draw(op: Op, inputs: Any, attrs: dict[str, Any]) -> Any:
    """A random op inside ``vmap``: its ``randomness`` decides whether examples draw different numbers or the same ones."""
    frames = active_frames()
    inputs = [operand(x) for x in inputs]
    inner = frames[-1]
    if inner.randomness == "error":
        raise VmapError(f"vmap: called random operation {op.spoken} while in randomness error mode. Please either use the 'same' or 'different' randomness flags on vmap "
                        "or perform the randomness operation out of vmap")
    involved = {level for x in inputs for level in levels_of(x)}
    wanted = [frame for frame in frames if frame.randomness == "different"]
    if not involved and not wanted:
        return NotImplemented
    shape = attrs.get("shape")
    if op.name in ("draw_uniform", "draw_normal", "draw_integers"):  # their input says no more than dtype and shape
        shape = tuple(inputs[0].shape) if shape is None else tuple(shape)
        like = _methods.reshape(base_of(inputs[0]).detach(), (-1,))
        return over_levels(apply_plain(op, (like,), {**attrs, "shape": (*[frame.size for frame in wanted], *shape)}), [frame.level for frame in wanted])
    if op.name in ("draw_bernoulli", "bernoulli", "draw_exponential", "draw_normal_of"):
        return _draw_compared(op, inputs, attrs, wanted)
    involved |= {frame.level for frame in wanted}
    here = [frame for frame in frames if frame.level in involved]
    values = [base_of(expand_to(x, here)) if is_tensor(x) else x for x in inputs]
    sizes = [frame.size for frame in here]
    drawn = []
    for k in range(_numel(tuple(sizes))):
        position = []
        for n in reversed(sizes):
            k, rest = divmod(k, n)
            position.append(rest)
        drawn.append(apply_plain(op, [x[tuple(position[::-1])] if is_tensor(x) else x for x in values], attrs))
    result = _methods.stack(drawn, 0)
    return over_levels(result.reshape((*sizes, *tuple(result.shape)[1:])), [frame.level for frame in here])


def apply_plain(op: Op, inputs: Any, attrs: dict[str, Any]) -> Any:
    """Run a random op outside any ``vmap``."""
    from .config import MODE, get_mode

    token = MODE.set(get_mode().replace(vmap=None))
    try:
        return apply(op, inputs, attrs)
    finally:
        MODE.reset(token)


def _draw_compared(op: Op, inputs: list[Any], attrs: dict[str, Any], wanted: list[Any]) -> Any:
    """Draws that parameters shape: standard numbers with a batch of their own where examples differ, then the op's formula."""
    F = _methods.F
    like = inputs[0]
    shape = attrs.get("shape")
    if shape is None:
        shape = like.shape if op.name != "draw_normal_of" else _broadcast_shape(inputs)
    plain = _methods.reshape(base_of(next(x for x in inputs if is_tensor(x))).detach(), (-1,))
    kind = "draw_normal" if op.name == "draw_normal_of" else "draw_uniform"
    extra = {"mean": 0.0, "std": 1.0} if kind == "draw_normal" else {"low": 0.0, "high": 1.0}
    sizes = [frame.size for frame in wanted]
    drawn = apply_plain(REGISTRY[kind], (plain,), {**extra, "shape": (*sizes, *tuple(shape)), "generator": attrs.get("generator")})
    numbers = over_levels(drawn, [frame.level for frame in wanted])
    if op.name == "draw_normal_of":
        return inputs[0] + numbers * inputs[1]
    if op.name == "draw_exponential":
        return -F.log1p(-numbers) / attrs.get("rate", 1.0)
    p = like if op.name == "bernoulli" else inputs[1]
    return F.to_dtype(F.lt(numbers, p), dtype=like.dtype)


def _broadcast_shape(inputs: list[Any]) -> tuple[int, ...]:
    from .spec import broadcast

    tensors = [x for x in inputs if is_tensor(x)]
    return broadcast("normal", ["mean", "std"], tensors)


__all__ = ["RULES", "Batched", "Unbatched", "aligned", "batched", "draw", "how", "loop", "rule", "rule_of"]

from . import batching_algebra, batching_layers  # noqa: E402, F401 - they add their rules
