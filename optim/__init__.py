"""Optimizers and learning-rate schedulers, at PyTorch's names.

An optimizer gets the parameters once, and each ``step()`` moves them by the gradients that ``backward()`` left.
"""

from __future__ import annotations

from . import lr_scheduler
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .sgd import SGD

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]
