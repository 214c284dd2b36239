"""Every op and composite, every sample: values, shapes and dtypes, gradients, and that all ways to compute them agree."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from autograd_core import _methods, autograd, dispatch, storage
from autograd_core.config import record
from autograd_core.fastpath import eligible as fast
from autograd_core.gradcheck import gradcheck, gradgradcheck
from autograd_core.op import COMPOSITES, REGISTRY, Op
from autograd_core.random import manual_seed
from autograd_core.scalar import Scalar
from autograd_core.tensor import Tensor

from .cases import BAD, CASES, GOOD, Case, arguments, attributes, call, complete_attributes, flat, gradient_wanted, leaves, results, tensors
from .composite_samples import ELSEWHERE
from .demanded import STRUCTURAL, missing
from .references import NO_REFERENCE, REFERENCES

DIFFERENTIABLE = [case for case in GOOD if case.differentiable]
PRIMITIVE = [case for case in GOOD if isinstance(case.declared, Op)]
ONCE = frozenset[str]()
"""Ops that are differentiable once, as in PyTorch."""
HERMITIAN = frozenset(("linalg_cholesky", "linalg_cholesky_ex", "linalg_eigh", "linalg_eigvalsh", "cholesky"))
"""Ops of Hermitian matrices, which read one triangle; their gradient is that of a matrix that stays Hermitian."""
NO_SPEC = STRUCTURAL
LAYOUT = frozenset(("view", "view_dtype", "view_as", "view_as_complex", "as_strided", "as_strided_scatter"))
"""What refuses some memory layouts on purpose."""
NO_HALF = frozenset(("view_as_complex",))
"""What has no float16, because there are no complex numbers of two."""
CLOSE = {"float64": {"rtol": 1e-10, "atol": 1e-12}, "float32": {"rtol": 2e-5, "atol": 2e-6}, "float16": {"rtol": 5e-3, "atol": 2e-3}}


def cases(selection: list[Case]) -> Any:
    return pytest.mark.parametrize("case", selection, ids=str)


def numpy(x: Any) -> Any:
    return x.detach().cpu().numpy() if isinstance(x, Tensor) else x


def assert_close(actual: Any, expected: Any, dtype: str = "float64", what: str = "") -> None:
    """Equal for integers and booleans, close for floats."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    if actual.dtype.kind in "fc":
        np.testing.assert_allclose(actual, expected, **CLOSE[dtype], err_msg=what)
    else:
        np.testing.assert_array_equal(actual, expected, err_msg=what)


def quiet(case: Case) -> Any:
    """NumPy's warnings are errors, but not at the poles that a sample visits on purpose."""
    return np.errstate(all="ignore" if case.singular else "raise", under="ignore", over="raise" if not case.singular else "ignore")


def cotangents(outputs: list[Any]) -> list[Any]:
    stream = np.random.default_rng(5)
    return [Tensor(np.asarray(stream.standard_normal(y.shape)).astype(y._array.dtype)) for y in outputs]


def gradients(case: Case, inputs: list[Any], **options: Any) -> list[Any]:
    outputs = [y for y in results(call(case, inputs)) if y.requires_grad]
    return [] if not outputs else [numpy(g) for g in autograd.grad(outputs, leaves(inputs), cotangents(outputs), allow_unused=True, materialize_grads=True, **options)]


def assert_same_gradients(actual: list[Any], expected: list[Any]) -> None:
    assert len(actual) == len(expected)
    for i, (a, b) in enumerate(zip(actual, expected, strict=True)):
        assert_close(a, b, what=f"gradient {i}")


# --- the table is complete ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", REGISTRY)
def test_has_the_samples_its_kind_demands(name: str) -> None:
    lacking = missing(REGISTRY[name])
    assert not lacking, f"{name} needs samples with {', '.join(lacking)}; EXCUSED in demanded.py lists ops that cannot have one"


@pytest.mark.parametrize("name", COMPOSITES)
def test_composite_has_samples(name: str) -> None:
    assert any(case.name == name for case in GOOD) or name in ELSEWHERE


@pytest.mark.parametrize("name", [*REGISTRY, *COMPOSITES])
def test_has_an_independent_reference(name: str) -> None:
    if getattr(REGISTRY.get(name), "kind", "") not in ("random", "update") and name not in ELSEWHERE:
        known = name in REFERENCES or name in NO_REFERENCE or name in STRUCTURAL
        assert known, f"add what NumPy, SciPy or a closed form says of {name} to the file of its family in tests/registry/references/"


def test_no_reference_without_op() -> None:
    assert not [name for name in (*REFERENCES, *NO_REFERENCE) if name not in REGISTRY and name not in COMPOSITES]


@pytest.mark.parametrize("name", REGISTRY)
def test_has_a_shape_and_dtype_rule(name: str) -> None:
    assert REGISTRY[name].spec is not None or name in NO_SPEC or REGISTRY[name].kind == "update"


@pytest.mark.parametrize("name", [name for name, declared in (*REGISTRY.items(), *COMPOSITES.items()) if declared.places])
def test_public_op_has_a_docstring(name: str) -> None:
    assert getattr(_methods, name).__doc__


# --- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@cases([case for case in GOOD if case.name in REFERENCES])
def test_value(case: Case, dtype: str) -> None:
    if dtype == "float16" and (getattr(case.declared, "kind", "") not in ("elementwise", "reduction", "view") or case.name in NO_HALF):
        return
    values = arguments(case, dtype)
    inputs = tensors(case, values)
    before = [None if not isinstance(x, Tensor) else numpy(x).copy() for x in flat(inputs)]
    with quiet(case):
        actual = results(call(case, inputs))
        exact = [[each.astype("float64") if isinstance(each, np.ndarray) and each.dtype.kind == "f" else each for each in value] if isinstance(value, list)
                 else value.astype("float64") if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value for value in values]
        attrs = {name: value.astype("float64") if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value for name, value in attributes(case, dtype).items()}
        expected = results(REFERENCES[case.name](*exact, **attrs))
    for i, (a, e) in enumerate(zip(actual, expected, strict=True)):
        assert_close(numpy(a), e, dtype, f"output {i}")
    for x, old in zip(flat(inputs), before, strict=True):
        if old is not None:
            np.testing.assert_array_equal(numpy(x), old, err_msg="an input was written")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@cases([case for case in PRIMITIVE if case.declared.spec is not None])
def test_spec_says_shape_and_dtype(case: Case, dtype: str) -> None:
    op = case.declared
    assert isinstance(op, Op)
    assert op.spec is not None
    inputs = tensors(case, arguments(case, dtype))
    with quiet(case):
        actual = results(call(case, inputs))
    operands = inputs[0] if op.variadic and isinstance(inputs[0], list) else inputs
    operands = [*operands, *[None] * (len(op.inputs) - len(operands))] if not op.variadic else operands
    expected = op.spec(*operands, **complete_attributes(op, case.sample))
    expected = expected if isinstance(expected, (list, tuple)) else [expected]
    shapes = [tuple(n if known != -1 else -1 for n, known in zip(y.shape, meta.shape, strict=True)) for y, meta in zip(actual, expected, strict=True)]  # -1: depends on values
    assert [(tuple(meta.shape), meta.dtype) for meta in expected] == [(shape, y.dtype) for shape, y in zip(shapes, actual, strict=True)]


@cases(PRIMITIVE)
def test_out(case: Case) -> None:
    op = case.declared
    assert isinstance(op, Op)
    if op.outputs is not None or op.kind == "update" or ("out" not in (op.kernel.__kwdefaults__ or {}) and op.ufunc is None):
        return
    values = arguments(case)
    values = values[0] if op.variadic and isinstance(values[0], list) else values
    kernel = op.kernels[np.ndarray]
    attrs = complete_attributes(op, case.sample)
    with quiet(case):
        expected = np.asarray(kernel(*values, **attrs))
        out = np.full(expected.shape, 7).astype(expected.dtype)
        kernel(*values, **attrs, out=out)
    np.testing.assert_array_equal(out, expected)


def strided(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The same numbers with gaps between them, last dimension first in memory."""
    if not array.ndim:
        return array
    wide = np.zeros(tuple(2 * n for n in array.shape[::-1]), dtype=array.dtype).T
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


def without_copy(array: np.ndarray[Any, Any]) -> Tensor:
    made: Tensor = storage.wrap(array)
    return made


@cases([case for case in GOOD if getattr(case.declared, "kind", "") not in ("random", "update") and case.name not in LAYOUT])
def test_non_contiguous_inputs(case: Case) -> None:
    values = arguments(case)
    spread = [[strided(each) if isinstance(each, np.ndarray) else each for each in value] if isinstance(value, list)
              else strided(value) if isinstance(value, np.ndarray) else value for value in values]
    with quiet(case):
        for a, e in zip(results(call(case, tensors(case, spread, convert=without_copy))), results(call(case, tensors(case, values))), strict=True):
            assert_close(numpy(a), numpy(e))
        if case.differentiable:
            assert_same_gradients(gradients(case, tensors(case, spread, grad=True, convert=without_copy)), gradients(case, tensors(case, values, grad=True)))


# --- gradients ----------------------------------------------------------------------------------------------------


def smooth(case: Case, inputs: list[Any]) -> bool:
    """Whether values on both sides of the inputs have the same slope: no kink and no pole in between."""
    checked = leaves(inputs)
    stream = np.random.default_rng(3)
    directions = [stream.standard_normal(x.shape) for x in checked]
    middles = [x.array.copy() for x in checked]

    def at(step: float) -> list[Any]:
        for x, middle, direction in zip(checked, middles, directions, strict=True):
            x.array[...] = middle + step * direction
        outputs = [numpy(y).copy() for y in results(call(case, inputs)) if y.is_floating_point()]
        for x, middle in zip(checked, middles, strict=True):
            x.array[...] = middle
        return outputs

    bends = [np.asarray(above + below - 2 * middle) / 1e-6 for above, middle, below in zip(at(1e-6), at(0.0), at(-1e-6), strict=True)]
    return all(bool(np.all(np.isfinite(bend))) and bool(np.all(np.abs(bend) < 1e-3)) for bend in bends)


def hermitian(x: Any) -> Any:
    """The Hermitian part of matrices, so that finite differences move both triangles."""
    return (x + x.transpose(-2, -1).conj()) * 0.5 if isinstance(x, Tensor) else x


def gradient_case(case: Case) -> tuple[Any, list[Any]] | None:
    """The function and leaves for a check by finite differences; ``None`` at a kink that the sample visits on purpose."""
    inputs = tensors(case, arguments(case), grad=True)
    checked = leaves(inputs)
    if not checked or (case.singular and not smooth(case, inputs)):
        return None
    if not any(y.requires_grad for y in results(call(case, inputs))):
        return None
    symmetric = case.name in HERMITIAN or case.sample.attrs.get("hermitian")
    return (lambda *_: tuple(y for y in results(call(case, [hermitian(x) for x in inputs] if symmetric else inputs)) if y.requires_grad)), checked


@cases(DIFFERENTIABLE)
def test_gradient_equals_finite_differences(case: Case) -> None:
    with quiet(case):
        found = gradient_case(case)
        if found is not None:
            assert gradcheck(found[0], found[1], atol=1e-6, rtol=1e-5, check_grad_dtypes=True)


@cases([case for case in DIFFERENTIABLE if case.name not in ONCE])
def test_second_gradient_equals_finite_differences(case: Case) -> None:
    with quiet(case):
        found = gradient_case(case)
        if found is not None:
            assert gradgradcheck(found[0], found[1], atol=1e-6, rtol=1e-5)


@cases(DIFFERENTIABLE)
def test_all_readings_of_the_rules_agree(case: Case) -> None:
    """Raw arrays (with fused rules), Tensors (without), and the general path that keeps every value."""
    values = arguments(case)
    with quiet(case):
        raw = gradients(case, tensors(case, values, grad=True))
        assert_same_gradients(gradients(case, tensors(case, values, grad=True), create_graph=True), raw)
        with record():
            assert_same_gradients(gradients(case, tensors(case, values, grad=True)), raw)
    for x, g in zip(leaves(tensors(case, values, grad=True)), raw, strict=bool(raw)):
        assert g.shape == x.shape


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@cases(DIFFERENTIABLE)
def test_gradient_keeps_the_dtype(case: Case, dtype: str) -> None:
    inputs = tensors(case, arguments(case, dtype), grad=True)
    if dtype == "float16" and (getattr(case.declared, "kind", "") not in ("elementwise", "reduction", "view") or case.name in NO_HALF):
        return
    with np.errstate(all="ignore"):
        outputs = [y for y in results(call(case, inputs)) if y.requires_grad]
        if outputs:
            found = autograd.grad(outputs, leaves(inputs), cotangents(outputs), allow_unused=True)
            assert all(g.dtype == x.dtype for g, x in zip(found, leaves(inputs), strict=True) if g is not None)


@cases(DIFFERENTIABLE)
def test_backward_writes_neither_inputs_nor_outputs(case: Case) -> None:
    inputs = tensors(case, arguments(case), grad=True)
    with quiet(case):
        outputs = [y for y in results(call(case, inputs)) if y.requires_grad]
        if not outputs:
            return
        seeds = cotangents(outputs)
        kept = [x for x in (*flat(inputs), *outputs, *seeds) if isinstance(x, Tensor)]
        before = [numpy(x).copy() for x in kept]
        autograd.backward(outputs, seeds)
    for x, old in zip(kept, before, strict=True):
        np.testing.assert_array_equal(numpy(x), old)
    for x in leaves(inputs):
        if x.grad is not None and x.ndim:
            assert x.grad.array.flags.c_contiguous
            assert x.grad.array.base is None
            assert not any(np.shares_memory(x.grad.array, numpy(other)) for other in kept)


# --- other ways to the same result ----------------------------------------------------------------------------------


@cases([case for case in PRIMITIVE if isinstance(case.declared, Op) and fast(case.declared)])
def test_fast_path_equals_the_general_one(case: Case) -> None:
    op = case.declared
    assert isinstance(op, Op)
    values = arguments(case)
    with quiet(case):
        general, quick = tensors(case, values, grad=True), tensors(case, values, grad=True)
        manual_seed(1)
        expected = results(dispatch.apply(op, general[0] if op.variadic else general, complete_attributes(op, case.sample)))
        manual_seed(1)
        actual = results(call(case, quick))
        for a, b in zip(actual, expected, strict=True):
            assert a.dtype == b.dtype
            assert a.requires_grad == b.requires_grad
            np.testing.assert_array_equal(numpy(a), numpy(b))
        chosen = [(a, b) for a, b in zip(actual, expected, strict=True) if b.requires_grad]
        if not chosen:
            return
        assert [a.grad_fn.op for a, _ in chosen] == [b.grad_fn.op for _, b in chosen]
        seeds = cotangents([b for _, b in chosen])
        options: Any = {"allow_unused": True}
        found = autograd.grad([a for a, _ in chosen], leaves(quick), seeds, **options)
        for a, b in zip(found, autograd.grad([b for _, b in chosen], leaves(general), seeds, **options), strict=True):
            assert (a is None) == (b is None)
            if a is not None:
                assert_close(numpy(a), numpy(b))


@cases([case for case in GOOD if getattr(case.declared, "inplace", False)])
def test_inplace_variant_equals_the_op(case: Case) -> None:
    if not case.sample.args or not isinstance(arguments(case)[0], np.ndarray):
        return
    plain, written = tensors(case, arguments(case), grad=True), tensors(case, arguments(case), grad=True)
    with quiet(case):
        expected = call(case, plain)
        if expected.shape != written[0].shape or expected.dtype != written[0].dtype:
            return
        target = written[0].clone()
        actual = call(case, [target, *written[1:]], suffix="_")
        assert actual is target
        assert_close(numpy(target), numpy(expected))
        if expected.requires_grad:
            (seed,) = cotangents([expected])
            for a, b in zip(autograd.grad(target, leaves(written), seed, allow_unused=True), autograd.grad(expected, leaves(plain), seed, allow_unused=True), strict=True):
                assert (a is None) == (b is None)
                if a is not None:
                    assert_close(numpy(a), numpy(b))


@cases([case for case in PRIMITIVE if isinstance(case.declared, Op) and case.declared.scalar is not None])
def test_scalar_function_equals_the_kernel(case: Case) -> None:
    op = case.declared
    assert isinstance(op, Op)
    assert op.scalar is not None
    values = arguments(case)
    if case.sample.attrs or case.singular or not all(isinstance(value, np.ndarray) for value in values):
        return
    numbers = [value.reshape(-1) for value in np.broadcast_arrays(*values)]
    expected = np.asarray(op.kernels[np.ndarray](*values, **complete_attributes(op, case.sample))).reshape(-1)
    assert_close(np.array([op.scalar(*map(float, each)) for each in zip(*numbers, strict=True)], dtype=float), expected)


# --- errors -------------------------------------------------------------------------------------------------------


@cases(BAD)
def test_error(case: Case) -> None:
    assert case.sample.error is not None
    inputs = tensors(case, arguments(case), grad=True)
    with pytest.raises(case.sample.error, match=case.sample.match) as caught:
        call(case, inputs)
    if not isinstance(case.declared, Op) or not case.declared.places:  # PyTorch names no op where an index is wrong
        assert re.match(r"[\w.]+: |index |too many indices", str(caught.value)), f"the message does not begin with an op's name: {caught.value}"
        return
    names = {case.name, case.declared.spoken, getattr(case.declared, "label", case.name), case.name.removeprefix("draw_")}
    assert any(re.match(rf"{re.escape(name)}\b", str(caught.value)) for name in names), f"the message does not begin with the op's name: {caught.value}"
    assert all(x.grad is None for x in leaves(inputs))


def test_every_sample_was_a_case() -> None:
    assert len(CASES) == len(GOOD) + len(BAD)
    assert all(gradient_wanted(case, 0, np.zeros(1)) for case in DIFFERENTIABLE if case.name == "exp")


@pytest.mark.parametrize("name", [name for name, op in REGISTRY.items() if op.scalar is not None and len(op.inputs) == 1 and op.rules])
def test_the_rule_on_floats_equals_the_rule_on_arrays(name: str) -> None:
    low, high = REGISTRY[name].domain
    for number in np.linspace(low, high, 7)[1:-1]:
        scalar, tensor = Scalar(float(number)), Tensor(np.array(number), requires_grad=True)
        getattr(scalar, name)().backward()
        getattr(_methods, name)(tensor).backward()
        assert scalar.grad == pytest.approx(tensor.grad.item(), rel=1e-13, abs=1e-15)
