"""Samples of the composites: public functions made of ops. Inputs are positional, in the order of the signature."""

from __future__ import annotations

from autograd_core.op import Arg, S, Sample, bools, distinct, ints, span

SIGNS = Arg(values=[1.0, -1.0, 1.0, -1.0])
CLASSES = Arg(values=[1, 0, 3])
SOME_IGNORED = Arg(values=[1, -100, 3])
SHARES = Arg(values=[[0.25, 0.25, 0.5, 0.0], [0.125, 0.5, 0.25, 0.125], [1.0, 0.0, 0.0, 0.0]])
OUT_OF_RANGE = {"error": IndexError, "match": "out of range"}


def statistics(first: str) -> list[Sample]:
    """Samples of a variance: ``first`` names the option that some spell differently."""
    return [S((3, 4)), S((3, 4), dim=0), S((3, 4), dim=-1, keepdim=True), S((2, 3, 4), dim=(0, -1)), S((3, 4), dim=1, unbiased=False), S((3, 4), dim=1, correction=2),
            S((3, 4), correction=0), S((3,), dim=1, **OUT_OF_RANGE)]


def losses(*second: object) -> list[Sample]:
    """Samples of an elementwise loss with every reduction."""
    return [S((3, 4), (3, 4)), S((3, 4), (3, 4), reduction="none"), S((3, 4), (3, 4), reduction="sum"), S((), ()), S((3, 4), (3, 4), reduction="wrong", error=ValueError, match="reduction"),
            *(each for each in second if isinstance(each, Sample))]


SAMPLES: dict[str, list[Sample]] = {
    # shapes
    "diag": [S((3,)), S((3, 4)), S((3, 4), diagonal=1), S((3, 4), diagonal=-1), S((2,), diagonal=-1)],
    "diag_embed": [S((2, 3)), S((3,), offset=1), S((2, 3), offset=-1, dim1=0, dim2=2)],
    "view_as": [S((2, 6), (3, 4))], "reshape_as": [S((2, 6), (3, 4)), S((2, 3), (4, 2), error=RuntimeError, match="invalid for input of size 6")],
    "flatten": [S((2, 3, 4)), S((2, 3, 4), start_dim=1), S((2, 3, 4), start_dim=0, end_dim=-2), S(()), S((0, 3)), S((2, 3), start_dim=2, **OUT_OF_RANGE)],
    "ravel": [S((2, 3)), S(())], "unflatten": [S((2, 6), dim=1, sizes=(2, 3)), S((2, 6), dim=-1, sizes=(-1, 2)), S((2, 6), dim=1, sizes=(4, 2), error=RuntimeError, match="unflatten")],
    "t": [S((2, 3)), S((3,)), S(()), S((2, 3, 4), error=RuntimeError, match="2")],
    "movedim": [S((2, 3, 4), source=0, destination=-1), S((2, 3, 4), source=(0, 1), destination=(2, 0)), S((2, 3), source=2, destination=0, **OUT_OF_RANGE)],
    "expand": [S((3, 1), sizes=(2, 3, 4)), S((3, 1), sizes=(-1, 4)), S((), sizes=(2,)), S((3,), sizes=(4,), error=RuntimeError, match="expand")],
    "expand_as": [S((3, 1), (3, 4))], "broadcast_tensors": [S((3, 1), (4,)), S((3,), (2,), error=RuntimeError, match="must match")],
    "contiguous": [S((2, 3)), S(())],
    "split": [S((5, 2), split_size_or_sections=2), S((2, 5), split_size_or_sections=[1, 4], dim=-1), S((4,), split_size_or_sections=4), S((4,), split_size_or_sections=[1, 2], error=RuntimeError, match="split")],
    "chunk": [S((5, 2), chunks=2), S((2, 5), chunks=3, dim=1), S((3,), chunks=5), S((3,), chunks=0, error=RuntimeError, match="chunk")],
    "unbind": [S((3, 2)), S((3, 2), dim=-1), S((2,), dim=1, **OUT_OF_RANGE)],
    "narrow": [S((5, 2), dim=0, start=1, length=3), S((2, 5), dim=-1, start=0, length=0), S((3,), dim=0, start=1, length=3, error=RuntimeError, match="narrow")],
    "select": [S((3, 4), dim=0, index=1), S((3, 4), dim=-1, index=-1), S((3, 4), dim=0, index=3, error=IndexError, match="out of range")],
    "repeat": [S((2, 3), repeats=(2, 1)), S((3,), repeats=(2, 2)), S((2, 3), repeats=(2,), error=RuntimeError, match="repeat")],
    "tile": [S((2, 3), dims=(2,)), S((3,), dims=(2, 2))],
    "repeat_interleave": [S((2, 3), repeats=2), S((2, 3), repeats=2, dim=1), S((2, 3), repeats=Arg(values=[1, 2]), dim=0)],
    "pad": [S((2, 3), pad=(1, 2)), S((2, 3), pad=(1, 2, 0, 1), value=1.5), S((2, 3), pad=(-1, 1)), S((1, 2, 4), pad=(1, 2), mode="reflect"), S((1, 2, 4), pad=(1, 2), mode="replicate"),
            S((1, 2, 4), pad=(1, 2), mode="circular"), S((1, 2, 3, 4), pad=(1, 2, 2, 1), mode="reflect"), S((2, 3), pad=(1,), error=RuntimeError, match="pad")],
    "getitem": [S((3, 4), index=1), S((3, 4), index=(slice(None), -1)), S((3, 4), index=slice(None, None, 2)), S((3, 4), index=Arg(values=[0, 2, 0])), S((3, 4), index=([0, 1], [3, 3])),
                S((3, 4), index=(None, ..., slice(1, 3))), S((3, 4), index=Arg(values=[True, False, True])), S((), index=()), S((2, 3, 4), index=(0, slice(None), [1, 1])),
                S((3, 4), index=5, error=IndexError, match="out of"), S((3,), index=(0, 0), error=IndexError, match="too many indices")],
    "index_put": [S((4,), indices=([0, 2],), values=Arg(values=1.5))],
    "take_along_dim": [S((3, 4), ints(3, 4), dim=1), S((3, 4), ints(2)), S((3, 4), ints(1, 4), dim=0)],
    # sorting and choosing
    "argsort": [S(distinct(3, 4)), S(distinct(3, 4), dim=0, descending=True), S(()), S((3,), dim=1, **OUT_OF_RANGE)], "msort": [S(distinct(3, 4))],
    "nonzero": [S(ints(3, 4)), S(bools(3))], "unique": [S(ints(6)), S(ints(6), return_inverse=True, return_counts=True)],
    "max": [S(distinct(3, 4)), S(distinct(3, 4), dim=1), S(distinct(3, 4), dim=-2, keepdim=True), S(()), S((0, 3), error=RuntimeError, match="max"), S((3,), dim=1, **OUT_OF_RANGE)],
    "min": [S(distinct(3, 4)), S(distinct(3, 4), dim=1), S(distinct(3, 4), dim=-2, keepdim=True), S(()), S((0, 3), error=RuntimeError, match="min"), S((3,), dim=1, **OUT_OF_RANGE)],
    "aminmax": [S(distinct(3, 4)), S(distinct(3, 4), dim=1, keepdim=True)],
    # statistics
    "nanmean": [S((3, 4)), S(Arg(values=[1.0, float("nan"), 2.0])), S((3, 4), dim=1, keepdim=True)],
    "var": statistics("var"), "std": statistics("std"), "var_mean": statistics("var_mean"), "std_mean": statistics("std_mean"),
    "softmax": [S((3, 4), dim=1), S((3, 4), dim=0), S((2, 3, 4), dim=-2), S((), dim=0), S((0, 3), dim=1), S(span(-80, 80, 2, 3), dim=1), S((3,), dim=1, **OUT_OF_RANGE)],
    "log_softmax": [S((3, 4), dim=1), S((3, 4), dim=0), S((2, 3, 4), dim=-2), S((), dim=0), S((0, 3), dim=1), S(span(-80, 80, 2, 3), dim=1), S((3,), dim=1, **OUT_OF_RANGE)],
    "softmin": [S((3, 4), dim=1)],
    "norm": [S((3, 4)), S((3, 4), dim=1), S((3, 4), p=2, dim=-1, keepdim=True), S((3, 4), p=1), S((3, 4), p=3.0, dim=0), S(distinct(3, 4), p=float("inf")), S(distinct(3, 4), p=-float("inf"), dim=1),
             S((2, 3, 4), dim=(0, 2)), S((3, 4), p=0), S(Arg(values=[0.0, 0.0])), S((3,), dim=1, **OUT_OF_RANGE)],
    "allclose": [S((3,), (3,))], "equal": [S((3,), (3,)), S((3,), (2,))],

    # products
    "mm": [S((2, 3), (3, 4)), S((2, 3), (2, 3), error=RuntimeError, match="cannot be multiplied"), S((3,), (3, 4), error=RuntimeError, match="mm")],
    "bmm": [S((5, 2, 3), (5, 3, 4)), S((2, 3), (3, 4), error=RuntimeError, match="bmm")],
    "mv": [S((2, 3), (3,)), S((2, 3), (2,), error=RuntimeError, match="cannot be multiplied")], "dot": [S((3,), (3,)), S((3,), (4,), error=RuntimeError, match="dot"), S((2, 3), (3,), error=RuntimeError, match="dot")],
    "addmm": [S((2, 4), (2, 3), (3, 4)), S((4,), (2, 3), (3, 4), beta=0.5, alpha=2.0)], "baddbmm": [S((5, 2, 4), (5, 2, 3), (5, 3, 4)), S((2, 4), (5, 2, 3), (5, 3, 4), beta=0.5, alpha=2.0)],
    "addmv": [S((2,), (2, 3), (3,)), S((), (2, 3), (3,), beta=0.5, alpha=2.0)],
    "einsum": [S("ij,jk->ik", (2, 3), (3, 4)), S("ij,jk", (2, 3), (3, 4)), S("ii->i", (3, 3)), S("ii", (3, 3)), S("i,j->ij", (2,), (3,)), S("bij,bjk->bik", (2, 3, 2), (2, 2, 3)), S("...ij,...jk->...ik", (4, 2, 3), (3, 2)),
               S("ij->", (2, 3)), S("ij->ji", (2, 3)), S("i,i,i->i", (3,), (3,), (3,)), S("ijk,kl,jm->ilm", (2, 3, 2), (2, 4), (3, 2)), S("ij,ij->j", (2, 3), (1, 3)),
               S("ij,jk->ik", (2, 3), (4, 5), error=RuntimeError, match="einsum"), S("ij->ik", (2, 3), error=RuntimeError, match="einsum"), S("ij", (2, 3, 4), error=RuntimeError, match="einsum")],
    "tensordot": [S((2, 3, 4), (3, 4, 5)), S((2, 3, 4), (4, 3), dims=([1, 2], [1, 0])), S((2,), (3,), dims=0)],
    # losses
    "mse_loss": losses(), "l1_loss": losses(S((3, 4), (3, 4), reduction="none", weight=span(0.5, 2.0, 3, 4))), "smooth_l1_loss": losses(S((3, 4), (3, 4), beta=0.5), S((3, 4), (3, 4), beta=0.0)),
    "huber_loss": losses(S((3, 4), (3, 4), delta=0.5), S((3, 4), (3, 4), delta=0.5, weight=span(0.5, 2.0, 3, 4))),
    "cross_entropy": [S((3, 4), CLASSES), S((3, 4), CLASSES, reduction="sum"), S((3, 4), CLASSES, reduction="none"), S((3, 4), CLASSES, span(0.5, 2.0, 4)), S((3, 4), SOME_IGNORED), S((3, 4), SOME_IGNORED, ignore_index=-100, reduction="none"),
                      S((3, 4), CLASSES, ignore_index=3), S((3, 4), CLASSES, label_smoothing=0.1), S((3, 4), CLASSES, span(0.5, 2.0, 4), label_smoothing=0.1), S((3, 4), SHARES), S((3, 4), SHARES, span(0.5, 2.0, 4), label_smoothing=0.1, reduction="sum"),
                      S((4,), Arg(values=2, kind="int")), S((3, 4, 2), ints(3, 2)), S((2, 4, 2, 2), ints(2, 2, 2), reduction="none"), S((3, 4), (3, 4), reduction="none"), S(span(-80, 80, 3, 4), CLASSES),
                      S((3, 4), Arg(values=[1, 0]), error=ValueError, match="batch"), S((3, 4), Arg(values=[1, 0, 4]), error=IndexError, match="out of bounds")],
    "nll_loss": [S((3, 4), CLASSES), S((3, 4), CLASSES, reduction="sum"), S((3, 4), SOME_IGNORED, reduction="none"), S((3, 4), CLASSES, span(0.5, 2.0, 4)), S((3, 4), CLASSES, ignore_index=3), S((2, 4, 2), ints(2, 2)),
                 S((3, 4), Arg(values=[1, 0, 4]), error=IndexError, match="out of bounds")],
    "binary_cross_entropy_with_logits": losses(S((3, 4), span(0.1, 0.9, 3, 4), span(0.5, 2.0, 4)), S((3, 4), span(0.1, 0.9, 3, 4), pos_weight=span(0.5, 2.0, 4)), S(span(-80, 80, 3, 4), span(0.1, 0.9, 3, 4))),
    "binary_cross_entropy": [S(span(0.1, 0.9, 3, 4), span(0.1, 0.9, 3, 4)), S(span(0.1, 0.9, 3, 4), span(0.1, 0.9, 3, 4), reduction="sum"), S(span(0.1, 0.9, 3, 4), span(0.1, 0.9, 3, 4), span(0.5, 2.0, 4), reduction="none"),
                             S(span(0.1, 0.9, 3), span(0.1, 0.9, 4), error=ValueError, match="size")],
    "hinge_loss": [S((4,), SIGNS), S((4,), SIGNS, margin=0.5, reduction="sum"), S((4,), SIGNS, reduction="none")],
    "hinge_embedding_loss": [S((4,), SIGNS), S((4,), SIGNS, margin=0.5, reduction="none"), S((4,), SIGNS, reduction="sum")],
    "margin_ranking_loss": [S((4,), (4,), SIGNS), S((4,), (4,), SIGNS, margin=0.5, reduction="none")],
    "multi_margin_loss": [S((3, 4), CLASSES), S((3, 4), CLASSES, p=2, margin=0.5, reduction="none"), S((3, 4), CLASSES, weight=span(0.5, 2.0, 4), reduction="sum")],
    "kl_div": [S((3, 4), span(0.1, 0.9, 3, 4)), S((3, 4), (3, 4), log_target=True, reduction="sum"), S((3, 4), span(0.1, 0.9, 3, 4), reduction="batchmean"), S((3, 4), span(0.1, 0.9, 3, 4), reduction="none")],
    # images and sequences
    "conv2d": [S((2, 3, 5, 5), (4, 3, 3, 3)), S((2, 3, 5, 5), (4, 3, 3, 3), (4,), stride=2, padding=1), S((2, 4, 5, 6), (4, 2, 3, 2), (4,), groups=2), S((1, 2, 7, 7), (2, 2, 3, 3), None, dilation=2, padding=(2, 1), stride=(1, 2)),
               S((1, 4, 4, 4), (3, 2, 2, 2), error=RuntimeError, match="channels"), S((2, 4, 4), (3, 2, 1, 1)), S((1, 2, 4, 4), (2, 2, 3, 2), padding="same"), S((1, 2, 4, 4), (2, 2, 3, 2), padding="valid"), S((2, 4, 5, 5), (4, 1, 3, 3), groups=4),
               S((1, 2, 2, 2), (2, 2, 3, 3), error=RuntimeError, match="conv2d")],
    "conv1d": [S((2, 3, 6), (4, 3, 3)), S((2, 4, 6), (4, 2, 3), (4,), stride=2, padding=1, dilation=2, groups=2)],
    "conv_transpose2d": [S((2, 3, 3, 3), (3, 2, 3, 3)), S((2, 4, 3, 3), (4, 2, 3, 2), (4,), stride=2, padding=1, output_padding=1, groups=2), S((1, 2, 3, 3), (2, 2, 2, 2), None, dilation=2)],
    "max_pool2d": [S(distinct(2, 3, 4, 4), kernel_size=2), S(distinct(1, 2, 5, 5), kernel_size=(3, 2), stride=1, padding=1), S(distinct(1, 2, 5, 5), kernel_size=2, stride=2, ceil_mode=True), S(distinct(2, 6, 6), kernel_size=2, dilation=2),
                   S(distinct(1, 2, 4, 4), kernel_size=2, return_indices=True), S((1, 1, 2, 2), kernel_size=3, error=RuntimeError, match="max_pool2d")],
    "max_pool1d": [S(distinct(2, 3, 6), kernel_size=2), S(distinct(1, 2, 7), kernel_size=3, stride=2, padding=1)],
    "avg_pool2d": [S((2, 3, 4, 4), kernel_size=2), S((1, 2, 5, 5), kernel_size=(3, 2), stride=1, padding=1), S((1, 2, 5, 5), kernel_size=3, padding=1, count_include_pad=False), S((1, 2, 5, 5), kernel_size=2, stride=2, ceil_mode=True),
                   S((2, 4, 4), kernel_size=2, divisor_override=3), S((1, 1, 2, 2), kernel_size=3, error=RuntimeError, match="avg_pool2d")],
    "avg_pool1d": [S((2, 3, 6), kernel_size=2), S((1, 2, 7), kernel_size=3, stride=2, padding=1, count_include_pad=False)],
    "adaptive_avg_pool2d": [S((1, 2, 6, 4), output_size=(3, 2)), S((1, 2, 5, 7), output_size=3), S((1, 2, 5, 4), output_size=1), S((1, 2, 5, 4), output_size=(None, 2))],
    "batch_norm": [S((4, 3), None, None, (3,), (3,), training=True), S((4, 3, 2, 2), None, None, training=True, eps=0.1), S((4, 3), (3,), span(0.5, 2.0, 3), (3,), (3,)), S((4, 3), (3,), span(0.5, 2.0, 3))],
    "layer_norm": [S((2, 3), normalized_shape=(3,)), S((2, 3, 4), (3, 4), (3, 4), normalized_shape=(3, 4)), S((2, 3), (3,), normalized_shape=(3,), eps=0.1), S((2, 3), normalized_shape=(2,), error=RuntimeError, match="layer_norm")],
    "rms_norm": [S((2, 3), normalized_shape=(3,)), S((2, 3), (3,), normalized_shape=(3,), eps=0.1)],
    "group_norm": [S((2, 4, 3), num_groups=2), S((2, 4, 3), (4,), (4,), num_groups=4, eps=0.1)],
    "normalize": [S((3, 4)), S((3, 4), p=1.0, dim=0), S(Arg(values=[[0.0, 0.0], [3.0, 4.0]]), eps=1e-3)],
    "scaled_dot_product_attention": [S((2, 3, 4), (2, 5, 4), (2, 5, 4)), S((2, 3, 4), (2, 5, 4), (2, 5, 4), (3, 5)), S((2, 3, 4), (2, 3, 4), (2, 3, 4), is_causal=True), S((2, 3, 4), (2, 5, 4), (2, 5, 3), scale=0.3),
                                     S((2, 2, 3, 4), (2, 2, 5, 4), (2, 2, 5, 4), Arg(values=[[True, True, False, True, True], [True, False, False, False, True], [False, True, True, True, True]])),
                                     S((1, 4, 3, 4), (1, 2, 5, 4), (1, 2, 5, 4), enable_gqa=True)],
}

ELSEWHERE: dict[str, str] = {
    "div_rounded": "div with rounding_mode, in parity", "zero_": "writes, in parity", "setitem": "writes, in parity", "index_put_": "parity",
    "dropout": "tests of random numbers", "feature_dropout": "tests of random numbers", "alpha_dropout": "tests of random numbers",
}
"""Composites that no sample can say, and what tests them."""

NO_RESULT_TO_DIFFERENTIATE = frozenset(("allclose", "equal", "argsort", "nonzero", "unique"))
