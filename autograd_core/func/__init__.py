"""Derivatives as functions of functions: they take a function and return one, and nest to any order.

``grad(f)`` is the gradient of ``f``, ``vmap(grad(f))`` the gradient of each example, ``jacfwd(jacrev(f))`` the Hessian.
Arguments may be nested lists, tuples and dicts of tensors; ``functional_call`` makes a module a function of its parameters.
"""

from __future__ import annotations

from .forward import jvp, linearize
from .jacobian import gauss_newton_vp, hessian, hvp, jacfwd, jacrev
from .modules import functional_call, replace_all_batch_norm_modules_, stack_module_state
from .reverse import elementwise_grad, grad, grad_and_value, stop_gradient, value_and_grad, vjp
from .vectorize import vmap

__all__ = [
    "elementwise_grad",
    "functional_call",
    "gauss_newton_vp",
    "grad",
    "grad_and_value",
    "hessian",
    "hvp",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "replace_all_batch_norm_modules_",
    "stack_module_state",
    "stop_gradient",
    "value_and_grad",
    "vjp",
    "vmap",
]
