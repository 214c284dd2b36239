"""Optimizers whose rule is one update op: many small parameters are updated by one call of it.

A pack is a list of parameters whose state lies side by side in flat arrays; what ``optimizer.state`` shows for each
parameter are views of those. Large parameters get a pack of their own. A pack is remembered from step to step and made
anew, from the values in ``state``, whenever someone replaced a parameter's memory or a piece of its state.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from itertools import accumulate
from operator import is_not
from typing import Any

from autograd_core.backend.registry import backend_for_device, backend_of
from autograd_core.config import MODE, enable_grad, get_mode
from autograd_core.dispatch import apply
from autograd_core.errors import InplaceError
from autograd_core.op import Op
from autograd_core.storage import overlapping, wrap
from autograd_core.tensor import Tensor

from .optimizer import Optimizer

BLOCK = 32768
"""Elements that are updated together on a CPU: as many as fit its cache together with their state."""


class Pack:
    """Parameters of one dtype on one device that are updated together."""

    def __init__(self, parameters: list[Tensor], state: dict[Tensor, dict[str, Any]], names: tuple[str, ...], counts: bool,
                 initial: Callable[[str], float], block: int) -> None:
        self.parameters = parameters
        self.arrays = [_writable(p) for p in parameters]
        self.block = block
        first = self.arrays[0]
        xp = backend_of(first).xp
        stops = list(accumulate(array.size for array in self.arrays))
        self.slices = [slice(stop - array.size, stop) for stop, array in zip(stops, self.arrays, strict=True)]
        self.entries = [state[p] for p in parameters] if names or counts else []
        self.state = state
        self.holders: list[dict[Any, Any]] = [state] * len(self.entries)
        """Dictionaries, beside them keys, and what these have to show for the pack to be current."""
        self.keys: list[Any] = list(parameters[: len(self.entries)])
        self.values: list[Any] = list(self.entries)
        self.counts: Any = None
        self.flats: list[Any] = []
        if counts:
            host = backend_for_device("cpu").xp
            self.counts = host.array([float(entry.get("step", 0)) for entry in self.entries], dtype=host.float32)
            for i, entry in enumerate(self.entries):
                self._show(entry, "step", self.counts[i : i + 1].reshape(()))
        for name in names:
            flat = xp.full(stops[-1], initial(name), dtype=first.dtype)
            for entry, array, where in zip(self.entries, self.arrays, self.slices, strict=True):
                known = entry.get(name)
                if known is not None:
                    flat[where] = known.array.reshape(-1)
                self._show(entry, name, flat[where].reshape(array.shape))
            self.flats.append(flat)
        state_arrays = ([self.counts] if counts else []) + self.flats
        self.tensors = [wrap(array) for array in state_arrays] + parameters
        self.fresh = True

    def _show(self, entry: dict[str, Any], name: str, view: Any) -> None:
        """Let the parameter's state be a view of the pack's; a Tensor that is there already is kept, with the new memory."""
        known = entry.get(name)
        if isinstance(known, Tensor):
            known.data = wrap(view)
        else:
            known = entry[name] = wrap(view)
        self.holders.append(entry)
        self.keys.append(name)
        self.values.append(known)

    def current(self, state: dict[Tensor, dict[str, Any]]) -> bool:
        """Whether parameters and state still have the memory that the pack knows."""
        return state is self.state and self.kept()

    @cached_property
    def kept(self) -> Callable[[], bool]:
        """The question whether all entries of the state and all memory are those that the pack knows: one expression, which is asked at every step."""
        parts, names = self.asked()
        return _question(parts, names)

    def asked(self, suffix: str = "") -> tuple[list[str], dict[str, Any]]:
        """The parts of that expression, and the names in it, which end in ``suffix``."""
        names: dict[str, Any] = {}
        parts = []
        for i, (holder, key, value) in enumerate(zip(self.holders, self.keys, self.values, strict=True)):
            names.update({f"h{i}{suffix}": holder.get, f"k{i}{suffix}": key, f"v{i}{suffix}": value})
            parts.append(f"h{i}{suffix}(k{i}{suffix}) is v{i}{suffix}")
        for i, (p, array) in enumerate(zip(self.parameters, self.arrays, strict=True)):
            names.update({f"p{i}{suffix}": p, f"a{i}{suffix}": array})
            parts.append(f"p{i}{suffix}._array is a{i}{suffix}")
        return parts, names

    def work(self, gradients: list[Any]) -> list[tuple[list[Any], int]]:
        """The calls that update the members that have a gradient: inputs and ``count`` of each; one for all, if all are at the same step."""
        for gradient in gradients:
            if gradient is None:
                break
        else:
            if self.counts is None or len(gradients) == 1 or (known := self.counts.tolist()).count(known[0]) == len(known):
                return [([*self.tensors, *gradients], len(gradients))]
        calls = []
        for i, (p, where, gradient) in enumerate(zip(self.parameters, self.slices, gradients, strict=True)):
            if gradient is not None:
                state = ([] if self.counts is None else [self.counts[i : i + 1]]) + [flat[where] for flat in self.flats]
                calls.append(([*(wrap(array) for array in state), p, gradient], 1))
        return calls


def _question(parts: list[str], names: dict[str, Any]) -> Callable[[], bool]:
    """Whether all of some expressions are true, as one function: written out, which is faster than any loop over them."""
    return eval(f"lambda: {' and '.join(parts) or True}", names)  # type: ignore[no-any-return]  # made of names of this module alone


class LiveAttributes(dict[str, Any]):
    """The attributes of an update, and ``live``, which reads them anew, or gives ``None`` when the state lies elsewhere now."""

    live: Callable[[], dict[str, Any] | None]


def _writable(p: Tensor) -> Any:
    array = p.array
    if overlapping(array) or not getattr(array.flags, "writeable", True):
        what = "shares memory between its elements" if overlapping(array) else "is read-only"
        raise InplaceError(f"a parameter of shape {tuple(p.shape)} cannot be updated in place: its memory {what}. "
                           "Make it a copy first: .detach().clone().requires_grad_()")
    return array


class Packing:
    """The packs of one parameter group; ``loose`` are the parameters that have had no gradient yet."""

    def __init__(self, parameters: list[Tensor], names: tuple[str, ...]) -> None:
        self.parameters = list(parameters)
        self.names = names
        self.packs: list[Pack] = []
        self.loose = list(parameters)

    def current(self, parameters: list[Tensor], names: tuple[str, ...], state: dict[Tensor, dict[str, Any]]) -> bool:
        """Whether the packs can be used as they are."""
        if names != self.names or len(parameters) != len(self.parameters) or any(map(is_not, parameters, self.parameters)):
            return False
        return all(pack.current(state) for pack in self.packs)


class PackedOptimizer(Optimizer):
    """An optimizer that says what its rule's op is, what state it keeps and which attributes it takes."""

    op: Op
    counts_steps = True

    def _start(self) -> None:
        super()._start()
        self._packings: dict[int, Packing] = {}

    def _names(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The names of the state that has one entry per element, in the order in which the op takes it."""
        raise NotImplementedError

    def _attributes(self, group: dict[str, Any]) -> dict[str, Any]:
        """The op's attributes; Python numbers, so that NumPy's never change a dtype."""
        raise NotImplementedError

    def _initial(self, group: dict[str, Any], name: str) -> float:
        return 0.0

    def _first(self, entry: dict[str, Any], names: tuple[str, ...]) -> bool:
        """Whether the next update is a parameter's first."""
        return not names or entry.get(names[0]) is None

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters that have a gradient, once.

        ``closure``, if given, computes the loss anew, calls ``backward()`` and returns the loss, which is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._update(group)
        return loss

    def _update(self, group: dict[str, Any]) -> None:
        mode = get_mode()
        recorder = mode.recorder
        if recorder is None:
            names, packing, attributes = self._prepared(group)
        else:  # what is read here is read again at each replay
            token = MODE.set(mode.replace(recorder=None))
            try:
                names, packing, attributes = self._prepared(group)
            finally:
                MODE.reset(token)
        for pack in packing.packs:
            attrs = {**attributes, "block": pack.block}
            if "first" in attributes:
                attrs["first"] = attributes["first"] and pack.fresh
            for tensors, count in pack.work([p.grad for p in pack.parameters]):
                attrs["count"] = count
                given = dict(attrs) if count != len(pack.parameters) else attrs
                apply(self.op, tensors, given if recorder is None else self._live(group, packing, pack, names, given))
            pack.fresh = False

    def _prepared(self, group: dict[str, Any]) -> tuple[tuple[str, ...], Packing, dict[str, Any]]:
        """The names of the state, the packs as they lie in memory now, and the attributes."""
        names = self._names(group)
        parameters = group["params"]
        packing = self._packings.get(id(group))
        if packing is None or not packing.current(parameters, names, self.state):
            packing = self._packings[id(group)] = Packing(parameters, names)
        if packing.loose:
            self._pack(packing, group)
        return names, packing, self._attributes(group)

    def _live(self, group: dict[str, Any], packing: Packing, pack: Pack, names: tuple[str, ...], attrs: dict[str, Any]) -> LiveAttributes:
        """The attributes of one update, with how to read them again: a learning rate may change between the calls of a plan."""
        block, count = attrs["block"], attrs["count"]
        keys: tuple[str, ...] = ()
        options: list[Any] = []  # what the group held when its attributes were read last; the same objects mean the same attributes
        known: dict[str, Any] | None = None
        unchanged: Callable[[], bool] | None = None

        def live() -> dict[str, Any] | None:
            nonlocal keys, known, unchanged
            try:
                if known is not None and unchanged is not None and unchanged():
                    return known
            except KeyError:  # an option is gone
                pass
            names = self._names(group)
            if self._packings.get(id(group)) is not packing or not packing.current(group["params"], names, self.state):
                return None
            read = self._attributes(group)
            first = read.get("first", False)
            if first:
                read["first"] = pack.fresh
            read["block"], read["count"] = block, count
            known = None if first or any(isinstance(option, Tensor) for option in group.values()) else read  # tensors change in place
            options[:] = group.values()
            if known is not None and (unchanged is None or keys != tuple(group)):
                keys = tuple(group)
                unchanged = self._unchanged(group, packing, keys, options)
            return read

        found = LiveAttributes(attrs)
        found.live = live
        return found

    def _unchanged(self, group: dict[str, Any], packing: Packing, keys: tuple[str, ...], options: list[Any]) -> Callable[[], bool]:
        """The question whether a group has the same options as in ``options``, and its packs the same memory, as when they were looked at last."""
        names = {"optimizer": self, "place": id(group), "packing": packing, "state": self.state, "group": group, "options": options}
        parts = ["optimizer._packings.get(place) is packing", "optimizer.state is state", f"len(group) == {len(keys)}"]
        parts += [f"group[{key!r}] is options[{i}]" for i, key in enumerate(keys)]
        parts.append(f"len((parameters := group['params'])) == {len(packing.parameters)}")
        names.update({f"member{i}": p for i, p in enumerate(packing.parameters)})
        parts += [f"parameters[{i}] is member{i}" for i in range(len(packing.parameters))]
        for i, pack in enumerate(packing.packs):
            asked, known = pack.asked(f"_{i}")
            parts += asked
            names.update(known)
        return _question(parts, names)

    def _pack(self, packing: Packing, group: dict[str, Any]) -> None:
        """Pack the loose parameters that have a gradient now."""
        ready = [p for p in packing.loose if p.grad is not None]
        if not ready:
            return
        alike: dict[Any, list[Tensor]] = {}
        keeps = bool(packing.names) or self.counts_steps
        for p in ready:
            first = self._first(self.state[p], packing.names) if keeps else True
            alike.setdefault((p.dtype, p.device, first), []).append(p)
        made = []
        for (_, device, first), members in alike.items():
            block = BLOCK if device == "cpu" else 1 << 62
            for parameters in _portions(members, block):
                pack = Pack(parameters, self.state, packing.names, self.counts_steps, lambda name: self._initial(group, name), block)
                pack.fresh = first
                made.append(pack)
        packing.packs += made
        packed = {id(p) for p in ready}
        packing.loose = [p for p in packing.loose if id(p) not in packed]

    def _check_state(self, p: Tensor, number: int, key: str, value: Tensor) -> None:
        if tuple(value.shape) != tuple(p.shape):
            raise ValueError(f"loaded state dict has a {key!r} of shape {tuple(value.shape)} for parameter {number}, whose shape is {tuple(p.shape)}. "
                             "Is it the state of another model, or of the same one with its parameters in another order?")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a copy of a state. See :meth:`Optimizer.load_state_dict`."""
        super().load_state_dict(state_dict)
        self._packings.clear()


def _portions(parameters: list[Tensor], block: int) -> list[list[Tensor]]:
    """Small parameters together, up to ``block`` elements; each large one alone."""
    portions: list[list[Tensor]] = []
    together: list[Tensor] = []
    room = 0
    for p in parameters:
        size = p.numel()
        if size > block // 2:
            portions.append([p])
            continue
        if not together or size > room:
            portions.append(together := [])
            room = block
        together.append(p)
        room -= size
    return portions
