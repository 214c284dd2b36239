"""Messages: PyTorch's exception types; the op, the shapes and the fix are named; nothing half-done is left behind."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import Tensor, autograd
from autograd_core.errors import DeviceError, DtypeError, GraphError, InplaceError, ShapeError


def ones(*shape: int, dtype: Any = None, grad: bool = False) -> Tensor:
    return ag.ones(*shape, dtype=dtype, requires_grad=grad)


def test_our_types_are_pytorchs() -> None:
    assert all(issubclass(kind, RuntimeError) for kind in (ShapeError, DtypeError, DeviceError, GraphError, InplaceError))


@pytest.mark.parametrize(("use", "error", "words"), [
    (lambda: ones(2, 3) + ones(3, 2), ShapeError, [r"^add: The size of tensor input \(3\) must match the size of tensor other \(2\)", r"input \(2, 3\) float32", r"other.T has the shape \(2, 3\)"]),
    (lambda: ones(2, 3) * ones(2), ShapeError, [r"^mul: ", r"other \(2,\)", r"other.unsqueeze\(-1\)"]),
    (lambda: ones(2, 3) @ ones(2, 3), ShapeError, [r"^matmul: mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3", r"other.T has the shape \(3, 2\)"]),
    (lambda: ones(2, 3) @ ones(()), ShapeError, [r"^matmul: both arguments to matmul need to be at least 1D"]),
    (lambda: ones(2, 3, dtype=ag.float64) @ ones(3, 2), DtypeError, [r"^matmul: expected .* same dtype", "float32 and float64", r"\.double\(\)"]),
    (lambda: ones(2, 3).reshape(4, 2), ShapeError, [r"^reshape: shape '\[4, 2\]' is invalid for input of size 6"]),
    (lambda: ones(2, 3).sum(2), IndexError, [r"^sum: Dimension out of range \(expected to be in range of \[-2, 1\], but got 2\)"]),
    (lambda: ones(2, 3).sum((0, 0)), RuntimeError, [r"^sum: dim 0 appears multiple times"]),
    (lambda: ones(2, 3).permute(0, 0), RuntimeError, [r"^permute: "]),
    (lambda: ones(2, 3).transpose(0, 5), IndexError, [r"^transpose: Dimension out of range"]),
    (lambda: ag.cat([ones(2, 3), ones(2, 4)]), RuntimeError, [r"^cat: ", r"2"]),
    (lambda: ag.stack([ones(2, 3), ones(2, 4)]), RuntimeError, [r"^stack: "]),
    (lambda: ones(2, 3)[5], IndexError, [r"index 5 is out of"]),
    (lambda: ones(2, 3)[0, 0, 0], IndexError, [r"too many indices"]),
    (lambda: ones(2, 3).expand(3, 3), RuntimeError, [r"^expand"]),
    (lambda: ones(3).add_(ones(2, 3)), ShapeError, [r"^add_: output with shape \(3,\) doesn't match the broadcast shape \(2, 3\)"]),
    (lambda: ones(3, dtype=ag.int64).add_(0.5), DtypeError, [r"^add_: result type .* can't be cast to the desired output type int64"]),
    (lambda: ones(2, 3).item(), RuntimeError, ["a Tensor with 6 elements cannot be converted to Scalar"]),
    (lambda: bool(ones(2)), RuntimeError, ["Boolean value of Tensor with more than one value is ambiguous"]),
    (lambda: len(ones(())), TypeError, [r"len\(\) of a 0-d tensor"]),
    (lambda: list(ones(())), TypeError, ["iteration over a 0-d tensor"]),
    (lambda: ones(2, grad=True).numpy(), RuntimeError, [r"detach\(\)"]),
    (lambda: Tensor("text"), TypeError, ["text"]),
    (lambda: Tensor(np.array(["a"])), TypeError, ["cannot hold|cannot be made"]),
    (lambda: ones(2) + "text", TypeError, []),
    (lambda: ag.set_default_dtype(ag.int64), TypeError, ["floating point"]),
    (lambda: ones(2).to("nowhere"), (RuntimeError, TypeError), ["nowhere"]),
], ids=range(27))
def test_operations(use: Any, error: Any, words: list[str]) -> None:
    with pytest.raises(error) as caught:
        use()
    for pattern in words:
        assert caught.match(pattern)


def test_backward_without_graph() -> None:
    with pytest.raises(RuntimeError, match=r"element 0 of tensors does not require grad and does not have a grad_fn.*requires_grad=True"):
        ones(()).backward()


def test_backward_of_a_non_scalar() -> None:
    x = ones(2, 3, grad=True)
    with pytest.raises(RuntimeError, match=r"grad can be implicitly created only for scalar outputs.*\(2, 3\).*\.sum\(\)"):
        (x * 2).backward()
    assert x.grad is None


def test_backward_with_a_cotangent_of_another_shape() -> None:
    x = ones(2, 3, grad=True)
    with pytest.raises(RuntimeError, match=r"Mismatch in shape: grad_output\[0\] has a shape of \(3,\) and output\[0\] has a shape of \(2, 3\)"):
        (x * 2).backward(ones(3))
    with pytest.raises(RuntimeError, match="got 1 tensors and 2 gradients"):
        autograd.backward([(x * 2).sum()], [ones(()), ones(())])
    with pytest.raises(TypeError, match="gradients must be Tensors or None, got float"):
        (x * 2).sum().backward(1.0)
    assert x.grad is None


def test_integer_leaf() -> None:
    with pytest.raises(RuntimeError, match=r"only Tensors of floating point and complex dtype can require gradients.*\.float\(\)"):
        ag.tensor([1, 2], requires_grad=True)
    t = ag.tensor([1, 2])
    with pytest.raises(RuntimeError, match="floating point"):
        t.requires_grad_()
    assert not t.requires_grad


def test_grad_of_something_without_gradient() -> None:
    x = ones(2, grad=True)
    with pytest.raises(RuntimeError, match=r"does not require grad: inputs\[1\]"):
        autograd.grad(x.sum(), (x, ones(2)))
    with pytest.raises(RuntimeError, match="can't retain_grad"):
        ones(2).retain_grad()
    with pytest.raises(RuntimeError, match="cannot register a hook"):
        ones(2).register_hook(print)
    with pytest.raises(RuntimeError, match=r"requires_grad flags of leaf.*\.detach\(\)"):
        (x * 2).requires_grad_(False)


def test_assigned_gradients() -> None:
    x = ones(2, grad=True)
    with pytest.raises(RuntimeError, match=r"different size: \(3,\), expected \(2,\)"):
        x.grad = ones(3)
    with pytest.raises(RuntimeError, match="different type: float64, expected float32"):
        x.grad = ones(2, dtype=ag.float64)
    with pytest.raises(TypeError, match="got ndarray"):
        x.grad = np.ones(2)
    assert x.grad is None


def test_cuda_without_a_gpu_says_what_is_missing() -> None:
    if ag.cuda.is_available():
        return
    with pytest.raises(RuntimeError, match=r"the device 'cuda' is not available: .*\. Tensors work on 'cpu' meanwhile"):
        ones(2).to("cuda")
    with pytest.raises(RuntimeError, match="not available"):
        ag.ones(2, device="cuda:0")
    assert ag.cuda.device_count() == 0


def test_a_failed_write_changes_nothing() -> None:
    x = ag.tensor([1.0, 2.0])
    for bad in (lambda: x.add_(ones(3)), lambda: x.mul_(ones(2, 2)), lambda: x.copy_(ones(3)), lambda: x.__setitem__(5, 1.0), lambda: x.__setitem__(slice(None), ones(3))):
        with pytest.raises((RuntimeError, IndexError)):
            bad()
    assert x.tolist() == [1.0, 2.0]


def test_a_failed_backward_changes_no_gradient() -> None:
    x, y = ones(2, grad=True), ones(2, grad=True)
    (x * y).sum().backward()
    z = (x * y).exp()

    def fail(g: Any) -> Any:
        raise ZeroDivisionError

    z.register_hook(fail)
    with pytest.raises(ZeroDivisionError):
        (z.sum() + x.sum()).backward()
    assert x.grad.tolist() == [1.0, 1.0]
    assert y.grad.tolist() == [1.0, 1.0]
    assert ag.is_grad_enabled()


def test_anomaly_mode_names_the_lines() -> None:
    x = ones(2, grad=True)
    with autograd.detect_anomaly():
        y = x * 1
        z = y * y  # saved here
        y.add_(1.0)  # written here
        with pytest.raises(RuntimeError, match=r"recorded at .*test_errors.py:\d+.* at .*test_errors.py:\d+"):
            z.sum().backward()


def test_errors_keep_their_cause() -> None:
    with pytest.raises(RuntimeError) as caught:
        ones(2, 3) + ones(4)
    assert isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize(("use", "words"), [
    (lambda: ones(2, 3).sum("a"), r"^sum: argument 'dim' \(position 2\) must be int or tuple of ints, not str. Pass a whole number"),  # type: ignore[arg-type]
    (lambda: ones(2, 3).sum(ones(2)), r"^sum: argument 'dim' .* not Tensor. Pass the value of one element, x.item\(\)"),  # type: ignore[arg-type]
    (lambda: ones(2, 3).transpose(5, True), r"^transpose: argument 'dim1' \(position 3\) must be int, not bool"),
    (lambda: ones(2, 3).mul_(None), r"^mul: argument 'other' \(position 2\) must be Tensor or Number, not NoneType. Pass a tensor"),  # type: ignore[arg-type]
    (lambda: ag.cat([ones(2), 3]), r"^cat: argument 'tensors' \(position 1\) must be tuple of Tensors, but found element of type int at pos 1"),  # type: ignore[list-item]
    (lambda: ag.cat(3), r"^cat: argument 'tensors' \(position 1\) must be tuple of Tensors, not int"),  # type: ignore[arg-type]
    (lambda: ones(2, 3).reshape((2, "b")), r"^reshape: argument 'shape' must be tuple of ints, but found element of type str at pos 1"),  # type: ignore[arg-type]
    (lambda: ones(2, 3).view_as(2), r"^view_as: argument 'other' \(position 2\) must be Tensor, not int. Make a tensor of it"),  # type: ignore[arg-type]
    (lambda: ag.linalg.pinv("a"), r"^linalg.pinv: argument 'A' \(position 1\) must be Tensor, not str"),  # type: ignore[arg-type]
    (lambda: ag.hann_window(ones(2)), r"^hann_window: argument 'window_length' \(position 1\) must be int, not Tensor"),  # type: ignore[arg-type]
    (lambda: ones(2, 3).amax(0, 1), r"^amax: argument 'keepdim' must be bool, not int. Pass True or False; several dims are a tuple"),  # type: ignore[arg-type]
    (lambda: ones(2, 3).flip(), r"^flip: missing 1 required positional argument: 'dims'"),
], ids=range(12))
def test_arguments_of_wrong_types(use: Any, words: str) -> None:
    for _ in range(5):  # by the general path, and by the fast one
        with pytest.raises(TypeError, match=words):
            use()


def test_errors_of_a_users_own_stay() -> None:
    class Refuses(autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        Refuses.apply("text")

    def pack(x: Any) -> Any:
        raise KeyError("mine")

    with autograd.graph.saved_tensors_hooks(pack, lambda x: x), pytest.raises(KeyError, match="mine"):
        nn.functional.layer_norm(ones(2, 3, grad=True).exp(), (3,), eps=1e-5)


def test_comparisons_in_place_keep_the_dtype() -> None:
    x = ag.tensor([1, 2, 3])
    assert x.clone().ge_(1.5).tolist() == [0, 1, 1]
    assert x.clone().ge_(1.5).dtype is ag.int64
    assert x.clone().logical_and_(ag.tensor([0.5, 0.0, 1.0])).tolist() == [1, 0, 1]
    assert ag.tensor([True, False]).ne_(0.5).tolist() == [True, True]


def test_other_spellings() -> None:
    x = ag.tensor([-1.0, 2.0])
    assert nn.functional.relu(x.clone(), True).tolist() == [0.0, 2.0]
    matrix = ag.tensor([[3.0, 0.0], [0.0, 0.001]])
    assert ag.linalg.matrix_rank(matrix, 0.5).item() == 1
    assert ag.linalg.pinv(matrix, 0.5)[1, 1].item() == 0
    assert ag.special.legendre_polynomial_p(x, 1.7).tolist() == x.tolist()
    orders = ag.special.legendre_polynomial_p(x, ag.tensor([-0.5, 1.7], dtype=ag.float64))
    assert (orders.dtype, orders.tolist()) == (ag.float64, [1.0, 2.0])
    parts = ag.split(tensor=x, split_size_or_sections=1)
    assert [part.item() for part in parts] == [part.item() for part in x.split(split_size=1)] == [-1.0, 2.0]
    assert ag.ones(1, 1, 2).squeeze_(0, 1).shape == (2,)
    assert nn.Hardtanh(min_value=-0.5, max_value=0.5)(x).tolist() == [-0.5, 0.5]
    y = ag.tensor([1.0, 2.0], requires_grad=True)
    autograd.backward([y * 2], grad_variables=[ag.ones(2)])
    assert y.grad is not None
    assert y.grad.tolist() == [2.0, 2.0]
    assert nn.utils.clip_grad_norm_([y], 1.0, foreach=True).item() == pytest.approx(8**0.5)
    a = np.zeros(2)
    copied = ag.from_dlpack(a, device="cpu", copy=True)
    copied[0] = 1
    assert a[0] == 0


def test_empty_ranges_and_counts() -> None:
    with pytest.raises(ValueError, match="hardtanh: min_val cannot be greater than max_val"):
        nn.functional.hardtanh(ones(2), 2.0, 1.0)
    with pytest.raises(RuntimeError, match=r"fft: Invalid number of data points \(-1\)"):
        ag.fft.fft(ones(4), -1)
    with pytest.raises(RuntimeError, match="N must be greater than 1"):
        ag.linalg.vander(ones(1))
    with pytest.raises(NotImplementedError, match="gcd: not implemented for float32"):
        ag.gcd(ones(2), ones(2))
    with pytest.raises(RuntimeError, match="can not be negative"):
        ag.repeat_interleave(ag.tensor([1, -2]))


@pytest.mark.parametrize("use", [
    lambda x: nn.functional.layer_norm(x, (2,)), lambda x: nn.functional.avg_pool1d(x.bool(), 1), lambda x: ag.linalg.eigh(x), lambda x: nn.functional.elu_(x), lambda x: ag.bernoulli(x)])
def test_what_is_not_implemented_for_a_dtype(use: Any) -> None:
    with pytest.raises(NotImplementedError, match=r"not implemented for|can't be cast|Expected a floating point") as caught:
        use(ag.ones(2, 2, dtype=ag.int64))
    assert isinstance(caught.value, RuntimeError)


@pytest.mark.parametrize(("use", "match"), [
    (lambda: nn.functional.embedding(np.float64(2), ones(2, 3)), "embedding: argument 'input'"), (lambda: ag.median(np.float64(2)), "median: argument 'input'"),
    (lambda: ag.einsum("i,i", ones(2), [1.0, 2.0]), "einsum: expected operand 1 to be a Tensor, but got list"),
    (lambda: ag.special.legendre_polynomial_p(2.5, 2), "Tensor for input or n")])
def test_numbers_and_lists_for_tensors(use: Any, match: str) -> None:
    for _ in range(2):
        with pytest.raises(TypeError, match=match):
            use()


@pytest.mark.parametrize(("use", "name"), [
    (lambda x, d: ag.einsum("ij,jk", x, d), "einsum"), (lambda x, d: ag.cdist(x, d), "cdist"), (lambda x, d: nn.functional.rms_norm(x, (2,), d[0]), "rms_norm"),
    (lambda x, d: nn.functional.conv_transpose1d(x[None], d[..., None]), "conv_transpose")])
def test_dtypes_that_differ_are_told_under_the_name_that_was_called(use: Any, name: str) -> None:
    with pytest.raises(RuntimeError, match=f"^{name}: expected operands of the same dtype, but got float32 and float64"):
        use(ones(2, 2), ones(2, 2).double())


@pytest.mark.parametrize(("use", "match"), [
    (lambda mask: 1 - mask, "sub: not implemented for bool. Use ~"), (lambda mask: ag.rsub(mask, 2.0), "sub: not implemented for bool"),
    (lambda mask: 2 & mask.float(), "bitwise_and: not implemented for float32"), (lambda mask: 7 // mask.int(), "floor_divide: ZeroDivisionError"),
    (lambda mask: ag.isclose(mask.float(), mask.float(), atol=-1), "isclose: rtol and atol must be greater than or equal to zero"),
    (lambda mask: ag.gcd(mask, mask), "gcd: not implemented for bool"), (lambda mask: ag.norm(mask[:0].float(), -1), "norm cannot compute the -1 norm"),
    (lambda mask: ag.dist(mask[:0].float(), mask[:0].float(), math.inf), "cannot compute the inf norm"),
    (lambda mask: mask.int().addcmul_(mask, mask, value=0.5), "addcmul: For integral input tensors, argument value must not be a floating point number, got 0.5")])
def test_numbers_are_not_blamed_for_what_is_wrong_with_the_tensor(use: Any, match: str) -> None:
    with pytest.raises(RuntimeError, match=match):
        use(ag.tensor([True, False]))


def test_numbers_beside_tensors_without_dimensions() -> None:
    for function in (ag.logaddexp, ag.logaddexp2):
        assert function(ag.tensor(1.0), 2.0).item() == function(2.0, ag.tensor(1.0)).item() == function(ag.tensor([1.0]), 2.0).item()


@pytest.mark.parametrize("value", ["a", None, [1.0, 2.0]])
def test_tensors_are_filled_with_numbers_alone(value: Any) -> None:
    for fill in (ag.full, lambda size, value: ag.full_like(ones(*size), value), lambda size, value: ones(1).new_full(size, value)):
        with pytest.raises(TypeError, match=r"argument 'fill_value'.* must be Number, not"):
            fill((2,), value)
