"""Modules: what they hold and how it is named, calling, state, conversion."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import autograd_core as ag
import nn


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


def test_finding_scopes_takes_one_walk_for_each_container(monkeypatch):
    walks = []
    walk = nn.Module.named_modules
    monkeypatch.setattr(nn.Module, "named_modules", lambda self, *args, **options: walks.append(self) or walk(self, *args, **options))
    model = nn.Sequential(*[nn.Sequential(nn.Identity(), nn.Identity()) for _ in range(50)])
    model(ag.ones(1))
    walks = [each for each in walks if isinstance(each, nn.Sequential)]
    assert walks.count(model) <= 2
    assert len(walks) <= 3 * 51


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
    with pytest.raises(RuntimeError, match=r"dtype mismatch for scale: int64.*requires grad"):
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
