"""A linear probe: multinomial logistic regression, its penalty chosen by cross-validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from edge.values import F32
from engines.benchmarks.items import I64

PENALTIES = (1e-3, 1e-2, 1e-1)  # of the squared weights, features standardised
FOLDS = 3
ITERATIONS = 60


@dataclass(frozen=True, slots=True)
class Labelled:
    """What a probe learns from."""

    features: F32  # (N, W)
    labels: I64  # (N,)
    groups: tuple[str, ...]  # (N,)
    classes: int

    def pick(self, rows: I64) -> Labelled:
        """Some of them."""
        groups = tuple(self.groups[i] for i in rows)
        return Labelled(self.features[rows], self.labels[rows], groups, self.classes)


def probed(train: Labelled, features: F32, seed: int) -> F32:
    """Learn, then judge.  features: (K, W)   returns: (K, classes) probabilities"""
    return fitted(train, features, best_penalty(train, seed))


def best_penalty(train: Labelled, seed: int) -> float:
    """The one with the highest mean recall on folds of groups."""
    owners = np.unique(np.asarray(train.groups), return_inverse=True)[1]
    fold_of = np.random.default_rng(seed).permutation(int(owners.max()) + 1) % FOLDS
    at = fold_of[owners]
    scores = []
    for penalty in PENALTIES:
        said = np.zeros(len(train.labels), np.int64)
        for fold in range(FOLDS):
            seen, judged = np.flatnonzero(at != fold), np.flatnonzero(at == fold)
            if len(seen) and len(judged):
                part = fitted(train.pick(seen), train.features[judged], penalty)
                said[judged] = part.argmax(axis=1)
        scores.append(mean_recall(train.labels, said))
    return PENALTIES[int(np.argmax(scores))]


def mean_recall(labels: I64, said: I64) -> float:
    """Balanced accuracy over the classes that occur."""
    return float(np.mean([(said[labels == c] == c).mean() for c in np.unique(labels)]))


def fitted(train: Labelled, features: F32, penalty: float) -> F32:
    """Classes count alike.  returns: (K, classes) probabilities"""
    torch.set_num_threads(1)
    mean, spread = train.features.mean(axis=0), train.features.std(axis=0) + np.float32(1e-3)
    # over sqrt(W) all the features together have unit variance, whatever their number
    unit = spread * np.float32(np.sqrt(train.features.shape[1]))
    x, asked = (torch.from_numpy((part - mean) / unit) for part in (train.features, features))
    width = x.shape[1]
    if len(x) < width:  # what lies outside the span of the items gets no weight: leave it out
        basis = torch.linalg.qr(x.T)[0]
        x, asked = x @ basis, asked @ basis
    y = torch.from_numpy(train.labels)
    counts = torch.bincount(y, minlength=train.classes).float()
    share = torch.where(counts > 0, 1 / counts.clamp(min=1), counts)
    weight = torch.zeros(train.classes, x.shape[1], requires_grad=True)
    bias = torch.zeros(train.classes, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [weight, bias], max_iter=ITERATIONS, line_search_fn="strong_wolfe"
    )

    def closure() -> float:
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(x @ weight.T + bias, y, share)
        loss = loss + penalty / width * (weight * weight).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        judged = asked @ weight.T + bias
        return np.asarray(torch.softmax(judged, dim=1).numpy(), np.float32)


def tenth(tags: Sequence[str], groups: Sequence[str], share: float, seed: int) -> list[int]:
    """About ``share`` of the clips of every class, at least one, drawn at random.

    tags, groups: of each clip   returns: clips in order; of as many different groups as there are
    """
    rng = np.random.default_rng(seed)
    chosen: list[int] = []
    for tag in sorted(set(tags)):
        own = rng.permutation([i for i, t in enumerate(tags) if t == tag])
        wanted = max(1, round(share * len(own)))
        fresh = list({groups[i]: int(i) for i in own}.values())
        rest = [int(i) for i in own if int(i) not in fresh]
        chosen += (fresh + rest)[:wanted]
    return sorted(chosen)
