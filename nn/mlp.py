"""``MLP``: the network most examples begin with."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from .layers.activation import ReLU
from .layers.container import Sequential
from .layers.linear import Linear
from .layers.norm import BatchNorm1d
from .layers.shape import Dropout
from .module import Module


class MLP(Sequential):
    """A multi-layer perceptron: Linear layers with an activation between them, and none after the last.

    Parameters
    ----------
    sizes : the number of features from input to output, at least two numbers: ``[784, 256, 10]``.
    activation : called without arguments for each activation: a class such as ``nn.Tanh``, or a function that returns a
        module.
    bias : whether the Linear layers have a bias.
    batch_norm : put a BatchNorm1d before each activation.
    dropout : put a Dropout with this probability after each activation.
    device, dtype : of the parameters.

    Raises ``ValueError`` for fewer than two sizes or a size that is not a positive int, and ``TypeError`` for an activation
    that is a module already.

    >>> MLP([2, 16, 1])
    MLP(
      (0): Linear(in_features=2, out_features=16, bias=True)
      (1): ReLU()
      (2): Linear(in_features=16, out_features=1, bias=True)
    )
    """

    def __init__(self, sizes: Sequence[int], activation: Callable[[], Module] = ReLU, *, bias: bool = True, batch_norm: bool = False, dropout: float = 0.0,
                 device: Any = None, dtype: Any = None) -> None:
        sizes = list(sizes)
        if len(sizes) < 2 or not all(isinstance(n, int) and n > 0 for n in sizes):
            raise ValueError(f"MLP: sizes must be at least two positive ints, from the input's number of features to the output's, got {sizes}")
        if isinstance(activation, Module):
            name = type(activation).__name__
            raise TypeError(f"MLP: activation is called to make each activation, so pass the class nn.{name} rather than an instance {name}(...), "
                            f"or a function such as lambda: nn.{name}(...)")
        layers: list[Module] = []
        for i, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
            layers.append(Linear(inputs, outputs, bias=bias, device=device, dtype=dtype))
            if i < len(sizes) - 2:
                if batch_norm:
                    layers.append(BatchNorm1d(outputs, device=device, dtype=dtype))
                layers.append(activation())
                if dropout:
                    layers.append(Dropout(dropout))
        super().__init__(*layers)
