"""The error of a call that was given an argument of a wrong type: ``sum: argument 'dim' (position 2) must be int or tuple of ints, not str``.

Arguments are never checked before a call. When one has failed, they are compared with the annotations of the declared
signature, and an argument of another type is named instead of whatever went wrong because of it.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from numbers import Number
from typing import Any, NoReturn, TypeVar

from .errors import ArgumentError, DeviceError, GraphError, InplaceError
from .op import COMPOSITES, REGISTRY, Op
from .storage import TensorBase

T = TypeVar("T", bound=Callable[..., Any])

KEPT = (DeviceError, GraphError, InplaceError, MemoryError, Warning)
"""Errors that tell of something else than arguments."""
LIBRARIES = frozenset(("autograd_core", "nn", "numpy", "cupy", "scipy"))
"""Where an error may come from to be replaced; one of a user's own function is the user's."""


def misuse(above: int = 1) -> NoReturn:
    """Called by a public function whose body raised: raises ``ArgumentError`` if an argument of that function has a wrong type, else the error again."""
    frame = sys._getframe(above)
    error = sys.exception()
    assert isinstance(error, Exception)
    wrong = wrong_type(frame.f_globals[frame.f_code.co_name], frame.f_locals, error)
    if wrong is not None:
        raise wrong from (error.__cause__ if isinstance(error, ArgumentError) else error)
    raise  # noqa: PLE0704 - the error that the caller is handling


def checked(function: T) -> T:
    """Decorator, for functions that are written out and take microseconds in any case."""

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except Exception as error:
            wrong = wrong_type(function, dict(zip(function.__code__.co_varnames, args, strict=False)) | options, error)
            if wrong is not None:
                raise wrong from error
            raise

    return call  # type: ignore[return-value]


def misused(op: Op, inputs: Any, attrs: Mapping[str, Any], error: Exception) -> ArgumentError | None:
    """The error of a public op that failed, if one of its inputs or attributes has a wrong type."""
    from . import _methods

    if not op.places or REGISTRY.get(op.name) is not op:
        return None  # the function that uses it compares what it was given; an op of a user's own has no annotations
    if op.variadic and any(isinstance(value, TensorBase) and value._array.shape for value in attrs.values()):
        return ArgumentError(f"{op.spoken}: argument '{op.inputs[0]}' must be a tuple or list of Tensors, not Tensor. Write {op.spoken}([a, b])")
    values = {op.inputs[0]: inputs} if op.variadic else dict(zip(op.inputs, inputs, strict=False))
    if op.kind == "elementwise" and not isinstance(error, AttributeError):  # a number stands for a tensor: something else is wrong with 1 - mask
        values = {name: value for name, value in values.items() if not isinstance(value, Number)}
    return wrong_type(vars(_methods)[op.name], {**values, **attrs}, error)


def missing() -> ArgumentError:
    """The error of a call without the sizes or dims that its function takes one by one."""
    code = sys._getframe(2).f_code
    name = code.co_varnames[code.co_argcount]
    return ArgumentError(f"{_spoken(code.co_name)}: missing 1 required positional argument: '{name}'. Pass a tuple, which may be empty")


def truth(value: Any) -> bool:
    """``keepdim``, if it is neither ``True`` nor ``False``: NumPy's booleans pass."""
    if _is("bool", value):
        return bool(value)
    name = _spoken(sys._getframe(1).f_code.co_name)
    raise ArgumentError(f"{name}: argument 'keepdim' must be bool, not {type(value).__name__}. Pass True or False; several dims are a tuple, dim=(0, 1)")


def wrong_type(function: Any, values: Mapping[str, Any], error: Exception) -> ArgumentError | None:
    """The error for the first of ``values`` that is not what the function's annotations say; ``None`` where all are, or where ``error`` is to be kept."""
    if isinstance(error, KEPT) or type(error).__name__ == "PlanError" or not _of_ours(error):
        return None
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    starred = bool(code.co_flags & 0x04)
    for position, name in enumerate(code.co_varnames[: count + starred], 1):
        if name not in values or (name == "values" and position > count):  # sizes given one by one stand under their own name, too
            continue
        annotation = function.__annotations__.get(name, "Any").replace("builtins.", "")
        kinds = [f"Sequence[{annotation}]"] if position > count else _split(annotation)
        value = values[name]
        tensor_for_number = isinstance(error, TypeError) and isinstance(value, TensorBase) and "Tensor" not in kinds  # some functions take one that holds a number
        if tensor_for_number or not any(_is(kind, value) for kind in kinds):
            place = f" (position {position})" if position <= code.co_argcount else ""
            return ArgumentError(f"{_spoken(function.__name__)}: argument '{name}'{place} must be {_words(kinds)}, {_given(kinds, value)}. {_fix(kinds[0], value)}")
    return None


def _spoken(name: str) -> str:
    declared = COMPOSITES.get(name) or REGISTRY.get(name)
    if declared is not None:
        return declared.spoken
    return _spoken(name[:-1]) + "_" if name.endswith("_") else name


def _of_ours(error: Exception) -> bool:
    """Whether an error was raised in these packages or in an array library."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is None or trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] in LIBRARIES


ALIASES = {"TensorLike": "Tensor | Number", "Dims": "int | Sequence[int] | None"}


def _split(annotation: str) -> list[str]:
    """The alternatives of an annotation."""
    parts = [""]
    depth = 0
    for letter in annotation:
        depth += (letter == "[") - (letter == "]")
        if letter == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [each for part in parts for each in (_split(ALIASES[part.strip()]) if part.strip() in ALIASES else [part.strip()])]


def _element(kind: str) -> str:
    """``int`` of ``Sequence[int]``, ``tuple[int, ...]`` and ``tuple[int, int]``; empty for what is no sequence."""
    outer, _, inner = kind.partition("[")
    return _first(inner[:-1]) if outer in ("Sequence", "tuple", "list") else ""


def _first(text: str) -> str:
    """What stands before the first comma outside brackets."""
    depth = 0
    for i, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if letter == "," and not depth:
            return text[:i]
    return text


def _is(kind: str, value: Any) -> bool:
    """Whether a value is what one alternative says; what is not known here is taken for right."""
    shape = getattr(value, "shape", None)
    if element := _element(kind):
        if element == "int" and _is("int", value):
            return True  # one stands for all in most functions
        if isinstance(value, (TensorBase, str, bytes, dict)) or not hasattr(value, "__len__") or not hasattr(value, "__getitem__"):
            return False
        return all(any(_is(each, item) for each in _split(element)) for item in value)
    if kind == "None":
        return value is None
    if kind == "Tensor":
        return (shape is not None and not isinstance(value, Number)) or hasattr(value, "__tensor__")  # NumPy's scalars are numbers
    if kind == "str":
        return isinstance(value, str)
    if kind == "bool":
        return isinstance(value, bool) or (shape == () and _letter(value) == "b")
    if kind in ("int", "float", "Number"):
        if shape is not None:
            if kind != "int" and isinstance(value, TensorBase):
                return False  # where it does as well, nothing has failed
            return shape == () and _letter(value) in {"int": "iu", "float": "biufV", "Number": "biufcV"}[kind]
        if kind == "int":
            return hasattr(value, "__index__") and not isinstance(value, bool)
        return isinstance(value, (int, float) if kind == "float" else (int, float, complex)) or hasattr(value, "__index__") or hasattr(value, "__tensor__")
    return True


def _letter(value: Any) -> str:
    letter: str = getattr(value, "_array", value).dtype.kind
    return letter


def _words(kinds: list[str]) -> str:
    """The alternatives as messages name them."""
    words = [f"tuple of {_words(_split(element))}s" if (element := _element(kind)) else kind for kind in kinds if kind != "None"]
    return " or ".join(dict.fromkeys(words))


def _given(kinds: list[str], value: Any) -> str:
    """What the argument is instead; of a sequence the first wrong element."""
    if any(map(_element, kinds)) and isinstance(value, (list, tuple)):
        elements = [each for kind in kinds if _element(kind) for each in _split(_element(kind))]
        wrong = next(((i, item) for i, item in enumerate(value) if not any(_is(each, item) for each in elements)), None)
        if wrong is not None:
            return f"but found element of type {type(wrong[1]).__name__} at pos {wrong[0]}"
    return f"not {type(value).__name__}"


def _fix(kind: str, value: Any) -> str:
    """What to pass instead."""
    tensor = isinstance(value, TensorBase)
    if kind == "Tensor":
        return "Pass a tensor" if value is None else "Make a tensor of it with autograd_core.tensor()"
    if element := _element(kind):
        return "Pass its values as x.tolist()" if tensor and element == "int" else f"Pass a tuple{' of tensors, (x, y)' if element == 'Tensor' else ', as (0, 1)'}"
    if tensor and kind in ("int", "float", "Number"):
        return "Pass the value of one element, x.item()"
    return {"int": "Pass a whole number, int(x)", "bool": "Pass True or False", "str": "Pass the name as text"}.get(kind, "Pass a number")
