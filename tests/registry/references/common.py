"""Independent truth: each op as NumPy, SciPy or a closed form says it, in float64. Nothing here uses the engine."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import signal, special

Reference = Callable[..., Any]


def axes(dim: Any) -> Any:
    return None if dim is None or dim == () else tuple(dim) if isinstance(dim, (list, tuple)) else dim


def broadcast_back(input: Any, *, shape: Any) -> Any:
    extra = input.ndim - len(shape)
    total = input.sum(axis=tuple(range(extra)))
    return total.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1 and total.shape[i] != 1), keepdims=True)


def clamp(input: Any, min: Any = None, max: Any = None) -> Any:
    low = -np.inf if min is None else min
    high = np.inf if max is None else max
    return np.where(input < low, low, input) * 0 + np.minimum(np.maximum(input, low), high)


def gelu(input: Any, *, approximate: str = "none") -> Any:
    if approximate == "tanh":
        return 0.5 * input * (1 + np.tanh(np.sqrt(2 / np.pi) * (input + 0.044715 * input**3)))
    return input * special.ndtr(input)


def elu(input: Any, *, alpha: float = 1.0) -> Any:
    return np.where(input > 0, input, alpha * (np.exp(input) - 1))


def softplus(input: Any, *, beta: float = 1.0, threshold: float = 20.0) -> Any:
    return np.where(input * beta > threshold, input, np.logaddexp(0, beta * input) / beta)


def masked(upstream: Any, value: Any) -> Any:
    upstream, value = np.broadcast_arrays(upstream, value)
    result = np.array(value)
    result[(upstream == 0) & np.isnan(value)] = 0
    return result


def total(input: Any, *, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    return np.add.reduce(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim)


def reduction(function: Reference) -> Reference:
    return lambda input, *, dim=None, keepdim=False, dtype=None: function(input, axis=axes(dim) if input.ndim else None, keepdims=keepdim)


def variance(input: Any, *, dim: Any = None, correction: Any = 1, keepdim: bool = False, unbiased: Any = None) -> Any:
    ddof = correction if unbiased is None else int(unbiased)
    return np.var(input, axis=axes(dim) if input.ndim else None, ddof=1 if ddof is None else ddof, keepdims=keepdim)


def norm(input: Any, *, p: Any = "fro", dim: Any = None, keepdim: bool = False, ord: Any = None, dtype: Any = None) -> Any:
    p = 2 if (p == "fro" or p is None) and ord is None else ord if ord is not None else p
    size = np.abs(input)
    if p == np.inf:
        return np.max(size, axis=axes(dim), keepdims=keepdim)
    if p == -np.inf:
        return np.min(size, axis=axes(dim), keepdims=keepdim)
    if p == 0:
        return np.sum(size != 0, axis=axes(dim), keepdims=keepdim).astype(float)
    return np.sum(size**p, axis=axes(dim), keepdims=keepdim) ** (1 / p)


def extreme(values: Reference, indices: Reference) -> Reference:
    def reference(input: Any, *, dim: Any = None, keepdim: bool = False) -> Any:
        if dim is None:
            return values(input)
        if not input.ndim:
            return input, np.array(0)
        return values(input, axis=dim, keepdims=keepdim), indices(input, axis=dim, keepdims=keepdim)

    return reference


def one_extreme(indices: Reference) -> Reference:
    return lambda input, *, dim=None, keepdim=False: np.asarray(indices(input, axis=dim if input.ndim else None, keepdims=keepdim))


def sort(input: Any, *, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    if not input.ndim:
        return input, np.array(0)
    order = np.argsort(-input if descending else input, axis=dim, kind="stable")
    return np.take_along_axis(input, order, axis=dim), order


def topk(input: Any, *, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    values, order = sort(input, dim=dim, descending=largest)
    return (values, order) if not input.ndim else (np.take(values, range(k), axis=dim), np.take(order, range(k), axis=dim))


def softmax(input: Any, *, dim: Any = -1, dtype: Any = None) -> Any:
    return special.softmax(input, axis=dim)


def log_softmax(input: Any, *, dim: Any = -1, dtype: Any = None) -> Any:
    return special.log_softmax(input, axis=dim)


def matmul(input: Any, other: Any) -> Any:
    a, b = np.atleast_2d(input), other[:, None] if other.ndim == 1 else other
    product = (a[..., :, :, None] * b[..., None, :, :]).sum(axis=-2)
    if input.ndim == 1:
        product = product[..., 0, :]
    return product[..., 0] if other.ndim == 1 else product


def reshape(input: Any, *, shape: Any) -> Any:
    return np.array(list(input.flat), dtype=input.dtype).reshape(shape)


def flatten(input: Any, *, start_dim: int = 0, end_dim: int = -1) -> Any:
    if not input.ndim:
        return input.reshape(1)
    start, end = start_dim % input.ndim, end_dim % input.ndim
    return input.reshape(*input.shape[:start], int(np.prod(input.shape[start : end + 1])), *input.shape[end + 1 :])


def squeeze(input: Any, *, dim: Any = None) -> Any:
    dims = range(input.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    return input.reshape([n for i, n in enumerate(input.shape) if n != 1 or i not in [d % input.ndim for d in dims]]) if input.ndim else input


def expand(input: Any, *, shape: Any = None, size: Any = None) -> Any:
    target = list(shape if shape is not None else size)
    lead = len(target) - input.ndim
    return np.broadcast_to(input, [input.shape[i - lead] if n == -1 else n for i, n in enumerate(target)])


def pieces(sizes: Any, length: int) -> list[int]:
    return [min(sizes, length - start) for start in range(0, max(length, 1), sizes)] if isinstance(sizes, int) else list(sizes)


def split(input: Any, *, split_size_or_sections: Any, dim: int = 0) -> Any:
    lengths = pieces(split_size_or_sections, input.shape[dim])
    return tuple(np.split(input, np.cumsum(lengths)[:-1], axis=dim))


def chunk(input: Any, *, chunks: int, dim: int = 0) -> Any:
    return split(input, split_size_or_sections=max(-(-input.shape[dim] // chunks), 1), dim=dim)


def pad(input: Any, *, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    widths = [(0, 0)] * (input.ndim - len(pad) // 2) + [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]
    crop = input[tuple(slice(max(-a, 0), input.shape[i] - max(-b, 0)) for i, (a, b) in enumerate(widths))]
    widths = [(max(a, 0), max(b, 0)) for a, b in widths]
    if mode == "constant":
        return np.pad(crop, widths, constant_values=value or 0)
    return np.pad(crop, widths, mode={"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode])


def gather(input: Any, index: Any, *, dim: int) -> Any:
    result = np.empty(index.shape, dtype=input.dtype)
    for place in np.ndindex(*index.shape):
        source = list(place)
        if source:
            source[dim] = index[place]
        result[place] = input[tuple(source)]
    return result


def scatter_add(input: Any, index: Any, src: Any, *, dim: int) -> Any:
    result = np.array(input)
    for place in np.ndindex(*index.shape):
        target = list(place)
        if target:
            target[dim] = index[place]
        result[tuple(target)] += src[place]
    return result


def masked_fill(input: Any, mask: Any, value: Any) -> Any:
    input, mask = np.broadcast_arrays(input, mask)
    return np.where(mask, value, input)


def reduced(loss: Any, reduction: str) -> Any:
    return loss if reduction == "none" else np.sum(loss) / (loss.size if reduction == "mean" else 1)


def pairwise(function: Reference) -> Reference:
    def reference(input: Any, target: Any, *, reduction: str = "mean", **attrs: Any) -> Any:
        return reduced(function(*np.broadcast_arrays(input, target), **attrs), reduction)

    return reference


def smooth_l1(input: Any, target: Any, beta: float = 1.0) -> Any:
    distance = np.abs(input - target)
    return np.where(distance < beta, distance**2 / (2 * beta), distance - beta / 2) if beta else distance


def huber(input: Any, target: Any, delta: float = 1.0, weight: Any = 1) -> Any:
    return weight * special.huber(delta, input - target)


def nll(logs: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> Any:
    classes = logs.shape[1] if logs.ndim > 1 else logs.shape[0]
    logs = np.moveaxis(logs, 1, -1) if logs.ndim > 1 else logs
    weight = np.ones(classes) if weight is None else weight
    kept = target != ignore_index
    safe = np.where(kept, target, 0)
    weights = weight[safe] * kept
    loss = -weights * np.take_along_axis(logs, safe[..., None], axis=-1)[..., 0]
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.sum() / weights.sum()


def cross_entropy(input: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0) -> Any:
    axis = 1 if input.ndim > 1 else 0
    logs = special.log_softmax(input, axis=axis)
    classes = input.shape[axis]
    if target.dtype.kind == "f":
        shares = (1 - label_smoothing) * target + label_smoothing / classes
        weights = 1 if weight is None else weight.reshape([-1 if i == axis else 1 for i in range(input.ndim)])
        loss = -(weights * shares * logs).sum(axis=axis)
        return loss.sum() / max(loss.size, 1) if reduction == "mean" else reduced(loss, reduction)
    plain = nll(logs, target, weight, ignore_index=ignore_index, reduction=reduction)
    if not label_smoothing:
        return plain
    kept = target != ignore_index
    each = np.ones(classes) if weight is None else weight
    spread = -(np.moveaxis(logs, axis, -1) * each).sum(axis=-1) * kept
    if reduction == "mean":
        spread = spread.sum() / (each[np.where(kept, target, 0)] * kept).sum()
    elif reduction == "sum":
        spread = spread.sum()
    return (1 - label_smoothing) * plain + label_smoothing / classes * spread


def binary_cross_entropy(input: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Any:
    loss = -(special.xlogy(target, input) + special.xlog1py(1 - target, -input))
    return reduced(loss if weight is None else weight * loss, reduction)


def binary_cross_entropy_with_logits(input: Any, target: Any, weight: Any = None, pos_weight: Any = None, *, reduction: str = "mean") -> Any:
    positive = 1 if pos_weight is None else pos_weight
    loss = -(positive * target * special.log_expit(input) + (1 - target) * special.log_expit(-input))
    return reduced(loss if weight is None else weight * loss, reduction)


def pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[-1])


def conv2d(input: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Any:
    (sh, sw), (dh, dw) = pair(stride), pair(dilation)
    single = input.ndim == 3
    input = input[None] if single else input
    kh, kw = weight.shape[2:]
    if padding == "same":
        full = [d * (k - 1) for d, k in ((dh, kh), (dw, kw))]
        widths = [(n // 2, n - n // 2) for n in full]
    else:
        widths = [(n, n) for n in pair(0 if padding == "valid" else padding)]
    input = np.pad(input, [(0, 0), (0, 0), *widths])
    spread = np.zeros((*weight.shape[:2], dh * (kh - 1) + 1, dw * (kw - 1) + 1))
    spread[:, :, ::dh, ::dw] = weight
    per_in, per_out = input.shape[1] // groups, weight.shape[0] // groups
    result = np.array([[sum(signal.correlate(image[(o // per_out) * per_in + c], spread[o, c], mode="valid", method="direct") for c in range(per_in))
                        for o in range(weight.shape[0])] for image in input])
    if not input.shape[0]:
        result = np.zeros((0, weight.shape[0], input.shape[2] - spread.shape[2] + 1, input.shape[3] - spread.shape[3] + 1))
    result = result[:, :, ::sh, ::sw]
    result = result if bias is None else result + bias[:, None, None]
    return result[0] if single else result


def windows(input: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, fill: float) -> Any:
    """Yields the position of each pooling window and the numbers in it."""
    (kh, kw), (sh, sw), (ph, pw), (dh, dw) = pair(kernel_size), pair(stride if stride is not None and stride != () else kernel_size), pair(padding), pair(dilation)
    sizes = []
    for n, k, s, p, d in zip(input.shape[-2:], (kh, kw), (sh, sw), (ph, pw), (dh, dw), strict=True):
        span = n + 2 * p - d * (k - 1) - 1
        count = (-(-span // s) if ceil_mode else span // s) + 1
        sizes.append(count - (ceil_mode and (count - 1) * s >= n + p))
    height, width = input.shape[-2:]
    for i in range(sizes[0]):
        for j in range(sizes[1]):
            places = [(i * sh - ph + a * dh, j * sw - pw + b * dw) for a in range(kh) for b in range(kw)]
            yield i, j, places, [(y, x) for y, x in places if 0 <= y < height and 0 <= x < width], (height + ph, width + pw), sizes


def max_pool2d(input: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False, return_indices: bool = False) -> Any:
    values: Any = None
    for i, j, _, inside, _, sizes in windows(input, kernel_size, stride, padding, dilation, ceil_mode, -np.inf):
        if values is None:
            values, indices = np.zeros((*input.shape[:-2], *sizes)), np.zeros((*input.shape[:-2], *sizes), dtype=np.int64)
        seen = np.stack([input[..., y, x] for y, x in inside], axis=-1)
        best = seen.argmax(axis=-1)
        values[..., i, j] = seen.max(axis=-1)
        indices[..., i, j] = np.array([y * input.shape[-1] + x for y, x in inside])[best]
    return (values, indices) if return_indices else values


def avg_pool2d(input: Any, *, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_include_pad: bool = True,
               divisor_override: Any = None) -> Any:
    values: Any = None
    for i, j, places, inside, (bottom, right), sizes in windows(input, kernel_size, stride, padding, 1, ceil_mode, 0.0):
        if values is None:
            values = np.zeros((*input.shape[:-2], *sizes))
        padded = [(y, x) for y, x in places if y < bottom and x < right]
        divisor = divisor_override or len(padded if count_include_pad else inside)
        values[..., i, j] = sum(input[..., y, x] for y, x in inside) / divisor
    return values


def layer_norm(input: Any, weight: Any = None, bias: Any = None, *, normalized_shape: Any, eps: float = 1e-5) -> Any:
    dims = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    normal = (input - input.mean(axis=dims, keepdims=True)) / np.sqrt(input.var(axis=dims, keepdims=True) + eps)
    return normal * (1 if weight is None else weight) + (0 if bias is None else bias)


def embedding(input: Any, weight: Any, *, padding_idx: Any = None, **_: Any) -> Any:
    return weight[input]


def attention(query: Any, key: Any, value: Any, attn_mask: Any = None, *, dropout_p: float = 0.0, is_causal: bool = False, scale: Any = None, enable_gqa: bool = False) -> Any:
    if enable_gqa:
        key, value = (np.repeat(each, query.shape[-3] // each.shape[-3], axis=-3) for each in (key, value))
    scores = query @ key.swapaxes(-1, -2) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        attn_mask = np.tri(*scores.shape[-2:], dtype=bool)
    if attn_mask is not None:
        scores = np.where(attn_mask, scores, -np.inf) if attn_mask.dtype == bool else scores + attn_mask
    return special.softmax(scores, axis=-1) @ value


ELEMENTWISE: dict[str, Reference] = {
    "add": lambda a, b: a - -b, "sub": lambda a, b: a + -b, "mul": lambda a, b: np.exp(np.log(np.abs(a)) + np.log(np.abs(b))) * np.sign(a) * np.sign(b),
    "div": lambda a, b: a * np.reciprocal(np.asarray(b, dtype=float)), "neg": lambda a: 0 - a, "pow": lambda a, b: np.where(np.asarray(b) == 0, 1.0, special.boxcox(a, b) * b + 1),
    "square": lambda a: a * a, "abs": lambda a: np.sqrt(a * a), "sign": lambda a: (a > 0) * 1.0 - (a < 0) * 1.0,
    "exp": lambda a: np.expm1(a) + 1, "expm1": special.expm1, "log": lambda a: np.log2(a) * np.log(2), "log1p": special.log1p, "sqrt": lambda a: a**0.5, "rsqrt": lambda a: a**-0.5,
    "sin": lambda a: np.exp(1j * a).imag, "cos": lambda a: np.exp(1j * a).real, "tanh": lambda a: 2 * special.expit(2 * a) - 1,
    "sigmoid": special.expit, "relu": lambda a: (np.abs(a) + a) / 2, "elu": elu, "softplus": softplus, "gelu": gelu,
    "leaky_relu": lambda a, *, negative_slope=0.01: np.where(a > 0, 1, negative_slope) * a,
    "maximum": lambda a, b: np.where(np.asarray(a) > b, a, b), "minimum": lambda a, b: np.where(np.asarray(a) < b, a, b), "clamp": clamp,
    "where": lambda c, a, b: np.choose(c.astype(int), [b, a]),
    "eq": lambda a, b: ~(np.asarray(a) != b), "ne": lambda a, b: (np.asarray(a) < b) | (np.asarray(a) > b), "lt": lambda a, b: ~(np.asarray(a) >= b),
    "le": lambda a, b: ~(np.asarray(a) > b), "gt": lambda a, b: ~(np.asarray(a) <= b), "ge": lambda a, b: ~(np.asarray(a) < b),
    "logical_and": lambda a, b: (np.asarray(a) != 0) & (np.asarray(b) != 0), "logical_or": lambda a, b: (np.asarray(a) != 0) | (np.asarray(b) != 0),
    "logical_xor": lambda a, b: (np.asarray(a) != 0) ^ (np.asarray(b) != 0), "logical_not": lambda a: a == 0,
    "isnan": lambda a: a != a, "isinf": lambda a: np.abs(a) == np.inf, "isfinite": lambda a: np.abs(a) < np.inf,
    "bitwise_and": lambda a, b: ~(~np.asarray(a) | ~np.asarray(b)), "bitwise_or": lambda a, b: ~(~np.asarray(a) & ~np.asarray(b)), "bitwise_xor": lambda a, b: (a | b) & ~(np.asarray(a) & b), "bitwise_not": lambda a: -a - 1 if a.dtype != bool else a == 0,
    "masked": masked, "conj": lambda a: a, "real": lambda a: a,
}

SHAPES: dict[str, Reference] = {
    "broadcast_to": lambda a, *, shape: a + np.zeros([a.shape[i - len(shape)] if n < 0 else n for i, n in enumerate(shape)]), "sum_to": broadcast_back, "reshape": reshape, "view": reshape,
    "permute": lambda a, *, dims: np.einsum(a, list(range(a.ndim)), [d % a.ndim for d in dims]) if a.ndim else a,
    "transpose": lambda a, *, dim0, dim1: np.swapaxes(a, dim0, dim1) if a.ndim else a,
    "unsqueeze": lambda a, *, dim: a.reshape(*a.shape[: dim % (a.ndim + 1)], 1, *a.shape[dim % (a.ndim + 1) :]),
    "squeeze": squeeze, "flatten": flatten, "to_dtype": lambda a, *, dtype: a, "clone": lambda a, **_: a, "contiguous": lambda a, **_: a,
    "cat": lambda tensors, *, dim=0: np.concatenate([each for each in tensors if each.shape != (0,)], axis=dim), "stack": lambda tensors, *, dim=0: np.stack(tensors, axis=dim),
    "split": split, "chunk": chunk, "tril": lambda a, *, diagonal=0: np.tril(a, diagonal), "triu": lambda a, *, diagonal=0: np.triu(a, diagonal),
    "pad": pad, "gather": gather, "scatter_add": scatter_add, "masked_fill": masked_fill,
}

REDUCTIONS: dict[str, Reference] = {
    "sum": total, "mean": reduction(lambda a, axis, keepdims: np.sum(a, axis=axis, keepdims=keepdims) / (a.size / max(np.sum(a, axis=axis).size, 1))),
    "max": extreme(np.max, np.argmax), "min": extreme(np.min, np.argmin),
    "amax": reduction(np.maximum.reduce), "amin": reduction(np.minimum.reduce),
    "argmax": one_extreme(np.argmax), "argmin": one_extreme(np.argmin),
    "prod": reduction(np.multiply.reduce), "var": variance, "std": lambda *a, **k: np.sqrt(variance(*a, **k)),
    "logsumexp": reduction(lambda a, axis, keepdims: special.logsumexp(a, axis=axis, keepdims=keepdims)),
    "softmax": softmax, "log_softmax": log_softmax, "norm": norm, "cumsum": lambda a, *, dim, dtype=None: np.add.accumulate(a, axis=dim) if a.ndim else a,
    "any": lambda a, *, dim=None, keepdim=False: a != 0 if dim == () else np.sum(a != 0, axis=axes(dim), keepdims=keepdim) > 0,
    "all": lambda a, *, dim=None, keepdim=False: a != 0 if dim == () else np.sum(a == 0, axis=axes(dim), keepdims=keepdim) == 0,
    "sort": sort, "topk": topk, "argsort": lambda a, **k: sort(a, **k)[1],
}

PRODUCTS: dict[str, Reference] = {
    "matmul": matmul, "mm": matmul, "bmm": matmul, "dot": matmul, "outer": lambda a, b: a[:, None] * b,
    "einsum": lambda equation, *operands: np.einsum(equation, *(operands[0] if isinstance(operands[0], list) else operands), optimize=False),
}

NN: dict[str, Reference] = {
    "linear": lambda a, w, b=None: matmul(a, w.T) + (0 if b is None else b),
    "mse_loss": pairwise(lambda a, b: (a - b) ** 2), "l1_loss": pairwise(lambda a, b, weight=1: weight * np.abs(a - b)), "smooth_l1_loss": pairwise(smooth_l1), "huber_loss": pairwise(huber),
    "cross_entropy": cross_entropy, "nll_loss": nll, "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_with_logits": binary_cross_entropy_with_logits,
    "hinge_embedding_loss": pairwise(lambda a, b, margin=1.0: np.where(b == 1, a, np.maximum(0, margin - a))),
    "conv2d": conv2d, "max_pool2d": max_pool2d, "avg_pool2d": avg_pool2d, "layer_norm": layer_norm, "embedding": embedding,
    "scaled_dot_product_attention": attention, "attended": attention,
}


def moved(index: Any, size: int) -> Any:
    return np.where(index < 0, index + size, index)


def getitem(input: Any, *, index: Any) -> Any:
    """Integers select before lists index, as in PyTorch; NumPy would count them among the lists."""
    if isinstance(index, tuple) and any(isinstance(part, list) for part in index):
        chosen = input[tuple(part if isinstance(part, int) else slice(None) for part in index)]
        return chosen[tuple(part for part in index if not isinstance(part, int))]
    return input[index]


def index_put(input: Any, *, indices: Any, values: Any, accumulate: bool = False) -> Any:
    result = np.array(input)
    (np.add.at if accumulate else operator.setitem)(result, tuple(indices), values)
    return result


def one_hot(tensor: Any, *, num_classes: int = -1) -> Any:
    count = num_classes if num_classes >= 0 else int(tensor.max()) + 1
    return (tensor[..., None] == np.arange(count)).astype(np.int64)


def unique(input: Any, *, return_inverse: bool = False, return_counts: bool = False, sorted: bool = True, dim: Any = None) -> Any:
    values, inverse, counts = np.unique(input, return_inverse=True, return_counts=True, axis=dim)
    found = (values, *([inverse.reshape(input.shape if dim is None else -1)] if return_inverse else []), *([counts] if return_counts else []))
    return found if len(found) > 1 else values


def roll(input: Any, *, shifts: Any, dims: Any = None) -> Any:
    return np.roll(input, shifts, axis=tuple(dims) if isinstance(dims, list) else dims)


def fill_shifted(input: Any, *, dim: int, step: int, fill: float) -> Any:
    result = np.full(input.shape, fill, dtype=input.dtype)
    for i in range(input.shape[dim]):
        if 0 <= i - step < input.shape[dim]:
            np.moveaxis(result, dim, 0)[i] = np.moveaxis(input, dim, 0)[i - step]
    return result


def conv1d(input: Any, weight: Any, bias: Any = None, *, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1) -> Any:
    return conv2d(input[..., None, :], weight[..., None, :], bias, stride=(1, stride), padding=(0, padding), dilation=(1, dilation), groups=groups)[..., 0, :]


def convolution(input: Any, weight: Any, bias: Any = None, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    return conv2d(np.pad(input, [(0, 0), (0, 0), *padding]), weight, bias, stride=stride, dilation=dilation, groups=groups)


def conv_transpose2d(input: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1) -> Any:
    (sh, sw), (ph, pw), (oh, ow), (dh, dw) = pair(stride), pair(padding), pair(output_padding), pair(dilation)
    batch, channels, height, width = input.shape
    _, per, kh, kw = weight.shape
    full = np.zeros((batch, per * groups, (height - 1) * sh + dh * (kh - 1) + 1 + oh, (width - 1) * sw + dw * (kw - 1) + 1 + ow))
    share = channels // groups
    for c in range(channels):
        for o in range(per):
            for y in range(height):
                for x in range(width):
                    for a in range(kh):
                        for b in range(kw):
                            full[:, (c // share) * per + o, y * sh + a * dh, x * sw + b * dw] += input[:, c, y, x] * weight[c, o, a, b]
    result = full[:, :, ph : full.shape[2] - ph, pw : full.shape[3] - pw]
    return result if bias is None else result + bias[:, None, None]


def one_dimension(pool: Reference) -> Reference:
    def reference(input: Any, *, kernel_size: int, stride: Any = None, padding: int = 0, **options: Any) -> Any:
        return pool(input[..., None, :], kernel_size=(1, kernel_size), stride=(1, stride or kernel_size), padding=(0, padding), **options)[..., 0, :]

    return reference


def adaptive(input: Any, *, output_size: Any) -> Any:
    sizes = [n if want is None else want for n, want in zip(input.shape[-2:], pair(output_size), strict=True)]
    ranges = [[(i * n // m, -(-(i + 1) * n // m)) for i in range(m)] for n, m in zip(input.shape[-2:], sizes, strict=True)]
    return np.stack([np.stack([input[..., a:b, c:d].mean(axis=(-2, -1)) for c, d in ranges[1]], axis=-1) for a, b in ranges[0]], axis=-2)


def batch_norm(input: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, *, training: bool = False, momentum: float = 0.1, eps: float = 1e-5) -> Any:
    shape = [1, -1, *[1] * (input.ndim - 2)]
    dims = tuple(i for i in range(input.ndim) if i != 1)
    mean, var = (input.mean(axis=dims), input.var(axis=dims)) if training else (running_mean, running_var)
    normal = (input - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    return normal * (1 if weight is None else weight.reshape(shape)) + (0 if bias is None else bias.reshape(shape))


def standardize(input: Any, weight: Any = None, bias: Any = None, *, dims: Any, shape: Any, eps: float) -> Any:
    mean, var = input.mean(axis=dims, keepdims=True), input.var(axis=dims, keepdims=True)
    normal = (input - mean) / np.sqrt(var + eps)
    return normal * (1 if weight is None else weight.reshape(shape)) + (0 if bias is None else bias.reshape(shape)), mean, var


def group_norm(input: Any, weight: Any = None, bias: Any = None, *, num_groups: int, eps: float = 1e-5) -> Any:
    groups = input.reshape(input.shape[0], num_groups, -1)
    normal = ((groups - groups.mean(axis=-1, keepdims=True)) / np.sqrt(groups.var(axis=-1, keepdims=True) + eps)).reshape(input.shape)
    shape = [1, -1, *[1] * (input.ndim - 2)]
    return normal * (1 if weight is None else weight.reshape(shape)) + (0 if bias is None else bias.reshape(shape))


def rms_norm(input: Any, weight: Any = None, *, normalized_shape: Any, eps: Any = None) -> Any:
    dims = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    return input / np.sqrt((input**2).mean(axis=dims, keepdims=True) + (np.finfo(float).eps if eps is None else eps)) * (1 if weight is None else weight)


def kl_div(input: Any, target: Any, *, reduction: str = "mean", log_target: bool = False) -> Any:
    loss = np.exp(target) * (target - input) if log_target else special.xlogy(target, target) - target * input
    return loss.sum() / len(input) if reduction == "batchmean" else reduced(loss, reduction)


def multi_margin(input: Any, target: Any, weight: Any = None, *, p: int = 1, margin: float = 1.0, reduction: str = "mean") -> Any:
    losses = [sum(max(0.0, margin - row[y] + row[i]) ** p for i in range(len(row)) if i != y) / len(row) * (1 if weight is None else weight[y])
              for row, y in zip(input, target, strict=True)]
    return reduced(np.array(losses), reduction)


def tensordot(a: Any, b: Any, *, dims: Any = 2) -> Any:
    return np.tensordot(a, b, axes=dims)


def nan_mean(input: Any, *, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    return np.nanmean(input, axis=axes(dim), keepdims=keepdim)


def in_order(function: Reference) -> Reference:
    """The triangle of inputs of ``addmm`` and its kin: ``beta * input + alpha * (a @ b)``."""
    return lambda input, a, b, *, beta=1, alpha=1: beta * input + alpha * function(a, b)


MORE: dict[str, Reference] = {
    "reciprocal": lambda a: a**-1.0, "floor": lambda a: -np.ceil(-a), "ceil": lambda a: -np.floor(-a), "trunc": lambda a: np.sign(a) * np.floor(np.abs(a)), "round": lambda a, *, decimals=0: np.rint(a * 10.0**decimals) / 10.0**decimals,
    "remainder": lambda a, b: a - b * np.floor(np.asarray(a) / b), "fmod": lambda a, b: a - b * np.trunc(np.asarray(a) / b), "floor_divide": lambda a, b: np.floor(np.asarray(a) / b), "trunc_divide": lambda a, b: np.trunc(np.asarray(a) / b),
    "exp2": lambda a: 2.0**a, "log2": lambda a: np.log(a) / np.log(2), "log10": lambda a: np.log(a) / np.log(10), "tan": lambda a: np.sin(a) / np.cos(a), "sinh": lambda a: (np.exp(a) - np.exp(-a)) / 2,
    "cosh": lambda a: (np.exp(a) + np.exp(-a)) / 2, "asin": lambda a: np.arctan2(a, np.sqrt(1 - a * a)), "acos": lambda a: np.arctan2(np.sqrt(1 - a * a), a), "atan": lambda a: np.arctan2(a, 1.0),
    "asinh": lambda a: np.log(a + np.sqrt(a * a + 1)), "acosh": lambda a: np.log(a + np.sqrt(a * a - 1)), "atanh": lambda a: np.log((1 + a) / (1 - a)) / 2, "atan2": lambda a, b: np.angle(b + 1j * a),
    "logsigmoid": special.log_expit, "silu": lambda a: a * special.expit(a), "mish": lambda a: a * np.tanh(np.logaddexp(0, a)), "softsign": lambda a: a / (1 + np.abs(a)), "relu6": lambda a: np.clip(a, 0, 6),
    "hardtanh": lambda a, *, min_val=-1.0, max_val=1.0: np.clip(a, min_val, max_val), "erf": special.erf, "erfc": special.erfc, "erfinv": special.erfinv,
    "isclose": lambda a, b, *, rtol=1e-5, atol=1e-8, equal_nan=False: np.isclose(a, b, rtol, atol, equal_nan), "allclose": np.allclose, "equal": np.array_equal,
    "diag": lambda a, *, diagonal=0: np.diag(a, diagonal), "diagonal": lambda a, *, offset=0, dim1=0, dim2=1: np.diagonal(a, offset, dim1, dim2),
    "diag_embed": lambda a, *, offset=0, dim1=-2, dim2=-1: np.moveaxis(np.apply_along_axis(lambda v: np.diag(v, offset), -1, a) if a.ndim == 1 else np.stack([np.diag(v, offset) for v in a]), (-2, -1), (dim1, dim2)),
    "view_as": lambda a, b: a.reshape(b.shape), "reshape_as": lambda a, b: a.reshape(b.shape), "ravel": lambda a: a.reshape(-1), "unflatten": lambda a, *, dim, sizes: a.reshape(*a.shape[: dim % a.ndim], *(n if n != -1 else a.shape[dim] // -int(np.prod(sizes)) for n in sizes)),
    "t": np.transpose, "movedim": lambda a, *, source, destination: np.moveaxis(a, source, destination), "expand": lambda a, *, sizes: expand(a, size=sizes), "expand_as": lambda a, b: np.broadcast_to(a, b.shape),
    "broadcast_tensors": lambda *a: tuple(np.broadcast_arrays(*a)), "unbind": lambda a, *, dim=0: tuple(np.moveaxis(a, dim, 0)), "narrow": lambda a, *, dim, start, length: np.take(a, range(start, start + length), axis=dim),
    "select": lambda a, *, dim, index: np.take(a, index, axis=dim), "repeat": lambda a, *, repeats: np.tile(a, repeats), "tile": lambda a, *, dims: np.tile(a, dims),
    "repeat_interleave": lambda a, *, repeats, dim=None: np.repeat(a, repeats, axis=dim), "flip": lambda a, *, dims: np.flip(a, tuple(dims)), "roll": roll, "shift": fill_shifted,
    "getitem": getitem, "slice_view": lambda a, *, key: a[key], "slice_write": lambda a, value, *, key, inplace=False: written(a, key, value), "slice_place": lambda a, *, key, shape: written(np.zeros(shape), key, a),
    "diagonal_place": lambda a, *, shape, offset=0, dim1=0, dim2=1: diagonal_place(a, shape, offset, dim1, dim2), "index_put": index_put,
    "take_along_dim": lambda a, index, *, dim=None: np.take_along_axis(a, index, axis=dim),
    "masked_select": lambda a, mask: np.broadcast_arrays(a, mask)[0][np.broadcast_arrays(a, mask)[1]], "masked_place": lambda a, mask: written(np.zeros(mask.shape), mask, a),
    "msort": lambda a: np.sort(a, axis=0), "argwhere": np.argwhere,
    "nonzero_static": lambda a, *, size, fill_value=-1: np.concatenate([np.argwhere(a), np.full((size, a.ndim), fill_value)])[:size], "nonzero": np.argwhere, "unique": unique,
    "unique_of": lambda a, *, dim=None: unique(a, return_inverse=True, return_counts=True, dim=dim), "one_hot": one_hot, "copy": lambda a, b, **_: np.broadcast_to(b, a.shape), "fill": lambda a, value: np.full(a.shape, value),
    "to_device": lambda a, **_: a, "to_integer": lambda a, *, dtype: a.astype(str(getattr(dtype, "name", dtype))), "identity_like": lambda a, *, size: np.eye(size), "causal_mask": lambda a, *, rows, columns: np.tri(rows, columns, dtype=bool),
    "count_nonzero": lambda a, *, dim=None: np.count_nonzero(a, axis=axes(dim)), "aminmax": lambda a, *, dim=None, keepdim=False: (np.min(a, axis=dim, keepdims=keepdim), np.max(a, axis=dim, keepdims=keepdim)),
    "max_along": extreme(np.max, np.argmax), "min_along": extreme(np.min, np.argmin), "cumprod": lambda a, *, dim, dtype=None: np.multiply.accumulate(a, axis=dim) if a.ndim else a,
    "variance": variance, "deviation": lambda *a, **k: np.sqrt(variance(*a, **k)), "var_mean": lambda a, **k: (variance(a, **k), np.mean(a, axis=axes(k.get("dim")), keepdims=k.get("keepdim", False))),
    "std_mean": lambda a, **k: (np.sqrt(variance(a, **k)), np.mean(a, axis=axes(k.get("dim")), keepdims=k.get("keepdim", False))), "nansum": reduction(np.nansum), "nanmean": nan_mean,
    "softmax_along": softmax, "log_softmax_along": log_softmax, "softmin": lambda a, *, dim: special.softmax(-a, axis=dim), "norm_over": norm,
    "mv": matmul, "addmm": in_order(matmul), "baddbmm": in_order(matmul), "addmv": in_order(matmul), "tensordot": tensordot, "trace": lambda a: np.diagonal(a).sum(),
    "contract": lambda operands, *, equation: np.einsum(equation, *operands, optimize=False),
    "squared_error": lambda a, b, *, reduction="mean": reduced((a - b) ** 2, reduction), "softmax_cross_entropy": cross_entropy, "negative_log_likelihood": nll,
    "soft_cross_entropy": lambda a, b, *, dim: -(b * special.log_softmax(a, axis=dim)).sum(axis=dim), "sigmoid_cross_entropy": binary_cross_entropy_with_logits,
    "hinge_loss": pairwise(lambda a, b, margin=1.0: np.maximum(0, margin - a * b)), "margin_ranking_loss": lambda a, b, y, *, margin=0.0, reduction="mean": reduced(np.maximum(0, -y * (a - b) + margin), reduction),
    "multi_margin_loss": multi_margin, "kl_div": kl_div, "conv1d": conv1d, "convolution": convolution, "conv_transpose2d": conv_transpose2d, "max_pool1d": one_dimension(max_pool2d), "avg_pool1d": one_dimension(avg_pool2d),
    "adaptive_avg_pool2d": adaptive, "adaptive_average": lambda a, *, size: adaptive(a, output_size=size), "batch_norm": batch_norm, "standardize": standardize, "group_norm": group_norm, "rms_norm": rms_norm,
    "normalize": lambda a, *, p=2.0, dim=1, eps=1e-12: a / np.maximum(norm(a, p=p, dim=dim, keepdim=True), eps), "extend": lambda a, *, widths, border="constant", value=0.0: pad(a, pad=widths, mode=border, value=value),
}


def written(target: Any, key: Any, value: Any) -> Any:
    result = np.array(target)
    result[key] = value
    return result


def diagonal_place(input: Any, shape: Any, offset: int, dim1: int, dim2: int) -> Any:
    result = np.zeros(shape)
    place = np.moveaxis(result, (dim1, dim2), (-2, -1))
    for i in range(input.shape[-1]):
        place[..., i - min(offset, 0), i + max(offset, 0)] = input[..., i]
    return result


REFERENCES: dict[str, Reference] = {**ELEMENTWISE, **SHAPES, **REDUCTIONS, **PRODUCTS, **NN, **MORE}

ADJOINT = "an adjoint: the gradient checks of its partner are what it has to satisfy"
PART = "a part of a composite, which has a reference"
NO_REFERENCE: dict[str, str] = {
    "adaptive_average_grad": ADJOINT, "avg_pool_grad": ADJOINT, "convolution_input_grad": ADJOINT, "convolution_weight_grad": ADJOINT, "extend_adjoint": ADJOINT, "gather_accumulate": ADJOINT, "index_accumulate": ADJOINT,
    "max_pool_scatter": ADJOINT, "max_pool_pick": ADJOINT,
    "avg_pool": PART, "max_pool": PART, "max_pool_indices": PART, "class_targets": PART, "index": PART, "index_of": PART, "index_write": PART, "last_scattered": PART, "last_written": PART,
}
"""Ops without one, and what checks them instead."""
