"""How often what was said with a probability comes true, with intervals over whole groups.

Murphy & Winkler 1977, "Reliability of subjective probability forecasts"; the expected calibration
error in equal bins of the score is that of Guo et al. 2017, "On calibration of modern neural
networks", equation 3; Brier 1950 and the logarithmic score are proper: no other probabilities than
the true ones make them smaller on average.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge.values import F32, Mask
from engines.benchmarks.items import I64
from engines.benchmarks.measures import BINS, interval
from engines.training.metrics import F64, RESAMPLES

FLOOR = 1e-6
"""Probabilities below count as this much in the logarithmic score."""


@dataclass(frozen=True, slots=True)
class Claims:
    """N claims, each with the probability that was said of it."""

    said: F64  # (N,) in [0, 1]
    true: Mask  # (N,) whether it came true
    groups: tuple[str, ...]  # (N,)
    brier: F64  # (N,)
    nll: F64  # (N,) nats


@dataclass(frozen=True, slots=True)
class Bin:
    """Claims of nearly the same probability."""

    items: int
    said: float  # mean
    came: float  # share that came true
    low: float  # 95 % of ``came`` over groups
    high: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """What a score is worth as a probability."""

    items: int
    groups: int
    came: float  # share of all claims that came true
    said: float  # mean probability
    ece: float  # expected calibration error, BINS equal bins
    ece_low: float | None  # 95 % over groups; None: one group alone
    ece_high: float | None
    brier: float
    nll: float
    bins: tuple[Bin, ...]  # those with any claim, by rising probability


def top_claims(scores: F32, labels: I64, groups: Sequence[str]) -> Claims:
    """The class with the highest score is the right one; Brier and log score of all classes.

    scores: (N, A), rows sum to 1   labels: (N,)
    """
    p = scores.astype(np.float64)
    rows = np.arange(len(p))
    wanted = np.zeros_like(p)
    wanted[rows, labels] = 1.0
    return Claims(
        said=p.max(axis=1),
        true=np.asarray(p.argmax(axis=1) == labels, np.bool_),
        groups=tuple(groups),
        brier=((p - wanted) ** 2).sum(axis=1),
        nll=-np.log(np.maximum(p[rows, labels], FLOOR)),
    )


def claims(said: F64, true: Mask, groups: Sequence[str]) -> Claims:
    """It is there, says one score.  said, true: (N,)"""
    own = np.where(true, said, 1 - said)
    return Claims(said, true, tuple(groups), (1 - own) ** 2, -np.log(np.maximum(own, FLOOR)))


def reliability(made: Claims, seed: int = 0) -> Reliability | None:
    """None without any claim."""
    if not len(made.said):
        return None
    sums = bin_sums(made)
    total = sums.sum(axis=0)
    owners = len(sums)
    draws = np.random.default_rng(seed).multinomial(owners, np.full(owners, 1 / owners), RESAMPLES)
    drawn = (draws @ sums.reshape(owners, -1)).reshape(-1, BINS, 3)
    bounds = interval(errors(drawn)) if owners > 1 else (None, None)
    return Reliability(
        items=len(made.said),
        groups=owners,
        came=float(made.true.mean()),
        said=float(made.said.mean()),
        ece=float(errors(total[None])[0]),
        ece_low=bounds[0],
        ece_high=bounds[1],
        brier=float(made.brier.mean()),
        nll=float(made.nll.mean()),
        bins=tuple(_bin(total[b], drawn[:, b]) for b in range(BINS) if total[b, 0]),
    )


def bin_sums(made: Claims) -> F64:
    """Number, sum said, sum true by group and bin: (G, BINS, 3), groups in sorted order."""
    _, at = np.unique(np.asarray(made.groups), return_inverse=True)
    bins = np.minimum((made.said * BINS).astype(np.int64), BINS - 1)
    sums = np.zeros((int(at.max()) + 1, BINS, 3))
    told = np.stack([np.ones_like(made.said), made.said, made.true.astype(np.float64)], axis=1)
    np.add.at(sums, (at, bins), told)
    return sums


def errors(sums: F64) -> F64:
    """Expected calibration error.  sums: (R, BINS, 3)   returns: (R,)"""
    gaps = np.abs(sums[..., 1] - sums[..., 2]).sum(axis=1)
    return np.asarray(gaps / np.maximum(sums[..., 0].sum(axis=1), 1), np.float64)


def _bin(total: F64, drawn: F64) -> Bin:
    """total: (3,)   drawn: (R, 3), where a bin may be empty"""
    came = float(total[2] / total[0])
    there = drawn[drawn[:, 0] > 0]
    low, high = interval(there[:, 2] / there[:, 0])
    return Bin(int(total[0]), float(total[1] / total[0]), came, low, high)
