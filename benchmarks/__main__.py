"""Command line: ``python -m benchmarks [case ...] [--json PATH] [--write]`` and ``python -m benchmarks ops [op ...] [--write]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .cases import CASES
from .installed import MEASURES
from .measure import Measured, NoResult, measure
from .ops.run import main as measure_ops
from .report import RESULTS, as_json, markdown, row, text


def main() -> int:
    """Measure, print the table; 1 if a peer is missing or disagrees, because then there is no result."""
    if sys.argv[1:2] == ["ops"]:
        return measure_ops(sys.argv[2:])
    names = [*CASES, *MEASURES]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ratios to PyTorch, micrograd and NumPy, measured side by side, one thread each.")
    parser.add_argument("cases", nargs="*", metavar="case", help=f"all by default: {', '.join(names)}; 'ops' is a run of its own, see 'ops --help'")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write everything measured to a JSON file")
    parser.add_argument("--write", action="store_true", help=f"write the table to {RESULTS.parent.name}/{RESULTS.name}")
    chosen = parser.parse_args()
    unknown = [name for name in chosen.cases if name not in names]
    if unknown:
        parser.error(f"there is no case {unknown[0]!r}; there are {', '.join(names)}")
    lines: list[Measured] = []
    failures: list[str] = []
    for name in chosen.cases or names:
        try:
            found = measure(CASES[name]) if name in CASES else [MEASURES[name]()]
        except NoResult as failure:
            failures.append(str(failure))
            print(f"{name}: no result: {failure}", file=sys.stderr, flush=True)
            continue
        lines += found
        for line in found:
            cells = row(line)
            print(f"{line.name}: {cells[3]} (ours {cells[1]}, {cells[2]})", file=sys.stderr, flush=True)
    if lines:
        print(text(lines))
    if failures:
        print("\nThis run is no result:\n" + "\n".join(failures), file=sys.stderr)
        return 1
    if chosen.json is not None:
        chosen.json.write_text(as_json(lines), encoding="utf-8")
    if chosen.write:
        RESULTS.write_text(markdown(lines), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.exit(main())
