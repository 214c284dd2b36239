"""One test for each row of docs/differences.md."""

from __future__ import annotations

import importlib
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core import Tensor
from autograd_core.backend.cupy import CupyBackend
from autograd_core.backend.registry import register_backend
from autograd_core.errors import BroadcastWarning, GraphError

from .fakes.strict_backend import StrictBackend

PAGE = Path(__file__).parent.parent / "docs" / "differences.md"


def test_every_row_has_its_test() -> None:
    rows = re.findall(r"\| `(\w+)` \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    tests = [name.removeprefix("test_") for name in globals() if name.startswith("test_") and name != "test_every_row_has_its_test"]
    assert sorted(rows) == sorted(tests)


def test_names() -> None:
    t = Tensor(1.0, name="x")
    assert t.name == "x"
    t.name = "y"
    assert t.name == "y"


def test_numpy_spellings() -> None:
    t = ag.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert t.sum(axis=0, keepdims=True).tolist() == t.sum(dim=0, keepdim=True).tolist() == [[4.0, 6.0]]
    assert ag.softmax(t, axis=1).tolist() == ag.softmax(t, dim=1).tolist()


def test_numpy_functions() -> None:
    t = ag.tensor([0.5, 1.0], requires_grad=True)
    total = np.sum(np.concatenate([np.sin(t), np.ones(2, dtype="float32") * t]))
    total.backward()
    np.testing.assert_allclose(t.grad.numpy(), np.cos([0.5, 1.0]) + 1, rtol=1e-6)


def test_random_streams() -> None:
    ag.manual_seed(0)
    first = ag.rand(3).tolist()
    ag.manual_seed(0)
    assert ag.rand(3).tolist() == first
    assert first[0] != pytest.approx(0.4962566, abs=1e-4)  # what PyTorch draws


def test_warnings() -> None:
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert (ag.tensor([1.0]) / 0.0).item() == float("inf")
    with np.errstate(all="ignore"):
        assert (ag.tensor([1.0]) / 0.0).item() == float("inf")


def test_unknown_parameters() -> None:
    with pytest.raises(RuntimeError, match=r"unexpected key.*'wieght'. The module's are 'weight', 'bias'"):
        ag.func.functional_call(nn.Linear(1, 1), {"wieght": ag.ones(1, 1)}, (ag.ones(1),))


def test_no_grad_in_forward_mode() -> None:
    def product(x: Tensor) -> Tensor:
        with ag.no_grad():
            constant = x * 2
        return x * constant

    x, one = ag.tensor(3.0), ag.tensor(1.0)
    assert ag.func.jvp(product, (x,), (one,))[1].item() == ag.func.grad(product)(x).item() == 6.0


def test_masked_branch() -> None:
    x = ag.tensor([0.0, 4.0], requires_grad=True)
    ag.where(x > 1, x.sqrt(), x * 0).sum().backward()
    assert x.grad.tolist() == [0.0, 0.25]


@pytest.mark.parametrize("function", [lambda x: x.amax(0), lambda x: x.max(), lambda x: x.min()])
def test_extrema_of_nan(function: Any) -> None:
    x = ag.tensor([1.0, float("nan")], requires_grad=True)
    function(x).backward()
    assert x.grad.tolist() == [0.0, 0.0]


def test_scalar_results_are_values() -> None:
    x = ag.tensor(3.0, requires_grad=True)
    h = x * 2
    y = h * h
    h.add_(1.0)
    y.backward()
    assert x.grad.item() == 24.0


def test_files(tmp_path: Path) -> None:
    ag.save({"weight": ag.ones(2)}, tmp_path / "file")
    assert ag.load(tmp_path / "file")["weight"].tolist() == [1.0, 1.0]
    (tmp_path / "pickle.pt").write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(ValueError, match="pickle"):
        ag.load(tmp_path / "pickle.pt")


def test_out() -> None:
    x, out = ag.tensor([4.0, 9.0]), ag.zeros(2, dtype=ag.float64)
    assert ag.sqrt(x, out) is out
    assert x.matmul(ag.eye(2), out=out).tolist() == [4.0, 9.0]


def test_strided_scatter() -> None:
    x, src = ag.zeros(4, requires_grad=True), ag.ones(2, requires_grad=True)
    (ag.as_strided_scatter(x, src, (2,), (2,)) * ag.arange(4.0)).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0, 3.0]
    assert src.grad.tolist() == [0.0, 2.0]


@pytest.mark.parametrize("function", [nn.functional.relu, nn.functional.leaky_relu, nn.functional.hardtanh, nn.functional.softshrink])
def test_straight_lines(function: Any) -> None:
    x = ag.tensor([0.3, -2.0], requires_grad=True)
    w = ag.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True)
    (slope,) = ag.autograd.grad(function(w @ x).sum(), x, create_graph=True)
    with pytest.raises(GraphError, match="allow_unused=True"):
        ag.autograd.grad(slope.sum(), x, retain_graph=True)
    assert ag.autograd.grad(slope.sum(), x, materialize_grads=True)[0].tolist() == [0.0, 0.0]
    assert ag.func.hessian(lambda x: function(w @ x).sum())(x).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_no_channels() -> None:
    assert ag.conv1d(ag.ones(1, 0, 2), ag.ones(3, 0, 1), ag.arange(3.0)).tolist() == [[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]]


def test_derivatives_beyond() -> None:
    x = ag.tensor(2.0, dtype=ag.float64, requires_grad=True)
    (slope,) = ag.autograd.grad(ag.special.bessel_j0(x), x, create_graph=True)
    assert slope.item() == pytest.approx(-ag.special.bessel_j1(x).item())
    (second,) = ag.autograd.grad(ag.special.legendre_polynomial_p(x, 2), x)
    assert second.item() == pytest.approx(6.0)


def test_low_rank() -> None:
    x = ag.tensor([[3.0, 0.0], [0.0, 2.0]])
    assert ag.svd_lowrank(x, q=1).S.tolist() == [3.0]


def test_memory_formats() -> None:
    t = ag.zeros_like(ag.ones(2), memory_format=ag.preserve_format)
    assert t.clone(memory_format=ag.contiguous_format).is_contiguous()
    assert not hasattr(ag, "channels_last")
    assert not t.is_conj()
    assert not t.is_neg()


def test_deterministic() -> None:
    ag.use_deterministic_algorithms(True)
    assert ag.are_deterministic_algorithms_enabled()
    ag.use_deterministic_algorithms(False)
    ag.set_float32_matmul_precision("high")
    assert ag.get_float32_matmul_precision() == "high"
    ag.set_float32_matmul_precision("highest")
    with pytest.raises(ValueError, match="'x' is not one of 'highest', 'high', or 'medium'"):
        ag.set_float32_matmul_precision("x")
    with ag.autograd.detect_anomaly():
        assert ag.is_anomaly_enabled()
    assert not ag.is_anomaly_enabled()


def test_resizing() -> None:
    t = ag.arange(3.0)
    assert t.resize_(2).tolist() == [0.0, 1.0]
    with pytest.raises(RuntimeError, match="not contiguous"):
        ag.ones(2, 3).t().resize_(2)


def test_dtypes() -> None:
    names = {d.name for d in ag.dtypes.ALL}
    assert names == {"bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128"}
    assert [d.name for d in ag.dtypes.UNSIGNED] == ["uint16", "uint32", "uint64"]
    assert ag.tensor([40000, 30000], dtype=ag.uint16).add(1).tolist() == [40001, 30001]
    assert not hasattr(ag, "float8_e4m3fn")


def test_layouts() -> None:
    assert not hasattr(ag, "sparse_coo_tensor")
    assert not hasattr(ag, "channels_last")


def test_devices() -> None:
    with pytest.raises(RuntimeError, match="expected a device like 'cpu', 'cuda' or 'cuda:1', got 'mps'"):
        ag.device("mps")
    register_backend("cuda", StrictBackend)
    try:
        with ag.cuda.device(1):
            x = ag.ones(2, device="cuda:1", requires_grad=True)
            (x * x).sum().backward()
            assert (x * x).device == x.grad.device == "cuda:1"
            assert ag.ones(2, device="cuda").device == "cuda:0"
        with pytest.raises(TypeError, match="an array of device 1 cannot be used while the current device is 0"):
            x * x
    finally:
        register_backend("cuda", CupyBackend)


def test_compiled_steps() -> None:
    layer = nn.Linear(2, 1)
    x = ag.ones(3, 2)
    with pytest.raises(RuntimeError, match=r"a returned tensor of shape \(3, 1\) has a graph.*Call backward inside the compiled function"):
        ag.compile(lambda x: layer(x))(x)
    with pytest.warns(UserWarning, match="Linear is called where gradients are recorded.*runs uncompiled"):
        assert ag.compile(layer)(x).requires_grad

    @ag.compile
    def step() -> Tensor:
        layer.zero_grad()
        loss = layer(x).sum()
        loss.backward()
        return loss

    for _ in range(3):
        step()
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[3.0, 3.0]]


def test_what_is_not_here() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## What is not here")[2]
    names = [name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`([\w.]+)`", row)]
    assert len(names) > 30
    for name in names:
        owner, _, last = f"autograd_core.{name}".rpartition(".")
        assert not hasattr(importlib.import_module(owner), last), name
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(f"{owner}.{last}")


def test_grad_fn() -> None:
    x = ag.tensor([2.0, 3.0], requires_grad=True)
    node = (x * x).grad_fn
    assert node is not None
    assert (node.op.name, node.shape, len(node.parents)) == ("mul", (2,), 2)


def test_attributes() -> None:
    with pytest.raises(AttributeError):
        ag.ones(2).note = "mine"  # type: ignore[attr-defined]
    parameter = nn.Parameter(ag.ones(2))
    parameter.note = "mine"  # type: ignore[attr-defined]
    assert parameter.note == "mine"  # type: ignore[attr-defined]


def test_inference_tensors() -> None:
    with ag.inference_mode():
        t = ag.ones(2) * 2
    x = ag.ones(2, requires_grad=True)
    (x * t).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="inference tensor"):
        t.requires_grad_()


def test_array_dtypes() -> None:
    assert Tensor(np.ones(2)).dtype == ag.tensor(np.ones(2)).dtype == ag.float64
    assert Tensor([1.0, 2.0]).dtype == ag.float32


def test_loading_hints() -> None:
    data = nn.data.TensorDataset(ag.arange(3))
    loader = nn.data.DataLoader(data, batch_size=2, num_workers=4, pin_memory=True)
    assert [x.tolist() for (x,) in loader] == [[0, 1], [2]]


def test_modules() -> None:
    class Bag(nn.Module):
        def __init__(self) -> None:
            self.layers = [nn.Linear(2, 2), {"last": nn.Linear(2, 1)}]

        def forward(self, x: Tensor) -> Tensor:
            return self.layers[1]["last"](self.layers[0](x))

    bag = Bag()
    assert [name for name, _ in bag.named_parameters()] == ["layers.0.weight", "layers.0.bias", "layers.1.last.weight", "layers.1.last.bias"]
    assert bag(ag.ones(1, 2)).shape == (1, 1)


def test_broadcast_losses() -> None:
    column, row = ag.zeros(3, 1), ag.zeros(3)
    for loss in (nn.functional.mse_loss, nn.functional.soft_margin_loss, nn.functional.kl_div):
        with pytest.warns(BroadcastWarning, match="target size"):
            loss(column, row)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with BroadcastWarning.silenced():
                loss(column, row)
    assert issubclass(BroadcastWarning, UserWarning)


def test_ctc_gradient() -> None:
    scores = ag.zeros(2, 1, 2, requires_grad=True)
    steps = ag.log_softmax(scores, dim=2)
    steps.retain_grad()
    nn.functional.ctc_loss(steps, ag.tensor([[1]]), (2,), (1,)).backward()
    assert steps.grad is not None
    assert scores.grad is not None
    np.testing.assert_allclose(steps.grad.numpy()[:, 0], [[-1 / 3, -2 / 3]] * 2, rtol=1e-6)  # of 3 paths, 1 has the blank and 2 the label at each time
    np.testing.assert_allclose(scores.grad.numpy()[:, 0], [[1 / 6, -1 / 6]] * 2, rtol=1e-6)


def test_cosine_of_short_vectors() -> None:
    x = ag.tensor([[3e-3, 4e-3]], requires_grad=True)
    nn.functional.cosine_similarity(x, ag.tensor([[1.0, 0.0]]), eps=1.0).backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), [[1.0, 0.0]])


def test_numbers_for_tensors() -> None:
    x = ag.tensor([-1.0, 2.0])
    assert ag.maximum(x, 0).tolist() == [0.0, 2.0]
    assert ag.atan2(x, 1.0).tolist() == ag.atan2(x, ag.ones(2)).tolist()
    assert ag.eq(2, x).tolist() == [False, True]
    assert ag.full(3, 1.0).shape == (3,)


def test_numbers_out_of_range() -> None:
    x = ag.tensor([1, 255], dtype=ag.uint8)
    with pytest.raises(RuntimeError, match="add: Python integer 300 out of bounds for uint8"):
        x + 300
    assert (x + -2).tolist() == [255, 253]
    assert x.clone().clamp_(-1).tolist() == [255, 255]
    with pytest.raises(RuntimeError, match="out of bounds for int8"):
        ag.ones(2, dtype=ag.int8) + 300
    assert (x < 300).tolist() == [True, True]
    assert (x > -1).tolist() == [True, True]


def test_generous_types() -> None:
    assert ag.ones(2, 3).transpose(True, 0).shape == (3, 2)
    assert ag.ones(2, 3).tril(0.0).tolist() == [[1, 0, 0], [1, 1, 0]]
    with pytest.raises(TypeError, match="amax: argument 'keepdim' must be bool, not int"):
        ag.ones(2, 3).amax(0, 1)  # type: ignore[arg-type]


def test_tensors_for_numbers() -> None:
    with pytest.raises(TypeError, match=r"mean: argument 'dim' .* not Tensor. Pass the value of one element, x.item\(\)"):
        ag.ones(2, 3).mean(ag.tensor(0))  # type: ignore[arg-type]


def test_wrong_types() -> None:
    with pytest.raises(TypeError, match=r"^mse_loss: argument 'target' \(position 2\) must be Tensor, not int"):
        nn.functional.mse_loss(ag.ones(2), 3)  # type: ignore[arg-type]


def test_activations_of_integers() -> None:
    assert nn.functional.elu(ag.tensor([1, 2])).dtype is ag.float32
    with pytest.raises(NotImplementedError, match="elu_: result type float32 can't be cast"):
        nn.functional.elu_(ag.tensor([1, 2]))


def test_empty_medians() -> None:
    assert ag.ones(0).median().isnan().item()
    with pytest.raises(RuntimeError, match="there is no median of no integers"):
        ag.ones(0, dtype=ag.int64).median()


def test_old_forms() -> None:
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        ag.add(ag.ones(2), 2, ag.ones(2))  # type: ignore[call-arg]


def test_uint8_indices() -> None:
    with pytest.raises(IndexError, match=r"must be long, int or bool tensors, got uint8. Use .bool\(\) for a mask"):
        ag.ones(2)[ag.tensor([0, 1], dtype=ag.uint8)]


def test_nested_lists() -> None:
    x = ag.arange(6).reshape(3, 2)
    assert x[[[0, 1], [1, 0]]].shape == (2, 2, 2)
    assert x[[0, 1], [1, 0]].tolist() == [1, 2]


def test_negative_steps() -> None:
    x = ag.arange(4)
    x[::-2][0] = 7
    assert x.tolist() == [0, 1, 2, 7]


@pytest.mark.parametrize("write", [lambda y: y.zero_(), lambda y: y.fill_(1.0), lambda y: y.__setitem__(0, 1.0)])
def test_expanded_writes(write: Any) -> None:
    y = ag.zeros(1, 3).expand(2, 3)
    with pytest.raises(RuntimeError, match="single memory location"):
        write(y)


def test_writes_to_parts() -> None:
    x = ag.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    y = x * 1
    first, second = y.chunk(2)
    first.mul_(second)
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 4.0, 2.0, 3.0]


def test_repeated_writes() -> None:
    y = ag.tensor([3.0, 4.0], requires_grad=True)
    x = ag.zeros(2)
    x[[0, 0]] = y
    assert x.tolist() == [4.0, 0.0]
    x.sum().backward()
    assert y.grad is not None
    assert y.grad.tolist() == [0.0, 1.0]


def test_assigned_dtypes() -> None:
    x = ag.zeros(2, dtype=ag.float64)
    x[ag.tensor([True, False])] = ag.tensor([1.5])
    assert x.tolist() == [1.5, 0.0]


def test_overlapping_operands() -> None:
    x = ag.tensor([1.0, 2.0, 3.0])
    x[1:].add_(x[:-1])
    assert x.tolist() == [1.0, 3.0, 5.0]


@pytest.mark.parametrize("function", [lambda z: ag.logaddexp(z, z), lambda z: ag.logcumsumexp(z, 0)])
def test_complex_logarithms(function: Any) -> None:
    with pytest.raises(NotImplementedError, match="not implemented for complex64"):
        function(ag.ones(2, dtype=ag.complex64))


def test_strides_of_copies() -> None:
    turned = ag.ones(2, 3).t()
    for copy in (ag.zeros_like(turned), turned.clone(), turned.to(ag.float32, copy=True)):
        assert copy.stride() == (2, 1)


def test_errors() -> None:
    with pytest.raises(RuntimeError, match=r"^matmul: mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3; input \(2, 3\) float32, other \(2, 3\) float32\)"):
        ag.ones(2, 3) @ ag.ones(2, 3)
