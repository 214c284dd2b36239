"""Source code of the fast paths in ``_methods.py``: the steps of ``dispatch.apply`` and of ``Reading.contributions``, unrolled for one op.

A fast path serves float32 and float64 tensors of one dtype, on any device, with nothing special switched on; it falls
back to ``apply`` for everything else. It takes a third of the time of the general path, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping

from autograd_core.op import Op, Rule
from autograd_core.spec import NOT_FOR_BOOLEANS

LOCALS = frozenset(("F", "a", "accumulate", "apply", "attrs", "before", "c", "d", "empty_tensor", "explain", "g", "mode", "n", "out_shape", "node", "pending", "r", "t"))
"""Names of local variables and functions in the generated code, which no input or attribute may have."""


def eligible(op: Op) -> bool:
    """Whether the op gets a fast path."""
    return (
        op.quick
        and (op.differentiable or op.kind in ("elementwise", "reduction"))
        and not op.variadic
        and op.outputs is None
        and (op.holomorphic or op.kind == "elementwise")  # others make complex numbers of real ones, whose cotangents are complex too
        and not op.name.startswith("_")
    )


def bindings(op: Op) -> list[str]:
    """Module-level names that the op's fast path uses."""
    taken = LOCALS.intersection((*op.inputs, *op.attributes))
    if taken:
        raise TypeError(f"{op.name}: an input or attribute cannot be called {', '.join(sorted(taken))}; the generated code uses that name")
    lines = [f"_k_{op.name} = _{op.name}.kernels", f"_c_{op.name} = cut_of(_{op.name}{'' if op.differentiable else ', True'})"]
    if op.residual_kernel is not None:
        lines.append(f"_q_{op.name} = _{op.name}.residual_kernels")
    for name, rule in _rules(op).items():
        if rule.formula is None:
            lines.append(f"_r_{op.name}_{name} = {_rule_place(op, name)}.function")
    return lines


def _rules(op: Op) -> dict[str, Rule]:
    """The rules that backward over raw arrays reads, by input; a joint one under ``*``."""
    joint = op.fused or op.joint
    return {"all": joint} if joint is not None else op.rules


def _rule_place(op: Op, name: str) -> str:
    if name != "all":
        return f'_{op.name}.rules["{name}"]'
    return f"_{op.name}.fused" if op.fused is not None else f"_{op.name}.joint"


def _pack(values: list[str]) -> str:
    return f"({', '.join(values)}{',' if len(values) == 1 else ''})"


def _needs_shapes(op: Op) -> bool:
    every = [*op.rules.values(), *(rule for rule in (op.joint, op.fused) if rule is not None)]
    return any(name.endswith("_shape") and name not in op.attributes for rule in every for name in rule.names)


def _lean(op: Op) -> bool:
    return not op.attributes and not _needs_shapes(op) and not op.rule_needs_dtypes


def pull(op: Op) -> list[str]:
    """The op's unrolled ``pull``."""
    define = f"def _pull_{op.name}(node: Any, F: Any, g: Any, pending: dict[Any, Any]) -> None:"
    return [define, *["    " + line for line in _pull(op)], "", "", f"_pull_{op.name}.op = _{op.name}  # type: ignore[attr-defined]"]


def _pull(op: Op) -> list[str]:
    rules = _rules(op)
    names = {name for rule in rules.values() for name in rule.names}
    lines = [f"to_{op.inputs[0]} = node._first"]
    if len(op.inputs) > 1:
        lines.append(f"to_{op.inputs[1]} = node._second")
    if len(op.inputs) > 2:
        lines.append(f"{', '.join('to_' + name for name in op.inputs[2:])}{',' if len(op.inputs) == 3 else ''} = node._rest")
    if set(op.saved) & names:
        lines.append(f"{', '.join(op.saved)}{',' if len(op.saved) == 1 else ''} = node.saved")
    attributes = [name for name in op.attributes if name in names]
    if attributes:
        lines.append("attrs = node._attrs")
        lines += [f'{name} = attrs["{name}"]' for name in attributes]
    lines += [f"{name}_shape = node._shapes[{i}]" for i, name in enumerate(op.inputs) if f"{name}_shape" in names]
    lines += [f"{name}_dtype = node._dtypes[{i}]" for i, name in enumerate(op.inputs) if f"{name}_dtype" in names]
    several = len(op.inputs) > 1
    if "all" in rules:
        if "needs" in names:
            lines.append("needs = " + _pack([f"to_{name} is not None" for name in op.inputs]))
        lines.append(f"{', '.join('r_' + name for name in op.inputs)}{',' if not several else ''} = {_call(op, 'all', rules['all'])}")
        for name in op.inputs:
            lines.append(f"if to_{name} is not None and r_{name} is not None:")
            lines += ["    " + line for line in _contribute(op, name, f"r_{name}", identity=False)]
        return lines
    if several and op.broadcasts and op.kind == "elementwise":
        lines.append("shape = node.shape")
    for name, rule in rules.items():
        if "adds" in op.extra:
            lines += _add_to_part(op, name, rule)
            continue
        inside = [f"r = {_call(op, name, rule)}", *_contribute(op, name, "r", identity=op.kind == "elementwise")]
        lines += [f"if to_{name} is not None:", *["    " + line for line in inside]] if several else inside
    return lines


def _call(op: Op, name: str, rule: Rule) -> str:
    if rule.formula is not None:
        return rule.source
    return f"_r_{op.name}_{name}({', '.join(('F', 'g', *rule.names))})"


def _add_to_part(op: Op, name: str, rule: Rule) -> list[str]:
    """For an op that reads a part: add to that part of a cotangent this pass owns, instead of to all of it. A thousand rows then cost as one tensor."""
    return [f"before = pending[to_{name}]", "if before is None:", f"    pending[to_{name}] = {_call(op, name, rule)}", f"    pending[None].add(to_{name})",
            f"elif to_{name} in pending[None] and before.shape:", f"    {op.extra['adds']}", "else:", f"    accumulate(pending, to_{name}, {_call(op, name, rule)})"]


def _contribute(op: Op, name: str, result: str, *, identity: bool) -> list[str]:
    """Undo broadcasting, then accumulate. An elementwise result has the shape of the output, so shapes are compared by identity first."""
    lines = []
    if op.broadcasts and len(op.inputs) > 1:
        test = f"shape is not to_{name}.shape and shape != to_{name}.shape" if identity else f"{result}.shape != to_{name}.shape"
        lines += [f"if {test}:", f"    {result} = F.sum_to({result}, shape=to_{name}.shape)"]
    return [*lines, f"if pending[to_{name}] is None:", f"    pending[to_{name}] = {result}", "else:", f"    accumulate(pending, to_{name}, {result})"]


def body(op: Op, annotation: Mapping[str, str]) -> list[str]:
    """The body of the op's public function."""
    attrs = "{" + ", ".join(f'"{name}": {name}' for name in op.attributes) + "}"
    general = f"return apply(_{op.name}, {_pack(list(op.inputs))}, {attrs})"
    first = op.inputs[0]
    lines = ["try:"]
    for name in op.inputs:
        lines += ["    " + line for line in _unwrap(op, name, annotation.get(name, "Tensor"))]
    lines += ["except AttributeError:", "    d = None", "mode = get_mode()", f"if ({_other_dtype(op, annotation)}) or mode.general:", f"    {general}"]
    if op.kind == "view":
        lines += [f"if not a_{first}.shape:", f"    a_{first} = real_array({first})"]
    arrays = [f"a_{name}" for name in op.inputs]
    if op.infix and len(arrays) == 2:
        call = f"{arrays[0]} {op.infix} {arrays[1]}"
    else:
        call = f"_k_{op.name}[a_{first}.__class__]({', '.join([*arrays, *(f'{name}={name}' for name in op.attributes)])})"
    needs = " or ".join(f"n_{name} is not None" for name in op.inputs)
    needs = f"{'(' + needs + ')' if len(op.inputs) > 1 else needs} and mode.grad"
    compute = [f"out = {call}"]
    if op.residual_kernel is not None:
        kept = call.replace(f"_k_{op.name}[", f"_q_{op.name}[", 1)
        compute = [f"needs = {needs}", "if needs:", f"    out, {', '.join(op.residuals)} = {kept}", "else:", f"    out = {call}"]
        needs = "needs"
    lines += ["try:", *["    " + line for line in compute], "except Exception as error:", f"    raise explain(_{op.name}, {_pack(list(op.inputs))}, {attrs}, error) from error"]
    lines += ["t: Tensor = empty_tensor()", "t._view = None", "t._array = out"]
    if not op.differentiable:
        return [*lines, "t._node = None", *_mark(op, annotation), "return t"]
    lines.append(f"if {needs}:")
    lines += ["    " + line for line in [*_record(op, attrs), *_note(op, annotation)]]
    lines += ["else:", "    t._node = None", *["    " + line for line in _mark(op, annotation)]]
    if op.kind == "view":
        lines.append(f"link_view(_{op.name}, {first}, {attrs}, t)")
    return [*lines, "return t"]


def _other_dtype(op: Op, annotation: Mapping[str, str]) -> str:
    """A test for dtypes that the fast path leaves to the general one; what has no gradient also serves labels and masks."""
    test = "d is not FLOAT32 and d is not FLOAT64"
    if op.promotes == "where":
        return f"({test}) or a_{op.inputs[0]}.dtype is not BOOL"
    if op.differentiable:
        return test
    number = any("TensorLike" in annotation.get(name, "") for name in op.inputs[1:])
    whole = f"{test} and (d is not INT64{' or c is _float' if number else ''})"
    return whole if op.name in NOT_FOR_BOOLEANS else f"{whole} and (d is not BOOL{' or c is _float or c is _int' if number else ''})"


def _unwrap(op: Op, name: str, annotation: str) -> list[str]:
    """Array and node of an input; ``d`` is the dtype of all, or ``None`` where that is not one dtype."""
    straight = [f"a_{name} = {name}._array", f"n_{name} = {name}._node"]
    chooses = op.promotes == "where"
    if name == op.inputs[0]:
        return [*straight, *(["d: Any = None"] if chooses else [f"d = a_{name}.dtype"])]
    if chooses:
        straight += [f"d = a_{name}.dtype if d is None or a_{name}.dtype is d else BOOL"]
    elif op.promotes != "none":
        straight += [f"if a_{name}.dtype is not d:", "    d = None"]
    shortcuts = []
    if "TensorLike" in annotation:
        shortcuts.append("c is _float or c is _int")
    if "None" in annotation and not chooses:
        shortcuts.append(f"{name} is None")
    if not shortcuts:
        return straight
    asked = [f"c = {name}.__class__"] if "TensorLike" in annotation else []
    return [*asked, f"if {' or '.join(shortcuts)}:", f"    a_{name}: Any = {name}", f"    n_{name} = None", "else:", *["    " + line for line in straight]]


def _may_be_marked(name: str, annotation: str) -> str:
    """A test for an input that may have been cut from a graph; a number or ``None`` is its own array."""
    given = f"a_{name} is not {name} and " if "TensorLike" in annotation or "None" in annotation else ""
    return f"{given}{name}._view is not None"


def _mark(op: Op, annotation: Mapping[str, str]) -> list[str]:
    """Mark a result without graph whose inputs have one, or were cut from one."""
    marked = " or ".join(_may_be_marked(name, annotation.get(name, "Tensor")) for name in op.inputs)
    return [f"if {' or '.join(f'n_{name} is not None' for name in op.inputs)}:", f"    t._view = _c_{op.name}",
            f"elif {marked}:", f"    inherit_cut(t, {_pack(list(op.inputs))})"]


def _note(op: Op, annotation: Mapping[str, str]) -> list[str]:
    """Note on the node which of its inputs without gradient were cut from a graph."""
    if len(op.inputs) == 1:
        return []
    marked = " or ".join(f"n_{name} is None and {_may_be_marked(name, annotation.get(name, 'Tensor'))}" for name in op.inputs)
    return [f"if {marked}:", f"    note_cuts(n, {_pack(list(op.inputs))})"]


def _saved_value(op: Op, name: str) -> str:
    """What the node keeps under a name: nothing where no rule that will run asks for it."""
    if name in op.residuals:
        return name
    source = "out" if name == "out" else f"a_{name}"
    if op.joint is not None or (op.fused is not None and name in op.fused.names):
        return source
    users = [user for user, rule in op.rules.items() if name in rule.names]
    if len(users) == len(op.inputs):
        return source
    return f"{source} if {' or '.join(f'n_{user} is not None' for user in users)} else None"


def _record(op: Op, attrs: str) -> list[str]:
    inputs = op.inputs
    lines = [
        f"t._node = n = {'Node' if _lean(op) else 'GeneralNode'}()",
        *([] if _lean(op) else [f"n.op = _{op.name}"]),
        f"n.pull = _pull_{op.name}",
        f"n._first = n_{inputs[0]}",
        f"n._second = n_{inputs[1]}" if len(inputs) > 1 else "n._second = n._rest = None",
        *([f"n._rest = {_pack(['n_' + name for name in inputs[2:]]) if len(inputs) > 2 else '()'}"] if len(inputs) > 1 else []),
        f"n.saved = {_pack([_saved_value(op, name) for name in op.saved]) if op.saved else 'None'}",
        "n.hooks = None",
        "n.scope = mode.scope",
        "out_shape = out.shape",
    ]
    if op.attributes:
        lines.append(f"n._attrs = {attrs}")
    if _needs_shapes(op):
        lines.append("n._shapes = " + _pack([f"a_{name}.shape" if i == 0 else f'getattr(a_{name}, "shape", ())' for i, name in enumerate(inputs)]))
    if op.rule_needs_dtypes:
        lines.append("n._dtypes = " + _pack(["from_numpy_dtype(d)" if i == 0 else f"dtype_or_none(a_{name})" for i, name in enumerate(inputs)]))
    if op.kind == "elementwise":
        if len(inputs) == 1:
            lines += [f"if out_shape == n_{inputs[0]}.shape:", f"    out_shape = n_{inputs[0]}.shape"]
        elif len(inputs) == 2:
            x, y = inputs
            lines += [f"if n_{x} is not None and out_shape == n_{x}.shape:", f"    out_shape = n_{x}.shape"]
            lines += [f"elif n_{y} is not None and out_shape == n_{y}.shape:", f"    out_shape = n_{y}.shape"]
    lines += ["n.shape = out_shape", "if out_shape:", "    n.value = None", "else:", "    n.value = out"]
    if len(inputs) == 2 and op.kind == "elementwise":
        x, y = inputs
        lines += [f"    if n_{x} is None:", f"        n._constants = {x}", f"    elif n_{y} is None:", f"        n._constants = {y}"]
    return [*lines, "n.seq = next_seq()"]
