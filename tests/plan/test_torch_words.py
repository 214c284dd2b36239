"""``compile`` as a PyTorch script writes it: on modules, in place, with torch.compile's arguments."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import autograd_core as torch
import nn
import optim


def network() -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5), nn.Tanh(), nn.Linear(3, 1))


X = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize("options", [
    {"mode": "reduce-overhead"}, {"mode": "max-autotune", "fullgraph": True}, {"mode": "default", "dynamic": True}, {"dynamic": False, "backend": "inductor"},
    {"options": {"triton.cudagraphs": True}},
])
def test_arguments_that_choose_how_to_compile_change_nothing(options: Any) -> None:
    @torch.compile(**options)
    def f(x: Any) -> Any:
        return x * 2

    assert [f(X).tolist() for _ in range(4)] == [(X * 2).tolist()] * 4
    assert len(f.plans) == 1


@pytest.mark.parametrize("options", [{"disable": True}, {"backend": "eager"}, {"backend": "aot_eager"}])
def test_what_asks_for_no_compiling_gets_the_function_itself(options: Any) -> None:
    model = network()
    assert torch.compile(model, **options) is model
    assert torch.compile(**options)(model) is model


@pytest.mark.parametrize(("options", "error", "match"), [
    ({"mode": "fast"}, RuntimeError, "compile: there is no mode 'fast'; there are 'default', 'reduce-overhead', 'max-autotune', 'max-autotune-no-cudagraphs'"),
    ({"mode": "default", "options": {"a": 1}}, RuntimeError, "compile: give mode or options, not both"),
    ({"backend": "tensorrt"}, ValueError, "compile: backend must be 'numpy', 'native' or 'auto', got 'tensorrt'"),
])
def test_arguments_that_mean_nothing(options: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        torch.compile(lambda x: x, **options)


def in_place(model: Any) -> Any:
    assert model.compile(mode="reduce-overhead") is None
    return model


@pytest.mark.parametrize("compiled", [torch.compile, in_place])
def test_a_training_loop_around_a_compiled_model_runs_and_says_what_would_be_faster(compiled: Any) -> None:
    plain, model = network(), compiled(network())
    losses: list[list[float]] = []
    for each in (plain, model):
        torch.manual_seed(1)
        optimizer = optim.SGD(each.parameters(), lr=0.1)
        losses.append([])
        for i in range(4):
            optimizer.zero_grad()
            if each is model and not i:
                with pytest.warns(UserWarning, match=r"compile: Sequential is called where gradients are recorded.*whole training step"):
                    loss = each(X).square().mean()
            else:
                loss = each(X).square().mean()
            loss.backward()
            optimizer.step()
            losses[-1].append(loss.item())
    assert losses[0] == losses[1]


@pytest.mark.parametrize("compiled", [torch.compile, in_place])
def test_inference_and_whole_steps_are_replayed(compiled: Any) -> None:
    plain, model = network().eval(), compiled(network())
    model.eval()
    assert not model.training
    assert list(model.state_dict()) == list(plain.state_dict())
    made = model if hasattr(model, "plans") else model.forward
    with torch.no_grad():
        for _ in range(4):
            assert model(X).flatten().tolist() == pytest.approx(plain(X).flatten().tolist())
        assert len(made.plans) == 1
        model.train()
        assert len({str(model(X).tolist()) for _ in range(9)}) > 1  # dropout is on
    optimizer = optim.SGD(model.parameters(), lr=0.0)

    @torch.compile
    def step() -> Any:
        optimizer.zero_grad()
        loss = model(X).sum()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(4):
        step()
    assert len(step.plans) == 1


def test_a_compiled_model_passes_on_what_is_asked_of_it() -> None:
    inner = network()
    model = torch.compile(inner)
    assert model[0] is inner[0]
    assert len(model) == 4
    assert model.eval() is model
    assert not inner.training
    assert model.double() is model
    assert inner[0].weight.dtype is torch.float64
    model.scale = 3.0
    assert inner.scale == 3.0
    assert isinstance(copy.deepcopy(model).function, nn.Sequential)
    assert "Sequential" in repr(model)
    with pytest.raises(AttributeError, match="nothing_like_this"):
        model.nothing_like_this


def test_the_mode_of_a_module_compiled_in_place_is_guarded() -> None:
    class Noisy(nn.Module):
        def forward(self, x: Any) -> Any:
            return nn.functional.dropout(x, 0.5, self.training)

    model = Noisy()
    model.compile()
    x = torch.ones(100)
    for _ in range(3):
        assert model(x).tolist() != x.tolist()
    model.eval()
    for _ in range(3):
        assert model(x).tolist() == x.tolist()
    assert copy.deepcopy(model).eval()(x).tolist() == x.tolist()
