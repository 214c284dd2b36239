"""Every op and every sample: ``vmap`` equals a loop, and forward mode is the transpose of reverse mode."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from autograd_core import autograd, func
from autograd_core.batching import VmapError
from autograd_core.batching.rules import how
from autograd_core.op import REGISTRY, Op
from autograd_core.tangent import LINEAR, MULTILINEAR
from autograd_core.tensor import Tensor

from ..registry.cases import GOOD, Case, arguments, call, flat, leaves, results, tensors

BATCH = 3
VALUES_DECIDE = frozenset(("equal", "allclose", "is_nonzero"))
"""What returns a Python value computed from numbers."""
REFUSED = frozenset(("embedding_bag", "gaussian_nll_loss", "index_put", "nonzero", "unique", "unique_consecutive", "repeat_interleave", "quantile", "nanquantile", "batch_norm",
                     "index_put_", "getitem", "setitem", "put", "masked_select"))
"""What looks at values, writes a tensor that all examples share, or has a result whose shape depends on values; it may refuse a batch."""


def cases(selection: list[Case]) -> Any:
    return pytest.mark.parametrize("case", selection, ids=str)


def examples(case: Case, values: list[Any]) -> list[Any]:
    """Each argument for a batch: the same numbers in another order, so that every example is as valid as the first."""
    stream = np.random.default_rng(3)

    def batch(value: Any) -> Any:
        if isinstance(value, list):
            return [batch(each) for each in value]
        if not isinstance(value, np.ndarray):
            return value
        if case.singular or value.dtype.kind not in "fc":
            return np.stack([value] * BATCH)
        return np.stack([value] + [stream.permutation(value.reshape(-1)).reshape(value.shape) for _ in range(BATCH - 1)])

    return [batch(value) for value in values]


def take(value: Any, k: int) -> Any:
    if isinstance(value, list):
        return [take(each, k) for each in value]
    return np.asarray(value[k]) if isinstance(value, np.ndarray) else value


def in_dims(value: Any) -> Any:
    if isinstance(value, list):
        return [in_dims(each) for each in value]
    return 0 if isinstance(value, np.ndarray) else None


def to_tensor(value: Any) -> Any:
    if isinstance(value, list):
        return [to_tensor(each) for each in value]
    return Tensor(value) if isinstance(value, np.ndarray) else value


def arrays(outputs: Any) -> list[Any]:
    return [y.detach().numpy() for y in results(outputs) if isinstance(y, Tensor)]


VMAPPED = [case for case in GOOD if getattr(case.declared, "kind", "") not in ("random", "update", "dynamic") and case.name not in VALUES_DECIDE]


def positions(values: list[Any]) -> list[tuple[int, ...]]:
    """All tensors batched at once, and each alone."""
    found = [i for i, value in enumerate(values) if isinstance(value, np.ndarray) or (isinstance(value, list) and any(isinstance(each, np.ndarray) for each in value))]
    every = [tuple(found)] if found else []
    return every + ([(i,) for i in found] if len(found) > 1 else [])


@cases(VMAPPED)
def test_vmap_equals_a_loop(case: Case) -> None:
    plain = arguments(case)
    batches = examples(case, plain)
    for chosen in positions(plain):
        mixed = [batches[i] if i in chosen else plain[i] for i in range(len(plain))]
        expected = []
        with np.errstate(all="ignore"):
            for k in range(BATCH):
                inputs = [take(batches[i], k) if i in chosen else plain[i] for i in range(len(plain))]
                expected.append(arrays(call(case, tensors(case, inputs))))

            def function(*inputs: Any) -> Any:
                return tuple(y for y in results(call(case, list(inputs))) if isinstance(y, Tensor))

            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                try:
                    actual = func.vmap(function, in_dims=tuple(in_dims(mixed[i]) if i in chosen else None for i in range(len(plain))))(*[to_tensor(value) for value in mixed])
                except VmapError:
                    if case.name in REFUSED:
                        continue
                    raise
        for i, y in enumerate(arrays(actual)):
            wanted = np.stack([e[i] for e in expected])
            assert y.shape == wanted.shape, f"{chosen}: shape {y.shape}, expected {wanted.shape}"
            assert y.dtype == wanted.dtype, f"{chosen}: dtype {y.dtype}, expected {wanted.dtype}"
            np.testing.assert_allclose(y, wanted, rtol=1e-9, atol=1e-10, err_msg=f"batched: {chosen}")


DIFFERENTIABLE = [case for case in GOOD if case.differentiable]


def directions(values: list[Any], seed: int) -> list[Any]:
    stream = np.random.default_rng(seed)
    return [Tensor(np.asarray(stream.standard_normal(x.shape) + (1j * stream.standard_normal(x.shape) if x.is_complex() else 0)).astype(x._array.dtype)) for x in values]


def inner(a: Any, b: Any) -> float:
    """The real inner product, in which forward and reverse mode are adjoint also for complex numbers."""
    return float(np.vdot(a.detach().numpy(), b.detach().numpy()).real)


@cases(DIFFERENTIABLE)
def test_jvp_and_vjp_are_transposes_of_each_other(case: Case) -> None:
    inputs = tensors(case, arguments(case), grad=True)
    moving = leaves(inputs)
    if not moving:
        return

    def function(*values: Any) -> Any:
        rest = iter(values)
        replaced = {id(x): next(rest) for x in moving}

        def put(value: Any) -> Any:
            return [put(each) for each in value] if isinstance(value, list) else replaced.get(id(value), value)

        outputs = [y for y in results(call(case, [put(value) for value in inputs])) if isinstance(y, Tensor) and y.requires_grad]
        return tuple(outputs)

    tangents = directions(moving, 11)
    with np.errstate(all="ignore"):
        if not function(*moving):  # no result depends on the inputs: ``jvp`` refuses such functions
            return
        outputs, moved = func.jvp(function, tuple(x.detach() for x in moving), tuple(tangents))
        cotangents = directions(list(outputs), 12)
        recorded = function(*moving)
        pulled = autograd.grad(list(recorded), moving, cotangents, allow_unused=True, materialize_grads=True)
    left = sum(inner(u, t) for u, t in zip(cotangents, moved, strict=True))
    right = sum(inner(g, t) for g, t in zip(pulled, tangents, strict=True))
    assert left == pytest.approx(right, rel=1e-8, abs=1e-9, nan_ok=True)


@pytest.mark.parametrize("name", sorted({*LINEAR, *MULTILINEAR}))
def test_linear_ops_exist(name: str) -> None:
    assert name in REGISTRY


def test_ops_of_networks_do_not_loop() -> None:
    names = ("add", "mul", "matmul", "linear", "relu", "gelu", "convolution", "convolution_input_grad", "convolution_weight_grad", "max_pool", "max_pool_scatter", "avg_pool",
             "avg_pool_grad", "standardize", "softmax_along", "log_softmax_along", "softmax_cross_entropy", "class_targets", "class_margins", "ctc_likelihood", "lookup", "index",
             "index_accumulate", "cat", "stack", "reshape", "permute", "transpose", "slice_view", "slice_place", "sum", "mean", "where", "masked_fill", "masked_select", "masked_place",
             "causal_mask", "any", "squared_error", "contract", "flip", "tril", "median_of_all", "scatter_extremum", "scatter_positions", "positions", "is_element", "special_zeta",
             "as_strided", "strided_add", "strided_read")
    assert [name for name in names if how(REGISTRY[name]) == "loop"] == []


def test_how_names_every_op() -> None:
    assert {how(op) for op in REGISTRY.values() if isinstance(op, Op)} <= {"aligned", "rule", "loop", "random", "none"}
    assert flat([1, [2]]) == [1, 2]
