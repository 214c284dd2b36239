"""A plan's code with the time noted after each statement: made when a profile first looks, so that nothing else pays for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from .graph import Step

if TYPE_CHECKING:
    from .numpy_backend import Program


class Measured:
    """``function`` replays as the program's own does; ``parts`` says afterwards which step ran from when to when."""

    def __init__(self, program: Program) -> None:
        self._times: list[int] = []
        self._steps: list[Step | None] = []
        first, *rest = program.lines
        lines = [first, "    note(now())"]
        for number, line in enumerate(rest, 2):  # as the interpreter counts them
            if line.startswith("        "):
                lines.append(line)  # of a loop, which is noted as a whole
            else:
                self._note(lines)
                if not line.startswith(("    return", "    global")):
                    self._steps.append(None)
                lines.append(line)
            if self._steps and number in program.step_of_line:
                self._steps[-1] = program.step_of_line[number]
        names = program.globals
        names.update(note=self._times.append, now=perf_counter_ns)
        shared = names["replay"]
        exec(compile("\n".join(lines), f"{program.filename[:-1]}, measured>", "exec"), names)  # the generated code with notes in between
        self.function: Callable[..., Any] = names["replay"]
        names["replay"] = shared

    def _note(self, lines: list[str]) -> None:
        """Note the time after the statements so far, but for those that declare names."""
        if self._steps and not lines[-1].startswith(("    global", "    note")):
            lines.append("    note(now())")

    def parts(self) -> Iterator[tuple[str, Step, int, int]]:
        """(name, step, start, end) of what ran last, in nanoseconds: the op that a call was part of, all of those of a fused step."""
        for step, start, end in zip(self._steps, self._times, self._times[1:], strict=False):
            if step is not None:
                names = dict.fromkeys(part.part_of or part.name for part in step.parts or [step])
                yield ("fused " if step.parts else "") + " ".join(names), step, start, end
        self._times.clear()
