"""The NumPy machine: each group is a few calls on the workspace; stretches of small groups are a loop over floats.

Gathered operands that lie side by side are views of the workspace. A sum of products is a product of two tables, added
along its first axis, which the library does row by row: that is eager's order, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .kinds import xp
from .schedule import Group, Schedule

SMALL = 12
"""Groups of fewer results than this are computed one by one."""
Step = Callable[[], Any]


class Machine:
    """Runs a schedule in a workspace of float64."""

    name = "numpy"

    def __init__(self, plan: Schedule, exact: bool) -> None:
        self.exact = exact
        self.workspace = xp.zeros(plan.size)
        start, constants = plan.inputs["constant"]
        self.workspace[start : start + len(constants)] = constants
        self._view: Any = memoryview(self.workspace)
        widest = max([group.operands[0].size for group in plan.groups if group.kind is None], default=1)
        self._scratch = (xp.empty(widest), xp.empty(widest))
        self._prepare(plan)

    def _prepare(self, plan: Schedule) -> None:
        self.careful = self._steps(plan.groups, True)
        self.quick = self.careful if self.exact or not any(group.masked for group in plan.groups) else self._steps(plan.groups, False)

    def run(self) -> None:
        """Compute all groups. The inputs are in the workspace, and the results are when it returns."""
        with xp.errstate(all="ignore"):
            for step in self.quick:
                step()
            if self.quick is not self.careful and xp.isnan(self.workspace).any():
                # A gradient of 0 stops where it meets infinity in eager; the quick way multiplies them.
                for step in self.careful:
                    step()

    # --- steps ----------------------------------------------------------------------------------------------------

    def _steps(self, groups: list[Group], careful: bool) -> list[Step]:
        steps: list[Step] = []
        loop: list[Any] = []
        for group in groups:
            if group.count * (1 if group.kind is not None else min(group.operands[0].shape[0], SMALL)) < SMALL:
                loop += self._one_by_one(group, careful)
                continue
            if loop:
                steps.append(self._loop(loop))
                loop = []
            steps.append(self._sums(group, careful) if group.kind is None else self._elementwise(group))
        if loop:
            steps.append(self._loop(loop))
        return steps

    def _gather(self, index: Any, scratch: int) -> tuple[Any, Step | None]:
        """The operand as an array, and how it is filled; a view of the workspace needs no filling."""
        view = _strided(self.workspace, index)
        if view is not None:
            return view, None
        workspace, buffer = self.workspace, self._scratch[scratch][: index.size].reshape(index.shape)
        take = workspace.take
        return buffer, lambda: take(index, None, buffer, "clip")

    def _sums(self, group: Group, careful: bool) -> Step:
        left_index, right_index = group.operands
        out = self.workspace[group.start : group.start + group.count]
        if group.count == 1:
            left_index, right_index = left_index[:, 0], None if right_index is None else right_index[:, 0]
        left, fill_left = self._gather(left_index, 0)
        add, multiply, workspace = xp.add.reduce, xp.multiply, self.workspace
        product = self._scratch[0][: left_index.size].reshape(left_index.shape)
        single = left_index.shape[0] == 1 and group.count > 1
        masked = group.masked and careful
        right, fill_right = (None, None) if right_index is None else self._gather(right_index, 1)
        sequential = group.count == 1 and self.exact
        accumulate = xp.add.accumulate

        def step() -> None:
            if fill_left is not None:
                fill_left()
            terms = left
            if right is not None:
                if fill_right is not None:
                    fill_right()
                stopped = left == 0 if masked else None
                target = out[None] if single else product
                multiply(left, right, target)
                terms = target
                if stopped is not None:
                    terms[stopped] = 0.0
            elif single:
                out[:] = left[0]
            if single:
                return
            if sequential:
                out[0] = accumulate(terms)[-1]
            elif out.shape[0] == 1:
                out[0] = add(terms)
            else:
                add(terms, 0, None, out, False, -0.0)

        assert workspace is self.workspace
        return step

    def _elementwise(self, group: Group) -> Step:
        kind = group.kind
        assert kind is not None
        start, count, workspace = group.start, group.count, self.workspace
        if self.exact and not kind.bitwise:
            one, places, view = kind.one, [index.tolist() for index in group.operands], self._view

            def one_by_one() -> None:
                for position, operands in enumerate(zip(*places, strict=True), start):
                    view[position] = one(*[view[i] for i in operands])

            return one_by_one
        out = workspace[start : start + count]
        function = kind.array
        sources = [view if view is not None else (lambda index=index: workspace[index]) for index in group.operands for view in [_strided(workspace, index)]]
        if isinstance(function, xp.ufunc):
            if len(sources) == 1:
                a = sources[0]
                return (lambda: function(a(), out)) if callable(a) else (lambda: function(a, out))
            a, b = sources
            if callable(a):
                return (lambda: function(a(), b(), out)) if callable(b) else (lambda: function(a(), b, out))
            return (lambda: function(a, b(), out)) if callable(b) else (lambda: function(a, b, out))

        def step() -> None:
            out[:] = function(*[source() if callable(source) else source for source in sources])

        return step

    # --- small groups ---------------------------------------------------------------------------------------------

    def _one_by_one(self, group: Group, careful: bool) -> list[Any]:
        found: list[Any] = []
        if group.kind is not None:
            return [(group.kind.one, group.start + i, tuple([int(index[i]) for index in group.operands])) for i in range(group.count)]
        left, right = group.operands
        for i in range(group.count):
            a = tuple(left[:, i].tolist())
            b = None if right is None else tuple(right[:, i].tolist())
            found.append((None, group.start + i, (a, b, group.masked and careful)))
        return found

    def _loop(self, program: list[Any]) -> Step:
        view = self._view
        lines: list[Any] = []
        for function, out, operands in program:
            if function is not None:
                if len(operands) == 1:
                    lines.append((1, function, out, operands[0], 0))
                elif len(operands) == 2:
                    lines.append((2, function, out, *operands))
                else:
                    lines.append((3, function, out, operands, 0))
                continue
            a, b, masked = operands
            if b is None and len(a) == 2:
                lines.append((4, None, out, *a))
            elif b is not None and len(a) == 1 and not masked:
                lines.append((5, None, out, a[0], b[0]))
            else:
                lines.append((7 if masked else 6, None, out, a, b))

        def step() -> None:
            for code, function, out, a, b in lines:
                if code == 4:
                    view[out] = view[a] + view[b]
                elif code == 5:
                    view[out] = view[a] * view[b]
                elif code == 1:
                    view[out] = function(view[a])
                elif code == 2:
                    view[out] = function(view[a], view[b])
                elif code == 3:
                    view[out] = function(*[view[i] for i in a])
                else:
                    total = -0.0
                    if b is None:
                        for i in a:
                            total += view[i]
                    elif code == 6:
                        for i, j in zip(a, b, strict=True):
                            total += view[i] * view[j]
                    else:
                        for i, j in zip(a, b, strict=True):
                            factor = view[i]
                            total += factor * view[j] if factor else 0.0
                    view[out] = total

        return step


def _strided(workspace: Any, index: Any) -> Any:
    """A view of the workspace that shows what the index table names; ``None`` if there is none."""
    if index.ndim == 1:
        if index.size < 2:
            return workspace[int(index[0]) : int(index[0]) + 1] if index.size else None
        step = int(index[1] - index[0])
        return _view(workspace, index, (step,)) if (index[1:] - index[:-1] == step).all() else None
    down = int(index[1, 0] - index[0, 0]) if index.shape[0] > 1 else 0
    along = int(index[0, 1] - index[0, 0]) if index.shape[1] > 1 else 0
    regular = (index[1:] - index[:-1] == down).all() and (index[:, 1:] - index[:, :-1] == along).all()
    return _view(workspace, index, (down, along)) if regular else None


def _view(workspace: Any, index: Any, steps: tuple[int, ...]) -> Any:
    start = int(index.flat[0])
    return xp.lib.stride_tricks.as_strided(workspace[start:], index.shape, tuple(8 * step for step in steps), writeable=False)
