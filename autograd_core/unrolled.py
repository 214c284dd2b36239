"""The text of fast paths: for one op its function, the one that writes into a tensor, and its ``pull``, as ``fastpath`` installs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import CodeType
from typing import Any

from .op import Composite, Op, Rule
from .spec import NOT_FOR_BOOLEANS, ONLY_FLOATS

LOCALS = frozenset((
    "F", "a", "accumulate", "apply", "arrays", "attrs", "before", "c", "d", "each", "empty_tensor", "explain", "g", "kept", "lies_apart", "n", "needs", "node", "nodes",
    "note_write", "now", "odd", "out", "out_shape", "output_node", "own_shape", "own_view", "owner", "owns", "pending", "r", "rebase", "t", "write"))
"""Names of local variables and functions in the generated code; an op with an input or attribute of such a name gets none."""
NO_FLOAT = "d is not FLOAT32 and d is not FLOAT64 and d is not FLOAT16"


def prelude(parameters: Sequence[str], declared: Iterable[str], varargs: str | None) -> list[str]:
    """Lines that turn NumPy's spellings and several sizes into the declared attributes; ``x.amax(0, 1)``, with a number for ``keepdim``, means something else."""
    lines = [f"{varargs} = _sizes(values, {varargs})"] if varargs else []
    if "axis" in parameters and "axis" not in declared:
        lines += ["if axis is not None:", "    dim = axis"]
    if "keepdims" in parameters and "keepdims" not in declared:
        lines += ["if keepdims is not None:", "    keepdim = keepdims"]
    if "keepdim" in declared:
        lines += ["if keepdim is not False and keepdim is not True:", "    keepdim = truth(keepdim)"]
    return lines


def before_writing(op: Op) -> list[str]:
    """The op's own lines, in the function that writes into a tensor."""
    if "line" in op.extra and "return" not in op.extra["line"]:
        return list(op.extra["line"].split("\n"))
    return list(op.extra["inplace_line"].split("\n")) if "inplace_line" in op.extra else []


def attrs(op: Op) -> str:
    """The attributes of a call as a dict."""
    return "{" + ", ".join(f'"{name}": {name}' for name in op.attributes) + "}"


def pack(values: Sequence[str]) -> str:
    """A tuple."""
    return f"({', '.join(values)}{',' if len(values) == 1 else ''})"


def composed(made: Composite, function: Any) -> list[str]:
    """The code of a composite's public function: ``compose`` with its arguments written out, which saves it 0.15 µs."""
    code = made.function.__code__
    own = parameters_of(code)
    positional, keywords = own[1 : code.co_argcount], own[code.co_argcount :]
    star = [f"*{code.co_varnames[len(own)]}"] if code.co_flags & 0x04 else []
    parameters = parameters_of(function.__code__)
    call = f"_f_{made.name}({', '.join(['F', *positional, *star, *(f'{name}={name}' for name in keywords)])})"
    lines = [f"r = {call}", "return r if out is None else into(out, r)"] if "out" in parameters else [f"return {call}"]
    return [f"_f_{made.name} = _{made.name}.function", "", "", defined(function),
            *deeper([*prelude(parameters, own, made.varargs), "try:", *deeper(lines), "except Exception:", "    misuse()"])]


def parameters_of(code: CodeType) -> tuple[str, ...]:
    """The names that a function is called with, but a starred one."""
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def defined(function: Any) -> str:
    """The ``def`` line with parameters alone: defaults and annotations stay with the function that gets the code."""
    code = function.__code__
    names = parameters_of(code)
    star = f"*{code.co_varnames[len(names)]}" if code.co_flags & 0x04 else "*"
    keywords = names[code.co_argcount :]
    return f"def {function.__name__}({', '.join([*names[: code.co_argcount], *([star] if keywords or star != '*' else []), *keywords])}):"


def deeper(lines: Iterable[str]) -> list[str]:
    """Lines of a block."""
    return ["    " + line for line in lines]


def bindings(op: Op) -> list[str]:
    """Names of ``_methods`` that the op's fast path uses."""
    lines = [f"_k_{op.name} = _{op.name}.kernels", f"_u_{op.name} = _k_{op.name}[ARRAY]", f"_c_{op.name} = cut_of(_{op.name}{'' if op.differentiable else ', True'})"]
    if op.residual_kernel is not None:
        lines.append(f"_q_{op.name} = _{op.name}.residual_kernels")
    if op.outputs is not None:
        lines += [f"_o_{op.name} = named_result(_{op.name})", f"_n_{op.name} = cut_of(_{op.name}, True)"]
    for name, rule in _rules(op).items():
        if rule.formula is None:
            lines.append(f"_r_{op.name}_{name} = {_rule_place(op, name)}.function")
    return lines


def _rules(op: Op) -> dict[str, Rule]:
    """The rules that backward over raw arrays reads, by input; a joint one under "all"."""
    joint = op.fused or op.joint
    return {"all": joint} if joint is not None else op.rules


def _rule_place(op: Op, name: str) -> str:
    if name != "all":
        return f'_{op.name}.rules["{name}"]'
    return f"_{op.name}.fused" if op.fused is not None else f"_{op.name}.joint"


def _needs_shapes(op: Op) -> bool:
    if op.variadic or op.outputs is not None or mixed(op):
        return True  # other readings of the graph ask, too
    every = [*op.rules.values(), *(rule for rule in (op.joint, op.fused) if rule is not None)]
    return any(name.endswith("_shape") and name not in op.attributes for rule in every for name in rule.names)


def _lean(op: Op) -> bool:
    return not op.attributes and not _needs_shapes(op) and not op.rule_needs_dtypes and op.outputs is None and not mixed(op)


def _number_first(op: Op) -> bool:
    """Whether the first input may be a Python number: of the operators that do not commute."""
    return op.infix in ("-", "/", "**") and len(op.inputs) == 2 and _lean(op)


def mixed(op: Op) -> bool:
    """Whether complex numbers may come out of real ones, or real ones out of complex, in a way that the rules leave to ``Reading.contributions``."""
    return not op.holomorphic and op.kind != "elementwise"


def pull(op: Op) -> list[str]:
    """The op's unrolled ``pull``."""
    return [f"def _pull_{op.name}(node, F, g, pending):", *deeper(_pull_all(op) if op.variadic else _pull(op)), "", "", f"_pull_{op.name}.op = _{op.name}"]


def _pull_all(op: Op) -> list[str]:
    """The pull of an op of several tensors: its joint rule gives a cotangent for each."""
    (rule,) = _rules(op).values()
    values = {op.inputs[0]: f"node.saved[{op.saved.index(op.inputs[0])}]" if op.inputs[0] in op.saved else "", f"{op.inputs[0]}_shape": "node._shapes",
              f"{op.inputs[0]}_dtype": "node._dtypes", "needs": "[each is not None for each in nodes]", **{name: f'node._attrs["{name}"]' for name in op.attributes}}
    arguments = ["F", "g", *(values.get(name) or f"node.saved[{op.saved.index(name)}]" for name in rule.names)]
    return ["nodes = node.parents", f"for each, r in zip(nodes, _r_{op.name}_all({', '.join(arguments)})):", "    if each is not None and r is not None:",
            "        if pending[each] is None:", "            pending[each] = r", "        else:", "            accumulate(pending, each, r)"]


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
            lines.append("needs = " + pack([f"to_{name} is not None" for name in op.inputs]))
        lines.append(f"{', '.join('r_' + name for name in op.inputs)}{',' if not several else ''} = {_call(op, 'all', rules['all'])}")
        for name in op.inputs:
            lines.append(f"if to_{name} is not None and r_{name} is not None:")
            lines += deeper(_contribute(op, name, f"r_{name}", identity=False))
        return lines
    if several and op.broadcasts and op.kind == "elementwise":
        lines.append("shape = node.shape")
    for name, rule in rules.items():
        if "adds" in op.extra:
            lines += _add_to_part(op, name, rule)
            continue
        inside = [f"r = {_call(op, name, rule)}", *_contribute(op, name, "r", identity=op.kind == "elementwise")]
        lines += [f"if to_{name} is not None:", *deeper(inside)] if several else inside
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


def body(op: Op, annotation: Mapping[str, str], takes_out: bool) -> list[str]:
    """The body of the op's public function."""
    written = attrs(op)
    first = op.inputs[0]
    inputs = f"tuple({first})" if op.variadic else pack(list(op.inputs))
    general = f"return apply(_{op.name}, {inputs}, {written}{', out' if takes_out else ''})"
    written_to = " or out is not None" if takes_out else ""
    if op.variadic:
        lines = ["try:", f"    {first} = tuple({first})", "except TypeError:", "    misuse()", "try:", *deeper(_unwrap_all(op))]
    elif _number_first(op):  # 1 - x
        x, y = op.inputs
        usual = [line for name in op.inputs for line in _unwrap(op, name, annotation[name])]
        lines = ["try:", f"    c = {x}.__class__", "    if c is _float or c is _int:", f"        a_{x} = {x}", f"        n_{x} = None", f"        a_{y} = {y}._array",
                 f"        n_{y} = {y}._node", f"        d = a_{y}.dtype", "    else:", *deeper(deeper(usual))]
    else:
        lines = ["try:", *deeper(line for name in op.inputs for line in _unwrap(op, name, annotation.get(name, "Tensor")))]
    lines += ["except AttributeError:", "    d = None", "now = get_mode()", f"if ({_other_dtype(op, annotation)}) or now.general{written_to}:", f"    {general}"]
    if op.kind == "view":
        lines += [f"if not a_{first}.ndim:", f"    a_{first} = real_array({first})"]
        if op.attributes:
            lines.append(f"attrs = {written}")
    arrays = ["*arrays"] if op.variadic else [f"a_{name}" for name in op.inputs]
    if op.infix and len(arrays) == 2:
        call = f"{arrays[0]} {op.infix} {arrays[1]}"
    else:
        one = _one_array(op)  # to compare its type with the usual one takes half the time of a look into the dict
        call = f"(_u_{op.name} if {one}.__class__ is ARRAY else _k_{op.name}[{one}.__class__])({', '.join([*arrays, *(f'{name}={name}' for name in op.attributes)])})"
    several = len(op.inputs) > 1
    needs = f"{'(' if several else ''}{_any_node(op)}{')' if several else ''} and now.grad"
    compute = [f"out = {call}"]
    if op.residual_kernel is not None:
        kept = f"_q_{op.name}[{one}.__class__]{call[call.index(')(') + 1:]}"
        compute = [f"needs = {needs}", "if needs:", f"    out, {', '.join(op.residuals)} = {kept}", "else:", f"    out = {call}"]
        needs = "needs"
    if "direct" in op.extra:  # the kernel's own words, without the calls around it; what they cannot do is left to the kernel
        lines += ["try:", f"    out = {op.extra['direct']}", "except Exception:", f"    {general}"]
    else:
        lines += ["try:", *deeper(compute), "except Exception as error:", f"    raise explain(_{op.name}, {inputs}, {written}, error) from error"]
    if op.outputs is not None:
        return [*lines, *_several(op, annotation, needs)]
    lines += ["t = empty_tensor()", "t._view = None", "t._array = out"]
    if not op.differentiable:
        return [*lines, "t._node = None", *_mark(op, annotation), "return t"]
    lines.append(f"if {needs}:")
    lines += deeper([*_record(op, "t"), *_note(op, annotation)])
    lines += ["else:", "    t._node = None", *deeper(_mark(op, annotation))]
    if op.kind == "view":
        lines.append(f"link_view(_{op.name}, {first}, {'attrs' if op.attributes else '{}'}, t)")
    return [*lines, "return t"]


def _several(op: Op, annotation: Mapping[str, str], needs: str) -> list[str]:
    """Tensors of several outputs in their named tuple, each with a node of its own if it has a gradient."""
    outputs = op.outputs or ()
    lines = [f"{', '.join('o_' + name for name in outputs)}{',' if len(outputs) == 1 else ''} = out"]
    for name in outputs:
        lines += [f"t_{name} = empty_tensor()", f"t_{name}._view = t_{name}._node = None", f"t_{name}._array = o_{name}"]
    with_gradient = [(i, name) for i, name in enumerate(outputs) if i not in op.constant_outputs]
    without = deeper(_mark(op, annotation, [f"t_{name}" for name in outputs]))
    if op.differentiable:
        inside = [*_record(op, ""), *_note(op, annotation)]
        for i, name in with_gradient:
            inside += [f"t_{name}._node = node = output_node(n, {i}, o_{name})", "if not node.shape:", f"    node.value = o_{name}"]
        inside += [f"t_{name}._view = _n_{op.name}" for i, name in enumerate(outputs) if i in op.constant_outputs]
        lines += [f"if {needs}:", *deeper(inside), "else:", *without]
    else:
        lines += [line[4:] for line in without]
    return [*lines, f"return _new_tuple(_o_{op.name}, {pack(['t_' + name for name in outputs])})"]


def write_body(op: Op, annotation: Mapping[str, str]) -> list[str]:
    """The body of the function that writes the op's result into its first input."""
    first, *others = op.inputs
    array = f"a_{first}"
    general = f"return write(_{op.name}, {first}, {pack(others)}, {attrs(op)})"
    if not op.differentiable or op.variadic or op.outputs is not None or op.promotes == "where" or op.residual_kernel is not None or mixed(op):
        return [general]
    lines = ["try:", f"    {array} = {first}._array", f"    n_{first} = {first}._node", f"    own_view = {first}._view", f"    d = {array}.dtype",
             f"    own_shape = {array}.shape", f"    owns = {array}.base is None"]
    for name in others:
        other = f"a_{name}"
        unfit = f"{other}.dtype is not d"
        if op.promotes == "none":
            unfit += f" and {other}.dtype.kind not in _WHOLE"  # an index, a mask
        if op.broadcasts and op.ufunc is None and "written" not in op.extra:  # ufuncs refuse to grow their output, and an op that writes a part never does
            unfit += f" or {other}.shape != own_shape"
        lines += deeper(_number_or(name, annotation.get(name, "Tensor"), [
            f"{other} = {name}._array", f"n_{name} = {name}._node", f"if {other}.base is not None or {other} is {array}:", "    owns = False", f"if {unfit}:", "    d = None"]))
    # odd: leaves and views that their base knows nothing of are refused, what retain_grad asked for moves to the new node
    lines += ["except AttributeError:", "    d = None", "now = get_mode()",
              f"if ({NO_FLOAT}) or now.general or not own_shape or own_view is INFERENCE"
              f" or (not owns and not lies_apart({', '.join(f'a_{name}' for name in op.inputs)})):",
              f"    {general}", f"owner = {first}", f"odd = n_{first} is not None and (n_{first}.leaf or n_{first}.hooks is not None)", "if own_view.__class__ is View:",
              "    owner = own_view.base", "    node = owner._node", f"    odd = odd or (node is not None and (node.leaf or n_{first} is None))",
              "if odd and now.grad:", f"    {general}", f"needs = ({_any_node(op)}) and now.grad"]
    if first in op.saved:
        lines += ["if needs:", f"    kept = {_saved_value(op, first).replace(array, f'{array}.copy()', 1)}"]
    call = f"_k_{op.name}[{array}.__class__]({', '.join([*(f'a_{name}' for name in op.inputs), *(f'{name}={name}' for name in op.attributes)])}"
    lines += ["try:", f"    {call}, out={array})" if op.takes_out else f"    {array}[...] = {call})", "except Exception:", f"    {general}"]
    label = op.extra.get("written") or f"{op.name}_"
    lines += ["if own_view is not UNCHECKED:", f'    note_write({array}, "{label}")', "if needs:", f"    out = {array}"]
    lines += deeper([*_record(op, first, kept="kept"), *_note(op, annotation), "if own_view is not None:", f"    rebase({first}, owner, n, now)"])
    return [*lines, f"return {first}"]


def _one_array(op: Op) -> str:
    return "arrays[0]" if op.variadic else f"a_{op.inputs[0]}"


def _any_node(op: Op) -> str:
    return "_some(nodes)" if op.variadic else " or ".join(f"n_{name} is not None" for name in op.inputs)


def _other_dtype(op: Op, annotation: Mapping[str, str]) -> str:
    """A test for dtypes that the fast path leaves to the general one; what has no gradient also serves labels and masks."""
    test = NO_FLOAT
    if op.promotes == "where":
        return f"({test}) or a_{op.inputs[0]}.dtype is not BOOL"
    numbers = sum("TensorLike" in annotation.get(name, "") for name in op.inputs[1:])
    written_out = op.infix is not None and op.ufunc is None  # the kernel may take whole numbers in another way than the operator
    writes_whole_numbers = op.promotes == "none" and numbers  # refused where the number has a gradient
    if op.promotes == "float" or op.name in ONLY_FLOATS or numbers > 1 or writes_whole_numbers or op.residual_kernel is not None or written_out:
        return test
    whole = f"{test} and (d is not INT64{' or c is _float' if numbers else ''})"
    if op.differentiable or op.promotes == "number" or op.name in NOT_FOR_BOOLEANS:
        return whole
    return f"{whole} and (d is not BOOL{' or c is _float or c is _int' if numbers else ''})"


def _unwrap(op: Op, name: str, annotation: str) -> list[str]:
    """Array and node of an input; ``d`` is the dtype of all, or ``None`` where that is not one dtype."""
    straight = [f"a_{name} = {name}._array", f"n_{name} = {name}._node"]
    chooses = op.promotes == "where"
    if name == op.inputs[0]:
        return [*straight, *(["d = None"] if chooses else [f"d = a_{name}.dtype"])]
    if chooses:
        straight += [f"d = a_{name}.dtype if d is None or a_{name}.dtype is d else BOOL"]
    else:
        straight += [f"if a_{name}.dtype is not d{'' if op.promotes != 'none' else f' and a_{name}.dtype.kind in _COMPLEX_OR_NARROW'}:", "    d = None"]
    return _number_or(name, annotation, straight, nothing=not chooses)


def _number_or(name: str, annotation: str, straight: list[str], *, nothing: bool = True) -> list[str]:
    """For an input that may be a Python number or ``None``, which is its own array."""
    shortcuts = []
    if "TensorLike" in annotation:
        shortcuts.append("c is _float or c is _int")
    if "None" in annotation and nothing:
        shortcuts.append(f"{name} is None")
    if not shortcuts:
        return straight
    asked = [f"c = {name}.__class__"] if "TensorLike" in annotation else []
    return [*asked, f"if {' or '.join(shortcuts)}:", f"    a_{name} = {name}", f"    n_{name} = None", "else:", *deeper(straight)]


def _unwrap_all(op: Op) -> list[str]:
    """Arrays and nodes of an op's several tensors."""
    first = op.inputs[0]
    other = "a.dtype is not d" if op.promotes != "none" else "a.dtype.kind in _COMPLEX_OR_NARROW"
    return [f"arrays = [each._array for each in {first}]", f"nodes = [each._node for each in {first}]", "d = arrays[0].dtype if arrays else None",
            "for a in arrays:", f"    if {other}:", "        d = None"]


def _may_be_marked(op: Op, name: str, annotation: Mapping[str, str]) -> str:
    """A test for an input that may have been cut from a graph; a number or ``None`` is its own array."""
    told = annotation.get(name, "")
    given = f"a_{name} is not {name} and " if "TensorLike" in told or "None" in told or _number_first(op) else ""
    return f"{given}{name}._view is not None"


def _mark(op: Op, annotation: Mapping[str, str], results: Sequence[str] = ("t",)) -> list[str]:
    """Mark results without graph whose inputs have one, or were cut from one."""
    inputs = op.inputs[0] if op.variadic else pack(list(op.inputs))
    marked = " or ".join(_may_be_marked(op, name, annotation) for name in op.inputs)
    return [f"if {_any_node(op)}:", f"    {''.join(f'{t}._view = ' for t in results)}_c_{op.name}",
            "else:" if op.variadic else f"elif {marked}:", *(f"    inherit_cut({t}, {inputs})" for t in results)]


def _note(op: Op, annotation: Mapping[str, str]) -> list[str]:
    """Note on the node which of its inputs without gradient were cut from a graph."""
    if op.variadic:
        return ["if None in nodes:", f"    note_cuts(n, {op.inputs[0]})"]
    if len(op.inputs) == 1:
        return []
    marked = " or ".join(f"n_{name} is None and {_may_be_marked(op, name, annotation)}" for name in op.inputs)
    return [f"if {marked}:", f"    note_cuts(n, {pack(list(op.inputs))})"]


def _saved_value(op: Op, name: str) -> str:
    """What the node keeps under a name: nothing where no rule that will run asks for it."""
    if name in op.residuals:
        return name
    if op.variadic and name == op.inputs[0]:
        return "tuple(arrays)"
    source = "out" if name == "out" else f"o_{name}" if op.outputs is not None and name in op.outputs else f"a_{name}"
    if op.joint is not None or (op.fused is not None and name in op.fused.names):
        return source
    users = [user for user, rule in op.rules.items() if name in rule.names]
    if len(users) == len(op.inputs):
        return source
    return f"{source} if {' or '.join(f'n_{user} is not None' for user in users)} else None"


def _record(op: Op, result: str, *, kept: str = "") -> list[str]:
    """Make the node of ``result``, of all outputs if that is empty; ``kept`` is a copy of the first input where that is overwritten."""
    inputs = op.inputs
    saved = [kept if kept and name == inputs[0] else _saved_value(op, name) for name in op.saved]
    lines = [
        f"{result}._node = n = {'Node' if _lean(op) else 'GeneralNode'}()" if result else "n = GeneralNode()",
        *([] if _lean(op) else [f"n.op = _{op.name}"]),
        f"n.pull = {'pull_general' if mixed(op) else f'_pull_{op.name}'}",
        f"n.saved = {pack(saved) if saved else 'None'}",
        "n.hooks = None",
        "n.scope = now.scope",
    ]
    if op.variadic:
        lines += ["n.parents = nodes", "n._shapes = tuple([a.shape for a in arrays])"]
    else:
        lines += [f"n._first = n_{inputs[0]}", f"n._second = n_{inputs[1]}" if len(inputs) > 1 else "n._second = n._rest = None"]
        if len(inputs) > 1:
            lines.append(f"n._rest = {pack(['n_' + name for name in inputs[2:]]) if len(inputs) > 2 else '()'}")
        if _needs_shapes(op):
            lines.append("n._shapes = " + pack([f"a_{name}.shape" if i == 0 else f'getattr(a_{name}, "shape", ())' for i, name in enumerate(inputs)]))
    if op.attributes or not _lean(op):
        lines.append(f"n._attrs = {'attrs' if op.kind == 'view' and op.attributes else attrs(op)}")
    each_dtype = ["from_numpy_dtype(d)", *(f"dtype_or_none(a_{name})" for name in inputs[1:])]
    dtypes = "tuple([dtype_or_none(a) for a in arrays])" if op.variadic else pack(each_dtype)
    if op.rule_needs_dtypes:
        lines.append(f"n._dtypes = {dtypes}")
    elif mixed(op):
        results = ("out",) if op.outputs is None else [f"o_{name}" for name in op.outputs]
        lines += [f"""if {' or '.join(f'{each}.dtype.kind == "c"' for each in results)}:""", f"    n._dtypes = {dtypes}"]
    if not result:
        return [*lines, "n.shape = ()", "n.value = None", "n.seq = next_seq()"]
    x, y = f"n_{inputs[0]}", f"n_{inputs[-1]}"
    if op.kind == "elementwise" and len(inputs) == 1:
        lines.append(f"out_shape = {x}.shape")  # to ask an array for its shape makes a tuple
    elif op.kind == "elementwise" and len(inputs) == 2:
        lines += [f"if {x} is not None and {y} is not None and {x}.shape == {y}.shape:", f"    out_shape = {x}.shape", "else:", "    out_shape = out.shape",
                  f"    if {x} is not None and out_shape == {x}.shape:", f"        out_shape = {x}.shape",
                  f"    elif {y} is not None and out_shape == {y}.shape:", f"        out_shape = {y}.shape"]
    else:
        lines.append("out_shape = out.shape")
    lines += ["n.shape = out_shape", "if out_shape:", "    n.value = None", "else:", "    n.value = out"]
    if len(inputs) == 2 and op.kind == "elementwise":
        x, y = inputs
        lines += [f"    if n_{x} is None:", f"        n._constants = {x}", f"    elif n_{y} is None:", f"        n._constants = {y}"]
    elif len(inputs) > 2 and op.kind == "elementwise":
        pairs = ", ".join(f"({name}, n_{name})" for name in inputs)
        lines.append(f"    n._constants = tuple([each for each, node in ({pairs}) if node is None])")
    return [*lines, "n.seq = next_seq()"]
