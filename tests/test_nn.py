"""Modules: what they hold and how it is named, calling, state, conversion, containers, initialisation, clipping."""

from __future__ import annotations

import copy
import gc
import math
import operator
import pickle
import weakref
from collections import OrderedDict

import numpy as np
import pytest

import autograd_core as ag
import nn
from autograd_core.op import COMPOSITES, REGISTRY


class Net(nn.Module):
    """A parameter, a buffer, a child and a list of children."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(ag.ones(2))
        self.register_buffer("mean", ag.zeros(2))
        self.register_buffer("seen", ag.zeros(1), persistent=False)
        self.head = nn.Linear(2, 3)
        self.blocks = nn.ModuleList([nn.Linear(3, 3), nn.Sequential(nn.Linear(3, 3), nn.Tanh())])

    def forward(self, x):
        x = self.head((x - self.mean) * self.scale)
        for block in self.blocks:
            x = block(x)
        return x


NAMES = ["scale", "head.weight", "head.bias", "blocks.0.weight", "blocks.0.bias", "blocks.1.0.weight", "blocks.1.0.bias"]


# --- what a module holds --------------------------------------------------------------------------------------------


def test_names_are_paths_in_the_order_of_assignment():
    net = Net()
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [name for name, _ in net.named_parameters(recurse=False)] == ["scale"]
    assert [name for name, _ in net.named_parameters(prefix="net")][:2] == ["net.scale", "net.head.weight"]
    assert [name for name, _ in net.named_buffers()] == ["mean", "seen"]
    assert [name for name, _ in net.named_modules()] == ["", "head", "blocks", "blocks.0", "blocks.1", "blocks.1.0", "blocks.1.1"]
    assert [name for name, _ in net.named_children()] == ["head", "blocks"]
    assert next(iter(net.parameters())) is net.scale
    assert list(net.children()) == [net.head, net.blocks]
    assert len(list(net.modules())) == 7


def test_a_shared_parameter_counts_once_under_its_first_name():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Linear(2, 2)
            self.b = nn.Linear(2, 2)
            self.b.weight = self.a.weight
            self.again = self.a

    tied = Tied()
    assert [name for name, _ in tied.named_parameters()] == ["a.weight", "a.bias", "b.bias"]
    assert [name for name, _ in tied.named_modules()] == ["", "a", "b"]
    everywhere = [name for name, _ in tied.named_parameters(remove_duplicate=False)]
    assert everywhere == ["a.weight", "a.bias", "b.weight", "b.bias", "again.weight", "again.bias"]
    assert list(tied.state_dict()) == everywhere


def test_lists_tuples_and_dicts_are_looked_into():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(1, 1), nn.Linear(1, 1, bias=False)]
            self.pair = (nn.Parameter(ag.zeros(1)), 3)
            self.table = {"x": [nn.Parameter(ag.zeros(2))], "y": "text"}

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    plain = Plain()
    assert [name for name, _ in plain.named_parameters()] == ["pair.0", "table.x.0", "layers.0.weight", "layers.0.bias", "layers.1.weight"]
    assert plain.get_submodule("layers.1") is plain.layers[1]
    assert "(layers.0): Linear(" in repr(plain)
    plain(ag.ones(1, 1)).sum().backward()
    assert plain.layers[0].weight.grad is not None


@pytest.mark.parametrize("kind", [set, frozenset])
def test_a_parameter_in_a_set_is_an_error(kind):
    module = nn.Module()
    module.weights = kind([nn.Parameter(ag.zeros(1))])
    with pytest.raises(TypeError, match=r"'weights' is a set that holds parameters.*no order"):
        list(module.parameters())
    module.weights = kind([1, 2])
    assert list(module.parameters()) == []


def test_a_module_that_holds_itself_or_its_parent_is_walked_once():
    net = Net()
    net.head.parent = net
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert set(net.state_dict()) == {*NAMES, "mean"}


def test_forgetting_super_init_does_no_harm():
    class Careless(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(2, 1)
            self.register_buffer("count", ag.zeros(1))

        def forward(self, x):
            return self.layer(x)

    careless = Careless().eval()
    assert list(careless.state_dict()) == ["count", "layer.weight", "layer.bias"]
    assert tuple(careless(ag.zeros(3, 2)).shape) == (3, 1)
    assert not careless.training


def test_forward_is_demanded():
    with pytest.raises(NotImplementedError, match=r'Module \[Empty\] is missing the required "forward" function'):
        type("Empty", (nn.Module,), {})()(1)


def test_looking_up_by_path():
    net = Net()
    assert net.get_submodule("") is net
    assert net.get_submodule("blocks.1.0") is net.blocks[1][0]
    assert net.get_parameter("head.bias") is net.head.bias
    assert net.get_buffer("mean") is net.mean
    with pytest.raises(AttributeError, match=r"Net has no module `heads`. Did you mean 'head'\?"):
        net.get_submodule("heads")
    with pytest.raises(AttributeError, match="no parameter `mean`"):
        net.get_parameter("mean")
    with pytest.raises(AttributeError, match="no buffer"):
        net.get_buffer("head")


# --- attributes -----------------------------------------------------------------------------------------------------


def test_a_parameter_is_not_replaced_by_something_else():
    net = Net()
    for wrong in (ag.zeros(2), 3.0, [1.0]):
        with pytest.raises(TypeError, match=r"cannot assign '\w+' as parameter 'scale' \(nn.Parameter or None expected\)"):
            net.scale = wrong
    with pytest.raises(TypeError, match="as child module 'head'"):
        net.head = ag.zeros(2)
    with pytest.raises(TypeError, match="to buffer 'mean'"):
        net.mean = 3.0
    assert [name for name, _ in net.named_parameters()] == NAMES
    net.mean = ag.ones(2)
    assert [name for name, _ in net.named_buffers()] == ["mean", "seen"]
    net.scale = nn.Parameter(ag.zeros(2))
    net.head = nn.Identity()
    net.mean = None
    assert next(iter(net.state_dict())) == "scale"
    net.mean = ag.ones(2)
    assert "mean" in net.state_dict()
    del net.scale
    del net.mean
    net.mean = ag.ones(2)
    assert list(net.state_dict()) == NAMES[3:]


def test_registering():
    module = nn.Module()
    module.register_parameter("w", nn.Parameter(ag.zeros(1)))
    module.register_parameter("b", None)
    module.register_module("child", nn.Identity())
    module.add_module("none", None)
    assert module.b is None
    assert module.none is None
    assert list(module.state_dict()) == ["w"]
    for register, value in ((module.register_parameter, nn.Parameter(ag.zeros(1))), (module.register_buffer, ag.zeros(1)), (module.add_module, nn.Identity())):
        with pytest.raises(KeyError, match="already exists"):
            register("forward", value)
        with pytest.raises(KeyError, match="contain"):
            register("a.b", value)
        with pytest.raises(KeyError, match="empty string"):
            register("", value)
        with pytest.raises(TypeError, match="should be a string"):
            register(3, value)
        with pytest.raises(TypeError):
            register("new", "text")
    assert list(module.state_dict()) == ["w"]


def test_buffer_marks_an_attribute():
    module = nn.Module()
    module.kept = nn.Buffer(ag.zeros(2))
    module.passing = nn.Buffer(ag.zeros(2), persistent=False)
    module.free = ag.zeros(2)
    assert [name for name, _ in module.named_buffers()] == ["kept", "passing"]
    assert list(module.state_dict()) == ["kept"]
    module.passing = ag.ones(2)
    module.kept = ag.ones(2)
    assert list(module.state_dict()) == ["kept"]
    module.kept = nn.Parameter(ag.ones(2))
    assert [name for name, _ in module.named_parameters()] == ["kept"]
    assert [name for name, _ in module.named_buffers()] == ["passing"]


def test_parameter():
    data = ag.tensor([1.0, 2.0])
    parameter = nn.Parameter(data)
    assert isinstance(parameter, ag.Tensor)
    assert parameter.is_leaf
    assert parameter.requires_grad
    with ag.no_grad():
        parameter.mul_(3)
    assert data.tolist() == [3.0, 6.0]
    assert type(parameter * 1) is ag.Tensor
    assert repr(parameter).startswith("Parameter containing:\n")
    assert not nn.Parameter(ag.tensor([1, 2]), requires_grad=False).requires_grad
    with pytest.raises(RuntimeError, match="floating point"):
        nn.Parameter(ag.tensor([1, 2]))
    x = ag.tensor([1.0], requires_grad=True)
    assert nn.Parameter(x * 2).is_leaf
    for twin in (copy.deepcopy(parameter), pickle.loads(pickle.dumps(parameter))):
        assert type(twin) is nn.Parameter
        assert twin.requires_grad
        assert twin is not parameter
        assert twin.tolist() == parameter.tolist()
    assert nn.Parameter().numel() == 0


# --- calling --------------------------------------------------------------------------------------------------------


def test_scope_is_the_path_of_the_module():
    net = Net()
    seen = {}

    def note(module, args, output):
        seen[module] = output.grad_fn.scope

    for module in net.modules():
        module.register_forward_hook(note)
    for _ in range(2):
        seen.clear()
        outside = ag.ones(1, 2, requires_grad=True) * 2
        net(outside)
        assert outside.grad_fn.scope is None
        assert {name: seen.get(module) for name, module in net.named_modules()} == {
            "": "blocks.1.1", "head": "head", "blocks": None, "blocks.0": "blocks.0", "blocks.1": "blocks.1.1", "blocks.1.0": "blocks.1.0",
            "blocks.1.1": "blocks.1.1"}
    assert [parameter.name for parameter in net.parameters()] == NAMES


def test_scope_of_the_outermost_module_is_its_class():
    class Doubled(nn.Module):
        def forward(self, x):
            return x * 2

    double = Doubled()
    x = ag.ones(1, requires_grad=True)
    assert double(x).grad_fn.scope == "Doubled"
    assert nn.Sequential(double)(x).grad_fn.scope == "0"
    assert double(x).grad_fn.scope == "Doubled"


def test_scope_follows_a_module_that_moves():
    class Doubled(nn.Module):
        def forward(self, x):
            return x * 2

    model = nn.Sequential(nn.Identity(), Doubled())
    x = ag.ones(1, requires_grad=True)
    assert model(x).grad_fn.scope == "1"
    model[0] = model[1]
    model[1] = nn.Identity()
    assert model(x).grad_fn.scope == "0"
    outer = nn.Module()
    outer.inner = model
    outer.forward = outer.inner
    assert outer(x).grad_fn.scope == "inner.0"


def test_scope_is_left_after_an_error():
    class Failing(nn.Module):
        def forward(self, x):
            raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        nn.Sequential(Failing())(1)
    assert (ag.ones(1, requires_grad=True) * 2).grad_fn.scope is None


def test_a_users_name_of_a_parameter_stays_and_a_larger_model_extends_the_path():
    layer = nn.Linear(1, 1)
    layer.bias.name = "offset"
    layer(ag.ones(1, 1))
    assert [parameter.name for parameter in layer.parameters()] == ["weight", "offset"]
    nn.Sequential(nn.Identity(), layer)(ag.ones(1, 1))
    assert [parameter.name for parameter in layer.parameters()] == ["1.weight", "offset"]
    layer(ag.ones(1, 1))
    assert layer.weight.name == "1.weight"


def test_hooks():
    layer = nn.Identity()
    calls = []
    before = layer.register_forward_pre_hook(lambda module, args: calls.append("pre") or args[0] + 1)
    after = layer.register_forward_hook(lambda module, args, output: calls.append("post") or output * 10)
    first = layer.register_forward_pre_hook(lambda module, args: calls.append("first"), prepend=True)
    assert layer(1) == 20
    assert calls == ["first", "pre", "post"]
    before.remove()
    before.remove()
    first.remove()
    assert layer(1) == 10
    after.remove()
    assert layer(1) == 1


def test_hooks_with_keyword_arguments():
    class Power(nn.Module):
        def forward(self, x, exponent=1):
            return x**exponent

    power = Power()
    power.register_forward_pre_hook(lambda module, args, kwargs: (args, {"exponent": 3}), with_kwargs=True)
    power.register_forward_hook(lambda module, args, kwargs, output: output + kwargs["exponent"], with_kwargs=True)
    assert power(2, exponent=2) == 11
    bad = nn.Identity()
    bad.register_forward_pre_hook(lambda module, args, kwargs: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match="new_args, new_kwargs"):
        bad(1)


def test_calling_leaves_no_cycles():
    net = Net()
    gc.collect()
    gc.disable()
    try:
        net(ag.ones(1, 2)).sum().backward()
        reference = weakref.ref(net)
        del net
        assert reference() is None
    finally:
        gc.enable()


# --- changing all of it ---------------------------------------------------------------------------------------------


def test_train_and_eval():
    net = Net()
    assert net.training
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    assert all(module.training for module in net.train().modules())
    with pytest.raises(ValueError, match="expected to be boolean"):
        net.train("yes")


def test_apply_calls_children_first():
    order = []
    net = Net()
    assert net.apply(order.append) is net
    assert order[0] is net.head
    assert order[-1] is net
    assert len(order) == 7


def test_zero_grad_and_requires_grad():
    net = Net()
    net(ag.ones(1, 2)).sum().backward()
    kept = net.scale.grad
    net.zero_grad(set_to_none=False)
    assert net.scale.grad is kept
    assert kept.tolist() == [0.0, 0.0]
    net.zero_grad()
    assert all(parameter.grad is None for parameter in net.parameters())
    net.requires_grad_(False)
    assert not net(ag.ones(1, 2)).requires_grad
    assert net.requires_grad_().head.weight.requires_grad


def test_to_converts_in_place():
    net = Net()
    net.register_buffer("count", ag.tensor(3))
    net(ag.ones(1, 2)).sum().backward()
    scale, grad = net.scale, net.scale.grad
    assert net.double() is net
    assert net.scale is scale
    assert scale.grad is grad
    assert {p.dtype.name for p in net.parameters()} == {p.grad.dtype.name for p in net.parameters()} == {"float64"}
    assert net.mean.dtype == "float64"
    assert net.count.dtype == "int64"
    net(ag.ones(1, 2, dtype=ag.float64)).sum().backward()
    assert net.half().scale.dtype == "float16"
    assert net.float().scale.dtype == "float32"
    assert net.to(ag.float64).scale.dtype == "float64"
    assert net.to("cpu").cpu().to(ag.zeros(1)).scale.dtype == "float32"
    assert net.to(dtype=ag.float64).scale.dtype == "float64"
    with pytest.raises(TypeError, match="only accepts floating point"):
        net.to(ag.int64)
    assert net.scale.dtype == "float64"


def test_deepcopy_and_pickle():
    net = Net().eval()
    x = ag.ones(1, 2)
    expected = net(x).tolist()
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert twin(x).tolist() == expected
        assert not twin.training
        with ag.no_grad():
            twin.scale.mul_(0)
        assert list(twin.state_dict()) == list(net.state_dict())
        assert twin.head.weight.requires_grad
    assert net(x).tolist() == expected


# --- state ----------------------------------------------------------------------------------------------------------


def test_state_dict_shares_memory_and_has_no_graph():
    net = Net()
    state = net.state_dict()
    assert list(state) == ["scale", "mean", *NAMES[1:]]
    assert not any(value.requires_grad for value in state.values())
    with ag.no_grad():
        net.scale.fill_(7)
    assert state["scale"].tolist() == [7.0, 7.0]
    assert net.state_dict(keep_vars=True)["scale"] is net.scale
    assert next(iter(net.state_dict(prefix="net."))) == "net.scale"


def test_load_state_dict():
    source, target = Net(), Net()
    weight = target.head.weight
    result = target.load_state_dict(source.state_dict())
    assert result.missing_keys == []
    assert result.unexpected_keys == []
    assert "All keys matched" in repr(result)
    assert target.head.weight is weight
    assert weight.tolist() == source.head.weight.tolist()
    with ag.no_grad():
        source.head.weight.zero_()
    assert weight.tolist() != source.head.weight.tolist()
    target.load_state_dict({name: value.numpy().astype(np.float64) for name, value in source.state_dict().items()})
    assert weight.tolist() == source.head.weight.tolist()
    assert weight.dtype == "float32"
    target.load_state_dict(source.double().state_dict(), assign=True)
    assert target.head.weight is weight
    assert weight.dtype == "float64"
    assert weight.requires_grad


def test_loading_by_assignment_keeps_gradients_possible():
    net = Net()
    with pytest.raises(RuntimeError, match="dtype mismatch for scale: int64.*requires grad"):
        net.load_state_dict({"scale": ag.tensor([1, 2])}, strict=False, assign=True)
    net.load_state_dict({"scale": ag.tensor([1, 2])}, strict=False)
    assert net.scale.tolist() == [1.0, 2.0]
    with pytest.raises(RuntimeError, match="complex64 from checkpoint"):
        net.load_state_dict({"scale": ag.zeros(2, dtype=ag.complex64)}, strict=False)


def test_load_state_dict_lists_everything_wrong_and_loads_nothing():
    net = Net()
    before = {name: value.tolist() for name, value in net.state_dict().items()}
    state = {name: value + 1 for name, value in net.state_dict().items()}
    del state["mean"]
    state["stranger"] = ag.zeros(1)
    state["head.weight"] = ag.zeros(5, 5)
    state["head.bias"] = "text"
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    text = str(caught.value)
    assert text.startswith("Error(s) in loading state_dict for Net:")
    assert 'Missing key(s) in state_dict: "mean"' in text
    assert 'Unexpected key(s) in state_dict: "stranger"' in text
    assert "size mismatch for head.weight: copying a param with shape (5, 5) from checkpoint, the shape in current model is (3, 2)." in text
    assert 'named "head.bias"' in text
    assert {name: value.tolist() for name, value in net.state_dict().items()} == before
    with pytest.raises(TypeError, match="dict-like"):
        net.load_state_dict([1])


def test_load_state_dict_not_strict():
    net = Net()
    result = net.load_state_dict({"scale": ag.zeros(2), "stranger": ag.zeros(1)}, strict=False)
    assert result.unexpected_keys == ["stranger"]
    assert result.missing_keys == ["mean", *NAMES[1:]]
    assert "stranger" in repr(result)
    assert net.scale.tolist() == [0.0, 0.0]
    with pytest.raises(RuntimeError, match="size mismatch"):
        net.load_state_dict({"scale": ag.zeros(3)}, strict=False)


def test_state_with_numbers_without_dimensions():
    norm = nn.BatchNorm1d(2)
    norm(ag.randn(4, 2))
    other = nn.BatchNorm1d(2)
    other.load_state_dict(norm.state_dict())
    assert other.num_batches_tracked.item() == 1
    norm(ag.randn(4, 2))
    assert norm.num_batches_tracked.item() == 2
    assert other.num_batches_tracked.item() == 1


# --- showing --------------------------------------------------------------------------------------------------------


def test_repr():
    assert repr(nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Dropout(0.1)))) == (
        "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (1): Sequential(\n    (0): ReLU()\n    (1): Dropout(p=0.1, inplace=False)\n  )\n)")
    assert repr(nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Tanh()])) == "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)"
    assert repr(nn.Sequential()) == "Sequential()"
    assert "(0): Parameter of shape (2,) float32" in repr(nn.ParameterList([ag.zeros(2)]))


# --- containers -----------------------------------------------------------------------------------------------------


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
    assert [name for name, _ in named.named_children()] == ["second"]
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
    for sizes in ([3], [], [3, 0], [2.0, 1]):
        with pytest.raises(ValueError, match="at least two positive ints"):
            nn.MLP(sizes)


# --- layers' own errors ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("make", "error", "match"), [
    (lambda: nn.Dropout(1.5), ValueError, "between 0 and 1"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels must be divisible"),
    (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels must be divisible"),
    (lambda: nn.Conv2d(4, 3, 3, groups=0), ValueError, "groups must be a positive"),
    (lambda: nn.Conv2d(4, 3, 3, padding="half"), ValueError, "Invalid padding string"),
    (lambda: nn.Conv2d(4, 3, 3, padding="same", stride=2), ValueError, "not supported for strided"),
    (lambda: nn.Conv2d(4, 3, 3, padding_mode="reflect"), ValueError, "padding_mode must be 'zeros'"),
    (lambda: nn.Embedding(3, 2, padding_idx=3), ValueError, "within num_embeddings"),
    (lambda: nn.Embedding(3, 2, sparse=True), ValueError, "not supported"),
    (lambda: nn.Embedding.from_pretrained(ag.zeros(3)), ValueError, "2-dimensional"),
    (lambda: nn.MultiheadAttention(5, 2), ValueError, "divisible by num_heads"),
    (lambda: nn.MultiheadAttention(0, 2), ValueError, "greater than 0"),
    (lambda: nn.MSELoss("average"), ValueError, "not a valid value for reduction"),
    (lambda: nn.Hardtanh(1, 0), ValueError, "max_val must be larger"),
    (lambda: nn.BatchNorm1d(3)(ag.zeros(3)), ValueError, "expected 2D or 3D input"),
    (lambda: nn.BatchNorm2d(3)(ag.zeros(3, 3)), ValueError, "expected 4D input"),
    (lambda: nn.Linear(3, 2)(ag.zeros(4, 5)), RuntimeError, r"\(4, 5\)"),
    (lambda: nn.MultiheadAttention(4, 2)(ag.zeros(2, 1, 3), ag.zeros(2, 1, 3), ag.zeros(2, 1, 3)), RuntimeError, "embedding dimensions of 4"),
    (lambda: nn.MultiheadAttention(4, 2)(ag.zeros(2, 4), ag.zeros(2, 1, 4), ag.zeros(2, 1, 4)), RuntimeError, "3 dimensions"),
    (lambda: nn.MultiheadAttention(4, 2)(ag.zeros(2, 1, 4), ag.zeros(2, 3, 4), ag.zeros(2, 3, 4)), RuntimeError, "same batch size"),
    (lambda: nn.MultiheadAttention(4, 2)(*[ag.zeros(2, 1, 4)] * 3, attn_mask=ag.zeros(3, 3)), RuntimeError, "attn_mask"),
    (lambda: nn.MultiheadAttention(4, 2)(*[ag.zeros(2, 1, 4)] * 3, key_padding_mask=ag.zeros(3, 3)), RuntimeError, "key_padding_mask"),
    (lambda: nn.MultiheadAttention(4, 2)(*[ag.zeros(2, 1, 4)] * 3, is_causal=True), RuntimeError, "need attn_mask"),
    (lambda: nn.MultiheadAttention(4, 2)(*[ag.zeros(2, 1, 4)] * 3, attn_mask=ag.zeros(2, 2, dtype=ag.int64)), TypeError, "bool and floating"),
])
def test_errors(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_dropout_only_in_training():
    ag.manual_seed(0)
    layer = nn.Dropout(0.25)
    x = ag.ones(4000)
    dropped = layer(x)
    assert set(np.unique(dropped.numpy()).tolist()) == {0.0, np.float32(1 / 0.75).item()}
    assert abs((dropped == 0).to(ag.float64).mean().item() - 0.25) < 5 * math.sqrt(0.25 * 0.75 / 4000)
    assert layer.eval()(x).tolist() == x.tolist()


def test_layers_can_be_made_in_a_dtype():
    for layer in (nn.Linear(2, 2, dtype=ag.float64), nn.Conv2d(1, 1, 1, dtype=ag.float64), nn.BatchNorm2d(1, dtype=ag.float64),
                  nn.LayerNorm(2, dtype=ag.float64),
                  nn.Embedding(2, 2, dtype=ag.float64), nn.MultiheadAttention(2, 1, dtype=ag.float64), nn.PReLU(dtype=ag.float64)):
        assert {p.dtype.name for p in layer.parameters()} == {"float64"}


# --- nn.functional, nn.init, nn.utils -------------------------------------------------------------------------------


def test_functional_exports_what_the_declarations_say():
    declared = {name for table in (REGISTRY, COMPOSITES) for entry in table.values() if "nn.functional" in entry.places
                for name in (entry.name, *entry.aliases, *([f"{entry.name}_"] if entry.inplace else []))}
    exported = set(nn.functional.__all__)
    assert declared == exported
    for name in exported:
        assert callable(getattr(nn.functional, name))
        assert getattr(ag, name, getattr(nn.functional, name)) is getattr(nn.functional, name)


def spread(tensor: ag.Tensor) -> tuple[float, float, float, float]:
    values = tensor.to(ag.float64)
    return values.mean().item(), values.std().item(), values.min().item(), values.max().item()


def test_init_distributions():
    generator = ag.Generator().manual_seed(1)
    weight = ag.empty(200, 100)
    count = weight.numel()

    def check(filled, mean, std, low=-math.inf, high=math.inf):
        assert filled is weight
        found_mean, found_std, found_low, found_high = spread(weight)
        assert abs(found_mean - mean) < 5 * std / math.sqrt(count)
        assert abs(found_std - std) < 0.03 * std
        assert low - 1e-6 <= found_low
        assert found_high <= high + 1e-6

    init = nn.init
    check(init.uniform_(weight, -1, 3, generator=generator), 1, 4 / math.sqrt(12), -1, 3)
    check(init.normal_(weight, 2, 0.5, generator=generator), 2, 0.5)
    bound = math.sqrt(6 / 300)
    check(init.xavier_uniform_(weight, gain=2, generator=generator), 0, 2 * bound / math.sqrt(3), -2 * bound, 2 * bound)
    check(init.xavier_normal_(weight, generator=generator), 0, math.sqrt(2 / 300))
    check(init.kaiming_normal_(weight, nonlinearity="relu", generator=generator), 0, math.sqrt(2 / 100))
    check(init.kaiming_normal_(weight, mode="fan_out", nonlinearity="tanh", generator=generator), 0, 5 / 3 / math.sqrt(200))
    check(init.kaiming_uniform_(weight, a=math.sqrt(5), generator=generator), 0, 0.1 / math.sqrt(3), -0.1, 0.1)
    check(init.trunc_normal_(weight, generator=generator), 0, 0.8796, -2, 2)
    check(init.trunc_normal_(weight, mean=1, std=2, a=0, b=math.inf, generator=generator), 1 + 2 * 0.50916, 2 * math.sqrt(1 - 0.50916 * (0.50916 + 0.5)), 0)
    tail_mean = (math.exp(-8) - math.exp(-12.5)) / math.sqrt(2 * math.pi) / (0.5 * (math.erf(5 / math.sqrt(2)) - math.erf(4 / math.sqrt(2))))
    init.trunc_normal_(weight, a=4, b=5, generator=generator)
    assert abs(spread(weight)[0] - tail_mean) < 0.01
    assert spread(weight)[2] >= 4
    assert spread(weight)[3] <= 5


def test_init_constants():
    assert nn.init.constant_(ag.empty(2), 3.0).tolist() == [3.0, 3.0]
    assert nn.init.ones_(ag.empty(2)).tolist() == [1.0, 1.0]
    assert nn.init.zeros_(nn.Parameter(ag.ones(2))).tolist() == [0.0, 0.0]
    assert nn.init.eye_(ag.empty(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    kernel = nn.init.dirac_(ag.empty(4, 2, 3, 3), groups=2)
    x = ag.randn(1, 4, 5, 5)
    np.testing.assert_array_equal(nn.functional.conv2d(x, kernel, padding=1, groups=2).numpy(), x.numpy())


def test_init_is_independent_of_other_draws_and_records_nothing():
    layer = nn.Linear(3, 2)
    first = nn.init.kaiming_uniform_(layer.weight, generator=ag.Generator().manual_seed(3)).tolist()
    ag.rand(5)
    assert nn.init.kaiming_uniform_(layer.weight, generator=ag.Generator().manual_seed(3)).tolist() == first
    assert layer.weight.is_leaf
    assert layer.weight.requires_grad
    ag.manual_seed(5)
    a = nn.Linear(3, 2).weight.tolist()
    ag.manual_seed(5)
    assert nn.Linear(3, 2).weight.tolist() == a


def test_linear_starts_within_the_bound():
    layer = nn.Linear(25, 1000)
    for values in (layer.weight, layer.bias):
        assert values.abs().max().item() <= 0.2
        assert values.abs().max().item() > 0.19


def test_init_errors():
    with pytest.raises(ValueError, match="fewer than 2 dimensions"):
        nn.init.xavier_uniform_(ag.empty(3))
    with pytest.raises(ValueError, match="Mode"):
        nn.init.kaiming_normal_(ag.empty(3, 3), mode="middle")
    with pytest.raises(ValueError, match="Unsupported nonlinearity"):
        nn.init.calculate_gain("other")
    with pytest.raises(ValueError, match="a < b"):
        nn.init.trunc_normal_(ag.empty(3), a=2, b=1)
    with pytest.raises(ValueError, match="2 dimensions"):
        nn.init.eye_(ag.empty(3))
    with pytest.raises(ValueError, match="3, 4, or 5"):
        nn.init.dirac_(ag.empty(3, 3))
    with pytest.warns(UserWarning, match="zero-element"):
        nn.init.kaiming_uniform_(ag.empty(0, 3))
    assert nn.init.calculate_gain("leaky_relu", 1.0) == 1.0


def with_gradients(*gradients: list[float]) -> list[ag.Tensor]:
    parameters = [nn.Parameter(ag.zeros(len(g))) for g in gradients]
    for parameter, g in zip(parameters, gradients, strict=True):
        parameter.grad = ag.tensor(g)
    return parameters


@pytest.mark.parametrize(("order", "norm"), [(2.0, 13.0), (1.0, 19.0), (math.inf, 12.0), (3, (27 + 64 + 1728) ** (1 / 3))])
def test_clip_grad_norm(order, norm):
    parameters = [*with_gradients([3.0, -4.0], [12.0]), nn.Parameter(ag.zeros(1))]
    gradient = parameters[0].grad
    total = nn.utils.clip_grad_norm_(iter(parameters), 1.0, norm_type=order)
    assert total.item() == pytest.approx(norm, rel=1e-6)
    assert parameters[0].grad is gradient
    np.testing.assert_allclose(gradient.numpy(), np.array([3.0, -4.0]) / norm, rtol=1e-5)
    assert nn.utils.clip_grad_norm_(parameters, 100.0).item() <= norm
    np.testing.assert_allclose(gradient.numpy(), np.array([3.0, -4.0]) / norm, rtol=1e-5)


def test_clip_grad_norm_of_nothing_and_of_infinity():
    assert nn.utils.clip_grad_norm_([nn.Parameter(ag.zeros(1))], 1.0).item() == 0.0
    (parameter,) = with_gradients([math.inf, 1.0])
    with pytest.raises(RuntimeError, match="non-finite"):
        nn.utils.clip_grad_norm_(parameter, 1.0, error_if_nonfinite=True)
    assert parameter.grad.tolist() == [math.inf, 1.0]


def test_clip_grad_value():
    parameters = with_gradients([3.0, -4.0], [0.5])
    nn.utils.clip_grad_value_(parameters, 1)
    assert [p.grad.tolist() for p in parameters] == [[1.0, -1.0], [0.5]]


def test_parameters_as_a_vector():
    layer = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(layer.parameters())
    assert tuple(vector.shape) == (9,)
    assert vector.requires_grad
    nn.utils.vector_to_parameters(ag.arange(9, dtype=ag.float32), layer.parameters())
    assert layer.weight.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert layer.bias.tolist() == [6, 7, 8]
    with pytest.raises(RuntimeError, match="9 elements"):
        nn.utils.vector_to_parameters(ag.zeros(8), layer.parameters())
    with pytest.raises(TypeError, match="expected a Tensor"):
        nn.utils.vector_to_parameters([1.0], layer.parameters())


def test_a_small_network_learns():
    ag.manual_seed(0)
    x = ag.randn(64, 2)
    target = (x[:, :1] * x[:, 1:]).detach()
    model = nn.MLP([2, 16, 1], nn.Tanh)
    criterion = nn.MSELoss()
    first = criterion(model(x), target).item()
    for _ in range(200):
        loss = criterion(model(x), target)
        model.zero_grad()
        loss.backward()
        with ag.no_grad():
            for parameter in model.parameters():
                parameter.sub_(0.3 * parameter.grad)
    assert criterion(model(x), target).item() < 0.2 * first
