"""What PyTorch programs do besides computing: their import lines, prints, settings and ordinary mistakes."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import autograd_core.nn.functional as F
import numpy as np
import pytest
from autograd_core.utils.data import DataLoader, TensorDataset

import autograd_core as torch
from autograd_core import nn, optim

SCRIPT = """
import autograd_core as torch
import autograd_core.nn as nn
import autograd_core.nn.functional as F
import autograd_core.optim as optim
from autograd_core import nn as same
from autograd_core.nn.parameter import Parameter
from autograd_core.optim.lr_scheduler import StepLR
from autograd_core.utils.data import DataLoader, Dataset, TensorDataset, random_split

class Squares(Dataset):
    def __len__(self):
        return 32

    def __getitem__(self, i):
        x = torch.tensor([i / 32])
        return x, x**2

torch.manual_seed(0)
train, test = random_split(Squares(), [24, 8])
model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = optim.Adam(model.parameters(), lr=0.05)
scheduler = StepLR(optimizer, step_size=80, gamma=0.5)
for epoch in range(120):
    for x, y in DataLoader(train, batch_size=8, shuffle=True, num_workers=2, pin_memory=torch.cuda.is_available()):
        loss = F.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
torch.save(model.state_dict(), "model.pt")
other = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
other.load_state_dict(torch.load("model.pt", map_location="cpu", weights_only=True))
with torch.no_grad():
    errors = [F.mse_loss(other(x), y).item() for x, y in DataLoader(test, batch_size=4)]
    same_answer = torch.equal(other(x), model(x))
"""


def test_a_script_runs_after_its_import_lines_are_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "script"}
    exec(SCRIPT, names)
    assert names["same"] is names["nn"] is torch.nn
    assert max(names["errors"]) < 0.01  # the targets vary by 0.09
    assert names["same_answer"]


def test_numbers_without_dimensions_format_as_numbers() -> None:
    loss = torch.tensor(0.5)
    assert f"{loss}" == "0.5"
    assert f"{torch.tensor(7)} {torch.tensor(True)} {loss:.3f} {loss:>6.1f}" == "7 True 0.500    0.5"
    assert f"{torch.tensor([1.0])}" == "tensor([1.])"
    assert str(loss) == "tensor(0.5000)"


def test_parts_of_a_shape_are_shapes() -> None:
    shape = torch.ones(2, 3, 4).shape
    longer = shape + torch.Size([5])
    assert type(shape[1:]) is type(longer) is torch.Size
    assert (shape[1:].numel(), longer.numel(), shape[0], type(shape[0])) == (12, 120, 2, int)
    assert shape[:2] == (2, 3)
    assert repr(shape[-1:]) == "autograd_core.Size([4])"


def test_results_with_fields_print_under_the_name_of_their_function() -> None:
    x = torch.tensor([[1, 5], [7, 3]])
    assert repr(x.max(dim=1)) == "max(\nvalues=tensor([5, 7]),\nindices=tensor([1, 0]))"
    assert repr(torch.min(x, 0)) == "min(\nvalues=tensor([1, 3]),\nindices=tensor([0, 1]))"
    assert repr(x[0].topk(1)) == "topk(\nvalues=tensor([5]),\nindices=tensor([1]))"
    values, indices = x.sort(dim=1)
    assert (values.tolist(), indices.tolist()) == ([[1, 5], [3, 7]], [[0, 1], [1, 0]])


def test_the_deprecated_parameter_of_grad_is_accepted() -> None:
    x = torch.tensor(3.0, requires_grad=True)
    (slope,) = torch.autograd.grad(x**2, x, create_graph=True, only_inputs=True)
    assert (slope.item(), torch.autograd.grad(slope, x)[0].item()) == (6.0, 2.0)


def test_loaders_take_hints_about_how_to_load() -> None:
    data = TensorDataset(torch.arange(5))
    batches = [x.tolist() for (x,) in DataLoader(data, 2, False, None, None, 4, None, True, persistent_workers=True, prefetch_factor=2)]
    assert batches == [[0, 1], [2, 3], [4]]
    with pytest.raises(ValueError, match="num_workers option should be non-negative"):
        DataLoader(data, num_workers=-1)


def test_strings_in_a_batch_stay_as_they_come() -> None:
    (number, name), *_ = DataLoader([(1, "a"), (2, "b")], batch_size=2)
    assert (number.tolist(), name) == ([1, 2], ("a", "b"))


def test_a_sequential_keeps_every_module_that_was_appended() -> None:
    model = nn.Sequential({"first": nn.Linear(1, 2), "act": nn.ReLU(), "last": nn.Linear(2, 1)})
    model.append(nn.Tanh())
    del model[0]
    assert list(dict(model.named_children())) == ["0", "1", "2"]
    model.append(nn.Sigmoid())
    assert [type(m).__name__ for m in model] == ["ReLU", "Linear", "Tanh", "Sigmoid"]
    part = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())[1:]  # its modules are called 1 and 2
    part.append(nn.ELU())
    assert [type(m).__name__ for m in part] == ["Tanh", "Sigmoid", "ELU"]


def test_logistic_regression_by_hand_reaches_its_closed_form_gradient() -> None:
    stream = np.random.default_rng(0)
    x, y = stream.normal(size=(40, 3)), (stream.random(40) > 0.5).astype(float)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    for _ in range(3):
        p = torch.sigmoid(inputs @ w + b)
        loss = -(targets * torch.log(p) + (1 - targets) * torch.log(1 - p)).mean()
        loss.backward()
        probability = 1 / (1 + np.exp(-(x @ w.detach().numpy() + b.detach().numpy())))
        np.testing.assert_allclose(w.grad.numpy(), x.T @ (probability - y) / 40, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(b.grad.numpy(), [(probability - y).mean()], rtol=1e-12, atol=1e-15)
        with torch.no_grad():
            w -= 0.5 * w.grad
            b -= 0.5 * b.grad
        w.grad.zero_()
        b.grad = None


def test_gradient_accumulation_equals_the_large_batch() -> None:
    model = nn.Linear(3, 2).double()
    x, y = torch.randn(12, 3, dtype=torch.float64), torch.randint(0, 2, (12,))
    F.cross_entropy(model(x), y).backward()
    whole = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    for part, labels in zip(x.split(4), y.split(4), strict=True):
        (F.cross_entropy(model(part), labels) / 3).backward()
    for p, expected in zip(model.parameters(), whole, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), expected.numpy(), rtol=1e-12)


def test_newton_steps_by_double_backward_find_the_minimum_of_a_quadratic() -> None:
    a = np.array([[3.0, 1.0], [1.0, 2.0]])
    x = torch.tensor([5.0, -7.0], dtype=torch.float64, requires_grad=True)
    f = 0.5 * x @ torch.tensor(a) @ x - torch.tensor([1.0, 4.0], dtype=torch.float64) @ x
    (slope,) = torch.autograd.grad(f, x, create_graph=True)
    hessian = torch.stack([torch.autograd.grad(s, x, retain_graph=True)[0] for s in slope])
    np.testing.assert_allclose(hessian.numpy(), a, rtol=1e-14)
    step = np.linalg.solve(hessian.numpy(), slope.detach().numpy())
    np.testing.assert_allclose(x.detach().numpy() - step, np.linalg.solve(a, [1.0, 4.0]), rtol=1e-12)


def test_freezing_sets_the_gradient_aside_and_forgets_nothing() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (3 * x).sum().backward()
    later = (x**2).sum()
    kept = x.grad
    x.requires_grad_(False)
    assert (x.requires_grad, x.grad is kept, x.is_leaf) == (False, True, True)
    x.requires_grad = True
    assert x.grad is kept
    later.backward()  # recorded before x was frozen
    assert x.grad.tolist() == [5.0, 7.0]


def test_two_nets_that_are_frozen_in_turn_both_learn() -> None:
    maker, judge = nn.Linear(2, 2).double(), nn.Linear(2, 1).double()
    fake = maker(torch.ones(1, 2, dtype=torch.float64))
    maker.requires_grad_(False)
    judge(fake.detach()).sum().backward()
    maker.requires_grad_(True)
    judge.requires_grad_(False)
    judge(fake).sum().backward()
    np.testing.assert_allclose(maker.bias.grad.numpy(), judge.weight.numpy()[0], rtol=1e-15)
    np.testing.assert_allclose(judge.weight.grad.numpy(), fake.detach().numpy(), rtol=1e-15)


def test_what_lands_while_a_tensor_is_frozen_is_dropped() -> None:
    x = torch.ones(2, requires_grad=True)
    y = (x * 2).sum()
    x.requires_grad_(False)
    y.backward()
    assert x.grad is None
    assert x.requires_grad_().grad is None


def test_a_gradient_assigned_to_a_constant_asks_for_none() -> None:
    x = torch.ones(2)
    x.grad = torch.tensor([1.0, 2.0])
    assert (x.requires_grad, x.grad.tolist()) == (False, [1.0, 2.0])
    optim.SGD([x], lr=0.5).step()
    assert x.tolist() == [0.5, 0.0]
    x.grad = None
    assert x.grad is None


def test_parameter_groups_print_apart() -> None:
    a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    text = str(optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1))
    assert "    weight_decay: 0\n\nParameter Group 1\n" in text


def test_seeding_everything_also_works_without_a_gpu() -> None:
    def seed_everything(seed: int) -> None:
        torch.manual_seed(seed)
        torch.cuda.manual_seed(seed)
        torch.cuda.manual_seed_all(seed)

    seed_everything(7)
    first = torch.rand(3).tolist()
    seed_everything(7)
    assert torch.rand(3).tolist() == first


def used_up() -> Any:
    parameters = nn.Linear(2, 2).parameters()
    sum(p.numel() for p in parameters)
    return optim.SGD(parameters, lr=0.1)


def twice() -> None:
    loss = (torch.ones(2, requires_grad=True) ** 2).sum()
    loss.backward()
    loss.backward()


def row_write() -> None:
    torch.ones(3)[:2] = torch.ones(3)


MISTAKES: list[tuple[Any, type[Exception], str]] = [
    (lambda: nn.Linear(784, 10)(torch.ones(32, 1, 28, 28)), RuntimeError, r"linear: mat1 and mat2 shapes cannot be multiplied \(896x28 and 784x10.*Flatten the input"),
    (lambda: nn.Linear(2, 2)(torch.ones(1, 2, dtype=torch.int64)), RuntimeError, "linear: .*same dtype, but got float32 and int64. Convert one"),
    (lambda: F.cross_entropy(torch.ones(3, 2), torch.ones(3)), RuntimeError, r"cross_entropy: expected scalar type Long but found float32.*target\.long\(\)"),
    (lambda: F.cross_entropy(torch.ones(3, 2), torch.tensor([0, 1, 2])), IndexError, "^cross_entropy: Target 2 is out of bounds for 2 classes"),
    (lambda: F.binary_cross_entropy(torch.tensor([1.5]), torch.tensor([1.0])), RuntimeError, "^binary_cross_entropy: all elements of input should be between 0 and 1"),
    (twice, RuntimeError, "backward through the graph a second time.*retain_graph=True"),
    (lambda: torch.ones(2, requires_grad=True).add_(1), RuntimeError, "a leaf Variable that requires grad is being used in an in-place operation.*no_grad"),
    (lambda: torch.ones(2).sum().backward(), RuntimeError, "does not require grad and does not have a grad_fn.*requires_grad=True"),
    (lambda: torch.ones(2, requires_grad=True).numpy(), RuntimeError, r"Can't call numpy\(\) on Tensor that requires grad. Use tensor.detach\(\).numpy\(\)"),
    (lambda: torch.tensor([1, 2], requires_grad=True), RuntimeError, r"floating point.*this one is int64.*\.float\(\)"),
    (used_up, ValueError, "empty parameter list.*its iterator was used up before"),
    (lambda: nn.Linear(2, 3).load_state_dict(nn.Sequential(nn.Linear(2, 3)).state_dict()), RuntimeError, r'(?s)Unexpected key.*"0.weight".*Missing key.*Nothing was loaded'),
    (lambda: torch.cat([]), ValueError, "cat: expected a non-empty list of Tensors"),
    (lambda: torch.stack([]), RuntimeError, "stack: expected a non-empty list of Tensors"),
    (lambda: torch.cat(torch.ones(2), torch.ones(2)), TypeError, r"cat: argument 'tensors' must be a tuple or list of Tensors, not Tensor. Write cat\(\[a, b\]\)"),
    (lambda: torch.stack(torch.ones(2), torch.ones(2)), TypeError, "stack: argument 'tensors' must be"),
    (lambda: torch.ones(3)[torch.tensor([0, 7])], IndexError, r"^index 7 is out of bounds for dimension 0 with size 3"),
    (lambda: torch.ones(3).clamp(), RuntimeError, "^clamp: At least one of 'min' or 'max' must not be None"),
    (lambda: torch.where(torch.ones(3), 1.0, 2.0), RuntimeError, r"^where: expected condition to be a boolean tensor, but got a tensor with dtype float32.*\.bool\(\)"),
    (row_write, RuntimeError, r"^x\[\.\.\.\] = value: could not broadcast"),
]


@pytest.mark.parametrize(("mistake", "kind", "text"), MISTAKES, ids=[text[:40] for _, _, text in MISTAKES])
def test_ordinary_mistakes_are_named_with_their_fix(mistake: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        mistake()


def test_a_loss_over_shapes_that_only_broadcast_warns() -> None:
    with pytest.warns(UserWarning, match=r"target size \(\(3,\)\) that is different to the input size \(\(3, 1\)\).*broadcasting to \(3, 3\)"):
        F.mse_loss(torch.ones(3, 1), torch.zeros(3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert math.isclose(F.mse_loss(torch.ones(3), torch.zeros(3)).item(), 1.0)
