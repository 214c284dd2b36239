"""Makes ``gallery.md`` and its pictures: ``python docs/make_gallery.py``. ``--out`` puts both into another folder."""

from __future__ import annotations

import argparse
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np

import autograd_core as ag
import nn
import viz

INTRODUCTION = """# Gallery

Every picture of `viz`, with the code that makes it. `python docs/make_gallery.py` writes this page; each `draw` and each plot
also takes a path ending in `.svg` or `.pdf`, and shows itself in a notebook.
"""


def chain_rule(path: Path) -> None:
    """Upstream × local = downstream on each edge."""
    x = ag.Tensor(-2.0, requires_grad=True)
    y = ag.Tensor(5.0, requires_grad=True)
    z = ag.Tensor(-4.0, requires_grad=True)
    q = x + y
    f = q * z
    f.backward()
    viz.draw(f, path, chain_rule=True)


def reused(path: Path) -> None:
    """A value that is used more than once: its gradient is a sum."""
    a = ag.Scalar(3.0)
    b = a + a
    c = b * b
    c.backward()
    viz.draw(c, path, chain_rule=True)


def gradient_flow(path: Path) -> None:
    """Where gradients vanish and units die: wires coloured by size."""
    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
    with ag.no_grad():
        model[0].bias[:3] = -9.0
        model[2].weight.mul_(12.0)
    with ag.record():
        loss = model(ag.randn(32, 8)).square().mean()
    loss.backward()
    viz.draw(loss, path, color="gradient")


def dark(path: Path) -> None:
    """The dark theme, each block as one box."""
    ag.manual_seed(0)
    blocks = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.Tanh()) for _ in range(4)])
    viz.draw(blocks, path, inputs=ag.randn(5, 4), depth=1, theme="dark")


def folded(path: Path) -> None:
    """Equal blocks are drawn once when a graph is large."""
    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.norm, self.wide, self.narrow = nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

        def forward(self, x):
            return x + self.narrow(self.wide(self.norm(x)).relu())

    ag.manual_seed(0)
    model = nn.Sequential(*[Block(4) for _ in range(24)], nn.Linear(4, 1))
    viz.draw(model, path, inputs=ag.randn(5, 4))


def calls(path: Path) -> None:
    """A module that is called again has a frame for each call."""
    class Refine(nn.Module):
        def __init__(self):
            super().__init__()
            self.step, self.out = nn.Sequential(nn.Linear(4, 4), nn.Tanh()), nn.Linear(4, 1)

        def forward(self, x):
            for _ in range(2):
                x = x + self.step(x)
            return self.out(x)

    ag.manual_seed(0)
    viz.draw(Refine(), path, inputs=ag.randn(5, 4))


def heat_maps(path: Path) -> None:
    """Arrays as heat maps, values above and gradients below: matrices, and tiles where there are more dimensions."""
    ag.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
    with ag.record():
        loss = model(ag.randn(2, 1, 6, 6)).square().mean()
    loss.backward()
    viz.draw(loss, path, heat_maps=True)


def plan(path: Path) -> None:
    """The plan of a compiled function: the calls that it replays, with fused ones in a frame."""
    ag.manual_seed(0)
    w = ag.randn(300, 400, requires_grad=True)

    @ag.compile(backend="numpy")
    def step(x):
        w.grad = None
        loss = ((w * x + 1.0).tanh() * 2.0).mean()
        loss.backward()
        return loss

    for _ in range(3):
        step(ag.ones(300, 400))
    viz.draw(step, path)


def neurons(path: Path) -> None:
    """Small linear layers as their neurons."""
    ag.manual_seed(1)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    viz.draw(model, path, inputs=ag.ones(1, 2), expand_scalars=True)


def difference(path: Path) -> None:
    """Two versions of a program, compared."""
    def run(activation, weight):
        x = ag.Tensor([[1.0, 2.0]], name="x")
        w = ag.Tensor([[weight], [-1.0]], requires_grad=True, name="w")
        with ag.record():
            f = (activation(x @ w) * 2.0).sum()
        f.backward()
        return f

    viz.diff(run(ag.tanh, 1.0), run(ag.relu, 1.5), path, names=("before", "after"))


def network(path: Path) -> None:
    """A network as circles; lines are weights."""
    ag.manual_seed(0)
    viz.draw_mlp(nn.MLP([2, 6, 4, 1]), path, inputs=["height", "weight"], outputs=["score"])


def activations(path: Path) -> None:
    """What each layer puts out."""
    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh())
    viz.activation_histograms(model, ag.randn(256, 4), path)


def gradients(path: Path) -> None:
    """The gradients of each parameter."""
    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.Sigmoid(), nn.Linear(32, 8))
    model(ag.randn(64, 16)).square().mean().backward()
    viz.gradient_histograms(model, path)


def weights(path: Path) -> None:
    """Weights of a dense and of a convolutional layer."""
    ag.manual_seed(0)
    viz.weights({"linear": nn.Linear(24, 12).weight, "conv": nn.Conv2d(3, 4, 5).weight}, path)


def curves(path: Path) -> None:
    """Raw and smoothed learning curves, the best epoch marked."""
    steps = np.arange(1, 61)
    noise = np.random.default_rng(0).normal(scale=0.05, size=(2, 60))
    viz.curves({"train_loss": 1 / steps**0.7 + noise[0], "validation_loss": 1 / steps**0.7 + 0.004 * steps + noise[1]}, path, smooth=0.8)


def times(path: Path) -> None:
    """How long each operation took, forward and backward."""
    ag.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    with ag.profile():
        loss = nn.functional.cross_entropy(model(ag.randn(256, 64)), ag.randint(0, 10, (256,)))
        loss.backward()
    viz.draw(loss, path, times=True)


def memory(path: Path) -> None:
    """The memory of a step, and what makes its peak."""
    ag.manual_seed(0)
    model = nn.Sequential(*[layer for _ in range(4) for layer in (nn.Linear(256, 256), nn.Tanh())])
    data = ag.randn(1024, 256)
    with ag.profile() as p:
        model(data).square().mean().backward()
    viz.memory_timeline(p, path)


def boundary(path: Path) -> None:
    """How a classifier divides the plane."""
    stream = np.random.default_rng(0)
    points = stream.normal(size=(150, 2)).astype("float32")
    viz.decision_boundary(lambda X: X[:, 0] ** 2 + X[:, 1] ** 2 - 1.2, points, (points**2).sum(1) > 1.2, path)


def images(path: Path) -> None:
    """A sheet of small images."""
    stream = np.random.default_rng(0)
    viz.images(stream.random((10, 8, 8)), [f"class {k}" for k in range(10)], path)


PICTURES: tuple[Callable[[Path], None], ...] = (chain_rule, reused, gradient_flow, heat_maps, dark, folded, calls, plan, neurons, difference, network, activations, gradients,
                                                weights, curves, boundary, images, times, memory)
STEP_THROUGH = """## A page to step through

`viz.step_through(f, "backprop.html")` writes one HTML file, without server or network: the graph, forward and backward one
node at a time, upstream × local, the running sums, the line of code, and beside it what naive recursion computes.

```python
def f(x, y, z):
    q = x + y
    return q * z


x, y, z = (ag.Tensor(value, requires_grad=True) for value in (-2.0, 5.0, -4.0))
viz.step_through(f, "backprop.html", inputs=(x, y, z))
```
"""


def code(picture: Callable[[Path], None]) -> str:
    """The body of a picture's function, with its file's name in the place of ``path``."""
    source = inspect.getsource(picture).split('"""', 2)[2].strip("\n")
    return textwrap.dedent(source).rstrip().replace("path,", f'"{picture.__name__}.png",').replace("path)", f'"{picture.__name__}.png")')


def page() -> str:
    """The text of the page."""
    parts = [INTRODUCTION, "```python\nimport numpy as np\n\nimport autograd_core as ag\nimport nn\nimport viz\n```\n"]
    for picture in PICTURES:
        title = (picture.__doc__ or "").rstrip(".")
        parts.append(f"## {title}\n\n![{title}](images/gallery/{picture.__name__}.png)\n\n```python\n{code(picture)}\n```\n")
    return "\n".join([*parts, STEP_THROUGH])


def main() -> None:
    """Write the page and the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    out = parser.parse_args().out
    folder = out / "images" / "gallery"
    folder.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        picture(folder / f"{picture.__name__}.png")
    (out / "gallery.md").write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
