"""What is measured: for each op the operands at a size, and the call, which is the same for PyTorch and for this library.

Elementwise ops come from the registry, with the samples' domains; the others are listed here. ``n`` is the number of
elements, 16, 4096 or 1,048,576, and ``side(n)`` the side of a square of as many.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

SIZES = (16, 4096, 1 << 20)
Operand = Callable[[np.random.Generator, int], Any]


@dataclass(frozen=True)
class OpCase:
    """One op: how to make its operands of ``n`` elements, and its call on them."""

    name: str
    operands: tuple[Operand, ...]
    bind: Callable[[Any], Callable[..., Any]]
    """``bind(lib)(*tensors)`` is the call: names are looked up before the clock starts. The first tensor of a tuple is what gradients start from."""
    backward: bool = True
    target: dict[int, float] | None = None
    """Ratios to reach at a size, beyond the median's."""

    def arrays(self, n: int) -> list[Any]:
        """The operands as NumPy arrays and numbers; the same in every process."""
        stream = np.random.default_rng(len(self.name) + sum(map(ord, self.name)))
        return [operand(stream, n) for operand in self.operands]


def side(n: int) -> int:
    """The side of a square of ``n`` elements."""
    return math.isqrt(n)


def floats(shape: Callable[[int], tuple[int, ...]], low: float = -2.0, high: float = 2.0) -> Operand:
    return lambda stream, n: stream.uniform(low, high, shape(n)).astype(np.float32)


def indices(shape: Callable[[int], tuple[int, ...]], below: Callable[[int], int]) -> Operand:
    return lambda stream, n: stream.integers(0, below(n), shape(n))


def bits(shape: Callable[[int], tuple[int, ...]]) -> Operand:
    return lambda stream, n: stream.integers(0, 2, shape(n)).astype(bool)


def fixed(value: Callable[[int], Any]) -> Operand:
    """A number, or another constant that depends on the size."""
    return lambda stream, n: value(n)


def vector(n: int) -> tuple[int, ...]:
    return (n,)


def square(n: int) -> tuple[int, ...]:
    return (side(n), side(n))


def row(n: int) -> tuple[int, ...]:
    return (side(n),)


def blocks(n: int) -> tuple[int, ...]:
    """As many 4 by 4 matrices."""
    return (n // 16, 4, 4)


def images(n: int) -> tuple[int, ...]:
    """Batch, channels, height, width."""
    return {16: (1, 1, 4, 4), 4096: (4, 4, 16, 16)}.get(n, (64, 16, 32, 32))


def channels(n: int) -> tuple[int, ...]:
    return images(n)[1:2]


V, M, R, B, I = floats(vector), floats(square), floats(row), floats(blocks), floats(images)
POSITIVE, CHANCES, LABELS = floats(square, 0.5, 2.0), floats(square, 0.05, 0.95), indices(row, side)
ROWS = indices(row, side)


def DEFINITE(stream: np.random.Generator, n: int) -> Any:  # noqa: N802 - stands beside the other operands
    """Positive definite matrices."""
    a = stream.uniform(-1, 1, blocks(n)).astype(np.float32)
    return a @ a.swapaxes(-1, -2) + 4 * np.eye(4, dtype=np.float32)


def of(path: str, *operands: Operand, backward: bool = True, **options: Any) -> OpCase:
    """A call of the function at ``path`` with all operands in order."""
    name = path.rpartition(".")[2] if not path.startswith(("linalg.", "fft.")) else path
    label = name + ("".join(f" {key}={value}" for key, value in options.items()) if options else "")
    return OpCase(label, operands, lambda lib: partial(find(lib, path), **options) if options else find(lib, path), backward)


def find(lib: Any, path: str) -> Any:
    """The function at a dotted path."""
    for part in path.split("."):
        lib = getattr(lib, part)
    return lib


def by(name: str, call: Callable[..., Any], *operands: Operand, backward: bool = True) -> OpCase:
    """A call that is more than one function on all operands."""
    return OpCase(name, operands, lambda lib: partial(call, lib), backward)


def behind(name: str, call: Callable[..., Any], operand: Operand) -> OpCase:
    """A view of all elements with ``neg`` behind it, for both libraries. Alone it would be the last op, whose cotangent is the caller's own array:
    PyTorch lets the leaf's gradient share that memory, here a gradient shares its memory with nobody. Within a graph cotangents come from ops."""
    return by(name, lambda lib, x: lib.neg(call(lib, x)), operand)


def elementwise() -> list[OpCase]:
    """The public elementwise ops of the registry on operands of one shape."""
    import autograd_core  # noqa: F401 - fills the registry
    from autograd_core.op import REGISTRY, Arg, public_name

    cases = []
    for op in REGISTRY.values():
        sample = next((each for each in op.samples if each.error is None and not each.attrs and any(isinstance(a, (Arg, tuple)) for a in each.args)), None)
        if op.kind != "elementwise" or sample is None or not {"torch", "nn.functional"} & set(op.places) or op.outputs is not None:
            continue
        operands: list[Operand] = []
        for arg in sample.args:
            arg = Arg(arg, *op.domain) if isinstance(arg, tuple) else arg
            if not isinstance(arg, Arg):
                operands.append(fixed(lambda n, value=arg: value))
            elif arg.kind == "int":
                operands.append(lambda stream, n, arg=arg: stream.integers(int(arg.low), max(int(arg.high), int(arg.low) + 1), n))
            else:
                operands.append(bits(vector) if arg.kind == "bool" else floats(vector, arg.low, arg.high))
        place = "torch" if "torch" in op.places else "nn.functional"
        cases.append(of(public_name(op.name, "") if place == "torch" else f"nn.functional.{op.name}", *operands, backward=op.differentiable))
    return cases


REDUCED = [
    *(of(name, M) for name in ("sum", "mean", "amax", "amin", "norm", "nansum")),
    *(of(name, M, dim=1) for name in ("sum", "mean", "amax", "amin", "var", "std", "logsumexp", "norm", "max", "min")),
    of("prod", floats(vector, 0.9, 1.1)), of("var", M), of("std", M), of("max", M), of("min", M), of("cumsum", M, dim=1),
    of("cumprod", floats(square, 0.9, 1.1), dim=1), of("cummax", M, dim=1),
    of("logcumsumexp", M, dim=1), of("argmax", M, dim=1, backward=False), of("argmin", M, dim=1, backward=False), of("all", bits(square), dim=1, backward=False),
    of("any", bits(square), dim=1, backward=False),
    of("count_nonzero", M, backward=False), of("sort", M, dim=1), of("argsort", M, dim=1, backward=False), of("topk", M, k=2, dim=1), of("kthvalue", M, k=2, dim=1),
    of("median", M, dim=1),
    of("quantile", M, fixed(lambda n: 0.5)), of("diff", M, dim=1), of("trapezoid", M, dim=1), of("unique", indices(vector, side), backward=False),
    of("bincount", indices(vector, side), backward=False),
    of("histc", V, bins=10, backward=False), of("aminmax", M, dim=1), of("var_mean", M, dim=1), of("softmax", M, dim=1), of("log_softmax", M, dim=1),
    of("nn.functional.softmin", M, dim=1), of("dist", V, V),
    of("searchsorted", lambda stream, n: np.sort(stream.uniform(-2, 2, n)).astype(np.float32), V, backward=False),
]

SHAPED = [
    behind("reshape", lambda lib, x: lib.reshape(x, (-1,)), M), by("permute", lambda lib, x: lib.permute(x, (1, 0)), M), of("transpose", M, dim0=0, dim1=1),
    behind("flatten", lambda lib, x: lib.flatten(x), M), behind("ravel", lambda lib, x: lib.ravel(x), M), behind("unsqueeze dim=0", lambda lib, x: lib.unsqueeze(x, dim=0), V),
    behind("squeeze", lambda lib, x: lib.squeeze(x, 0), floats(lambda n: (1, n))), by("expand", lambda lib, x: x.expand(2, -1), V),
    by("broadcast_to", lambda lib, x: lib.broadcast_to(x, (2, x.shape[0])), V),
    by("repeat", lambda lib, x: x.repeat(2, 1), M), by("tile", lambda lib, x: lib.tile(x, (2,)), M), by("cat", lambda lib, x, y: lib.cat([x, y]), M, M),
    by("stack", lambda lib, x, y: lib.stack([x, y]), M, M),
    by("hstack", lambda lib, x, y: lib.hstack([x, y]), M, M), by("vstack", lambda lib, x, y: lib.vstack([x, y]), M, M), of("chunk", M, chunks=2),
    by("split", lambda lib, x: lib.split(x, 2), M), of("unbind", M),
    of("narrow", M, dim=0, start=1, length=2), of("select", M, dim=0, index=1), by("flip", lambda lib, x: lib.flip(x, (0,)), M), of("fliplr", M),
    by("roll", lambda lib, x: lib.roll(x, 1, 0), M), of("rot90", M),
    of("diagonal", M), of("diag", R), of("tril", M), of("triu", M), by("repeat_interleave", lambda lib, x: lib.repeat_interleave(x, 2, dim=0), M),
    of("movedim", M, source=0, destination=1), of("clone", V),
    by("pad", lambda lib, x: lib.nn.functional.pad(x, (1, 1)), M), by("pad reflect", lambda lib, x: lib.nn.functional.pad(x, (1, 1, 1, 1), mode="reflect"), I),
    by("meshgrid", lambda lib, x, y: lib.meshgrid(x, y, indexing="ij"), R, R),
    by("to float64", lambda lib, x: x.double(), V), by("unfold", lambda lib, x: x.unfold(0, 2, 1), V), behind("atleast_2d", lambda lib, x: lib.atleast_2d(x), V),
    by("tensor_split", lambda lib, x: lib.tensor_split(x, 2), M),
]

INDEXED = [
    by("x[i]", lambda lib, x: x[1], M), by("x[a:b:c]", lambda lib, x: x[1:-1:2], V), behind("x[:, None]", lambda lib, x: x[:, None], V),
    by("x[rows]", lambda lib, x, i: x[i], M, ROWS), by("x[rows, columns]", lambda lib, x, i, j: x[i, j], M, ROWS, ROWS),
    by("x[mask]", lambda lib, x, m: x[m], V, bits(vector)), of("masked_select", V, bits(vector)),
    by("masked_fill", lambda lib, x, m: lib.masked_fill(x, m, 0.5), V, bits(vector)),
    by("index_select", lambda lib, x, i: lib.index_select(x, 0, i), M, ROWS), by("gather", lambda lib, x, i: lib.gather(x, 1, i), M, indices(square, side)),
    by("take_along_dim", lambda lib, x, i: lib.take_along_dim(x, i, 1), M, indices(square, side)),
    by("scatter_add", lambda lib, x, i, y: lib.scatter_add(x, 1, i, y), M, indices(square, side), M),
    by("index_add", lambda lib, x, i, y: lib.index_add(x, 0, i, y), M, ROWS, M), of("take", V, indices(vector, int)),
    by("where", lambda lib, c, x, y: lib.where(c, x, y), bits(vector), V, V), of("nonzero", bits(vector), backward=False),
    by("index_copy", lambda lib, x, i, y: lib.index_copy(x, 0, i, y), M, lambda stream, n: stream.permutation(side(n)), M),
    by("index_fill", lambda lib, x, i: lib.index_fill(x, 0, i, 0.5), M, ROWS),
    by("scatter", lambda lib, x, i, y: lib.scatter(x, 1, i, y), M, lambda stream, n: np.argsort(stream.random(square(n)), axis=1), M),
    by("index_put", lambda lib, x, i, y: lib.index_put(x, (i,), y), M, lambda stream, n: stream.permutation(side(n)), M),
    by("isin", lambda lib, x: lib.isin(x, x[:4]), indices(vector, side), backward=False),
    by("add_", lambda lib, x, y: x.clone().add_(y), V, V), by("x[a:b] = y", lambda lib, x, y: _assigned(x, y), V, floats(lambda n: (n // 2,))),
]


def _assigned(x: Any, y: Any) -> Any:
    result = x.clone()
    result[: y.shape[0]] = y
    return result


ALGEBRA = [
    of("matmul", M, M), of("mm", M, M), of("mv", M, R), of("dot", V, V), of("outer", R, R), of("bmm", B, B), of("addmm", M, M, M),
    by("einsum ij,jk", lambda lib, x, y: lib.einsum("ij,jk->ik", x, y), M, M),
    by("einsum bij,bjk", lambda lib, x, y: lib.einsum("bij,bjk->bik", x, y), B, B), of("tensordot", M, M, dims=1),
    by("kron", lambda lib, x, y: lib.kron(x, y), floats(lambda n: (max(side(n) // 4, 1), 4)), floats(lambda n: (2, 2))),
    of("trace", M), of("linalg.inv", DEFINITE), of("linalg.det", DEFINITE), by("linalg.slogdet", lambda lib, x: lib.linalg.slogdet(x)[1], DEFINITE),
    of("linalg.solve", DEFINITE, B),
    of("linalg.cholesky", DEFINITE), of("linalg.qr", B), of("linalg.svdvals", B),
    of("linalg.eigvalsh", DEFINITE), of("linalg.matrix_norm", M), of("linalg.vector_norm", V), of("linalg.matrix_exp", B), of("linalg.pinv", DEFINITE),
    of("linalg.lstsq", B, B, backward=False), by("cross", lambda lib, x, y: lib.linalg.cross(x, y), *[floats(lambda n: (n // 4, 3))] * 2),
    by("fft", lambda lib, x: lib.real(lib.fft.fft(x)), M), by("rfft", lambda lib, x: lib.abs(lib.fft.rfft(x)), M),
    by("cdist", lambda lib, x, y: lib.cdist(x, y), *[floats(lambda n: (side(n), 8))] * 2), of("nn.functional.pdist", floats(lambda n: (max(side(n) // 2, 2), 8))),
]

ATTENTION = floats(lambda n: (1, 2, 4, 2) if n == 16 else (2, 4, 32, 16) if n == 4096 else (8, 8, 128, 128))

NETWORK = [
    by("interpolate nearest", lambda lib, x: lib.nn.functional.interpolate(x, scale_factor=2), I),
    by("interpolate bilinear", lambda lib, x: lib.nn.functional.interpolate(x, scale_factor=2, mode="bilinear"), I),
    of("nn.functional.pixel_shuffle", floats(lambda n: (1, 4, side(n) // 2, side(n) // 2)), upscale_factor=2),
    by("grid_sample", lambda lib, x, grid: lib.nn.functional.grid_sample(x, grid, align_corners=False), I, floats(lambda n: (images(n)[0], *images(n)[2:], 2), -0.9, 0.9)),
    by("conv_transpose2d", lambda lib, x, w: lib.nn.functional.conv_transpose2d(x, w, stride=2), I, floats(lambda n: (images(n)[1], images(n)[1], 2, 2))),
    of("nn.functional.instance_norm", I), of("nn.functional.local_response_norm", I, size=3), of("nn.functional.adaptive_max_pool2d", I, output_size=2),
    of("nn.functional.unfold", I, kernel_size=2), of("nn.functional.pixel_unshuffle", floats(lambda n: (1, 1, side(n), side(n))), downscale_factor=2),
    by("lp_pool2d", lambda lib, x: lib.nn.functional.lp_pool2d(x, 2.0, 2), floats(images, 0.5, 2.0)),
    of("nn.functional.linear", M, M, R),
    by("conv2d 3x3", lambda lib, x, w: lib.nn.functional.conv2d(x, w, padding=1), I, floats(lambda n: (images(n)[1], images(n)[1], 3, 3))),
    by("conv1d", lambda lib, x, w: lib.nn.functional.conv1d(x, w), floats(lambda n: (1, 4, n // 4)), floats(lambda n: (4, 4, 3))),
    of("nn.functional.max_pool2d", I, kernel_size=2), of("nn.functional.avg_pool2d", I, kernel_size=2),
    of("nn.functional.adaptive_avg_pool2d", I, output_size=2), by("layer_norm", lambda lib, x, w, b: lib.nn.functional.layer_norm(x, (x.shape[-1],), w, b), M, R, R),
    by("rms_norm", lambda lib, x, w: lib.nn.functional.rms_norm(x, (x.shape[-1],), w), M, R),
    by("batch_norm", lambda lib, x, w, b: lib.nn.functional.batch_norm(x, None, None, w, b, training=True), I, floats(channels), floats(channels)),
    by("group_norm", lambda lib, x: lib.nn.functional.group_norm(x, 1), I), of("nn.functional.normalize", M, dim=1),
    by("embedding", lambda lib, w, i: lib.nn.functional.embedding(i, w), M, ROWS),
    by("embedding_bag", lambda lib, w, i: lib.nn.functional.embedding_bag(i, w), M, indices(lambda n: (side(n) // 2, 2), side)),
    by("one_hot", lambda lib, i: lib.nn.functional.one_hot(i, 8), indices(lambda n: (n // 8,), lambda n: 8), backward=False),
    by("dropout", lambda lib, x: lib.nn.functional.dropout(x, 0.0), V), of("nn.functional.cosine_similarity", M, M, dim=1), of("nn.functional.pairwise_distance", M, M),
    of("nn.functional.scaled_dot_product_attention", *[ATTENTION] * 3), of("nn.functional.glu", M),
    by("prelu", lambda lib, x, w: lib.nn.functional.prelu(x, w), M, floats(lambda n: (1,), 0.1, 0.3)),
    *(of(f"nn.functional.{name}", M, M) for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss")),
    of("nn.functional.gaussian_nll_loss", M, M, POSITIVE), of("nn.functional.kl_div", M, CHANCES, reduction="sum"),
    of("nn.functional.cross_entropy", M, LABELS), of("nn.functional.cross_entropy", M, LABELS, label_smoothing=0.1), of("nn.functional.nll_loss", M, LABELS),
    of("nn.functional.binary_cross_entropy", CHANCES, CHANCES), of("nn.functional.binary_cross_entropy_with_logits", M, CHANCES),
    of("nn.functional.multi_margin_loss", M, LABELS), by("soft_margin_loss", lambda lib, x, y: lib.nn.functional.soft_margin_loss(x, y.detach()), M, M),
    of("nn.functional.multilabel_soft_margin_loss", M, CHANCES), of("nn.functional.triplet_margin_loss", M, M, M), of("nn.functional.hinge_embedding_loss", M, M),
    by("margin_ranking_loss", lambda lib, x, y, t: lib.nn.functional.margin_ranking_loss(x, y, t), V, V, V),
    by("cosine_embedding_loss", lambda lib, x, y, t: lib.nn.functional.cosine_embedding_loss(x, y, t), M, M, lambda stream, n: stream.integers(0, 2, side(n)) * 2 - 1),
    by("ctc_loss", lambda lib, x, t: lib.nn.functional.ctc_loss(x.log_softmax(2), t, (x.shape[0],) * x.shape[1], (t.shape[1],) * x.shape[1]), floats(lambda n: (4, 1,
    4) if n == 16 else (32, 8, 16) if n == 4096 else (128, 128, 64)),
       lambda stream, n: stream.integers(1, 4 if n == 16 else 16, (1, 2) if n == 16 else (8, 8) if n == 4096 else (128, 30))),
]

CONVOLUTIONS = [
    OpCase(f"conv2d 3x3 on 28x28, batch 64, {few} to {many} channels", (floats(lambda n, few=few: (64, few, 28, 28)), floats(lambda n, few=few, many=many: (many, few, 3,
    3))),
           lambda lib: partial(lib.nn.functional.conv2d, padding=1), target={SIZES[-1]: limit})
    for few, many, limit in ((1, 8, 1.2), (8, 16, 1.8))
]


def cases() -> dict[str, OpCase]:
    """All of them by name."""
    found: dict[str, OpCase] = {}
    for case in (*elementwise(), *REDUCED, *SHAPED, *INDEXED, *ALGEBRA, *NETWORK, *CONVOLUTIONS):
        found.setdefault(case.name, case)
    return found
