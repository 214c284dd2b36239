"""Batching rules of shapes, views and copies."""

from __future__ import annotations

from typing import Any

from ..dispatch import apply
from ..queries import is_tensor
from ..spec import infer_reshape, wrap_dim, wrap_dims
from .rules import Call, Unbatched, aligned, composed, lined_up, numel, rule


@rule("masked_fill")
def _masked_fill(call: Call) -> Any:
    if not call.batched[2]:
        return aligned(call)
    return composed(call, lambda F, input, mask, value: F.where(mask, F.to_dtype(value, dtype=input.dtype), input))


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
    return call.run(lined_up(call, 0, len(shape)), shape=(call.size, *shape))


@rule("rearrange")
def _rearrange(call: Call) -> Any:
    apart, spread, shape = (tuple(call.attrs[name]) for name in ("apart", "spread", "shape"))
    order = (0, *[d + 1 for d in call.attrs["order"]])
    return call.run(call.values[0], apart=(call.size, *apart), order=order, spread=(call.size, *spread), shape=(call.size, *shape))


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


@rule("gated_half")
def _gated_half(call: Call) -> Any:
    return call.run(call.values[0], dim=call.attrs["dim"] + 1)


@rule("trace")
def _trace(call: Call) -> Any:
    return call.other("sum", call.other("diagonal", call.values[0], offset=0, dim1=1, dim2=2), dim=1, keepdim=False, dtype=None)


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
    from ..ops.index import sliced_shape

    region = len(sliced_shape(call.shape(0), call.attrs["key"]))
    value = lined_up(call, 1, region) if is_tensor(call.values[1]) else call.values[1]
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
    return _with_region(call, call.values[0].new_zeros((call.size, *call.attrs["shape"]), dtype=call.attrs["dtype"]), call.inputs[0])


@rule("as_strided", "strided_read")
def _strided(call: Call) -> Any:
    value = call.values[0]
    value = value if value.is_contiguous() else value.contiguous()
    return call.run(value, size=(call.size, *call.attrs["size"]), stride=(numel(call.shape(0)), *call.attrs["stride"]))


@rule("strided_add")
def _strided_add(call: Call) -> Any:
    shape = tuple(call.attrs["shape"])
    return call.run(call.values[0], shape=(call.size, *shape), stride=(numel(shape), *call.attrs["stride"]))


@rule("copy", "fill")
def _copy(call: Call) -> Any:
    source = call.values[1]
    if not is_tensor(source):
        return call.run(call.full(0), source)
    rank = call.ndim(0)
    value = lined_up(call, 1, rank)
    while value.ndim > rank + 1:  # leading sizes of 1 that one example may have too many
        value = value.reshape((call.size, *tuple(value.shape)[2:]))
    return call.other("copy", call.full(0), value)


@rule("identity_like", "causal_mask", "base_grid", "counting", "flat_window")
def _constant(call: Call) -> Any:
    return Unbatched(call.run(call.values[0]))
