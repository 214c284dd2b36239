"""Complex numbers and their parts."""

from __future__ import annotations

from ..op import elementwise

conj = elementwise("conj", ufunc="conjugate", vjp="conj(g)", holomorphic=False, promotes="none", doc="Complex conjugate; real tensors are unchanged.")
real = elementwise("real", kernel=lambda xp, input: xp.real(input), vjp="g", holomorphic=False, promotes="none", places=("torch",), doc="The real part.")
