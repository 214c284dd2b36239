"""Fused steps of the NumPy back end: a loop over blocks, which are cut and bound once where memory stays where it is."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..backend.registry import backend_for_device
from .graph import Captured, Constant, Step, Value
from .live import Live
from .passes.fuse import repeated

if TYPE_CHECKING:
    from .numpy_backend import Program

BLOCK = 3 << 16
"""Bytes of each array in one block of a fused chain: several of them stay in the cache."""
ROW = 128
"""Elements that a sum over everything adds up by a product with ones, which is three times faster than the library's sum; the rest is the library's."""
BITS = frozenset(("spread", "keep"))
"""Steps on masks, see ``lower``."""
KEYWORD_ONLY = frozenset(("maximum", "minimum", "concatenate"))
"""Calls that warn when the memory for their result is given by position."""


def loop(program: Program, step: Step) -> None:
    """A loop over blocks. What lies still is cut into blocks once; the rest is cut as it comes."""
    number = len(program.globals)
    first = (*step.parts[0].outputs, *step.parts[0].writes)[0]
    assert first is not None
    count = first.nbytes // first.dtype.itemsize
    block = BLOCK // max(value.dtype.itemsize for part in step.parts for value in (*part.reads(), *part.writes, *(v for v in part.outputs if v)))
    cut: list[tuple[str, str]] = []  # (name in the loop, name of the whole)
    local: dict[Value, str] = {}
    for value in (*step.inputs, *[each for each in step.outputs if each is not None and each.shape]):
        if not value.shape:
            local[value] = program._name(value)
        elif repeated(value):
            local[value] = f"n{number}_{len(local)}"
            program.lines.append(f"    {local[value]} = {program._name(value)}[{', '.join('0' for _ in value.shape)}]")
        else:
            local[value] = f"t{len(local)}"
            if value in step.outputs and value not in program._fixed:
                program.lines.append(f"    {program._name(value)} = {program._bind('empty', backend_for_device('cpu').xp.empty)}({value.shape}, {value.dtype.char!r})")
            if value in program._fixed or (isinstance(value.origin, (Captured, Constant)) and value not in program.names):
                cut.append((local[value], program._name(value)))
            else:
                program.lines.append(f"    w{number}_{local[value]} = {program._name(value)}.reshape(-1)")
    scratch = _scratch(step, local, block)
    sums = {value: f"r{number}_{i}" for i, value in enumerate(value for value in step.outputs if value is not None and not value.shape)}
    for part in step.parts:
        for x in part.inputs:
            if isinstance(x, Live):
                program._number(x, part)  # its line comes before the loop
    still = {name for name, _ in cut}
    for value, bits in _read_as_bits(step):
        name, view = local[value], f".view({program._expression(bits)})"
        if name in scratch:
            scratch.setdefault(f"{name}i", scratch[name].view(bits))
        elif name in still:
            cut.append((f"{name}i", f"{program._name(value)}{view}"))
    names = ["i", "j", *(name for name, _ in cut), *scratch]
    rows = {value: (f"m{i}", f"p{i}") for i, value in enumerate(sums) if count % ROW == 0 and _summed(step, local, value) in names}
    wholes = ", ".join(["", *(whole for _, whole in cut)])
    xp = backend_for_device("cpu").xp
    partials = [xp.empty(count // ROW, dtype=value.dtype) for value in rows]
    cuts = program._bind(f"cuts{number}", partial(_cuts, count, block, [scratch[name] for name in scratch],
                                                  [(names.index(_summed(step, local, value)), part) for value, part in zip(rows, partials, strict=True)]))
    names += [name for pair in rows.values() for name in pair]
    program.binding.append(f"    blocks{number} = {cuts}({wholes[2:]})")
    program.globals[f"blocks{number}"] = None
    program.lines += [f"    {name} = []" for value, name in sums.items() if value not in rows]
    program.lines.append(f"    for {', '.join(names)} in blocks{number}:")
    for value in (*step.inputs, *step.outputs):
        if value.shape and not repeated(value) and local[value] not in dict(cut):
            program.lines.append(f"        {local[value]} = w{number}_{local[value]}[i:j]")
    for value, bits in _read_as_bits(step):
        if local[value] not in scratch and local[value] not in still:
            program.lines.append(f"        {local[value]}i = {local[value]}.view({program._expression(bits)})")
    for part in step.parts:
        program.step_of_line[len(program.lines) + 1] = part
        output = part.writes[0] if part.to_target else part.outputs[0]
        assert output is not None
        if output in rows:
            matrix, place = rows[output]
            program.lines.append(f"        {program._bind('dot', xp.dot)}({matrix}, {program._expression(program._zero_dimensional(1, output.dtype, (ROW,)))}, {place})")
            continue
        if output in sums:
            program.lines.append(f"        {sums[output]}.append({program._bind('add_reduce', part.function)}({local[part.inputs[0]]}))")
            continue
        if part.name in BITS:
            program.lines += [f"        {line}" for line in program._bit_lines(part, local[output], [local[value] for value in part.reads()], "i")]
            continue
        arguments = [local[x] if isinstance(x, Value) else program._expression(program._number(x, part, blocks=True)) for x in part.inputs]
        arguments += [f"{key}={program._expression(value)}" for key, value in part.attrs.items()]
        arguments.append(f"out={local[output]}" if part.attrs or part.name in KEYWORD_ONLY else local[output])
        program.lines.append(f"        {program._bind(part.name, part.function)}({', '.join(arguments)})")
    wholes_of = {value: program._expression(part) for value, part in zip(rows, partials, strict=True)}
    for value, name in sums.items():
        program.lines.append(f"    {program._name(value)} = {program._bind('add_reduce', xp.add.reduce)}({wholes_of.get(value, name)})")


def _summed(step: Step, local: dict[Value, str], total: Value) -> str:
    """The name in the loop of what is added up to ``total``."""
    return next(local[part.inputs[0]] for part in step.parts if total in part.outputs)


def _scratch(step: Step, local: dict[Value, str], block: int) -> dict[str, Any]:
    """Block-sized arrays for what only the group itself reads, passed on as operands die."""
    xp = backend_for_device("cpu").xp
    last = {value: i for i, part in enumerate(step.parts) for value in part.reads()}
    free: dict[Any, list[str]] = {}
    arrays: dict[str, Any] = {}
    for i, part in enumerate(step.parts):
        output = part.outputs[0] if part.outputs else None
        dying = [value for value in dict.fromkeys(part.reads()) if last[value] == i and local[value].startswith("s")]
        if output is None or not output.shape:
            for value in dying:
                free.setdefault(value.dtype.char, []).append(local[value])
            continue
        for value in dying:
            if value.dtype == output.dtype:  # an elementwise result may lie exactly on its operand
                free.setdefault(value.dtype.char, []).append(local[value])
        if output not in local:
            waiting = free.get(output.dtype.char)
            if waiting:
                local[output] = waiting.pop()
            else:
                local[output] = f"s{len(arrays)}"
                arrays[local[output]] = xp.empty(block, dtype=output.dtype)
        for value in dying:
            if value.dtype != output.dtype:
                free.setdefault(value.dtype.char, []).append(local[value])
    return arrays


def _read_as_bits(step: Step) -> dict[tuple[Value, Any], None]:
    """The values of a fused step that are read or written as integers, with the dtype of those."""
    kept = [part for part in step.parts if part.name == "keep"]
    return {(value, part.inputs[1].dtype): None for part in kept for value in (part.inputs[0], part.outputs[0]) if isinstance(value, Value)}


def _cuts(count: int, block: int, scratch: list[Any], rows: list[tuple[int, Any]], *wholes: Any) -> list[tuple[Any, ...]]:
    """For each block its bounds, the pieces of arrays that lie still, scratch of its length, and for sums its rows and the place for theirs."""
    flats = [whole.reshape(-1) for whole in wholes]
    found = []
    for i in range(0, count, block):
        j = min(i + block, count)
        names = (i, j, *[each[i:j] for each in flats], *[each[: j - i] for each in scratch])
        found.append((*names, *[piece for position, partials in rows for piece in (names[position].reshape(-1, ROW), partials[i // ROW : j // ROW])]))
    return found
