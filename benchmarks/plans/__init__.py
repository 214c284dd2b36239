"""Compiled steps against their peers: rows of the second table. Each program is at hand in several libraries and by hand."""

from __future__ import annotations

from .case import PlanCase, Size, Target
from .cnn import cnn
from .elementwise import LINKS, chain, formula
from .mlp import mlp
from .peak import peak
from .scalars import scalar_moons
from .training import Entry
from .transformer import transformer

MOMENTUM = {"lr": 0.01, "momentum": 0.9}
ADAM = {"lr": 0.001}


def _case(name: str, first: tuple[str, dict[str, Entry]], second: tuple[str, dict[str, Entry]], *targets: tuple[str, str, float],
          tolerance: float = 1e-4, seconds: float = 0.15, kind: str = "time") -> PlanCase:
    """Targets are (column, peers, ratio); several peers are separated by commas, and the fastest of them counts."""
    sizes = [Size(f"compiled_{name}{suffix}", what, peers, tolerance, seconds) for suffix, (what, peers) in (("", first), ("_2", second))]
    return PlanCase(f"compiled_{name}", (sizes[0], sizes[1]), tuple([Target(column, tuple(peers.split(",")), at_most) for column, peers, at_most in targets]),
                    blocks=1 if kind == "bytes" else 9, kind=kind)


PLANS: dict[str, PlanCase] = {
    case.name: case
    for case in (
        _case("scalar_moons", ("step of micrograd's demo: scalar MLP 2-16-16-1, 100 points, about 65,000 nodes", scalar_moons((2, 16, 16, 1), 100)),
              ("2-20-14-1, 96 points", scalar_moons((2, 20, 14, 1), 96)),
              ("numpy", "micrograd", 1 / 200), ("native", "micrograd", 1 / 1500), ("native", "torch tensors", 0.8), tolerance=1e-9),
        _case("chain", (f"chain of {2 * LINKS} ops and more on (16,), forward and backward", chain(16)), ("on (24,)", chain(24)),
              ("numpy", "torch", 0.18), ("native", "torch", 0.04), ("native", "torch.compile", 0.6)),
        _case("mlp_small", ("MLP 2-32-32-1, batch 32, SGD with momentum", mlp((2, 32, 32, 1), 32, "SGD", **MOMENTUM)),
              ("3-24-24-1, tanh, batch 48", mlp((3, 24, 24, 1), 48, "SGD", "Tanh", **MOMENTUM)),
              ("numpy", "torch", 0.06), ("numpy", "jax", 0.4), ("native", "torch", 0.025), ("native", "jax", 0.18)),
        _case("mlp_small_adam", ("MLP 2-32-32-1, batch 32, Adam", mlp((2, 32, 32, 1), 32, "Adam", **ADAM)),
              ("3-24-24-1, tanh, batch 48", mlp((3, 24, 24, 1), 48, "Adam", "Tanh", **ADAM)),
              ("numpy", "torch", 0.06), ("numpy", "jax", 0.4), ("native", "torch", 0.025), ("native", "jax", 0.18)),
        _case("mlp_digits", ("MLP 784-256-128-10, batch 128, Adam", mlp((784, 256, 128, 10), 128, "Adam", **ADAM)),
              ("784-320-96-10, tanh, batch 100", mlp((784, 320, 96, 10), 100, "Adam", "Tanh", **ADAM)),
              ("numpy", "torch", 0.72), ("native", "torch,torch.compile,jax", 0.95), ("native", "products", 1.15)),
        _case("mlp_wide", ("MLP 1024-2048-2048-10, batch 256, SGD", mlp((1024, 2048, 2048, 10), 256, "SGD", lr=0.01)),
              ("768-1536-2304-10, batch 192", mlp((768, 1536, 2304, 10), 192, "SGD", lr=0.01)),
              ("numpy", "products", 1.12), ("native", "products", 1.06)),
        _case("elementwise", ("(tanh(a·b+c)·sigmoid(d)).sum() on 4 M numbers, forward and backward", formula(1 << 22)), ("on 3,000,001", formula(3_000_001)),
              ("numpy", "torch", 0.62), ("native", "torch.compile", 0.4), ("native", "copy", 1.2)),
        _case("cnn_small", ("CNN 1-8-16, 3×3, pools, batch 64, 28×28, SGD with momentum", cnn(64, (8, 16))), ("channels 6-20, batch 48", cnn(48, (6, 20))),
              ("numpy", "torch", 1.0), ("native", "torch", 0.8)),
        _case("transformer_small", ("transformer of 2 layers, width 64, 4 heads, sequence 64, batch 8, Adam", transformer(64, 4, 64, 8)),
              ("width 48, sequence 80, batch 6", transformer(48, 4, 80, 6)),
              ("numpy", "torch", 0.9), ("native", "jax", 0.9), tolerance=1e-3),
        _case("memory", ("most memory of five steps of compiled_mlp_wide over the process before it, the recording of the first two included",
                         peak((1024, 2048, 2048, 10), 256)),
              ("768-1536-2304-10, batch 192", peak((768, 1536, 2304, 10), 192)), ("numpy", "torch", 0.85), ("native", "held", 1.1), kind="bytes"),
        _case("memory_later", ("the same of a step after these", peak((1024, 2048, 2048, 10), 256, later=True)),
              ("768-1536-2304-10, batch 192", peak((768, 1536, 2304, 10), 192, later=True)), kind="bytes"),
    )
}
"""Cases by name."""

SIZES: dict[str, Size] = {size.name: size for case in PLANS.values() for size in case.sizes}
"""Both sizes of all cases, by name."""
