"""Batching rules of products, linear algebra, Fourier transforms, windows and complex numbers. Most of these ops take leading dimensions anyway."""

from __future__ import annotations

import math
from typing import Any

from .. import _methods
from ..queries import is_tensor
from .rules import RULES, Call, aligned, composed, loop, native, rule

for _name in ("linalg_cholesky", "linalg_cholesky_ex", "linalg_inv", "linalg_inv_ex", "linalg_det", "cofactors", "linalg_slogdet", "linalg_eigh", "linalg_eigvalsh",
              "linalg_eig", "linalg_svd", "linalg_svdvals", "real_part", "imaginary_part", "view_as_real", "view_as_complex", "label_sets", "matrix_exp",
              "linalg_ldl_factor_ex", "ldl_product", "lu_factors", "exchanges", "unit_lower", "without_gaps", "frexp", "geqrf", "view_dtype"):
    RULES[_name] = native
for _name in ("complex", "polar", "special_zeta", "igamma", "igammac"):
    RULES[_name] = aligned


# --- products -----------------------------------------------------------------------------------------------------


@rule("kron")
def _kron(call: Call) -> Any:
    from ..ops.vectors import kron_shapes

    def product(F: Any, input: Any, other: Any) -> Any:
        blocks, within, _, shape = kron_shapes(tuple(input.shape), tuple(other.shape))
        return F.reshape(F.reshape(input, shape=blocks) * F.reshape(other, shape=within), shape=shape)

    return composed(call, product)


@rule("outer")
def _outer(call: Call) -> Any:
    return composed(call, lambda F, input, vec2: F.unsqueeze(input, dim=1) * vec2)


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

    rows, weight = call.shape(0)[:-1], call.shape(1)
    if call.batched[1] and len(weight) == 2 and math.prod(rows) == 1:  # one row: so the gradient of a weight is an outer product in the weight's own layout
        column = _methods.matmul(call.values[1], call.full(0).reshape((call.size, weight[1], 1)))
        if call.inputs[2] is not None:
            bias = call.values[2]
            column = column + (bias.reshape((call.size, -1, 1)) if call.batched[2] else bias.reshape((-1, 1)))
        return column.reshape((call.size, *rows, weight[0]))

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


# --- matrices -----------------------------------------------------------------------------------------------------


def _matrices(call: Call) -> list[Any]:
    """The operands with their leading dimensions lined up, the batch before them; each ends in a matrix."""
    rank = max(call.ndim(i) for i in range(len(call.inputs)))
    lined = []
    for i, value in enumerate(call.values):
        shape = tuple(value.shape)
        missing = rank - call.ndim(i) if call.batched[i] else 0
        lined.append(value.reshape((shape[0], *[1] * missing, *shape[1:])) if missing else value)
    return lined


@rule("linalg_qr")
def _qr(call: Call) -> Any:
    q, r = call.run(*call.values)
    return q if call.attrs["mode"] != "r" else _methods.broadcast_to(q, (call.size, 0)), r


@rule("cofactors_slope")
def _cofactors_slope(call: Call) -> Any:
    return call.run(call.full(0), call.full(1))


@rule("linalg_solve_triangular", "euclidean", "attended")
def _leading(call: Call) -> Any:
    return call.run(*_matrices(call))


@rule("linalg_solve")
def _solve(call: Call) -> Any:
    a, b = call.shape(0), call.shape(1)
    if len(b) == 1 or (len(a) - 1 == len(b) and a[:-1] == b):  # vectors: as matrices of one column, so that the batch cannot be taken for one
        return composed(call, lambda F, A, B, left: F.squeeze(F.linalg_solve(A, F.unsqueeze(B, dim=-1), left=left), dim=-1))
    lined = _matrices(call)
    if not call.batched[1] or lined[0].ndim - 1 == lined[1].ndim:
        lined[1] = _methods.broadcast_to(lined[1], (call.size, *[1] * (lined[0].ndim - lined[1].ndim - 1), *tuple(lined[1].shape))) if not call.batched[1] else lined[1]
    if lined[0].ndim - 1 == lined[1].ndim:
        return loop(call)
    return call.run(*lined)


@rule("fourier", "fit")
def _dims(call: Call) -> Any:
    return call.run(call.values[0], dims=tuple(d % call.ndim(0) + 1 for d in call.attrs["dims"]))


@rule("half_fourier", "from_half", "whole_fourier", "from_whole", "weigh_middle")
def _dim(call: Call) -> Any:
    return call.run(call.values[0], dim=call.attrs["dim"] % call.ndim(0) + 1)


@rule("Tensor_unfold")
def _windows(call: Call) -> Any:
    if not call.ndim(0):
        return loop(call)
    return call.run(call.values[0], dimension=call.attrs["dimension"] % call.ndim(0) + 1)


@rule("windows_add")
def _windows_add(call: Call) -> Any:
    shape = tuple(call.attrs["shape"])
    if not shape:
        return loop(call)
    return call.run(call.values[0], shape=(call.size, *shape), dimension=call.attrs["dimension"] % len(shape) + 1)


@rule("one_hot")
def _one_hot(call: Call) -> Any:
    return native(call) if call.attrs["num_classes"] >= 0 else loop(call)


@rule("pair_distances")
def _pair_distances(call: Call) -> Any:
    return composed(call, lambda F, input: F.norm(F.pair_differences(input), 2.0, dim=-1))


@rule("pair_differences")
def _pairs(call: Call) -> Any:
    rows, columns = call.shape(0)
    if not call.size or not rows or not columns:
        return loop(call)
    flat = call.other("transpose", call.values[0], dim0=0, dim1=1).reshape((rows, -1))
    return call.other("transpose", call.run(flat).reshape((-1, call.size, columns)), dim0=0, dim1=1)


@rule("pair_differences_adjoint")
def _pairs_adjoint(call: Call) -> Any:
    rows, columns = call.shape(0)
    if not call.size or not rows or not columns:
        return loop(call)
    flat = call.other("transpose", call.values[0], dim0=0, dim1=1).reshape((rows, -1))
    return call.other("transpose", call.run(flat).reshape((call.attrs["count"], call.size, columns)), dim0=0, dim1=1)


@rule("search")
def _search(call: Call) -> Any:
    if call.ndim(0) > 1:
        return call.run(call.full(0), call.full(1))
    if not call.batched[0]:
        return call.run(*call.values)
    wanted = call.full(1) if is_tensor(call.values[1]) else call.values[0].new_full((call.size,), call.values[1])
    return call.run(call.values[0], wanted.reshape((call.size, -1))).reshape(tuple(wanted.shape))


@rule("pseudo_inverse")
def _pseudo_inverse(call: Call) -> Any:
    return native(call) if not any(call.batched[1:]) and not any(is_tensor(x) for x in call.inputs[1:]) else loop(call)


@rule("linalg_cross")
def _cross(call: Call) -> Any:
    rank = max(call.ndim(0), call.ndim(1))
    return call.run(call.full(0), call.full(1), dim=call.attrs["dim"] % rank + 1)
