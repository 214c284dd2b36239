"""Batching rules of indexing: reading, writing and adding at places that an index names."""

from __future__ import annotations

from typing import Any

from .. import _methods
from ..queries import is_tensor
from ..spec import broadcast, wrap_dim
from .examples import base_of
from .rules import Call, composed, lined_up, loop, numel, rule


def _moved(value: Any, source: Any, target: Any) -> Any:
    """Dimensions moved as by ``moveaxis``."""
    source, target = list(source), list(target)
    order = [d for d in range(value.ndim) if d not in source]
    for s, t in sorted(zip(source, target, strict=True), key=lambda pair: pair[1]):
        order.insert(t, s)
    return value if order == list(range(value.ndim)) else _methods.permute(value, tuple(order))


def _with_rows(call: Call, index: Any) -> Any:
    """A batch of indices (B, k, ...) as one index (k + 1, B, ...) whose first entry is the example."""
    from ..creation import arange

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


@rule("take_points")
def _take_points(call: Call) -> Any:
    def taken(F: Any, input: Any, *index: Any) -> Any:
        return F.index(input, F.index_of(index, sizes=tuple(input.shape[:2]), dims=(0, 1)), dims=(0, 1))

    return composed(call, taken)


@rule("place_points")
def _place_points(call: Call) -> Any:
    return composed(call, lambda F, input, *index, shape: F.index_accumulate(input, F.index_of(index, sizes=shape[:2], dims=(0, 1)), dims=(0, 1), shape=shape))


@rule("write_rows")
def _write_rows(call: Call) -> Any:
    def written(F: Any, input: Any, index: Any, values: Any, dim: int, name: str, wraps: bool = True) -> Any:
        return F.index_write(input, F.positions(index, shape=tuple(input.shape), name=name, dim=dim, wraps=wraps), values, dims=(dim,))

    return composed(call, written)


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
    from ..ops.index import indexed_shape

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
    lined = [lined_up(call, i, rank) for i in range(len(call.inputs))]
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


@rule("scatter_write", "scatter_add", "scatter_extremum")
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


@rule("scatter_positions")
def _scatter_positions(call: Call) -> Any:
    from ..creation import arange

    shape = tuple(call.attrs["shape"]) or (1,)
    index = call.values[0].reshape((call.size, *(call.shape(0) or (1,))))
    places = call.run(index, dim=wrap_dim(call.attrs["dim"], len(shape), call.op.spoken) + 1, shape=(call.size, *shape)).reshape((call.size, -1))
    return places - (arange(call.size, device=base_of(index).device) * numel(shape)).reshape((-1, 1))


@rule("positions")
def _index_positions(call: Call) -> Any:
    return _moved(call.run(call.values[0]), [1], [0])


@rule("masked_select")
def _masked_select(call: Call) -> Any:
    def selected(F: Any, input: Any, mask: Any) -> Any:
        shape = broadcast("masked_select", ("input", "mask"), (input, mask))
        positions, dims = _positions(F, F.broadcast_to(mask, shape=shape))
        return F.index(F.broadcast_to(input, shape=shape), positions, dims=dims, unique=True)

    return loop(call) if call.batched[1] or not (call.ndim(0) or call.ndim(1)) else composed(call, selected)


@rule("masked_place")
def _masked_place(call: Call) -> Any:
    def placed(F: Any, input: Any, mask: Any) -> Any:
        positions, dims = _positions(F, mask)
        return F.index_accumulate(input, positions, dims=dims, shape=tuple(mask.shape), unique=True)

    return loop(call) if call.batched[1] or not call.ndim(1) else composed(call, placed)


@rule("is_element")
def _is_element(call: Call) -> Any:
    if not call.batched[1]:
        return call.run(*call.values)
    each = call.inputs[0] if not is_tensor(call.inputs[0]) else _methods.F.unsqueeze(call.inputs[0], dim=-1)
    return composed(call, lambda F, elements, test_elements: F.any(F.eq(F.reshape(test_elements, shape=(-1,)), each), dim=-1))
