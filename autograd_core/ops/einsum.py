"""Contractions: ``einsum`` and what it says in one line."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

from ..dtypes import as_dtype, int64
from ..errors import ShapeError, describe
from ..op import TORCH_TENSOR, S, composite, ints, op
from ..spec import Meta, computed_dtype, remembered, wrap_dim
from .matrices import conjugate_of
from .reduce import HALF


def _terms(equation: str) -> tuple[list[str], str]:
    left, _, right = equation.partition("->")
    return left.split(","), right


def _contract_spec(*operands: Any, equation: str) -> Meta:
    terms, output = _terms(equation)
    sizes: dict[str, int] = {}
    for i, (term, operand) in enumerate(zip(terms, operands, strict=True)):
        seen: dict[str, int] = {}
        for label, size in zip(term, operand.shape, strict=True):
            if seen.setdefault(label, size) != size:
                raise ShapeError(f"einsum: subscript {label} is repeated for operand {i} but the sizes don't match, {size} != {seen[label]} ({describe(operand)})")
            known = sizes.get(label, 1)
            if known != size and 1 not in {known, size}:
                shapes = ", ".join(f"{each} {tuple(x.shape)}" for each, x in zip(terms, operands, strict=True))
                raise ShapeError(f"einsum: operands do not broadcast with remapped shapes: subscript {label} is {known} in one operand and {size} in operand {i} ({shapes})")
            sizes[label] = size if known == 1 else known
    return Meta(tuple(sizes[label] for label in output), computed_dtype("einsum", "equal", operands))


@op("contract(operands: Sequence[Tensor], equation: str) -> Tensor", label="einsum", promotes="equal", spec=_contract_spec, samples=[
    S([(2, 3), (3, 4)], equation="ab,bc->ac"), S([(3, 3)], equation="aa->a"), S([(3, 3, 2)], equation="aab->b"), S([(2, 3)], equation="ab->"),
    S([(2, 3), (1, 3)], equation="ab,ab->ab"), S([(2, 3), (3, 4), (4,)], equation="ab,bc,c->a"), S([(0, 3), (3,)], equation="ab,b->a"), S([()], equation="->"),
    S([(2, 3), (4, 5)], equation="ab,bc->ac", error=RuntimeError, match="do not broadcast")])
def contract(xp: Any, *operands: Any, equation: str) -> Any:
    """The sum over all subscripts that the output lacks, of the products of the operands; the equation is explicit and without an ellipsis."""
    if operands[0].__class__ is tuple:
        operands = operands[0]  # as rules call it
    if len(operands) == 1:
        return xp.array(xp.einsum(equation, *operands))  # a transposition or a diagonal would share the operand's memory
    large = len(operands) > 2 or operands[0].size * operands[1].size > _FEW
    return xp.einsum(equation, *operands, optimize=large)


_FEW = 1 << 12
"""Products of two operands' elements up to which to look for a faster way takes longer than to add them up."""


@contract.vjp()
def _(F: Any, g: Any, operands: Any, operands_shape: Any, equation: str, needs: Any) -> Any:
    return tuple([_contract_gradient(F, g, k, operands, operands_shape, equation) if needed else None for k, needed in enumerate(needs)])


@remembered
def _gradient_plan(k: int, shapes: Any, result: Any, equation: str) -> tuple[str, Any, Any, list[int], str]:
    """How the cotangent of operand ``k`` is made: the equation of the other operands with ``g``, first; the shapes to reshape it to and to broadcast that to,
    or ``None``; the sizes of the identities that spread it over diagonals, and the equation that does."""
    terms, output = _terms(equation)
    own = dict(zip(terms[k], shapes[k], strict=True))
    others = [i for i in range(len(terms)) if i != k]
    found: dict[str, int] = dict(zip(output, result, strict=True))
    for i in others:
        for label, size in zip(terms[i], shapes[i], strict=True):
            found[label] = max(found.get(label, 1), size) if size else 0
    kept = "".join(label for label in own if label in found and (own[label] != 1 or found[label] == 1))
    first = ",".join([output, *(terms[i] for i in others)]) + "->" + kept
    apart = kept != "".join(own) or any(found[label] != own[label] for label in kept)
    reshaped = tuple(found[label] if label in kept else 1 for label in own) if apart else None
    free = iter(label for label in string.ascii_letters if label not in own)
    spread, diagonals, seen = "", [], set()
    for label in terms[k]:
        spread += next(free) if label in seen else label
        if label in seen:
            diagonals.append(label + spread[-1])
        seen.add(label)
    return first, reshaped, tuple(own.values()), [own[pair[0]] for pair in diagonals], ",".join(["".join(own), *diagonals]) + "->" + spread


def _contract_gradient(F: Any, g: Any, k: int, operands: Any, shapes: Any, equation: str) -> Any:
    """The cotangent of operand ``k``: the others contracted with ``g``, spread over what the operand alone has."""
    first, reshaped, own, diagonals, spread = _gradient_plan(k, shapes, g.shape, equation)
    gradient = F.contract((g, *[conjugate_of(F, each) for i, each in enumerate(operands) if i != k]), equation=first)
    if reshaped is not None:
        gradient = F.broadcast_to(F.reshape(gradient, shape=reshaped), shape=own)
    if not diagonals:
        return gradient
    return F.contract((gradient, *[F.identity_like(g, size=size) for size in diagonals]), equation=spread)


def _identity_spec(input: Any, *, size: int) -> Meta:
    return Meta((size, size), as_dtype(input.dtype))


@op("identity_like(input: Tensor, size: int) -> Tensor", spec=_identity_spec, samples=[S((), size=3)])
def identity_like(xp: Any, input: Any, *, size: int) -> Any:
    """The identity matrix in the dtype of ``input``."""
    return xp.eye(size, dtype=input.dtype)


@remembered
def explicit(equation: str, shapes: Sequence[tuple[int, ...]]) -> str:
    """The equation with its output written out and letters for each ellipsis.

    >>> explicit("...ij,jk", [(5, 2, 3), (3, 4)])
    'aij,jk->aik'
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise RuntimeError(f"einsum: {'fewer' if len(terms) > len(shapes) else 'more'} operands were provided than specified in the equation "
                           f"({equation!r}, {len(shapes)} operands)")
    plain = [term.replace("...", "", 1) for term in terms]
    for position, part in enumerate([*plain, right.replace("...", "", 1)]):
        bad = next((letter for letter in part if letter not in string.ascii_letters), None)
        if bad is not None:
            where = f"operand {position}" if position < len(plain) else "the output"
            raise RuntimeError(f"einsum: invalid subscript {bad!r} given for {where} in the equation string {equation!r}, subscripts must be in [a-zA-Z] or an ellipsis")
    extra = []
    for i, (term, letters, shape) in enumerate(zip(terms, plain, shapes, strict=True)):
        missing = len(shape) - len(letters)
        if missing < 0:
            raise RuntimeError(f"einsum: the number of subscripts in the equation ({len(letters)}) is more than the number of dimensions ({len(shape)}) for operand {i} {shape}")
        if missing and term == letters:
            raise RuntimeError(f"einsum: the number of subscripts in the equation ({len(letters)}) does not match the number of dimensions ({len(shape)}) "
                               f"for operand {i} {shape} and no ellipsis was given")
        extra.append(missing if term != letters else 0)
    used = set("".join([*plain, right]))
    batch = [letter for letter in string.ascii_letters if letter not in used][: max(extra, default=0)]
    full = [term.replace("...", "".join(batch[len(batch) - n:]), 1) for term, n in zip(terms, extra, strict=True)]
    every = "".join(plain)
    if arrow:
        output = right.replace("...", "".join(batch), 1)
    else:
        output = "".join(batch) + "".join(sorted(label for label in set(every) if every.count(label) == 1))
    for label in output:
        if output.count(label) > 1:
            raise RuntimeError(f"einsum: output subscript {label} appears more than once in the output of {equation!r}")
        if label not in every and label not in batch:
            raise RuntimeError(f"einsum: output subscript {label} does not appear in the equation for any input operand of {equation!r}")
    return ",".join(full) + "->" + output


def _from_sublists(arguments: tuple[Any, ...]) -> tuple[str, list[Any]]:
    """The equation for operands that alternate with lists of subscript numbers."""
    def letter(number: Any) -> str:
        if number is Ellipsis:
            return "..."
        if not 0 <= number < len(string.ascii_letters):
            raise ValueError(f"einsum: subscript {number} in the subscript list is not within the valid range [0, {len(string.ascii_letters)})")
        return string.ascii_letters[number]

    def term(numbers: Any) -> str:
        return "".join(map(letter, numbers))

    pairs = len(arguments) // 2
    equation = ",".join(term(arguments[2 * i + 1]) for i in range(pairs))
    return equation + ("->" + term(arguments[-1]) if len(arguments) % 2 else ""), [arguments[2 * i] for i in range(pairs)]


@composite("einsum(equation: str | Tensor, *operands: Any) -> Tensor", out=False, places=("torch",))
def einsum(F: Any, equation: Any, *operands: Any) -> Any:
    """Einstein summation: the products of the operands' elements, summed over every subscript that the output lacks.

    ``equation`` names the dimensions of each operand by letters, with ``...`` for those that broadcast; without ``->``
    the output has the letters that occur once, in alphabetical order. A letter twice in one operand takes a diagonal.
    The operands may come as one list, and the equation as lists of numbers after each operand.

    >>> import autograd_core as ag
    >>> ag.einsum("ij,j->i", ag.tensor([[1.0, 2.0], [3.0, 4.0]]), ag.tensor([1.0, 10.0])).tolist()
    [21.0, 43.0]
    """
    if not isinstance(equation, str):
        equation, listed = _from_sublists((equation, *operands))
    else:
        listed = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], (list, tuple)) else list(operands)
    if not listed:
        raise RuntimeError("einsum: must provide at least one operand")
    for i, operand in enumerate(listed):
        if not hasattr(operand, "shape"):
            raise TypeError(f"einsum: expected operand {i} to be a Tensor, but got {type(operand).__name__}")
    return F.contract(tuple(listed), equation=explicit(equation, tuple([operand.shape for operand in listed])))


def _ordered(F: Any, x: Any, dims: tuple[int, ...]) -> Any:
    return x if dims == tuple(range(x.ndim)) else F.permute(x, dims=dims)


@composite("tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor", places=("torch",))
def tensordot(F: Any, a: Any, b: Any, dims: Any = 2) -> Any:
    """The sum of products over several dimensions: the last ``dims`` of ``a`` with the first of ``b``, or the two lists of dimensions given.

    A contracted dimension of size 1 broadcasts.
    """
    if isinstance(dims, int):
        if dims < 0 or dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot: expects dims between 0 and {min(a.ndim, b.ndim)}, but got dims={dims} (a {describe(a)}, b {describe(b)})")
        if dims == 1 and a.ndim == 2 == b.ndim and a.shape[1] == b.shape[0]:
            return F.matmul(a, b)
        first, second = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        first, second = ([each] if isinstance(each, int) else list(each) for each in dims)
        first, second = [wrap_dim(d, a.ndim, "tensordot") for d in first], [wrap_dim(d, b.ndim, "tensordot") for d in second]
    if len(first) != len(second):
        raise RuntimeError(f"tensordot: both dimension lists should have same length, got {first} and {second}")
    for i, j in zip(first, second, strict=True):
        if a.shape[i] != b.shape[j] and a.shape[i] == 1:
            b = F.sum(b, dim=j, keepdim=True)
        elif a.shape[i] != b.shape[j] and b.shape[j] == 1:
            a = F.sum(a, dim=i, keepdim=True)
        elif a.shape[i] != b.shape[j]:
            raise ShapeError(f"tensordot: contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and second has size {b.shape[j]} in dim {j} "
                             f"(a {describe(a)}, b {describe(b)})")
    rest, other = [i for i in range(a.ndim) if i not in first], [j for j in range(b.ndim) if j not in second]
    inner = math.prod(a.shape[i] for i in first)
    shape = [a.shape[i] for i in rest], [b.shape[j] for j in other]
    left = F.reshape(_ordered(F, a, (*rest, *first)), shape=(math.prod(shape[0]), inner))
    right = F.reshape(_ordered(F, b, (*second, *other)), shape=(inner, math.prod(shape[1])))
    return F.reshape(F.matmul(left, right), shape=(*shape[0], *shape[1]))


def _trace_spec(input: Any) -> Meta:
    if len(input.shape) != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor with dim {len(input.shape)} ({describe(input)})")
    return Meta((), int64 if as_dtype(input.dtype).kind in "bui" else as_dtype(input.dtype))


@op("trace(input: Tensor) -> Tensor", out=False, kind="general", places=TORCH_TENSOR, label="tr", spec=_trace_spec, samples=[
    S((3, 3)), S((2, 4)), S((4, 2)), S((0, 3)), S(ints(3, 3)), S((2, 3, 3), error=RuntimeError, match="expected a matrix")])
def trace(xp: Any, input: Any) -> Any:
    """The sum of the diagonal of a matrix. Integers add up in int64."""
    if input.ndim != 2:
        raise TypeError(input.ndim)
    if input.dtype is HALF:
        return input.trace(dtype="float32").astype(HALF)[()]
    return input.trace(dtype="int64" if input.dtype.kind in "bui" else None)[()]


@trace.vjp("input")
def _(F: Any, g: Any, input_shape: Any) -> Any:
    return F.diagonal_place(F.broadcast_to(g, shape=(min(input_shape),)), shape=input_shape)
