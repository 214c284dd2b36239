"""A chain of 1,000,000 nodes, x = x + 1.0 on a tensor without dimensions: forward, backward, dropped."""

from __future__ import annotations

from typing import Any

from benchmarks.case import Case, Work, torch_work

NODES = 1_000_000


def _build(torch: Any) -> Work:
    def run(nodes: int) -> list[float]:
        start = torch.tensor(0.0, requires_grad=True)
        x = start
        for _ in range(nodes):
            x = x + 1.0
        x.backward()
        return [x.item(), start.grad.item()]

    return Work(lambda: run(NODES), lambda: run(1000), units=NODES)


CASE = Case("long_chain", "1,000,000 nodes x = x + 1.0, forward, backward and dropped, per node", torch_work(_build), target=0.3, blocks=3, memory_target=400)
