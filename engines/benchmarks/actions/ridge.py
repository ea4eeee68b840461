"""Kernel ridge machines on the vectors of clips: a backbone that learns in a second.

What it says of a training subject comes from a machine that has not seen that subject, so heads
and gates on top learn how far it can be trusted, not how well it remembers (Wolpert 1992).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.values import F32, Mask

SHARPNESS = tuple(np.geomspace(1.0, 30.0, 30).tolist())
LAMBDA = 0.02  # of the mean squared length of the training vectors
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gram:
    """Inner products of all vectors with those that may be learned from, centred on the latter."""

    products: F64  # (N, L), the learned ones' mean squared length is 1
    learned: I64  # (L,) which of the N

    @classmethod
    def of(cls, vectors: F32, learned: Mask) -> Gram:
        """vectors: (N, D)   learned: (N,)"""
        rows = np.flatnonzero(learned)
        centred = vectors - vectors[rows].mean(axis=0)
        products = (centred @ centred[rows].T).astype(np.float64)
        length = float(products[rows, np.arange(len(rows))].mean())
        return cls(products / max(length, 1e-12), rows)

    def scores(self, targets: I64, classes: int, learn: Mask, asked: I64) -> F32:
        """(len(asked), classes) of a machine that learns from some of the learned, about -1 to 1.

        targets: (L,)   learn: (L,) which of them
        """
        own = np.flatnonzero(learn)
        signs = np.eye(classes)[targets[own]] * 2 - 1
        gram, between = (self.products[np.ix_(r, own)] for r in (self.learned[own], asked))
        # centred on what is learned from: otherwise all scores of a group that is left out move
        middle, usual = gram.mean(axis=0), signs.mean(axis=0)
        between = between - between.mean(axis=1, keepdims=True) - middle + middle.mean()
        gram = gram - middle[:, None] - middle + middle.mean()
        weights = np.linalg.solve(gram + LAMBDA * np.eye(len(own)), signs - usual)
        return np.asarray(between @ weights + usual, np.float32)


def probabilities(scores: F32, targets: I64, learned: Mask) -> F32:
    """Softmax of the scores times what makes the truth likeliest where machines had not seen it.

    scores: (N, classes)   targets: (N,) below classes where learned   learned: (N,)
    """
    own = np.flatnonzero(learned)
    losses = [
        -float(_log_softmax(scores[own] * sharp)[np.arange(len(own)), targets[own]].mean())
        for sharp in SHARPNESS
    ]
    best = np.float32(SHARPNESS[int(np.argmin(losses))])
    return np.asarray(np.exp(_log_softmax(scores * best)), np.float32)


def _log_softmax(logits: F32) -> F32:
    shifted = logits - logits.max(axis=1, keepdims=True)
    total = np.exp(shifted).sum(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(total), np.float32)


def opinions(vectors: F32, learned: Mask, targets: I64, classes: int, groups: Sequence[str]) -> F32:
    """(N, classes): of what is learned from, by machines that have not seen its group.

    vectors: (N, D)   learned: (N,)   targets: (N,), used where learned   groups: (N,)
    """
    gram = Gram.of(vectors, learned)
    owners = np.asarray(groups)[gram.learned]
    own = targets[gram.learned]
    said = np.zeros((len(vectors), classes), np.float32)
    names = np.unique(owners)
    for name in names:
        others = owners != name if len(names) > 1 else np.ones(len(owners), np.bool_)
        rows = gram.learned[owners == name]
        said[rows] = gram.scores(own, classes, others, rows)
    rest = np.flatnonzero(~learned)
    said[rest] = gram.scores(own, classes, np.ones(len(owners), np.bool_), rest)
    return said
