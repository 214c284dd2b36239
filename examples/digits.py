"""Handwritten digits: train a classifier, look at what it learned and at the graph that trained it.

Run ``python examples/digits.py``; everything it makes goes to ``out/``:

- ``curves.png``: loss and accuracy by epoch, for the training and the validation set;
- ``misclassified.png``: the test digits it got wrong;
- ``graph.png``, ``graph.svg``: the computational graph of f = (x + y) z, values above and gradients below each wire;
- ``loss.png``, ``loss.svg``: the graph of the classifier's loss;
- ``digits.safetensors``: the weights.

The data are 1,797 real digits of 8x8 pixels (scikit-learn's ``load_digits``). ``--quick`` is a short run without any claim
to accuracy. ``python examples/digits.py --only-graph --out docs/images`` draws the picture in the README.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import autograd_core as ag
import nn
import optim
import viz


def load(seed: int) -> dict[str, tuple[ag.Tensor, ag.Tensor]]:
    """Images (count, 64) from 0 to 1 and labels (count,) of the three sets; every digit is equally frequent in each."""
    images, labels = load_digits(return_X_y=True)
    images = (images / 16).astype(np.float32)
    rest, test, rest_labels, test_labels = train_test_split(images, labels, test_size=360, stratify=labels, random_state=seed)
    train, validation, train_labels, validation_labels = train_test_split(rest, rest_labels, test_size=180, stratify=rest_labels, random_state=seed)
    arrays = {"train": (train, train_labels), "validation": (validation, validation_labels), "test": (test, test_labels)}
    return {name: (ag.from_numpy(x), ag.from_numpy(y.astype(np.int64))) for name, (x, y) in arrays.items()}


def make_model() -> nn.Module:
    """64 pixels to 10 digits."""
    return nn.MLP([64, 256, 128, 10], dropout=0.2)


def shifted(images: ag.Tensor) -> ag.Tensor:
    """Each image moved by up to half a pixel in both directions: a digit stays the same digit, so there is more to learn from."""
    squares = images.reshape(-1, 8, 8)
    for _ in range(2):
        by = ag.rand(len(squares), 1, 1) - 0.5
        padded = nn.functional.pad(squares, (0, 0, 1, 1))
        neighbour = ag.where(by > 0, padded[:, :-2], padded[:, 2:])
        squares = (squares + by.abs() * (neighbour - squares)).transpose(1, 2)
    return squares.reshape(-1, 64)


def evaluate(model: nn.Module, images: ag.Tensor, labels: ag.Tensor) -> tuple[float, float]:
    """Mean loss and accuracy."""
    model.eval()
    with ag.no_grad():
        scores = model(images)
        loss = nn.functional.cross_entropy(scores, labels)
        accuracy = (scores.argmax(1) == labels).float().mean()
    return loss.item(), accuracy.item()


def train(model: nn.Module, data: dict[str, tuple[ag.Tensor, ag.Tensor]], epochs: int) -> dict[str, list[float]]:
    """Train and leave ``model`` with the weights of the epoch whose validation loss was lowest. Returns the history."""
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    batches = nn.data.DataLoader(nn.data.TensorDataset(*data["train"]), batch_size=32, shuffle=True)
    history: dict[str, list[float]] = {"train_loss": [], "validation_loss": [], "train_accuracy": [], "validation_accuracy": []}
    best, best_weights = float("inf"), model.state_dict()
    with tqdm(range(epochs), desc="training", unit="epoch") as progress:
        for _ in progress:
            model.train()
            for images, labels in batches:
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(model(shifted(images)), labels)
                loss.backward()
                optimizer.step()
            scheduler.step()
            for name in ("train", "validation"):
                for measure, value in zip(("loss", "accuracy"), evaluate(model, *data[name]), strict=True):
                    history[f"{name}_{measure}"].append(value)
            if history["validation_loss"][-1] < best:
                best, best_weights = history["validation_loss"][-1], copy.deepcopy(model.state_dict())
            progress.set_postfix(loss=f"{history['train_loss'][-1]:.4f}", validation=f"{history['validation_accuracy'][-1]:.1%}")
    model.load_state_dict(best_weights)
    return history


def draw_mistakes(model: nn.Module, images: ag.Tensor, labels: ag.Tensor, path: Path) -> None:
    """A sheet of the test digits that the model misread."""
    model.eval()
    with ag.no_grad():
        guesses = model(images).argmax(1)
    wrong = (guesses != labels).numpy().nonzero()[0]
    titles = [f"{labels[i].item()} read as {guesses[i].item()}" for i in wrong[:40]]
    shown = "" if len(wrong) <= 40 else ", the first 40"
    viz.images(images.numpy()[wrong[:40]].reshape(-1, 8, 8), titles, path, caption=f"{len(wrong)} of {len(labels)} test digits misread{shown}")


def draw_lecture_example(folder: Path) -> None:
    """f = (x + y) z: values flow to the right, gradients back to the left."""
    x = ag.Tensor(-2.0, requires_grad=True, name="x")
    y = ag.Tensor(5.0, requires_grad=True, name="y")
    z = ag.Tensor(-4.0, requires_grad=True, name="z")
    q = x + y
    f = q * z
    f.backward()
    drawing = viz.draw(f, folder / "graph.svg", names={"q": q, "f": f})
    drawing.save(folder / "graph.png")


def draw_loss(model: nn.Module, images: ag.Tensor, labels: ag.Tensor, folder: Path) -> None:
    """The graph of the classifier's loss; ``record`` keeps the values and gradients of tensors for the picture."""
    model.eval()
    model.zero_grad()
    with ag.record():
        loss = nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    drawing = viz.draw(loss, folder / "loss.svg", names={"images": images, "labels": labels, "loss": loss})
    drawing.save(folder / "loss.png")


def save_and_compare(model: nn.Module, images: ag.Tensor, path: Path) -> bool:
    """Save the weights, load them into a new model, and say whether it predicts exactly the same."""
    ag.save(model.state_dict(), path)
    twin = make_model()
    twin.load_state_dict(ag.load(path))
    model.eval()
    twin.eval()
    with ag.no_grad():
        return np.array_equal(model(images).numpy(), twin(images).numpy())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train a classifier of handwritten digits and draw its graph.")
    parser.add_argument("--epochs", type=int, default=60, help="how often the training set is seen (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="a short run of 5 epochs")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for everything it makes (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the split, the weights and the shuffling (default: %(default)s)")
    parser.add_argument("--only-graph", action="store_true", help="draw f = (x + y) z and stop")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    draw_lecture_example(options.out)
    if options.only_graph:
        return
    start = time.perf_counter()
    ag.manual_seed(options.seed)
    data = load(options.seed)
    model = make_model()
    history = train(model, data, 5 if options.quick else options.epochs)
    print(f"trained in {time.perf_counter() - start:.1f} s: {sum(p.numel() for p in model.parameters()):,} parameters, {len(data['train'][1]):,} images")
    for name, (images, labels) in data.items():
        print(f"{name + ' accuracy':>20}: {evaluate(model, images, labels)[1]:.2%}")
    viz.curves(history, options.out / "curves.png")
    draw_mistakes(model, *data["test"], options.out / "misclassified.png")
    images, labels = data["train"]
    draw_loss(model, images[:32], labels[:32], options.out)
    same = save_and_compare(model, data["test"][0], options.out / "digits.safetensors")
    print(f"predictions of the saved and reloaded model are {'identical' if same else 'DIFFERENT'}")
    print(f"pictures and weights are in {options.out}")
    if not same:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
