"""What can go wrong with a plan, and the words in which a user reads it."""

from __future__ import annotations


class PlanError(RuntimeError):
    """A computation that cannot be replayed, or a plan that cannot be used now. The message names the line and the rewrite."""


def refusal(line: str, what: str, rewrite: str) -> PlanError:
    """The error for something inside a compiled function that a replay could not repeat."""
    return PlanError(f"compile: {what}, at {line}. {rewrite}")


class StaleError(Exception):
    """The memory that a plan knows is not what its holders hold now: the function has to be recorded again."""
