"""Calls of modules in pictures: each in a frame of its own, in order, folded where they are alike."""

from __future__ import annotations

import pytest

import autograd_core as ag
import nn
import viz
from viz.calls import path_of


class Cell(nn.Module):
    def __init__(self):
        super().__init__()
        self.input, self.state = nn.Linear(4, 6), nn.Linear(6, 6)

    def forward(self, x, h):
        return (self.input(x) + self.state(h)).tanh()


class Unrolled(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.out = Cell(), nn.Linear(6, 1)

    def forward(self, x):
        h = ag.zeros(x.shape[0], 6)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
        return self.out(h)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def forward(self, x):
        for _ in range(3):
            x = x + self.shared(x)
        return x


def follows_recording(record):
    """Whether every op stands after those whose results it uses: nothing leads back."""
    place = {op.id: i for i, op in enumerate(record.ops)}
    makers = {edge.target: edge.source for edge in record.edges if edge.source in place}
    return all(place[makers[edge.source]] < place[edge.target] for edge in record.edges if edge.target in place and edge.source in makers)


def test_each_call_of_a_module_is_one_of_its_own():
    record = viz.draw(Residual(), inputs=ag.ones(2, 4)).record
    assert [op.scope for op in record.ops] == ["shared.0", "shared.1", None, "shared (2).0", "shared (2).1", None, "shared (3).0", "shared (3).1", None]
    assert [path_of(op.scope or "") for op in record.ops[:5:3]] == ["shared.0", "shared.0"]


def test_boxes_of_a_module_that_is_called_again_stand_one_after_the_other():
    record = viz.draw(Residual(), inputs=ag.ones(2, 4), depth=1).record
    assert [op.symbol for op in record.ops] == ["shared", "+", "shared (2)", "+", "shared (3)", "+"]
    assert [dict(op.attributes).get("parameters") for op in record.ops[::2]] == ["20"] * 3
    assert not any(value.name for value in record.values if value.role == "leaf")
    assert follows_recording(record)


def test_calls_that_follow_each_other_fold_to_one():
    model, x = Unrolled(), ag.ones(2, 30, 4)
    whole = viz.draw(model, inputs=x, max_nodes=1000).record
    assert sorted({op.scope.split(".")[0] for op in whole.ops}) == sorted(["out", "cell", *(f"cell ({i})" for i in range(2, 31))])
    record = viz.draw(model, inputs=x).record
    assert record.notes == ("Folded: 30 equal calls of cell, drawn as one with the numbers of the first",)
    assert {op.scope.split(".")[0] for op in record.ops} == {"cell ×30", "out"}
    assert follows_recording(record)
    names = {value.name for value in record.values if value.role == "leaf"}
    assert {"cell.input.weight", "cell.state.bias"} <= {name.replace(" ×30", "") for name in names if name}


def test_two_models_with_the_same_paths_have_frames_of_their_own():
    first, second = (nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3)) for _ in range(2))
    record = viz.draw(second(first(ag.ones(1, 3)))).record
    assert [op.scope for op in record.ops] == ["0", "1", "2", "0 (2)", "1 (2)", "2 (2)"]


def test_blocks_with_something_in_between_are_not_folded():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(40)])

        def forward(self, x):
            for block in self.blocks:
                x = x + block(x)
            return x

    record = viz.draw(Sum(), inputs=ag.ones(2, 4), max_nodes=150).record
    assert follows_recording(record)


@pytest.mark.parametrize("depth", [None, 1])
def test_a_module_of_own_operations_keeps_its_frame(depth):
    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(ag.ones(2, 2))

        def forward(self, x):
            for _ in range(3):
                x = (x @ self.weight).tanh()
            return x

    record = viz.draw(Loop(), inputs=ag.ones(1, 2), depth=depth).record
    assert [op.symbol if depth else op.scope for op in record.ops] == ["Loop"] * (1 if depth else 6)
