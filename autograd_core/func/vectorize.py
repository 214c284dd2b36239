"""``vmap``: a function of one example, run on a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import _methods
from ..batching import Frame, batched, levels_of
from ..queries import is_tensor
from .tracing import lifted
from .tree import Structure, flatten


def _spread(dims: Any, structure: Structure, what: str) -> list[Any]:
    """A tree of dims that may be a prefix of a value's structure, as one entry for each leaf."""
    whose = "arguments" if what == "in_dims" else "result"
    if dims is None or isinstance(dims, int):
        return [dims] * structure.count
    if structure.kind is None:
        raise ValueError(f"vmap: {what} has an entry {dims!r} for a single tensor; expected an int or None")
    if isinstance(dims, dict):
        if structure.keys is None or set(dims) != set(structure.keys):
            raise ValueError(f"vmap: {what} is not compatible with the structure of the {whose}: {dims!r} for {structure}")
        parts = [dims[key] for key in structure.keys]
    elif isinstance(dims, (list, tuple)):
        if len(dims) != len(structure.children):
            raise ValueError(f"vmap: {what} is not compatible with the structure of the {whose}: {dims!r} has {len(dims)} entries, expected {len(structure.children)}")
        parts = list(dims)
    else:
        raise ValueError(f"vmap: {what} must be an int, None, or nested tuples, lists and dicts of those, got {dims!r}")
    return [d for part, child in zip(parts, structure.children, strict=True) for d in _spread(part, child, what)]


def _batch_size(leaves: list[Any], dims: list[Any]) -> int:
    sizes = []
    for i, (x, d) in enumerate(zip(leaves, dims, strict=True)):
        if d is None:
            continue
        if not is_tensor(x):
            raise ValueError(f"vmap: got in_dim={d} for an input that is a {type(x).__name__}; only Tensors are mapped over. Pass None in in_dims for it")
        rank = len(x._array.shape)
        if not rank:
            raise ValueError(f"vmap: got in_dim={d} for an input without dimensions (leaf {i}). Pass None in in_dims for it, or add a batch dimension")
        if not -rank <= d < rank:
            raise ValueError(f"vmap: got in_dim={d} for an input with {rank} dimensions (shape {tuple(x._array.shape)}); expected in_dim between {-rank} and {rank - 1}")
        sizes.append((int(x._array.shape[d]), i))
    if not sizes:
        raise ValueError("vmap: at least one Tensor must be mapped over: in_dims is None for all of them")
    if len({n for n, _ in sizes}) > 1:
        raise ValueError("vmap: expected all tensors to have the same size in the mapped dimension, got sizes " + ", ".join(f"{n} (leaf {i})" for n, i in sizes))
    return sizes[0][0]


def vmap(func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *, chunk_size: int | None = None) -> Callable[..., Any]:
    """A function that applies ``func``, written for one example, to a batch, with ops that work on the whole batch at once.

    Parameters
    ----------
    func : takes and returns tensors, or nested lists, tuples and dicts of them. NumPy arrays count as tensors.
    in_dims : the dimension of the batch in the arguments: an int for all, or a tuple with an entry for each positional
        argument (an int, ``None`` for one that is the same for all examples, or nested as the argument is). Keyword
        arguments are not mapped over: every example sees them whole.
    out_dims : where the batch stands in the results: an int, or nested as the result is.
    randomness : ``error`` refuses random ops inside, ``different`` draws for each example, ``same`` once for all.
    chunk_size : at most this many examples at a time, to save memory.

    Nests in itself and the other transforms: ``vmap(grad(loss), in_dims=(None, 0, 0))`` gives the gradient of each example.
    An op without a batching rule runs on one example after the other and warns once. Values cannot be read inside:
    ``item()`` or ``if`` on a tensor raise ``RuntimeError``.

    >>> import autograd_core as ag
    >>> vmap(lambda a, b: (a * b).sum())(ag.ones(3, 2), ag.tensor([[1., 2.], [3., 4.], [5., 6.]])).tolist()
    [3.0, 7.0, 11.0]
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"vmap: only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness!r}")
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0, got {chunk_size}")

    @functools.wraps(func, updated=())
    def transformed(*args: Any, **kwargs: Any) -> Any:
        if isinstance(in_dims, (tuple, list)) and len(in_dims) != len(args):
            raise ValueError(f"vmap: in_dims has {len(in_dims)} entries, but there are {len(args)} positional arguments")
        if not isinstance(in_dims, (int, tuple, list)):
            raise ValueError(f"vmap: expected in_dims to be an int or a tuple with an entry for each argument, got {in_dims!r}")
        leaves, structure = flatten(list(args))
        leaves = [x if isinstance(x, float) else lifted(x) for x in leaves]
        dims = _spread(in_dims if isinstance(in_dims, int) else list(in_dims), structure, "in_dims")
        size = _batch_size(leaves, dims)

        def run(chunk: list[Any], count: int) -> Any:
            return _run(func, chunk, dims, structure, kwargs, out_dims, randomness, count)

        if chunk_size is None or chunk_size >= size:
            return run(leaves, size)
        parts = []
        for start in range(0, size, chunk_size):
            end = min(size, start + chunk_size)
            parts.append(run([x if d is None else _methods.narrow(x, d, start, end - start) for x, d in zip(leaves, dims, strict=True)], end - start))
        columns = [flatten(part) for part in parts]
        result_dims = _places(out_dims, columns[0][1])
        joined = [x[0] if d is None else _methods.cat(list(x), d) for x, d in zip(zip(*[leaves for leaves, _ in columns], strict=True), result_dims, strict=True)]
        return columns[0][1].build(joined)

    return transformed


def _run(func: Any, leaves: list[Any], dims: list[Any], structure: Structure, kwargs: dict[str, Any], out_dims: Any, randomness: str, size: int) -> Any:
    with Frame(size, randomness) as frame:
        inside = []
        for x, d in zip(leaves, dims, strict=True):
            if d is not None:
                rank = len(x._array.shape)
                x = batched(_front(x, d % rank), frame.level)
            inside.append(x)
        result = func(*structure.build(inside), **kwargs)
    results, result_structure = flatten(result)
    places = _places(out_dims, result_structure)
    finished = []
    for y, d in zip(results, places, strict=True):
        if not is_tensor(y):
            raise ValueError(f"vmap: the function must only return Tensors, got {type(y).__name__}")
        mine = frame.level in levels_of(y)
        if d is None:
            if mine:
                raise ValueError("vmap: out_dims is None for a result that differs between examples. Give the dimension where the batch is to stand")
            finished.append(y)
            continue
        value = y.value if mine else _methods.broadcast_to(y, (size, *tuple(y.shape)))
        rank = len(value._array.shape)
        if not -rank <= d < rank:
            raise IndexError(f"vmap: out_dims {d} is out of range for a result with {rank} dimensions, the batch included")
        finished.append(_methods.movedim(value, 0, d % rank) if d % rank else value)
    return result_structure.build(finished)


def _places(out_dims: Any, structure: Structure) -> list[Any]:
    """Where the batch stands in each leaf of a result; ``(0,)`` serves for a single tensor as well."""
    if structure.kind is None and isinstance(out_dims, (tuple, list)) and len(out_dims) == 1:
        out_dims = out_dims[0]
    return _spread(out_dims, structure, "out_dims")


def _front(x: Any, dim: int) -> Any:
    """``x`` with ``dim`` first."""
    return x if dim == 0 else _methods.movedim(x, dim, 0)
