"""The table of ops and the benchmark of ops, where PyTorch is there to be looked at."""

from __future__ import annotations

from typing import Any

import pytest

from autograd_core.op import COMPOSITES, REGISTRY
from benchmarks.ops.run import OpPeer, measure
from benchmarks.ops.table import cases
from docs import make_optable as optable

torch = pytest.importorskip("torch")


@pytest.mark.parametrize("name", [*REGISTRY, *COMPOSITES])
def test_the_function_named_as_pytorchs_is_there(name: str) -> None:
    path = optable.pytorch(REGISTRY.get(name) or COMPOSITES[name]).strip("`").removeprefix("torch.")
    holder: Any = torch
    for part in path.split(".") if path else []:
        holder = getattr(holder, part)
    assert callable(holder) or not path


def test_peers_agree_on_ops_and_are_compared() -> None:
    peers = [OpPeer("ours"), OpPeer("torch")]
    try:
        for name in ("add", "cross_entropy", "sort dim=1", "argmax dim=1"):
            line = measure(cases()[name], (16,), *peers, 1)
            assert not line.failure
            assert set(line.ratios) == {(16, "forward")} | ({(16, "backward")} if name != "argmax dim=1" else set())
            assert all(ratio > 0 for ratio in line.ratios.values())
    finally:
        for peer in peers:
            peer.close()
