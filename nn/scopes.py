"""Where in a model an operation runs: the path of the module being called, and the names of its parameters.

A module does not know who holds it, so a path is found when a module is first called at a place, by asking the module
whose call is under way for the name it gives to this one. From then on the module remembers the answer per place, and
a call costs one lookup.
"""

from __future__ import annotations

import sys
from types import CodeType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .parameter import Parameter

if TYPE_CHECKING:
    from .module import Module

NOWHERE: dict[str | None, str] = {}
"""The places of a module that has not been called; never written."""
_PATHS: WeakKeyDictionary[Module, dict[int, str]] = WeakKeyDictionary()
"""For each module that has called others: the path of each module that it held then, by ``id``."""


def enter(module: Module, outer: str | None, call: CodeType) -> str:
    """The path of ``module`` inside the scope ``outer``, from now on remembered in ``module._paths``.

    The outermost module is called by its class, those inside by their names in it, as in ``named_modules()``.
    ``call`` is the code of ``Module.__call__``.
    """
    caller, caller_is_outermost = _caller(call)
    if outer is None or caller is None:
        path = type(module).__name__
        prefix = ""
    else:
        name = _name_in(caller, module) or type(module).__name__
        path = prefix = name if caller_is_outermost else f"{outer}.{name}"
    if module._paths is NOWHERE:
        module._paths = {}
    module._paths[outer] = path
    for name, parameter in module.named_parameters(prefix):
        name_parameter(parameter, name)
    return path


def _name_in(holder: Module, module: Module) -> str:
    """The path of ``module`` in ``holder``, as in ``named_modules()``; ``""`` where it is not held.

    The paths of all that a module holds are found in one walk: a walk for each call into it would take time quadratic in the number of layers.
    """
    path = _PATHS.get(holder, {}).get(id(module), "")
    if path and _at(holder, path) is module:
        return path
    found = _PATHS[holder] = {id(held): path for path, held in holder.named_modules() if path}
    return found.get(id(module), "")


def _at(holder: Module, path: str) -> Any:
    """What a module holds at a path now; ``None`` where there is nothing."""
    found: Any = holder
    for part in path.split("."):
        if isinstance(found, (list, tuple)):
            found = found[int(part)] if int(part) < len(found) else None
        else:
            found = (found if isinstance(found, dict) else getattr(found, "__dict__", {})).get(part)
    return found


def _caller(call: CodeType) -> tuple[Module | None, bool]:
    """The module whose ``__call__`` is under way around the one being entered, and whether it is the outermost."""
    frame = sys._getframe(2).f_back  # past this function, ``enter`` and the call being entered
    while frame is not None:
        if frame.f_code is call:
            return frame.f_locals["self"], frame.f_locals["mode"].scope is None
        frame = frame.f_back
    return None, False


def name_parameter(parameter: Parameter, path: str) -> None:
    """Name a parameter by its path, unless the user named it; a larger model extends the path that a part of it gave."""
    given = parameter.name
    if given is None or (given == vars(parameter).get("path") and path.endswith("." + given)):
        parameter.name = parameter.__dict__["path"] = path
