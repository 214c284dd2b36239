"""Plans: a function's kernel calls, recorded once and replayed.

In reading order: ``graph`` (the recorded step as plain data), ``record`` (who writes it down), ``compare`` (two recordings
must agree), ``numpy_backend`` (generated code), ``replay`` (one call of a plan), ``api`` (``compile``).

Scalars: ``scalars_tape`` and ``scalars_number`` (what is recorded), ``scalars_compare``, ``scalars_kinds`` and
``scalars_lower`` (sums of products and other ops), ``scalars_schedule`` (groups of equal depth), ``scalars_numpy`` and
``scalars_native`` (the machines), ``scalars_plan`` (one call of a plan), ``scalars`` (which plan).
"""

from .api import Compiled, compile
from .errors import PlanError
from .replay import Plan
from .scalars_plan import ScalarPlan

__all__ = ["Compiled", "Plan", "PlanError", "ScalarPlan", "compile"]
