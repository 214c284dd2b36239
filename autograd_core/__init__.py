"""A scalar and tensor reverse-mode autodiff engine that speaks PyTorch.

``import autograd_core as torch`` is the change that most PyTorch scripts need. The table of contents:
"""

from __future__ import annotations

# The order is that of a table of contents.
# isort: off
from functools import partial
from math import e as _e
from math import inf as _inf
from math import nan as _nan
from math import pi as _pi
from typing import Any

from .tensor import Size, Tensor  # first: the function `tensor` then takes the name that its module has here
from . import autograd, conversion, cuda, dtypes, errors, extend, fft, func, linalg, ops, profiler, random, special, utils

# elementwise
from ._methods import (
    abs, absolute, acos, acosh, add, addcdiv, addcmul, angle, arccos, arccosh, arcsin, arcsinh, arctan, arctan2, arctanh, asin, asinh, atan, atan2,
    atanh, bitwise_and, bitwise_left_shift, bitwise_not, bitwise_or, bitwise_right_shift, bitwise_xor, ceil, clamp, clamp_max, clamp_min, clip,
    complex, conj, conj_physical, copysign, cos, cosh, deg2rad, div, divide, eq, exp, exp2, expm1, fix, float_power, floor, floor_divide, fmax, fmin,
    fmod, frac, frexp, gcd, ge, greater, greater_equal, gt, heaviside, hypot, imag, isfinite, isinf, isnan, isneginf, isposinf, isreal, lcm, ldexp, le,
    lerp, less, less_equal, log, log10, log1p, log2, logaddexp, logaddexp2, logical_and, logical_not, logical_or, logical_xor, lt, maximum, minimum, mul,
    multiply, nan_to_num, ne, neg, negative, nextafter, not_equal, polar, positive, pow, rad2deg, real, reciprocal, relu, remainder, resolve_conj, round, rsqrt,
    rsub, sgn, sigmoid, sign, signbit, sin, sinc, sinh, sqrt, square, sub, subtract, tan, tanh, true_divide, trunc, view_as_complex, view_as_real,
    where, xlogy,
)

# reductions
from ._methods import (
    all, allclose, amax, amin, aminmax, any, argmax, argmin, bincount, corrcoef, count_nonzero, cov, dist, equal, histc, histogram, histogramdd,
    isclose, kthvalue, max, mean, median, min, mode, nanmean, nanmedian, nanquantile, nansum, quantile, sum,
)

# scans
from ._methods import (
    cummax, cummin, cumprod, cumsum, cumulative_trapezoid, diff, gradient, logcumsumexp, prod, trapezoid, trapz,
)

# shape and views
from ._methods import (
    as_strided, broadcast_to, diagonal, permute, reshape, squeeze, swapaxes, swapdims, transpose, unsqueeze,
)

# joining and splitting
from ._methods import (
    atleast_1d, atleast_2d, atleast_3d, block_diag, cartesian_prod, cat, chunk, column_stack, combinations, concat, concatenate, dsplit, dstack,
    constant_pad_nd, flip, fliplr, flipud, hsplit, hstack, meshgrid, narrow, narrow_copy, repeat_interleave, roll, rot90,
    row_stack, select, split, split_with_sizes, stack,
    tensor_split, tile, tril, triu, unbind, vander, vsplit, vstack,
)

# indexing
from ._methods import (
    fill, index_add, index_copy, index_fill, index_reduce, index_select, put, take, unravel_index,
)

# gathering, scattering, sorting
from ._methods import (
    bucketize, gather, isin, masked_fill, masked_scatter, masked_select, scatter, scatter_add, scatter_reduce, searchsorted, take_along_dim,
    unique_consecutive,
)

# linear algebra
from ._methods import (
    addbmm, addmm, addmv, addr, baddbmm, bilinear, bmm, chain_matmul, cholesky, cholesky_inverse, cholesky_solve, cross, det, dot, frobenius_norm, geqrf, ger, inner,
    inverse, kron, logdet, lu, lu_solve, lu_unpack, matmul, matrix_exp, matrix_power, mm, mv, nuclear_norm, orgqr, ormqr, outer, pca_lowrank, pinverse, qr, renorm, slogdet, svd,
    svd_lowrank, triangular_solve, vdot,
)

# convolution
from ._methods import (
    conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d,
)

# pooling
from ._methods import (
    adaptive_avg_pool1d, avg_pool1d, avg_pool2d, max_pool1d, max_pool2d, max_pool3d,
)

# normalisation
from ._methods import (
    batch_norm, group_norm, instance_norm, layer_norm, rms_norm,
)

# random
from ._methods import (
    alpha_dropout, bernoulli, binomial, dropout, feature_alpha_dropout, feature_dropout, multinomial, poisson,
)

# distances and losses
from ._methods import (
    cdist, cosine_similarity, ctc_loss, pairwise_distance, pdist,
)

# spectra of frames
from ._methods import (
    istft, stft,
)
from .signal_windows import bartlett_window, blackman_window, hamming_window, hann_window, kaiser_window

# special functions
from ._methods import (
    digamma, erf, erfc, erfinv, i0, igamma, igammac, lgamma, logit, mvlgamma, polygamma,
)

# activation
from ._methods import (
    celu, celu_, hardshrink, prelu, rrelu, rrelu_, selu, selu_, threshold, threshold_,
)

# images
from ._methods import (
    channel_shuffle, pixel_shuffle, pixel_unshuffle,
)

# softmax
from ._methods import (
    log_softmax, logsumexp, softmax,
)

# sort
from ._methods import (
    argsort, argwhere, msort, nonzero, nonzero_static, sort, topk, unique,
)

# write
from ._methods import (
    clone,
)

# einsum
from ._methods import (
    einsum, tensordot, trace,
)

# getitem
from ._methods import (
    index_put,
)

# moments
from ._methods import (
    norm, std, std_mean, var, var_mean,
)

# views
from ._methods import (
    adjoint, as_strided_scatter, broadcast_tensors, diag, diag_embed, diagflat, diagonal_scatter, flatten, moveaxis, movedim, ravel, select_scatter, slice_scatter,
    t, unflatten,
)

# making tensors
from .aliases import install, lazy_attribute
from .config import enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, record, set_grad_enabled
from .conversion import detach
from .creation import (
    arange, as_tensor, asarray, empty, empty_like, empty_strided, eye, from_numpy, frombuffer, full, full_like, linspace, logspace, ones, ones_like,
    range, scalar_tensor, tensor, tril_indices, triu_indices, zeros, zeros_like,
)
from .devices import contiguous_format, device, get_default_device, layout, memory_format, preserve_format, set_default_device, strided
from .dtypes import (
    bfloat16,
    bool_,
    complex64,
    complex128,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    uint8,
    uint16,
    uint32,
    uint64,
)
from .derivation import derive
from .explain import explain, what_holds
from .func.reverse import either_grad as grad
from .func.vectorize import vmap
from .interop import from_dlpack
from .limits import finfo, iinfo
from .plan import compile
from .plan.native.threads import get_num_threads, set_num_threads
from .numerical import numerical_gradient
from .printing import set_printoptions
from .profiler import profile
from .queries import (
    are_deterministic_algorithms_enabled, broadcast_shapes, get_device, get_float32_matmul_precision, is_anomaly_enabled, is_complex, is_conj, is_floating_point,
    is_inference, is_neg, is_nonzero, is_same_size, is_signed, is_tensor, numel, resolve_neg, result_type, set_float32_matmul_precision, to_dlpack, typename,
    use_deterministic_algorithms,
)
from .random import Generator, default_generator, get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from .sampling import normal, rand, rand_like, randint, randint_like, randn, randn_like, randperm
from .scalar import Scalar
from .serialization import load, save
from .spec import can_cast, promote_types

__version__ = "0.1.0"

# PyTorch's other names of the dtypes. They shadow Python's types, here alone.
bool = bool_
short, int, long = int16, int32, int64
half, float, double = float16, float32, float64
cfloat, cdouble = complex64, complex128
inf, nan, pi, e, newaxis = _inf, _nan, _pi, _e, None

install()


def __getattr__(name: str) -> Any:
    if name.endswith("_") and not name.startswith("_"):  # relu_(x) writes in place, as x.relu_() does
        from . import _methods

        for holder in (_methods, Tensor):
            if hasattr(holder, name):
                return getattr(holder, name)
    if name.endswith("Tensor"):
        for kind, spelling in conversion._TYPE_NAMES.items():
            if name == f"{spelling}Tensor":
                return partial(Tensor, dtype=kind)
    return lazy_attribute(__name__, name)


__all__ = [
    "Generator", "Scalar", "Size", "Tensor", "__version__", "abs", "absolute", "acos", "acosh", "adaptive_avg_pool1d", "add", "addbmm", "addcdiv",
    "addcmul", "addmm", "addmv", "addr", "adjoint", "all", "allclose", "alpha_dropout", "amax", "amin", "aminmax", "angle", "any", "arange", "arccos",
    "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "are_deterministic_algorithms_enabled", "argmax", "argmin", "argsort", "argwhere",
    "as_strided", "as_strided_scatter", "as_tensor", "asarray", "asin", "asinh", "atan", "atan2", "atanh", "atleast_1d", "atleast_2d", "atleast_3d", "autograd",
    "avg_pool1d", "avg_pool2d", "baddbmm", "bartlett_window", "batch_norm", "bernoulli", "bfloat16", "bilinear", "bincount", "binomial",
    "bitwise_and", "bitwise_left_shift", "bitwise_not", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "blackman_window", "block_diag", "bmm",
    "bool", "bool_", "broadcast_shapes", "broadcast_tensors", "broadcast_to", "bucketize", "can_cast", "cartesian_prod", "cat", "cdist", "cdouble",
    "ceil", "celu", "celu_", "cfloat", "chain_matmul", "channel_shuffle", "cholesky", "cholesky_inverse", "cholesky_solve", "chunk", "clamp",
    "clamp_max", "clamp_min", "clip", "clone", "column_stack", "combinations", "compile", "complex", "complex128", "complex64", "concat",
    "concatenate", "conj", "conj_physical", "constant_pad_nd", "contiguous_format", "conv1d", "conv2d", "conv3d", "conv_transpose1d",
    "conv_transpose2d", "conv_transpose3d", "copysign", "corrcoef", "cos", "cosh", "cosine_similarity", "count_nonzero", "cov", "cross", "ctc_loss",
    "cuda", "cummax", "cummin", "cumprod", "cumsum", "cumulative_trapezoid", "default_generator", "deg2rad", "derive", "det", "detach", "device",
    "diag", "diag_embed", "diagflat", "diagonal", "diagonal_scatter", "diff", "digamma", "dist", "div", "divide", "dot", "double", "dropout",
    "dsplit", "dstack", "dtype", "dtypes", "e", "einsum", "empty", "empty_like", "empty_strided", "enable_grad", "eq", "equal", "erf", "erfc",
    "erfinv", "errors", "exp", "exp2", "explain", "expm1", "extend", "eye", "feature_alpha_dropout", "feature_dropout", "fft", "fill", "finfo", "fix",
    "flatten", "flip", "fliplr", "flipud", "float", "float16", "float32", "float64", "float_power", "floor", "floor_divide", "fmax", "fmin", "fmod",
    "frac", "frexp", "frobenius_norm", "from_dlpack", "from_numpy", "frombuffer", "full", "full_like", "func", "gather", "gcd", "ge", "geqrf", "ger",
    "get_default_device", "get_default_dtype", "get_device", "get_float32_matmul_precision", "get_num_threads", "get_rng_state", "grad", "gradient", "greater", "greater_equal",
    "group_norm", "gt", "half", "hamming_window", "hann_window", "hardshrink", "heaviside", "histc", "histogram", "histogramdd", "hsplit", "hstack",
    "hypot", "i0", "igamma", "igammac", "iinfo", "imag", "index_add", "index_copy", "index_fill", "index_put", "index_reduce", "index_select", "inf",
    "inference_mode", "initial_seed", "inner", "instance_norm", "int", "int16", "int32", "int64", "int8", "inverse", "is_anomaly_enabled", "is_complex", "is_conj",
    "is_floating_point", "is_grad_enabled", "is_inference", "is_inference_mode_enabled", "is_neg", "is_nonzero", "is_same_size", "is_signed",
    "is_tensor", "isclose", "isfinite", "isin", "isinf", "isnan", "isneginf", "isposinf", "isreal", "istft", "kaiser_window", "kron", "kthvalue",
    "layer_norm", "layout", "lcm", "ldexp", "le", "lerp", "less", "less_equal", "lgamma", "linalg", "linspace", "load", "log", "log10", "log1p",
    "log2", "log_softmax", "logaddexp", "logaddexp2", "logcumsumexp", "logdet", "logical_and", "logical_not", "logical_or", "logical_xor", "logit",
    "logspace", "logsumexp", "long", "lt", "lu", "lu_solve", "lu_unpack", "manual_seed", "masked_fill", "masked_scatter", "masked_select", "matmul",
    "matrix_exp", "matrix_power", "max", "max_pool1d", "max_pool2d", "max_pool3d", "maximum", "mean", "median", "memory_format", "meshgrid", "min",
    "minimum", "mm", "mode", "moveaxis", "movedim", "msort", "mul", "multinomial", "multiply", "mv", "mvlgamma", "nan", "nan_to_num", "nanmean",
    "nanmedian", "nanquantile", "nansum", "narrow", "narrow_copy", "ne", "neg", "negative", "nextafter", "no_grad", "nonzero", "nonzero_static", "norm",
    "normal", "not_equal", "nuclear_norm", "numel", "numerical_gradient", "ones", "ones_like", "ops", "orgqr", "ormqr", "outer", "pairwise_distance",
    "pca_lowrank", "pdist", "permute", "pi", "pinverse", "pixel_shuffle", "pixel_unshuffle", "poisson", "polar", "polygamma", "positive", "pow",
    "prelu", "preserve_format", "prod", "profile", "profiler", "promote_types", "put", "qr", "quantile", "rad2deg", "rand", "rand_like", "randint",
    "randint_like", "randn", "randn_like", "random", "randperm", "range", "ravel", "real", "reciprocal", "record", "relu", "remainder", "renorm",
    "repeat_interleave", "reshape", "resolve_conj", "resolve_neg", "result_type", "rms_norm", "roll", "rot90", "round", "row_stack", "rrelu",
    "rrelu_", "rsqrt", "rsub", "save", "scalar_tensor", "scatter", "scatter_add", "scatter_reduce", "searchsorted", "seed", "select",
    "select_scatter", "selu", "selu_", "set_default_device", "set_default_dtype", "set_float32_matmul_precision", "set_grad_enabled", "set_num_threads", "set_printoptions",
    "set_rng_state", "sgn", "short", "sigmoid", "sign", "signbit", "sin", "sinc", "sinh", "slice_scatter", "slogdet", "softmax", "sort", "special",
    "split", "split_with_sizes", "sqrt", "square", "squeeze", "stack", "std", "std_mean", "stft", "strided", "sub", "subtract", "sum", "svd",
    "svd_lowrank", "swapaxes", "swapdims", "t", "take", "take_along_dim", "tan", "tanh", "tensor", "tensor_split", "tensordot", "threshold",
    "threshold_", "tile", "to_dlpack", "topk", "trace", "transpose", "trapezoid", "trapz", "triangular_solve", "tril", "tril_indices", "triu",
    "triu_indices", "true_divide", "trunc", "typename", "uint8", "uint16", "uint32", "uint64", "unbind", "unflatten", "unique", "unique_consecutive", "unravel_index", "unsqueeze",
    "use_deterministic_algorithms", "utils", "vander", "var", "var_mean", "vdot", "view_as_complex", "view_as_real", "vmap", "vsplit", "vstack",
    "what_holds", "where", "xlogy", "zeros", "zeros_like",
]
