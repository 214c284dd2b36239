"""Messages: PyTorch's exception types; the op, the shapes and the fix are named; nothing half-done is left behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd_core as ag
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
