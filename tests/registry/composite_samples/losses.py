"""Losses, distances and dropout: samples of the composites."""

from __future__ import annotations

from autograd_core.op import Arg, S, Sample, distinct, ints, span

from .common import CLASSES, SIGNS, losses

BITS = Arg(values=[[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0], [1.0, 1.0, 1.0, 0.0]])
LABELS = Arg(values=[[1, 0, -1, 2], [-1, 1, 2, 3], [0, 1, 2, 3]])
COUNTS = Arg(values=[[0.0, 1.0, 2.0, 7.0], [3.0, 0.0, 1.0, 2.0], [5.0, 1.0, 4.0, 0.0]])
VARIANCE = span(0.5, 2.0, 3, 4)
ROWS = [(3, 4), (3, 4), (3, 4)]
SEQUENCES = Arg(values=[[1, 2, 2], [3, 1, 0]])
WRONG = {"reduction": "wrong", "error": ValueError, "match": "reduction"}

SAMPLES: dict[str, list[Sample]] = {
    "linear_cross_entropy": [S((3, 5), (4, 5), CLASSES), S((3, 5), (4, 5), CLASSES, linear_bias=span(-0.5, 0.5, 4), weight=span(0.5, 2.0, 4), reduction="none"),
                             S((3, 5), (4, 5), CLASSES, ignore_index=2, label_smoothing=0.1), S((5,), (4, 5), Arg(values=2, kind="int"), reduction="sum"),
                             S((3, 5), (4, 2, 5), ints(3, 2), linear_bias=span(-0.5, 0.5, 4, 2)), S((3, 5), (4, 5), span(0.1, 1.0, 3, 4)),
                             S((3, 5), (4, 6), CLASSES, error=RuntimeError, match="linear_cross_entropy: expected input"),
                             S((5,), (4, 2, 5), ints(4, 2), error=RuntimeError, match="need a batch"),
                             S((3, 5), (4, 5), span(0.1, 1.0, 3, 4), ignore_index=1, error=RuntimeError, match="probabilities")],
    "soft_margin_loss": losses(S((4,), SIGNS), S(span(-80.0, 80.0, 4), SIGNS, reduction="none")),
    "multilabel_soft_margin_loss": [S((3, 4), BITS), S((3, 4), BITS, span(0.5, 2.0, 4), reduction="none"), S((3, 4), BITS, reduction="sum"), S((4,), Arg(values=[1.0, 0.0, 0.0, 1.0])),
                                    S((3, 4), BITS, **WRONG)],
    "multilabel_margin_loss": [S(distinct(3, 4), LABELS), S(distinct(3, 4), LABELS, reduction="none"), S(distinct(4), Arg(values=[2, 0, -1, 0]), reduction="sum"),
                               S((3, 4), ints(3, 3), error=RuntimeError, match="inconsistent target size")],
    "multiclass_hinge_loss": [S((3, 4), CLASSES), S((3, 4), CLASSES, margin=0.5, reduction="none"), S((4,), Arg(values=2, kind="int"), reduction="sum"),
                              S((3, 4), Arg(values=[1, 0]), error=ValueError, match="batch"), S((3, 4, 2), ints(3, 2), error=RuntimeError, match="expected input of shape")],
    "zero_one_loss": [S(distinct(3, 4), CLASSES), S(distinct(3, 4), CLASSES, reduction="none"), S(distinct(2, 3, 4), ints(2, 4), reduction="sum"),
                      S((3, 4), Arg(values=[1, 0]), error=ValueError, match="batch")],
    "poisson_nll_loss": [S((3, 4), COUNTS), S((3, 4), span(1.5, 6.0, 3, 4), full=True, reduction="none"), S(span(0.5, 3.0, 3, 4), COUNTS, log_input=False, eps=0.1, reduction="sum"), S((), span(0.0, 3.0)),
                         S((3, 4), COUNTS, **WRONG)],
    "gaussian_nll_loss": [S((3, 4), (3, 4), VARIANCE), S((3, 4), (3, 4), VARIANCE, full=True, reduction="none"), S((3, 4), (3, 4), span(0.5, 2.0, 3), reduction="sum"),
                          S((3, 4), (3, 4), span(0.5, 2.0, 3, 1)), S((3, 4), (3, 4), 0.5), S((3, 4), (3, 4), 0.25, eps=0.5),
                          S((3, 4), (3, 4), span(0.5, 2.0, 2), error=ValueError, match="incorrect size"), S((3,), (3,), Arg(values=[1.0, -1.0, 2.0]), error=ValueError, match="negative")],
    "cosine_embedding_loss": [S((4, 3), (4, 3), SIGNS), S((4, 3), (4, 3), SIGNS, margin=0.25, reduction="none"), S((3,), (3,), Arg(values=-1.0), reduction="sum"),
                              S((4, 3), (4, 3), (4, 1), error=RuntimeError, match="multi-target"), S((3,), (3,), SIGNS, error=RuntimeError, match="expects 2D input")],
    "triplet_margin_loss": [S(*ROWS), S(*ROWS, margin=2.0, p=3.0, reduction="none"), S(*ROWS, swap=True, reduction="sum"), S((4,), (4,), (4,), eps=0.1),
                            S(*ROWS, margin=0.0, error=ValueError, match="greater than 0")],
    "triplet_margin_with_distance_loss": [S(*ROWS), S(*ROWS, margin=2.0, swap=True, reduction="none"), S(*ROWS, reduction="sum"), S(*ROWS, margin=-1.0, error=ValueError, match="margin")],
    "cosine_similarity": [S((3, 4), (3, 4)), S((3, 4), (4,), dim=-1), S((2, 3, 4), (2, 3, 4), dim=0), S((4,), (4,), dim=0), S((3, 4), (3, 4), eps=0.001),
                          S((3, 4), (3, 5), error=RuntimeError, match="must match")],
    "pairwise_distance": [S((3, 4), (3, 4)), S((3, 4), (4,), p=1.0, keepdim=True), S((4,), (4,), p=3.0, eps=0.1), S((0, 4), (0, 4))],
    "cdist": [S((3, 4), (5, 4)), S((2, 3, 4), (5, 4)), S((3, 4), (5, 4), p=1.0), S((3, 4), (5, 4), p=3.0), S(distinct(3, 4), span(3.0, 5.0, 2, 4), p=float("inf")), S((30, 3), (2, 3)),
              S((3, 4), (5, 4), compute_mode="donot_use_mm_for_euclid_dist"), S((3, 4), (5, 3), error=RuntimeError, match="same number of columns"),
              S((3, 4), (5, 4), p=-1.0, error=RuntimeError, match="non-negative p")],
    "pdist": [S((4, 3)), S((4, 3), p=1.0), S((4, 3), p=3.0), S((1, 3)), S((3,), error=RuntimeError, match="2D"), S((3, 2), p=-1.0, error=RuntimeError, match="non-negative p")],
    "embedding": [S(ints(5), (3, 4)), S(ints(2, 3, high=2), (3, 2), padding_idx=2), S(ints(), (3, 2)), S(ints(0), (3, 2)), S(Arg(values=[2, 0]), (3, 2), scale_grad_by_freq=True),
                  S(Arg(values=[3]), (3, 2), error=IndexError, match="out of bounds"), S(ints(2), (3,), error=RuntimeError, match="2-D"),
                  S(ints(2), (3, 2), padding_idx=3, error=AssertionError, match="padding_idx")],
    "embedding_bag": [S(ints(3, 2), (3, 4)), S(ints(3, 2), (3, 4), mode="sum"), S(ints(3, 2), distinct(3, 4), mode="max"), S(ints(6), (3, 4), Arg(values=[0, 2, 2])),
                      S(ints(6), distinct(3, 4), Arg(values=[0, 2, 2]), mode="max"), S(ints(6), (3, 4), Arg(values=[0, 2, 6]), mode="sum", include_last_offset=True),
                      S(ints(6), (3, 4), Arg(values=[0, 2, 6]), mode="max", include_last_offset=True), S(ints(0), (3, 4), Arg(values=[0, 0]), mode="max"),
                      S(ints(3, 2, high=2), (3, 4), padding_idx=2), S(ints(5, high=2), (3, 4), Arg(values=[0, 3]), padding_idx=-1, mode="max"),
                      S(ints(2), (3, 4), error=ValueError, match="offsets"), S(ints(2, 3), (3, 4), mode="median", error=ValueError, match="mode"),
                      S(ints(4), (3, 4), Arg(values=[1, 2]), error=RuntimeError, match=r"offsets\[0\]")],
    "ctc_loss": [S((5, 2, 4), SEQUENCES, input_lengths=(5, 4), target_lengths=(3, 2)), S((5, 2, 4), SEQUENCES, input_lengths=(5, 5), target_lengths=(3, 2), reduction="none"),
                 S((5, 2, 4), Arg(values=[1, 2, 3, 1]), input_lengths=(5, 4), target_lengths=(3, 1), reduction="sum"), S((4, 3), Arg(values=[0, 1]), input_lengths=(4,), target_lengths=(2,), blank=2),
                 S((4, 3), Arg(values=[0, 1]), input_lengths=(4,), target_lengths=(2,), blank=2, reduction="none"),
                 S((3, 2, 4), SEQUENCES, input_lengths=(3, 3), target_lengths=(3, 2), zero_infinity=True),
                 S((5, 2, 4), SEQUENCES, input_lengths=(6, 4), target_lengths=(3, 2), error=RuntimeError, match="input_lengths to have value at most 5"),
                 S((5, 2, 4), SEQUENCES, input_lengths=(5,), target_lengths=(3, 2), error=RuntimeError, match="must be of size batch_size")],
}
ELSEWHERE: dict[str, str] = dict.fromkeys(("dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"), "tests of random numbers")
NO_RESULT_TO_DIFFERENTIATE: frozenset[str] = frozenset(("zero_one_loss",))
