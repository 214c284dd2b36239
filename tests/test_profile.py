"""``profile()``: exact counts and bytes, times that add up, the memory peak, traces, and that it changes nothing."""

from __future__ import annotations

import contextvars
import gc
import json
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core as ag
import nn
import optim
from autograd_core import fastpath, profile
from autograd_core.config import get_mode
from autograd_core.op import REGISTRY, Op
from autograd_core.profiler import record_function

from .registry.cases import GOOD, Case, arguments, call, leaves, results, tensors

BATCH, IN, HIDDEN, OUT = 8, 10, 20, 3
F32 = 4


class Net(nn.Module):
    def __init__(self) -> None:
        self.first = nn.Linear(IN, HIDDEN)
        self.second = nn.Linear(HIDDEN, OUT)

    def forward(self, x: ag.Tensor) -> ag.Tensor:
        return self.second(self.first(x).tanh())


def problem() -> tuple[Net, Any, ag.Tensor, ag.Tensor]:
    ag.manual_seed(0)
    model = Net()
    return model, optim.SGD(model.parameters(), lr=0.1), ag.randn(BATCH, IN), ag.randn(BATCH, OUT)


def step(model: Net, optimizer: Any, x: ag.Tensor, y: ag.Tensor) -> ag.Tensor:
    optimizer.zero_grad()
    error = model(x) - y
    loss = (error * error).sum()
    loss.backward()
    optimizer.step()
    return loss


def rows(p: profile, by: str = "op") -> dict[tuple[str, str], Any]:
    return {(row.name, row.phase): row for row in p.rows(by)}


def line_of(text: str) -> str:
    """This file's line of code that contains ``text``, first occurrence, as profiles name it."""
    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    return f"{__file__}:{next(i for i, each in enumerate(lines, 1) if text in each)}"


def test_calls_and_bytes_are_exact() -> None:
    work = problem()
    with profile() as p:
        step(*work)
    found = {key: (row.calls, row.results, row.saved) for key, row in rows(p).items()}
    hidden, out = BATCH * HIDDEN * F32, BATCH * OUT * F32
    assert found == {
        ("linear", "forward"): (2, hidden + out, 0),  # its inputs are data, and the result of tanh, which tanh has saved
        ("tanh", "forward"): (1, hidden, hidden),
        ("sub", "forward"): (1, out, 0),
        ("mul", "forward"): (1, out, out),  # both factors are one tensor
        ("sum", "forward"): (1, 0, 0),  # a number
        ("backward", "backward"): (1, 0, 0),
        ("sum", "backward"): (1, out, 0),  # a number, spread over few elements; over many it is a view
        ("mul", "backward"): (1, out, 0),
        ("sub", "backward"): (1, 0, 0),  # passes on what arrives
        ("linear", "backward"): (2, hidden + (HIDDEN * OUT + OUT + IN * HIDDEN + HIDDEN) * F32, 0),
        ("tanh", "backward"): (1, hidden, 0),
        ("sgd_update", "update"): (1, 0, 0),
    }


def test_by_module_and_by_line() -> None:
    work = problem()
    with profile() as p:
        step(*work)
    modules = {key: row.calls for key, row in rows(p, "module").items()}
    nowhere = "(outside of modules)"
    assert modules == {
        ("first", "forward"): 1, ("second", "forward"): 1, ("Net", "forward"): 1, ("first", "backward"): 1, ("second", "backward"): 1, ("Net", "backward"): 1,
        (nowhere, "forward"): 3, (nowhere, "backward"): 4, (nowhere, "update"): 1,
    }
    lines = {key: row.calls for key, row in rows(p, "line").items()}
    assert lines == {
        (line_of("self.second(self.first(x).tanh())"), "forward"): 3, (line_of("self.second(self.first(x).tanh())"), "backward"): 3,
        (line_of("error = model(x) - y"), "forward"): 1, (line_of("error = model(x) - y"), "backward"): 1,
        (line_of("loss = (error * error).sum()"), "forward"): 2, (line_of("loss = (error * error).sum()"), "backward"): 2,
        (line_of("loss.backward()"), "backward"): 1,
        (line_of("optimizer.step()"), "update"): 1,
    }


def test_a_module_contains_its_submodules() -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.Sequential(nn.Tanh(), nn.Linear(5, 2)))
    with profile() as p, record_function("a.b"):
        model(ag.ones(4, 3))
    found = rows(p, "module")
    assert set(found) == {("0", "forward"), ("1", "forward"), ("1.0", "forward"), ("1.1", "forward"), ("a.b", "range")}
    both = found["1", "forward"]
    assert (both.calls, both.self_seconds) == (0, 0.0)
    assert both.total_seconds == pytest.approx(found["1.0", "forward"].total_seconds + found["1.1", "forward"].total_seconds)


@pytest.mark.parametrize("by", ["op", "module", "line"])
def test_times_add_up(by: str) -> None:
    work = problem()
    with profile() as p:
        step(*work)
    table = p.rows(by)
    assert all(row.self_seconds >= 0 for row in table)
    assert all(row.self_seconds <= row.total_seconds for row in table)
    assert sum(row.self_seconds for row in table) <= p.seconds
    assert sum(row.self_seconds for row in table) == pytest.approx(sum(event.alone for event in p.events) / 1e9)
    assert max(row.total_seconds for row in table) <= p.seconds
    for event in p.events:
        if event.parent is not None:
            assert event.parent.start <= event.start < event.end <= event.parent.end


def test_it_changes_no_numbers() -> None:
    def weights(measured: bool) -> list[np.ndarray[Any, Any]]:
        model, *rest = problem()
        for _ in range(3):
            if measured:
                with profile():
                    step(model, *rest)
            else:
                step(model, *rest)
        return [parameter.detach().numpy() for parameter in model.parameters()]

    for plain, profiled in zip(weights(False), weights(True), strict=True):
        assert np.array_equal(plain, profiled)


def test_the_same_paths_run() -> None:
    x = ag.ones(3, requires_grad=True)
    plain = (x * x)._node
    with profile():
        measured = (x * x)._node
    assert measured.pull is plain.pull
    assert type(measured) is type(plain)


def test_it_keeps_no_graph_and_no_array_alive() -> None:
    w = ag.ones(50, requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        with profile() as p:
            y = w * 2
            array, z = weakref.ref(y._array), (y * y).sum()
            node_end = weakref.ref(y._node.kept or (y * y)._node.kept or z._node._first.kept)
            z.backward()
            del y, z
            assert array() is None
            assert node_end() is None
        assert p.events
        recording = weakref.ref(p)
        del p
        assert recording() is None
    finally:
        gc.enable()


def test_off_means_off() -> None:
    before = get_mode()
    with profile():
        assert get_mode().general
    assert get_mode() is before
    assert not get_mode().general
    assert not any("profile" in fastpath.source(op) for op in REGISTRY.values() if fastpath.eligible(op))  # they ask one question that stands for all rare modes


def test_memory_peak_by_hand() -> None:
    n = 3000
    x = ag.ones(n, requires_grad=True)
    with profile() as p:
        loss = (x * 2).exp().sum()
        loss.backward()
    memory, size = p.memory(), n * F32
    assert memory.peak == max(memory.total) == 2 * size + F32  # in the rule of exp: what exp saved, the gradient it makes, and the number that sum passed on
    assert memory.peak_at == "exp (backward)"
    assert [(holder.op, holder.phase, holder.saved, holder.bytes) for holder in memory.holders] == [
        ("exp", "forward", True, size), ("exp", "backward", False, size), ("sum", "backward", False, F32)]
    assert max(memory.saved) == size  # multiplying by a number saves nothing
    assert memory.most_saved == size
    assert [holder.op for holder in memory.savers] == ["exp"]
    assert (memory.saved[-1], memory.total[-1]) == (0, size)  # the gradient of x stays
    assert memory.times == sorted(memory.times)


def test_memory_peak_of_a_forward_pass_names_module_line_and_shape() -> None:
    model, _, x, _ = problem()
    with profile() as p:
        out = model(x)
    memory = p.memory()
    assert memory.peak == 2 * BATCH * HIDDEN * F32  # what goes into tanh, and what comes out of it
    assert memory.total[-1] == (BATCH * HIDDEN + BATCH * OUT) * F32
    assert str(memory).splitlines()[0].endswith("when tanh in module Net ran; 640 B of it saved for backward")
    assert f"640 B saved by tanh in module Net at {line_of('self.second(self.first(x).tanh())')}: float32 ({BATCH}, {HIDDEN})" in str(memory)
    assert out.shape == (BATCH, OUT)


def test_what_a_kernel_makes_only_to_be_saved_counts_too() -> None:
    logits = ag.randn(BATCH, OUT, requires_grad=True)
    with profile() as p:
        loss = nn.functional.cross_entropy(logits, ag.zeros(BATCH, dtype=ag.int64))
    row = rows(p)["softmax_cross_entropy", "forward"]
    assert row.results == row.saved == (BATCH * OUT + BATCH) * F32 + BATCH * 8  # exponentials, their sums and the targets' places; the loss is a number
    assert loss.shape == ()


def test_released_without_backward() -> None:
    x = ag.ones(100, requires_grad=True)
    with profile() as p:
        y = (x * 2).exp()
        assert p.memory().saved[-1] == 100 * F32
        del y
        assert p.memory().saved[-1] == 0
        assert p.memory().total[-1] == 0


def test_chrome_trace(tmp_path: Path) -> None:
    work = problem()
    with profile() as p, record_function("my range"):
        step(*work)
    path = tmp_path / "trace.json"
    p.export_chrome_trace(path)
    trace = json.loads(path.read_text(encoding="utf-8"))
    entries = trace["traceEvents"]
    complete = [entry for entry in entries if entry["ph"] == "X"]
    assert {entry["cat"] for entry in complete} == {"forward", "backward", "update", "range"}
    for entry in complete:
        assert {"name", "cat", "ts", "dur", "pid", "tid", "args"} <= entry.keys()
        assert entry["dur"] > 0
    linear = next(entry for entry in complete if entry["name"] == "linear" and entry["cat"] == "forward")
    assert linear["args"]["shapes"] == [[BATCH, IN], [HIDDEN, IN], [HIDDEN]]
    assert linear["args"]["line"] == line_of("self.second(self.first(x).tanh())")
    spans = [(round(entry["ts"] * 1000), round((entry["ts"] + entry["dur"]) * 1000)) for entry in complete]
    for start, end in spans:
        for other_start, other_end in spans:
            assert end <= other_start or other_end <= start or (start <= other_start and other_end <= end) or (other_start <= start and end <= other_end)
    counters = [entry for entry in entries if entry["ph"] == "C"]
    assert max(sum(entry["args"].values()) for entry in counters) == p.memory().peak


def test_a_failing_trace_leaves_no_file(tmp_path: Path) -> None:
    with profile() as p:
        pass
    with pytest.raises(FileNotFoundError):
        p.export_chrome_trace(tmp_path / "nowhere" / "trace.json")
    assert list(tmp_path.iterdir()) == []


def test_second_derivatives_count_under_the_rule() -> None:
    x = ag.ones(5, requires_grad=True)
    with profile() as p:
        (g,) = ag.autograd.grad((x * x).sum(), x, create_graph=True)
        node = g.grad_fn
        g.sum().backward()
    found = rows(p)
    assert found["mul", "forward"].calls == 1
    assert found["mul", "backward"].calls == 3  # the rule of x * x, and those of the two products it computed
    assert node.line == line_of("ag.autograd.grad((x * x).sum(), x, create_graph=True)")
    assert sum(row.self_seconds for row in found.values()) <= p.seconds
    assert x.grad is not None
    assert x.grad.tolist() == [2.0] * 5


def test_functions_of_the_user() -> None:
    class Cube(ag.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 3 * x * x

    x = ag.tensor([2.0], requires_grad=True)
    with profile() as p:
        y = Cube.apply(x)
        y.sum().backward()
    found = rows(p)
    assert found["Cube", "forward"].calls == 1
    assert found["mul", "forward"].calls == 2
    assert ("mul", "backward") not in found  # what the rule computes with is the rule's
    assert found["Cube", "backward"].calls == 1
    assert found["Cube", "forward"].total_seconds >= found["mul", "forward"].total_seconds
    assert p.times(y) is not None
    assert x.grad is not None
    assert x.grad.tolist() == [12.0]


def test_times_of_a_node() -> None:
    x = ag.ones(3, requires_grad=True)
    before = x * 2
    with profile() as p:
        y = (before * 3).sum()
        forward = p.times(y)
        y.backward()
    assert forward is not None
    assert forward[0] > 0 == forward[1]
    after = p.times(y)
    assert after is not None
    assert after[0] == forward[0]
    assert after[1] > 0
    assert p.times(before) is None
    assert p.times(x) is None


def test_several_outputs() -> None:
    x = ag.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
    with profile() as p:
        values, indices = x.sort()
        (values * ag.tensor([1.0, 2.0, 3.0])).sum().backward()
    found = rows(p)
    assert found["sort", "forward"].calls == 1
    assert found["sort", "forward"].results == 3 * F32 + 3 * 8
    assert found["sort", "backward"].calls == 1
    assert x.grad is not None
    assert x.grad.tolist() == [[3.0, 1.0, 2.0]]
    assert indices.tolist() == [[1, 2, 0]]


def test_in_place_views_and_casts_make_no_memory_of_their_own() -> None:
    x = ag.ones(4, 4, requires_grad=True)
    with profile() as p:
        y = x.clone()
        y.mul_(2.0)
        y.t()[0].add_(1.0)
        y.sum().backward()
    found = rows(p)
    assert found["clone", "forward"].results == 64
    assert found["transpose", "forward"].results == 0
    assert found["mul", "forward"].results == 0
    assert found["mul", "forward"].calls == 1
    assert x.grad is not None
    assert x.grad.tolist() == [[2.0] * 4] * 4


def test_an_exception_ends_it_cleanly() -> None:
    before = get_mode()
    p = profile()
    with pytest.raises(RuntimeError, match="matmul"), p:
        ag.ones(2, 3) @ ag.ones(2, 3)
    assert get_mode() is before
    assert [(event.name, event.phase) for event in p.events] == [("matmul", "forward")]
    assert all(event.end for event in p.events)

    x = ag.ones(2, requires_grad=True)

    def refuse(g: Any) -> None:
        raise ValueError("no")

    y = x * 2
    y.register_hook(refuse)
    with pytest.raises(ValueError, match="no"), profile() as q:
        y.sum().backward()
    assert [(event.name, event.phase) for event in q.events] == [("sum", "forward"), ("backward", "backward"), ("sum", "backward"), ("mul", "backward")]
    assert all(event.end for event in q.events)
    with profile() as again:
        (x * 3).sum().backward()
    assert again.rows("op")[0].calls == 1


def test_profiles_inside_one_another() -> None:
    x = ag.ones(10, requires_grad=True)
    with profile() as outer:
        a = x * 2
        with profile() as inner:
            b = a.exp()
        b.sin()
    assert [event.name for event in inner.events] == ["exp"]
    assert [event.name for event in outer.events] == ["mul", "exp", "sin"]
    assert inner.memory().peak == 10 * F32
    assert outer.memory().peak == 3 * 10 * F32
    with pytest.raises(RuntimeError, match="running already"), outer, outer:
        pass


def test_a_thread_is_measured_only_if_it_enters() -> None:
    x = ag.ones(10)
    seen: dict[str, list[str]] = {}

    def work(name: str) -> None:
        with profile() as p:
            for _ in range(20):
                x * 2 if name == "a" else x + 2
        seen[name] = [event.name for event in p.events]

    with profile() as outside:
        threads = [threading.Thread(target=contextvars.Context().run, args=(work, name)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == {"a": ["mul"] * 20, "b": ["add"] * 20}
    assert outside.events == []


def test_a_copy_of_the_context_may_outlive_it() -> None:
    x = ag.ones(3, requires_grad=True)
    with profile() as p:
        context = contextvars.copy_context()
    context.run(lambda: (x * 2).sum().backward())
    assert p.events == []
    assert x.grad is not None
    assert x.grad.tolist() == [2.0] * 3


def test_with_compile() -> None:
    model, optimizer, x, y = problem()
    compiled = ag.compile(lambda x, y: step(model, optimizer, x, y))
    with profile() as recorded:
        compiled(x, y)
    assert rows(recorded)["linear", "forward"].calls == 2
    compiled(x, y)
    for _ in range(2):
        with profile() as replayed:
            compiled(x, y)
        (row,) = replayed.rows("op")
        assert (row.phase, row.calls) == ("replay", 1)
    compiled(x, y)


def test_a_replay_with_numpy_is_measured_step_by_step() -> None:
    model, optimizer, x, y = problem()
    compiled = ag.compile(lambda x, y: step(model, optimizer, x, y), backend="numpy")
    for _ in range(3):
        compiled(x, y)
    with profile() as replayed:
        compiled(x, y)
    found = rows(replayed)
    whole = next(row for (name, _), row in found.items() if name.endswith("(compiled)"))
    parts = {name: row for (name, _), row in found.items() if row is not whole}
    assert "linear" in parts
    assert any("linear" in name and name != "linear" for name in parts)  # its local gradients
    assert whole.total_seconds == pytest.approx(whole.self_seconds + sum(row.self_seconds for row in parts.values()))
    lines = {row.name for row in replayed.rows("line")}
    assert any("test_profile.py:" in line for line in lines)
    twin, other, x, y = problem()
    for _ in range(4):
        step(twin, other, x, y)
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-5)


def test_a_replay_in_blocks_is_measured_as_a_whole() -> None:
    compiled = ag.compile(lambda x: (x.sin() * 2.0 + 1.0).sum(), backend="numpy")
    x = ag.ones(1 << 17)
    for _ in range(3):
        compiled(x)
    with profile() as replayed:
        total = compiled(x)
    assert total.item() == compiled(x).item()
    names = [row.name for row in replayed.rows("op")]
    assert "fused sin mul add sum" in names


def test_vmap_is_measured_by_its_batched_ops() -> None:
    with profile() as p:
        result = ag.func.vmap(ag.func.grad(lambda x: (x * x).sum()))(ag.ones(4, 3))
    assert result.tolist() == [[2.0] * 3] * 4
    assert rows(p)["mul", "forward"].calls == 1


def test_checkpoint_and_gradient_modes() -> None:
    from autograd_core.utils.checkpoint import checkpoint

    x = ag.ones(5, requires_grad=True)
    with profile() as p:
        y = checkpoint(lambda x: x.exp().exp(), x)
        with ag.no_grad():
            x.cos()
        y.sum().backward()
    assert rows(p)["exp", "forward"].calls == 2
    assert rows(p)["exp", "forward"].saved == 0
    assert rows(p)["cos", "forward"].calls == 1
    assert x.grad is not None


def test_tables_as_text_and_html() -> None:
    work = problem()
    with profile() as p:
        step(*work)
    text = p.table(by="op", sort="calls", limit=2)
    assert text.splitlines()[0].split()[:3] == ["op", "phase", "calls"]
    assert "... 10 more" in text
    assert text.splitlines()[2].startswith("linear")
    assert "optimizer.step()" in p.table("line")
    assert p._repr_html_().count("<tr>") == 1 + len(p.rows())
    assert "<script>" not in _named("<script>")._repr_html_()
    assert repr(p).startswith(f"<profile of {len(p.events)} events in ")
    assert str(p) == p.table()
    averages = p.key_averages()
    assert averages.table(sort_by="self_cpu_time_total", row_limit=1) == averages.table(sort_by="self", row_limit=1)
    assert averages[0].key == averages[0].name
    assert averages[0].self_cpu_time_total == averages[0].self_seconds * 1e6
    with pytest.raises(ValueError, match="by='size': expected one of op, module, line"):
        p.rows("size")
    with pytest.raises(ValueError, match="sort='size': expected one of self, total"):
        p.table(sort="size")


def _named(name: str) -> profile:
    with profile() as p, record_function(name):
        pass
    return p


def test_ranges() -> None:
    @record_function("double")
    def double(x: ag.Tensor) -> ag.Tensor:
        return x * 2

    with profile() as p:
        double(ag.ones(2))
    found = rows(p)
    assert found["double", "range"].total_seconds >= found["mul", "forward"].total_seconds
    assert double(ag.ones(2)).tolist() == [2.0, 2.0]  # and does nothing outside of a profile


def test_nothing_measured() -> None:
    with profile() as p:
        pass
    assert p.rows() == []
    assert p.memory().peak == 0
    assert str(p.memory()) == "no op made memory of its own"
    assert "measured" in p.table()


def test_casts_inside_an_op_belong_to_its_line() -> None:
    pytest.importorskip("ml_dtypes")
    x = ag.ones(3, dtype=ag.bfloat16, requires_grad=True)
    with profile() as p:
        (x * x).mean().backward()
    found = rows(p)
    assert found["mul", "forward"].calls == 1
    assert ("to_dtype", "forward") not in found
    assert found["to_dtype", "backward"].calls > 1
    assert {row.name for row in p.rows("line")} == {line_of("(x * x).mean().backward()")}


@pytest.mark.parametrize("case", [case for case in GOOD if isinstance(case.declared, Op)], ids=str)
def test_every_op_computes_the_same(case: Case) -> None:
    def run() -> list[Any]:
        ag.manual_seed(0)
        inputs = tensors(case, arguments(case), grad=True)
        outputs = results(call(case, inputs))
        differentiable = [y for y in outputs if isinstance(y, ag.Tensor) and y.requires_grad]
        seeds = [ag.ones_like(y) for y in differentiable]
        found = ag.autograd.grad(differentiable, leaves(inputs), seeds, allow_unused=True) if differentiable else ()
        return [each.detach().numpy().copy() if isinstance(each, ag.Tensor) else each for each in (*outputs, *found)]

    with np.errstate(all="ignore"):
        plain = run()
        with profile() as p:
            measured = run()
    assert sum(row.self_seconds for row in p.rows()) <= p.seconds
    for expected, found in zip(plain, measured, strict=True):
        np.testing.assert_array_equal(found, expected)
