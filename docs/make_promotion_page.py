"""Writes ``docs/promotion.md``: which dtype an operation computes in, derived from the rules themselves.

``python docs/make_promotion_page.py`` writes the file, ``--check`` fails if it is not current.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from autograd_core import dtypes
from autograd_core.spec import Meta, promote_types, result_type_of

TARGET = Path(__file__).with_name("promotion.md")

HEADER = """# Which dtype an operation computes in

<!-- Written by `python docs/make_promotion_page.py`. -->

Operands of several dtypes meet in PyTorch's way. Two rules decide, and both are applied before any number is computed.

**The table.** Two tensors with dimensions are computed in the smallest dtype that holds both.
`autograd_core.promote_types(a, b)` is this table.

"""

MIDDLE = """
`bfloat16` needs the package `ml_dtypes` (`pip install "autograd-core[bfloat16]"`); its arrays compute in float32 and
round the results. There are no complex numbers of two float16: float16 with complex64 is complex64, and half precision
with a complex Python number becomes complex64. uint16, uint32 and uint64 combine with themselves, with floating point and complex
dtypes, which win, and with Python numbers; with another integer dtype they raise `RuntimeError`, and ask for `.to(dtype)`.

**The ranks.** Tensors with dimensions outrank tensors without, and those outrank Python numbers. Within one category
(boolean, integer, floating point, complex) only the highest rank counts; an operand of a higher category always does, and
then in the dtype that its own rank says. A Python `float` has the default dtype, an `int` is int64, a `complex` is of the
default precision; `np.float64` counts as a Python number. `autograd_core.result_type(a, b)` says the outcome:

"""

FOOTER = """
**What else applies.**

- Functions that are not closed under integers (`exp`, `sqrt`, `div`, `mean` ...) turn integers and booleans into the default dtype.
- Comparisons and tests (`lt`, `isnan`, `logical_and` ...) give booleans. `sum` and `prod` of integers are int64.
- Ops that demand one dtype (`lerp`, `matmul`, `complex` ...) say so and name `.to(dtype)`.
- An in-place op keeps its tensor's dtype. It is refused if the result belongs to a higher category, as in
  `integers.add_(1.5)`; `autograd_core.can_cast(from_, to)` is the test.
- Gradients have the dtype of the tensor that they belong to; casts are differentiable.
- What an op is not defined for (bits of floats, the order of complex numbers) raises `UnsupportedDtypeError`, which is both
  a `RuntimeError` and a `NotImplementedError`.
"""

SHORT = {"bool": "bool", "uint8": "u8", "int8": "i8", "int16": "i16", "int32": "i32", "int64": "i64", "float16": "f16", "bfloat16": "bf16", "float32": "f32", "float64": "f64",
         "complex64": "c64", "complex128": "c128"}


def _table() -> str:
    rows = ["| | " + " | ".join(SHORT[d.name] for d in dtypes.EVERY) + " |", "|---" * (len(dtypes.EVERY) + 1) + "|"]
    rows += [f"| **{a.name}** | " + " | ".join(SHORT[promote_types(a, b).name] for b in dtypes.EVERY) + " |" for a in dtypes.EVERY]
    return "\n".join(rows) + "\n"


def _ranks() -> str:
    """The outcome for one dtype with dimensions, and what it meets."""
    partners: list[tuple[str, Any]] = [(f"{SHORT[d.name]} tensor of shape ()", Meta((), d)) for d in (dtypes.int64, dtypes.float64, dtypes.complex128)]
    partners += [(f"`{number}`", number) for number in (True, 2, 2.5, 1j)]
    rows = ["| tensor of shape (2,) with | " + " | ".join(label for label, _ in partners) + " |", "|---" * (len(partners) + 1) + "|"]
    rows += [f"| **{d.name}** | " + " | ".join(SHORT[result_type_of((Meta((2,), d), partner)).name] for _, partner in partners) + " |" for d in dtypes.EVERY]
    return "\n".join(rows) + "\n"


def page() -> str:
    """The whole text of the page."""
    return HEADER + _table() + MIDDLE + _ranks() + FOOTER


def main() -> None:
    """Command line: write the file, or check it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="fail if the file is not current")
    if parser.parse_args().check:
        if TARGET.read_text(encoding="utf-8") != page():
            raise SystemExit(f"{TARGET.name} is not current: run python docs/make_promotion_page.py")
        return
    TARGET.write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
