"""Command line: ``python -m benchmarks [case ...] [--peers ...] [--quick] [--json PATH] [--write]`` and ``python -m benchmarks ops [op ...] [--write]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .building import BUILDING
from .cases import CASES
from .installed import MEASURES as INSTALLED
from .measure import Measured, NoResult, measure
from .ops.run import main as measure_ops
from .plans import PLANS
from .plans import report as plan_report
from .plans.case import COLUMNS
from .plans.measure import PlanLine, measure_plan
from .report import RESULTS, as_json, document, markdown, row, text

MEASURES = {**INSTALLED, **BUILDING}
"""Measures that are no timed cases, by name."""
KINDS = {"eager": [*CASES, *MEASURES], "plans": [*PLANS]}
"""Names that stand for several cases."""


def arguments() -> Any:
    """What was asked for."""
    names = [*CASES, *MEASURES, *PLANS]
    peers = list(dict.fromkeys(peer for case in PLANS.values() for size in case.sizes for peer in size.peers if peer not in COLUMNS))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Ratios to PyTorch, JAX, micrograd, NumPy and others, measured side by side, one thread each.")
    parser.add_argument("cases", nargs="*", metavar="case",
                        help=f"all by default: {', '.join(names)}; 'eager' and 'plans' stand for all of theirs; 'ops' is a run of its own, see 'ops --help'")
    parser.add_argument("--peers", metavar="NAMES", help=f"for compiled cases only these, separated by commas: {', '.join(peers)}; all by default")
    parser.add_argument("--quick", action="store_true", help="one short block each: shows that everything runs and agrees, not how fast it is")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write everything measured to a JSON file")
    parser.add_argument("--write", action="store_true", help=f"write the tables to {RESULTS.parent.name}/{RESULTS.name}")
    chosen = parser.parse_args()
    chosen.cases = [name for case in chosen.cases or KINDS for name in KINDS.get(case, [case])]
    unknown = [name for name in chosen.cases if name not in names]
    if unknown:
        parser.error(f"there is no case {unknown[0]!r}; there are {', '.join(names)}")
    chosen.peers = None if chosen.peers is None else tuple(chosen.peers.split(","))
    unknown = [name for name in chosen.peers or () if name not in peers]
    if unknown:
        parser.error(f"there is no peer {unknown[0]!r}; there are {', '.join(peers)}")
    if chosen.write and (chosen.quick or chosen.peers is not None):
        parser.error("--write is for whole runs, without --quick and --peers")
    return chosen


def main() -> int:
    """Measure, print the tables; 1 if a peer is missing or disagrees, because then there is no result."""
    if sys.argv[1:2] == ["ops"]:
        return measure_ops(sys.argv[2:])
    chosen = arguments()
    lines: list[Measured] = []
    plans: list[PlanLine] = []
    failures: list[str] = []
    for name in chosen.cases:
        try:
            if name in PLANS:
                rows = measure_plan(PLANS[name], chosen.peers, chosen.quick)
                plans += rows
                print("\n".join(": ".join(plan_report.cells(each, "; ")[:2]) for each in rows), file=sys.stderr, flush=True)
                continue
            found = measure(CASES[name], chosen.quick) if name in CASES else [MEASURES[name]()]
        except NoResult as failure:
            failures.append(str(failure))
            print(f"{name}: no result: {failure}", file=sys.stderr, flush=True)
            continue
        lines += found
        for line in found:
            cells = row(line)
            print(f"{line.name}: {cells[3]} (ours {cells[1]}, {cells[2]})", file=sys.stderr, flush=True)
    tables = [text(lines)] if lines else []
    print("\n\n".join([*tables, plan_report.text(plans)] if plans else tables))
    if failures:
        print("\nThis run is no result:\n" + "\n".join(failures), file=sys.stderr)
        return 1
    if chosen.json is not None:
        chosen.json.write_text(as_json(lines, plans), encoding="utf-8")
    if chosen.write:
        sections = [*([markdown(lines)] if lines else []), *([plan_report.markdown(plans)] if plans else [])]
        RESULTS.write_text(document(sections), encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    sys.exit(main())
