"""Plans: a function's kernel calls, recorded once and replayed.

In reading order: ``graph`` (the recorded step as plain data), ``record`` (who writes it down), ``compare`` (two recordings
must agree), ``numpy_backend`` (generated code), ``replay`` (one call of a plan), ``api`` (a compiled function), ``compiling`` (``compile``).

``passes`` rewrite the graph, ``native`` compiles it to machine code, ``scalars`` does all of this for Scalars.
"""

from .api import Compiled
from .compiling import compile
from .errors import PlanError
from .replay import Plan
from .scalars.plan import ScalarPlan

__all__ = ["Compiled", "Plan", "PlanError", "ScalarPlan", "compile"]
