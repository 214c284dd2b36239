"""The trace event format that chrome://tracing and Perfetto read."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from .events import Event
from .timeline import Timeline


def chrome_trace(events: Sequence[Event], memory: Timeline, start: int) -> str:
    """Complete events (``X``) of all that was measured, and the memory as counters (``C``). Times are microseconds since ``start``."""
    process = os.getpid()
    threads = list(dict.fromkeys(event.thread for event in events))
    entries: list[dict[str, Any]] = [{"ph": "M", "name": "process_name", "pid": process, "tid": 0, "args": {"name": "autograd_core"}}]
    entries += [{"ph": "M", "name": "thread_name", "pid": process, "tid": i, "args": {"name": f"thread {thread}"}} for i, thread in enumerate(threads)]
    for event in events:
        entries.append({
            "ph": "X", "name": event.name, "cat": event.phase, "ts": (event.start - start) / 1e3, "dur": event.duration / 1e3,
            "pid": process, "tid": threads.index(event.thread), "args": _arguments(event),
        })
    for time, saved, results in zip(memory.times, memory.saved, memory.results, strict=True):
        entries.append({"ph": "C", "name": "memory", "ts": time * 1e6, "pid": process, "tid": 0, "args": {"saved for backward": saved, "other results": results}})
    return json.dumps({"traceEvents": entries, "displayTimeUnit": "ms"})


def _arguments(event: Event) -> dict[str, Any]:
    found: dict[str, Any] = {"shapes": [None if shape is None else list(shape) for shape in event.shapes]}
    if event.module:
        found["module"] = event.module
    if event.line:
        found["line"] = event.line
    if event.results:
        found["result bytes"] = event.results
    if event.saved:
        found["saved bytes"] = event.saved
    return found
