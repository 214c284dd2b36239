"""The contract of compiled functions, each clause with the sentence that a user reads."""

from __future__ import annotations

import re
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core.plan import PlanError

STREAM = np.random.default_rng(0)


def draw(*shape: int) -> Any:
    return ag.from_numpy(STREAM.standard_normal(shape).astype(np.float32))


def bits(x: Any) -> bytes:
    return x.detach().numpy().tobytes()


# --- a whole training step ----------------------------------------------------------------------------------------

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
    "dampening": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "amsgrad": lambda p: optim.AdamW(p, lr=0.01, amsgrad=True),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.01),
}


def network(kind: str) -> Any:
    if kind == "mlp":
        return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 3)), (8, 6)
    if kind == "dropout":
        return nn.Sequential(nn.Linear(6, 16), nn.Dropout(0.3), nn.Linear(16, 3)), (8, 6)
    if kind == "batch norm":
        return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.GELU(), nn.Linear(16, 3)), (8, 6)
    if kind == "layer norm":
        return nn.Sequential(nn.Linear(6, 16), nn.LayerNorm(16), nn.SiLU(), nn.Linear(16, 3)), (8, 6)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3)), (8, 1, 8, 8)


def trainer(kind: str, optimizer: Any, loss_function: Any = nn.functional.cross_entropy) -> Any:
    ag.manual_seed(0)
    model, shape = network(kind)
    opt = optimizer(model.parameters())

    def step(x: Any, y: Any) -> Any:
        opt.zero_grad()
        loss = loss_function(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        return loss

    return model, opt, step, shape


def same_state(model: Any, opt: Any, twin: Any, twin_opt: Any) -> None:
    for (name, p), q in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert bits(p) == bits(q), name
        assert (p.grad is None) == (q.grad is None), name
        if p.grad is not None:
            assert bits(p.grad) == bits(q.grad), name
        for key, value in opt.state[p].items():
            assert bits(value) == bits(twin_opt.state[q][key]), (name, key)
    for (name, a), b in zip(model.named_buffers(), twin.buffers(), strict=True):
        assert bits(a) == bits(b), name


@pytest.mark.parametrize("kind", ["mlp", "dropout", "batch norm", "layer norm", "convolution"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_replayed_step_leaves_everything_as_eager_does(kind: str, optimizer: str) -> None:
    if kind != "mlp" and optimizer not in ("adam", "momentum"):
        kind = "mlp"
    model, opt, step, shape = trainer(kind, OPTIMIZERS[optimizer])
    twin, twin_opt, twin_step, _ = trainer(kind, OPTIMIZERS[optimizer])
    compiled = ag.compile(twin_step, exact=True)
    batches = [(draw(*shape), ag.tensor([i % 3 for i in range(8)])) for _ in range(6)]
    ag.manual_seed(1)
    losses = [step(*batch) for batch in batches]
    ag.manual_seed(1)
    twins = [compiled(*batch) for batch in batches]
    assert [bits(a) for a in losses] == [bits(b) for b in twins]
    same_state(model, opt, twin, twin_opt)
    assert len(compiled.plans) == 1


def test_learning_rates_and_schedulers_are_read_live() -> None:
    model, opt, step, shape = trainer("mlp", OPTIMIZERS["adam"])
    twin, twin_opt, twin_step, _ = trainer("mlp", OPTIMIZERS["adam"])
    compiled = ag.compile(twin_step, exact=True)
    schedulers = [optim.lr_scheduler.StepLR(o, step_size=1, gamma=0.5) for o in (opt, twin_opt)]
    for _ in range(6):
        batch = (draw(*shape), ag.tensor([0, 1, 2, 0, 1, 2, 0, 1]))
        assert bits(step(*batch)) == bits(compiled(*batch))
        for scheduler in schedulers:
            scheduler.step()
    same_state(model, opt, twin, twin_opt)
    assert len(compiled.plans) == 1


def test_several_optimizers_and_parameter_groups() -> None:
    def made() -> Any:
        ag.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
        first = optim.SGD([{"params": [model[0].weight], "lr": 0.3}, {"params": [model[0].bias]}], lr=0.1, momentum=0.9)
        second = optim.Adam(model[2].parameters(), lr=0.01)

        def step(x: Any, y: Any) -> Any:
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            first.step()
            second.step()
            first.zero_grad()
            second.zero_grad()
            return loss

        return model, step

    model, step = made()
    twin, twin_step = made()
    compiled = ag.compile(twin_step, exact=True)
    for _ in range(5):
        x, y = draw(4, 6), draw(4, 3)
        assert bits(step(x, y)) == bits(compiled(x, y))
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        assert bits(p) == bits(q)
        assert q.grad is None


def test_gradients_add_up_over_calls_as_in_eager() -> None:
    w, v = (ag.tensor([1.0, 2.0], requires_grad=True) for _ in range(2))

    def run(p: Any, x: Any) -> Any:
        loss = (p * x).exp().sum()
        loss.backward()
        return loss

    compiled = ag.compile(lambda x: run(v, x), exact=True)
    for i in range(6):
        x = ag.tensor([0.1 * i, 0.2])
        assert bits(run(w, x)) == bits(compiled(x))
        assert bits(w.grad) == bits(v.grad)
    gradient = v.grad
    compiled(x)
    assert v.grad is gradient  # the same Tensor, added to in place


def test_state_loaded_between_calls_is_seen() -> None:
    model, opt, step, shape = trainer("mlp", OPTIMIZERS["adam"])
    twin, twin_opt, twin_step, _ = trainer("mlp", OPTIMIZERS["adam"])
    compiled = ag.compile(twin_step, exact=True)
    batch = (draw(*shape), ag.tensor([0, 1, 2, 0, 1, 2, 0, 1]))
    saved, twin_saved = opt.state_dict(), twin_opt.state_dict()
    for i in range(9):
        if i == 4:
            opt.load_state_dict(saved)
            twin_opt.load_state_dict(twin_saved)
        assert bits(step(*batch)) == bits(compiled(*batch)), i
    same_state(model, opt, twin, twin_opt)


# --- what a plan depends on ---------------------------------------------------------------------------------------


def test_a_new_shape_dtype_grad_mode_or_number_gets_a_plan_of_its_own() -> None:
    calls: list[int] = []

    @ag.compile
    def f(x: Any, factor: float = 2.0) -> Any:
        calls.append(1)
        return (x * factor).sum().detach()

    for x in (draw(3), draw(4), draw(4).double()):
        for _ in range(3):
            assert f(x).item() == pytest.approx(2 * x.sum().item())
    assert len(calls) == 6
    for _ in range(3):
        f(x, 3.0)
    with ag.no_grad():
        for _ in range(3):
            f(x)
    assert len(calls) == 10
    assert len(f.plans) == 5


def test_the_training_flag_of_modules_is_guarded() -> None:
    layer = nn.Dropout(0.5)
    f = ag.compile(lambda x: layer(x))
    x = ag.ones(1000)
    for _ in range(3):
        assert bits(f(x)) != bits(x)
    layer.eval()
    for _ in range(3):
        assert bits(f(x)) == bits(x)
    layer.train()
    assert bits(f(x)) != bits(x)
    assert len(f.plans) == 2


def test_the_last_batch_may_be_smaller() -> None:
    model, opt, step, _ = trainer("batch norm", OPTIMIZERS["adam"])
    twin, twin_opt, twin_step, _ = trainer("batch norm", OPTIMIZERS["adam"])
    compiled = ag.compile(twin_step, exact=True)
    for _ in range(4):
        for size in (8, 8, 5):
            batch = (draw(size, 6), ag.tensor([0, 1, 2, 0, 1, 2, 0, 1][:size]))
            assert bits(step(*batch)) == bits(compiled(*batch))
    same_state(model, opt, twin, twin_opt)
    assert len(compiled.plans) == 2


def test_memory_assigned_to_a_parameter_is_seen() -> None:
    w = ag.tensor([1.0, 2.0], requires_grad=True)
    f = ag.compile(lambda x: (w * x).sum().detach())
    x = ag.tensor([1.0, 1.0])
    assert [f(x).item() for _ in range(3)] == [3.0] * 3
    w.data = ag.tensor([5.0, 5.0])
    assert f(x).item() == 10.0


def test_footgun_a_rebound_name_is_not_seen() -> None:
    scale = ag.tensor([2.0])
    f = ag.compile(lambda x: x * scale)
    x = ag.tensor([1.0])
    f(x), f(x)
    scale = ag.tensor([3.0])
    assert f(x).item() == 2.0  # the plan knows the tensor, not the name; write into it instead: scale.copy_(...)


# --- results ------------------------------------------------------------------------------------------------------


def test_returned_tensors_are_the_callers_own() -> None:
    f = ag.compile(lambda x: {"double": x * 2, "pair": (x + 1, [x.sum()])})
    results = [f(ag.tensor([float(i), 1.0])) for i in range(5)]
    assert [r["double"].tolist() for r in results] == [[2.0 * i, 2.0] for i in range(5)]
    assert [r["pair"][1][0].item() for r in results] == [i + 1.0 for i in range(5)]
    results[3]["double"].zero_()
    assert f(ag.tensor([1.0, 1.0]))["double"].tolist() == [2.0, 2.0]


def test_gradients_the_caller_keeps_are_not_overwritten() -> None:
    w = ag.tensor([1.0, 2.0], requires_grad=True)

    @ag.compile
    def f(x: Any) -> None:
        w.grad = None
        (w * x).sum().backward()

    kept = []
    for i in range(5):
        f(ag.tensor([float(i), 1.0]))
        kept.append(w.grad)
    assert [g.tolist() for g in kept] == [[float(i), 1.0] for i in range(5)]


def test_an_argument_that_is_returned_is_the_same_tensor() -> None:
    f = ag.compile(lambda x: x)
    x = ag.tensor([1.0])
    assert [f(x) is x for _ in range(3)] == [True] * 3


def test_writes_are_logged_so_that_older_graphs_notice() -> None:
    w = ag.tensor([1.0, 2.0], requires_grad=True)
    opt = optim.SGD([w], lr=0.1)

    @ag.compile
    def step() -> None:
        opt.zero_grad()
        (w * w).sum().backward()
        opt.step()

    for _ in range(3):
        step()
    loss = (w * w).sum()
    step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_views_and_in_place_writes() -> None:
    def run(x: Any, buffer: Any) -> Any:
        h = x.clone()
        h[0] += 1.0
        h.T[1].mul_(3.0)
        buffer.mul_(0.5)
        buffer[0] = h[0].sum()
        made = ag.zeros(2)
        made[1] = h.sum()
        return h, made

    eager, replayed = ag.ones(3), ag.ones(3)
    f = ag.compile(lambda x: run(x, replayed), exact=True)
    for _ in range(5):
        x = draw(2, 2)
        expected, actual = run(x, eager), f(x)
        assert [bits(t) for t in expected] == [bits(t) for t in actual]
        assert bits(eager) == bits(replayed)


def test_a_gradient_function() -> None:
    def gradients(x: Any, y: Any) -> Any:
        x = x.detach().requires_grad_()
        first = ag.autograd.grad((x.sin() * y).sum(), x, create_graph=True)[0]
        return first.detach(), ag.autograd.grad(first.sum(), x)[0]

    f = ag.compile(gradients, exact=True)
    for _ in range(4):
        x, y = draw(5), draw(5)
        assert [bits(g) for g in f(x, y)] == [bits(g) for g in gradients(x, y)]


def test_random_streams_continue() -> None:
    f = ag.compile(lambda x: nn.functional.dropout(x, 0.5))
    x = ag.ones(50)
    ag.manual_seed(3)
    replayed = [bits(f(x)) for _ in range(5)]
    ag.manual_seed(3)
    assert replayed == [bits(nn.functional.dropout(x, 0.5)) for _ in range(5)]


# --- what cannot be replayed --------------------------------------------------------------------------------------


def refused(f: Any, *args: Any, calls: int = 1) -> str:
    compiled = ag.compile(f)
    for _ in range(calls - 1):
        compiled(*args)
    with pytest.raises(PlanError) as caught:
        compiled(*args)
    assert "test_contract.py:" in str(caught.value) or "called while" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("what", "read"), [
    (".item() reads a value", lambda x: x.sum().item()),
    (".tolist() reads values", lambda x: x.tolist()),
    ("converting a tensor to a Python number reads a value", lambda x: float(x.sum())),
    ("the truth of a tensor is a value that decides which Python code runs", lambda x: 1 if x.sum() > 0 else 2),
    ("printing a tensor reads its values", lambda x: str(x)),
    ("the values of .numpy() are used outside the recorded ops", lambda x: x.numpy()),
])
def test_reading_a_value_names_the_line_and_the_rewrite(what: str, read: Any) -> None:
    text = refused(read, ag.tensor([1.0, 2.0]))
    assert text.startswith(f"compile: {what}, at ")
    assert "Return the tensor and read it after the call, or compute with it as a tensor (torch.where instead of if)" in text


@pytest.mark.filterwarnings("ignore:To copy construct")
def test_a_tensor_made_of_another_one() -> None:
    assert "Use tensor.clone(), tensor.detach() or tensor.to(dtype)" in refused(lambda x: ag.tensor(x), ag.ones(2))


def test_shapes_that_depend_on_values() -> None:
    text = refused(lambda x: x[x > 0], ag.tensor([1.0, -2.0]))
    assert "returns a shape that depends on values" in text
    assert "whose shapes are fixed" in text


def test_hooks() -> None:
    w = ag.tensor([1.0], requires_grad=True)
    assert "a hook would not be called by a replay" in refused(lambda: (w * 2).register_hook(print))
    w.register_hook(lambda g: g * 2)
    assert "a hook" in refused(lambda: (w * 2).sum().backward())


def test_a_scheduler_inside() -> None:
    opt = optim.SGD([ag.tensor([1.0], requires_grad=True)], lr=0.1)
    scheduler = optim.lr_scheduler.StepLR(opt, 1)
    opt.step()
    assert "Call scheduler.step() after the compiled function" in refused(lambda: scheduler.step())


def test_a_returned_tensor_with_a_graph() -> None:
    w = ag.tensor([1.0], requires_grad=True)
    assert "Call backward inside the compiled function, or return it .detach()ed" in refused(lambda: w * 2)


def test_a_number_that_changes_between_the_recorded_calls() -> None:
    count = iter(range(10))
    text = refused(lambda x: x * float(next(count)), ag.tensor([1.0]), calls=2)
    assert text.startswith("compile: input 1 of mul differs between the two recorded calls, 0.0 then 1.0, at ")


def test_data_made_inside_that_changes() -> None:
    count = iter(range(10))
    text = refused(lambda x: x * ag.tensor([float(next(count))]), ag.tensor([1.0]), calls=2)
    assert "[0.0] then [1.0]" in text


def test_other_ops_in_the_second_call() -> None:
    count = iter(range(10))
    text = refused(lambda x: x.sin() if next(count) else x.cos(), ag.tensor([1.0]), calls=2)
    assert text.startswith("compile: the two recorded calls did different things: cos at ")
    assert "pass it as an argument (each value gets a plan of its own), or compute both and choose with torch.where" in text


def test_a_recording_keeps_nothing_alive_but_what_it_captured() -> None:
    seen = []

    def f(x: Any) -> Any:
        h = x * 2
        seen.append(weakref.ref(h._array))
        return h.sum()

    ag.compile(f)(ag.ones(100))
    assert seen[0]() is None


def test_a_raw_array_as_argument() -> None:
    with pytest.raises(PlanError, match=r"Pass a Tensor: autograd_core\.from_numpy"):
        ag.compile(lambda x: x)(np.ones(3))


# --- threads ------------------------------------------------------------------------------------------------------


def test_a_concurrent_call_says_so() -> None:
    inside, go = threading.Event(), threading.Event()

    def slow(x: Any) -> Any:
        inside.set()
        go.wait(10)
        return x * 2

    f = ag.compile(slow)
    thread = threading.Thread(target=f, args=(ag.ones(2),))
    thread.start()
    inside.wait(10)
    with pytest.raises(PlanError, match="was called while another call of it runs"):
        f(ag.ones(2))
    go.set()
    thread.join()


def test_two_plans_run_side_by_side() -> None:
    def work(seed: int, found: list[Any]) -> None:
        w = ag.ones(50, requires_grad=True)
        opt = optim.SGD([w], lr=0.01 * seed)

        def step(x: Any) -> Any:
            opt.zero_grad()
            loss = ((w * x - 1) ** 2).sum()
            loss.backward()
            opt.step()
            return loss

        f = ag.compile(step)
        x = ag.full((50,), 0.1 * seed)
        for _ in range(100):
            f(x)
        found.append(bits(w))

    alone: list[Any] = []
    for seed in (1, 2):
        work(seed, alone)
    together: list[Any] = [[], []]
    threads = [threading.Thread(target=work, args=(seed, together[seed - 1])) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [t[0] for t in together] == alone


def test_a_compiled_function_inside_another_is_part_of_it() -> None:
    inner = ag.compile(lambda x: x * 2)
    outer = ag.compile(lambda x: inner(x) + 1)
    assert [outer(ag.tensor([3.0])).item() for _ in range(4)] == [7.0] * 4
    assert not inner.plans


@pytest.mark.parametrize("how", ["tensor", "detached", "view", "array", "none"])
def test_gradients_in_lent_memory_belong_to_who_holds_them(how: str) -> None:
    w = ag.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)

    @ag.compile
    def f(x: Any) -> None:
        w.grad = None
        ((w * x) * w).sum().backward()

    holds = {"tensor": lambda g: g, "detached": lambda g: g.detach(), "view": lambda g: g[0], "array": lambda g: g.numpy(), "none": lambda g: None}[how]
    kept = []
    for i in range(8):
        f(ag.full((2, 2), float(i)))
        kept.append((holds(w.grad), w.grad.tolist()))
    for held, expected in kept:
        if held is not None:
            assert held.tolist() == (expected[0] if how == "view" else expected)


@pytest.mark.parametrize("clip", [False, True])
def test_gradients_side_by_side_are_arrays_of_their_own(clip: bool) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    @ag.compile(exact=True, backend="numpy")
    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = model(x).square().sum()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
        return loss

    x = ag.ones(5, 3)
    for _ in range(4):
        step(x)
    assert step.plan.source().count("concatenate") <= clip  # of norms; no gradient is left to be joined
    assert len(re.findall(r"multiply\((d\d+), v\d+, out=\1\)", step.plan.source())) == clip  # all at once
    first, second = model[0].weight, model[0].bias
    product = (first.grad.detach().requires_grad_() ** 2).sum()
    second.grad.zero_()  # is no write to the gradient beside it
    product.backward()
    row, kept = first.grad[0], first.grad[0].tolist()
    step(x)
    assert row.tolist() == kept
    assert first.grad[0].tolist() != kept
