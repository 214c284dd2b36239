"""Learning-rate schedulers: each ``step()`` sets ``lr`` in the optimizer's groups, after ``optimizer.step()``.

Most schedulers come in two forms that agree but for rounding: *chained*, from the present learning rate, so that
several schedulers can act on one optimizer, and *closed*, from the initial one, for ``step(epoch)``.
"""

from __future__ import annotations

import math
import types
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, SupportsFloat

from autograd_core.config import ACTIVE, refuse

from .optimizer import Optimizer

__all__ = ["ConstantLR", "CosineAnnealingLR", "ExponentialLR", "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "ReduceLROnPlateau",
           "SequentialLR", "StepLR"]


class LRScheduler:
    """The base of schedulers; a subclass defines :meth:`get_lr`, or ``_chained`` and ``_closed`` for one group.

    Parameters
    ----------
    optimizer : raises ``TypeError`` for anything else.
    last_epoch : the epoch to resume after; -1 starts anew. To resume, the optimizer's groups must have an ``initial_lr``
        (``KeyError``), which an optimizer that had a scheduler saves in its state dict.

    ``step()`` warns if the optimizer has not stepped before it, because then the first learning rate is never used.
    """

    _hidden: tuple[str, ...] = ("optimizer",)
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self._attach(optimizer)
        if last_epoch == -1:
            for group in optimizer.param_groups:
                group.setdefault("initial_lr", group["lr"])
        for i, group in enumerate(optimizer.param_groups):
            if "initial_lr" not in group:
                raise KeyError(f"param 'initial_lr' is not specified in param_groups[{i}] when resuming a scheduler with last_epoch={last_epoch}. "
                               "Load the optimizer's state dict first, or start with last_epoch=-1")
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._begin()

    def _attach(self, optimizer: Any) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer

    def _begin(self) -> None:
        """Set the learning rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def _rewind(self) -> None:
        """Take back the step that the constructor made."""
        self.last_epoch -= 1

    # --- the learning rates -------------------------------------------------------------------------------------

    def _chained(self, lr: Any, base: Any) -> Any:
        """A group's next learning rate, from its present and its initial one."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_lr()")

    def _closed(self, base: Any) -> Any:
        """A group's learning rate at ``last_epoch``, from its initial one."""
        raise NotImplementedError(f"{type(self).__name__} has no closed form: call step() without an epoch")

    def get_lr(self) -> list[Any]:
        """The learning rates of the groups at ``last_epoch``; users read :meth:`get_last_lr`."""
        return [self._chained(group["lr"], base) for group, base in zip(self.optimizer.param_groups, self.base_lrs, strict=True)]

    def get_last_lr(self) -> list[Any]:
        """The learning rates that the last ``step()`` set, one for each group."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch and set its learning rates. An ``epoch`` jumps there, for schedulers with a closed form; as in PyTorch that warns."""
        if self._step_count == 1 and not self.optimizer._stepped:
            warnings.warn("Detected call of `lr_scheduler.step()` before `optimizer.step()`. Call `optimizer.step()` first: "
                          "the first value of the learning rate schedule is skipped otherwise", UserWarning, stacklevel=2)
        if epoch is not None:
            warnings.warn("The epoch parameter in `scheduler.step()` is deprecated in PyTorch. Call `scheduler.step()` once after each epoch",
                          UserWarning, stacklevel=2)
        self._step_count += 1
        self._move(epoch)

    def _move(self, epoch: int | None = None) -> None:
        if ACTIVE:
            refuse("a learning rate scheduler steps, which a replay would not repeat",
                   "Call scheduler.step() after the compiled function: plans read the learning rate anew at each call")
        if epoch is None:
            self.last_epoch += 1
            rates = self.get_lr()
        else:
            self.last_epoch = epoch
            rates = self.get_lr() if type(self)._closed is LRScheduler._closed else [self._closed(base) for base in self.base_lrs]
        for group, lr in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = lr
        self._remember()

    def _remember(self) -> None:
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    # --- saving -------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, as a dict."""
        return {key: value for key, value in self.__dict__.items() if key not in self._hidden}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; load the optimizer's too, which holds the learning rates."""
        self.__dict__.update({key: value for key, value in state_dict.items() if key not in self._hidden})


class _ByFunction(LRScheduler):
    """Schedulers of one function of the epoch per group."""

    _hidden = ("optimizer", "lr_lambdas")

    def __init__(self, optimizer: Optimizer, lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]], last_epoch: int = -1) -> None:
        self._attach(optimizer)
        count = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * count if not isinstance(lr_lambda, Sequence) else list(lr_lambda)
        if len(self.lr_lambdas) != count:
            raise ValueError(f"Expected {count} lr_lambdas, but got {len(self.lr_lambdas)}. Give one function, or one for each parameter group")
        for each in self.lr_lambdas:
            if not callable(each):
                raise TypeError(f"lr_lambda should be a function, but got {type(each).__name__}")
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and plain functions; of callable objects their attributes."""
        return {**super().state_dict(), "lr_lambdas": [None if isinstance(each, types.FunctionType) else dict(each.__dict__) for each in self.lr_lambdas]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state; callable objects get their attributes back."""
        super().load_state_dict(state_dict)
        for each, attributes in zip(self.lr_lambdas, state_dict.get("lr_lambdas", ()), strict=False):
            if attributes is not None:
                each.__dict__.update(attributes)


class LambdaLR(_ByFunction):
    """The initial learning rate times a function of the epoch, or of one function for each group.

    >>> import autograd_core as ag
    >>> import optim
    >>> optimizer = optim.SGD([ag.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1 / (1 + epoch))
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> scheduler.get_last_lr()
    [0.25]
    """

    def get_lr(self) -> list[Any]:
        """The learning rates of the groups at ``last_epoch``."""
        return [base * each(self.last_epoch) for base, each in zip(self.base_lrs, self.lr_lambdas, strict=True)]


class MultiplicativeLR(_ByFunction):
    """Each epoch, the learning rate times a function of the epoch, or of one function for each group."""

    def get_lr(self) -> list[Any]:
        """The learning rates of the groups at ``last_epoch``."""
        rates = [group["lr"] for group in self.optimizer.param_groups]
        return rates if self._is_initial else [lr * each(self.last_epoch) for lr, each in zip(rates, self.lr_lambdas, strict=True)]


class StepLR(LRScheduler):
    """Every ``step_size`` epochs, the learning rate times ``gamma`` (default 0.1)."""

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _chained(self, lr: Any, base: Any) -> Any:
        return lr * self.gamma if self.last_epoch and self.last_epoch % self.step_size == 0 else lr

    def _closed(self, base: Any) -> Any:
        return base * self.gamma ** (self.last_epoch // self.step_size)


class MultiStepLR(LRScheduler):
    """At each of the epochs ``milestones``, the learning rate times ``gamma`` (default 0.1)."""

    def __init__(self, optimizer: Optimizer, milestones: Iterable[int], gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _chained(self, lr: Any, base: Any) -> Any:
        times = self.milestones.get(self.last_epoch, 0)
        return lr * self.gamma**times if times else lr

    def _closed(self, base: Any) -> Any:
        return base * self.gamma ** bisect_right(sorted(self.milestones.elements()), self.last_epoch)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state."""
        super().load_state_dict(state_dict)
        self.milestones = Counter(self.milestones)


class ConstantLR(LRScheduler):
    """The learning rate times ``factor`` (default 1/3) for ``total_iters`` epochs (default 5), then as it is."""

    def __init__(self, optimizer: Optimizer, factor: float = 1.0 / 3, total_iters: int = 5, last_epoch: int = -1) -> None:
        if not 0 <= factor <= 1:
            raise ValueError(f"Constant multiplicative factor expected to be between 0 and 1, got {factor}")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _chained(self, lr: Any, base: Any) -> Any:
        if self.last_epoch == 0:
            return lr * self.factor
        return lr * (1.0 / self.factor) if self.last_epoch == self.total_iters else lr

    def _closed(self, base: Any) -> Any:
        return base * (1.0 if self.last_epoch >= self.total_iters else self.factor)


class LinearLR(LRScheduler):
    """The learning rate times a factor that goes from ``start_factor`` (default 1/3) to ``end_factor`` (1) in ``total_iters`` epochs (5)."""

    def __init__(self, optimizer: Optimizer, start_factor: float = 1.0 / 3, end_factor: float = 1.0, total_iters: int = 5, last_epoch: int = -1) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"Starting multiplicative factor expected to be greater than 0 and less or equal to 1, got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"Ending multiplicative factor expected to be between 0 and 1, got {end_factor}")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def _chained(self, lr: Any, base: Any) -> Any:
        if self.last_epoch == 0:
            return lr * self.start_factor
        if self._is_initial or self.last_epoch > self.total_iters:
            return lr
        change = self.end_factor - self.start_factor
        return lr * (1.0 + change / (self.total_iters * self.start_factor + (self.last_epoch - 1) * change))

    def _closed(self, base: Any) -> Any:
        return base * (self.start_factor + (self.end_factor - self.start_factor) * min(self.total_iters, self.last_epoch) / self.total_iters)


class ExponentialLR(LRScheduler):
    """Each epoch, the learning rate times ``gamma``."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _chained(self, lr: Any, base: Any) -> Any:
        return lr if self._is_initial else lr * self.gamma

    def _closed(self, base: Any) -> Any:
        return base * self.gamma**self.last_epoch


class CosineAnnealingLR(LRScheduler):
    """The learning rate along half a cosine from its initial value down to ``eta_min`` (default 0) in ``T_max`` epochs, and up again.

    >>> import autograd_core as ag
    >>> import optim
    >>> optimizer = optim.SGD([ag.tensor([1.0], requires_grad=True)], lr=1.0)
    >>> scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
    >>> for _ in range(2):
    ...     optimizer.step()
    ...     scheduler.step()
    >>> [round(lr, 6) for lr in scheduler.get_last_lr()]
    [0.5]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def _chained(self, lr: Any, base: Any) -> Any:
        epoch, half, low = self.last_epoch, self.T_max, self.eta_min
        if self._is_initial:
            return lr
        if self._step_count == 1 and epoch > 0:
            return low + (base - low) * (1 + math.cos(epoch * math.pi / half)) / 2
        if (epoch - 1 - half) % (2 * half) == 0:  # the cosine was at its lowest, where a ratio says nothing
            return lr + (base - low) * (1 - math.cos(math.pi / half)) / 2
        return (1 + math.cos(math.pi * epoch / half)) / (1 + math.cos(math.pi * (epoch - 1) / half)) * (lr - low) + low

    def _closed(self, base: Any) -> Any:
        return self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2


class SequentialLR(LRScheduler):
    """One scheduler after the other: the next one takes over at each of the epochs ``milestones``."""

    _hidden = ("optimizer", "_schedulers")

    def __init__(self, optimizer: Optimizer, schedulers: list[LRScheduler], milestones: list[int], last_epoch: int = -1) -> None:
        self._attach(optimizer)
        if not schedulers:
            raise ValueError("SequentialLR expects at least one scheduler, but got no scheduler")
        for i, scheduler in enumerate(schedulers):
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(f"SequentialLR: schedulers[{i}] is a {type(scheduler).__name__}, not a scheduler")
            if isinstance(scheduler, ReduceLROnPlateau):
                raise ValueError(f"SequentialLR does not support ReduceLROnPlateau, whose step() needs a metric, but schedulers[{i}] is one")
            if scheduler.optimizer is not optimizer:
                raise ValueError(f"SequentialLR expects all schedulers to belong to the same optimizer, but schedulers[{i}] belongs to another")
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(f"SequentialLR expects one milestone between each two schedulers: {len(schedulers)} schedulers and {len(milestones)} milestones "
                             "do not fit")
        self._schedulers = list(schedulers)
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        for group in optimizer.param_groups:  # take back what the schedulers did when they were made
            group["lr"] = group["initial_lr"]
        for scheduler in self._schedulers:
            scheduler._rewind()
        first = self._schedulers[bisect_right(self._milestones, 0)]
        first._begin()
        self._last_lr = first.get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch; it takes no ``epoch``."""
        if epoch is not None:
            raise TypeError("SequentialLR.step() takes no epoch")
        self.last_epoch += 1
        index = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[index]
        if index and self._milestones[index - 1] == self.last_epoch:
            scheduler._move(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()

    def _rewind(self) -> None:
        for scheduler in self._schedulers:
            scheduler._rewind()

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, the schedulers' states included."""
        return {**super().state_dict(), "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state, the schedulers' included."""
        super().load_state_dict(state_dict)
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class ReduceLROnPlateau(LRScheduler):
    """The learning rate times ``factor`` when a metric has not improved for more than ``patience`` epochs: ``step(metric)``.

    Parameters
    ----------
    mode : ``min`` (default) or ``max``, what better means. threshold, threshold_mode : by how much, default 1e-4, ``rel``
        to the best value or ``abs``. factor : below 1, default 0.1. patience : default 10. cooldown : epochs after a
        reduction in which nothing is counted, default 0. min_lr : a bound, or one for each group. eps : smaller changes are not made.
    """

    def __init__(self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10, threshold: float = 1e-4, threshold_mode: str = "rel",
                 cooldown: int = 0, min_lr: list[float] | float = 0, eps: float = 1e-8) -> None:
        self._attach(optimizer)
        if factor >= 1.0:
            raise ValueError(f"Factor should be < 1.0, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"mode {mode} is unknown! It is 'min' or 'max'")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f"threshold mode {threshold_mode} is unknown! It is 'rel' or 'abs'")
        count = len(optimizer.param_groups)
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.min_lrs = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * count
        if len(self.min_lrs) != count:
            raise ValueError(f"expected {count} min_lrs, got {len(self.min_lrs)}")
        self.mode, self.factor, self.patience, self.cooldown, self.eps = mode, factor, patience, cooldown, eps
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = 0
        self.num_bad_epochs = 0
        self.last_epoch = 0
        self._remember()

    def step(self, metrics: SupportsFloat, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take note of the metric after an epoch."""
        value = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self._better(value):
            self.best = value
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._remember()

    def _better(self, value: float) -> bool:
        if self.threshold_mode == "abs":
            return value < self.best - self.threshold if self.mode == "min" else value > self.best + self.threshold
        return value < self.best * (1.0 - self.threshold) if self.mode == "min" else value > self.best * (self.threshold + 1.0)

    def _reduce(self) -> None:
        groups = self.optimizer.param_groups
        if len(groups) != len(self.min_lrs):
            if self.default_min_lr is None:
                raise RuntimeError(f"the optimizer has {len(groups)} param groups now and had {len(self.min_lrs)} when ReduceLROnPlateau was made. "
                                   "Add the bound of each new group to min_lrs")
            self.min_lrs = [self.default_min_lr] * len(groups)
        for group, low in zip(groups, self.min_lrs, strict=True):
            before = float(group["lr"])
            after = max(before * self.factor, low)
            if before - after > self.eps:
                group["lr"] = after
