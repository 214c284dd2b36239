"""Writes ``cupy_api.json``: what an installed CuPy offers, for the strict fake backend. Needs CuPy, but no GPU.

``python tests/fakes/generate_cupy_api.py``. For each function: whether it takes ``out=``, and its parameter names where
they can be read (``null`` for universal functions, which take NumPy's).
"""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("cupy_api.json")
NAMESPACES = ("", "linalg", "fft", "random", "lib.stride_tricks")


def described(value: Any) -> dict[str, Any] | None:
    """A function's entry, or ``None`` for what is no function."""
    import cupy

    if isinstance(value, cupy.ufunc):
        return {"out": True, "parameters": None}
    if not callable(value):
        return None
    try:
        parameters = list(inspect.signature(value).parameters)
    except (TypeError, ValueError):
        return {"out": False, "parameters": None}
    return {"out": "out" in parameters, "parameters": parameters}


def main() -> None:
    """Read the installed CuPy and write the file."""
    import cupy
    import cupyx

    functions: dict[str, Any] = {}
    for namespace in NAMESPACES:
        module = importlib.import_module(f"cupy.{namespace}") if namespace else cupy
        for name in sorted(dir(module)):
            entry = None if name.startswith("_") or isinstance(getattr(module, name), type) else described(getattr(module, name))
            if entry is not None:
                functions[f"{namespace}.{name}" if namespace else name] = entry
    constants = sorted(name for name in dir(cupy) if not name.startswith("_") and isinstance(getattr(cupy, name), (float, int, type, type(None))))
    array = sorted(name for name in dir(cupy.ndarray) if not name.startswith("__"))
    methods = {name: {"out": "out" in (getattr(cupy.ndarray, name).__doc__ or "").split("\n")[0]} for name in array}
    generator = sorted(name for name in dir(cupy.random.Generator) if not name.startswith("_"))
    ufunc_methods = sorted(name for name in ("at", "reduce", "accumulate", "reduceat", "outer") if hasattr(cupy.ufunc, name))
    data = {"cupy": cupy.__version__, "functions": functions, "constants": constants, "methods": methods, "generator": generator,
            "ufunc_methods": ufunc_methods, "scatter": sorted(name for name in dir(cupyx) if name.startswith("scatter"))}
    TARGET.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
