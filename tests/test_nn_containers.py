"""Modules that hold modules or parameters."""

from __future__ import annotations

import operator
from collections import OrderedDict

import pytest

import autograd_core as ag
import nn


def test_sequential():
    a, b, c = nn.Linear(2, 2), nn.ReLU(), nn.Tanh()
    model = nn.Sequential(a, b)
    assert model[0] is a
    assert model[-1] is b
    assert len(model) == 2
    assert list(model) == [a, b]
    assert model.append(c) is model
    assert model[2] is c
    assert type(model[:2]) is nn.Sequential
    assert model[:2][0] is a
    model[1] = c
    assert model[1] is c
    model.insert(0, b)
    assert list(model) == [b, a, c, c]
    del model[0]
    assert list(model.state_dict()) == ["0.weight", "0.bias"]
    assert model.pop(-1) is c
    assert len(model) == 2
    del model[:1]
    assert list(model) == [c]
    assert len(model + nn.Sequential(b)) == 2
    named = nn.Sequential(OrderedDict(first=a, second=b))
    assert named.first is a
    assert list(named.state_dict()) == ["first.weight", "first.bias"]
    assert named[0] is a
    assert named[:1].first is a
    del named[0]
    assert [name for name, _ in named.named_children()] == ["0"]  # as in PyTorch, the names become positions
    with pytest.raises(TypeError, match="not a Module"):
        nn.Sequential(lambda x: x)
    with pytest.raises(IndexError, match="out of range"):
        model[5]
    with pytest.raises(ValueError, match="only objects of Sequential"):
        operator.add(model, [b])


def test_module_list():
    items = [nn.Linear(1, 1) for _ in range(3)]
    held = nn.ModuleList(items)
    held += [nn.ReLU()]
    assert len(held) == 4
    assert items[0] in held
    assert nn.ReLU() not in held
    assert list(held[1:3]) == items[1:3]
    assert type(held[1:3]) is nn.ModuleList
    held.insert(1, nn.Tanh())
    assert isinstance(held[1], nn.Tanh)
    assert held[2] is items[1]
    assert list(held.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias", "3.weight", "3.bias"]
    assert len(operator.add(held, [nn.ReLU()])) == 6
    with pytest.raises(TypeError, match="iterable"):
        held.extend(3)
    with pytest.raises(IndexError):
        held.insert(9, nn.ReLU())
    with pytest.raises(NotImplementedError):
        held(1)


def test_module_dict():
    table = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.ReLU()})
    assert list(table) == ["a", "b"] == list(table.keys())
    assert "a" in table
    assert "c" not in table
    table["c"] = nn.Tanh()
    table["b"] = nn.Sigmoid()
    assert isinstance(table["b"], nn.Sigmoid)
    assert len(table) == 3
    assert list(table.state_dict()) == ["a.weight", "a.bias"]
    assert isinstance(table.pop("b"), nn.Sigmoid)
    assert [type(module) for module in table.values()] == [nn.Linear, nn.Tanh]
    with pytest.raises(KeyError):
        table["missing"]
    with pytest.raises(KeyError):
        del table["missing"]
    with pytest.raises(KeyError, match="already exists"):
        table["keys"] = nn.ReLU()
    table.clear()
    assert len(table) == 0


def test_parameter_list():
    held = nn.ParameterList([nn.Parameter(ag.ones(1)), ag.zeros(2)])
    held.append(ag.zeros(3))
    assert list(held.state_dict()) == ["0", "1", "2"]
    assert all(isinstance(p, nn.Parameter) for p in held)
    assert held[1].requires_grad
    model = nn.Module()
    model.weights = held
    assert [name for name, _ in model.named_parameters()] == ["weights.0", "weights.1", "weights.2"]
    with pytest.raises(TypeError, match="not int"):
        held.append(3)


def test_mlp():
    model = nn.MLP([2, 8, 4, 1], nn.Tanh, batch_norm=True, dropout=0.2)
    assert [type(layer).__name__ for layer in model] == ["Linear", "BatchNorm1d", "Tanh", "Dropout", "Linear", "BatchNorm1d", "Tanh", "Dropout", "Linear"]
    assert model[0].weight.dtype == "float32"
    assert nn.MLP([3, 2], bias=False, dtype=ag.float64).state_dict()["0.weight"].dtype == "float64"
    assert len(nn.MLP([3, 2])) == 1
    with pytest.raises(TypeError, match=r"pass the class nn\.Tanh rather than an instance"):
        nn.MLP([2, 3, 1], nn.Tanh())
    for sizes in ([3], [], [3, 0], [2.0, 1]):
        with pytest.raises(ValueError, match="at least two positive ints"):
            nn.MLP(sizes)
