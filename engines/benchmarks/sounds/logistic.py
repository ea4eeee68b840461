"""Multinomial logistic regression on one vector an item: the baseline of every sound question."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.values import F32
from engines.benchmarks.baselines import Baseline
from engines.benchmarks.items import I64, Fold, Items, Prediction

PENALTY = 1.0  # on half the squared weights, against the summed loss
ITERATIONS = 200


def logistic_on(vectors: Mapping[str, F32]) -> Baseline:
    """Knows one vector of each clip, by its name; standardised on the training side."""

    def answer(fold: Fold) -> Prediction:
        def table(items: Items) -> F32:
            return np.stack([vectors[name] for name in items.names]).astype(np.float32)

        train, test = table(fold.train), table(fold.test)
        mean, spread = train.mean(axis=0), np.maximum(train.std(axis=0), 1e-6)
        classes = len(fold.train.classes)
        scores = fitted((train - mean) / spread, fold.train.labels, classes, (test - mean) / spread)
        return Prediction(scores)

    return answer


def fitted(train: F32, labels: I64, classes: int, test: F32) -> F32:
    """Fit by L-BFGS, which has one minimum to find; returns (N, classes) of ``test``."""
    import torch

    torch.set_num_threads(1)
    linear = torch.nn.Linear(train.shape[1], classes)
    torch.nn.init.zeros_(linear.weight)
    torch.nn.init.zeros_(linear.bias)
    x, y = torch.from_numpy(train), torch.from_numpy(labels)
    optimiser = torch.optim.LBFGS(
        linear.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(linear(x), y, reduction="sum")
        loss = loss + 0.5 * PENALTY * linear.weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        scores: F32 = torch.softmax(linear(torch.from_numpy(test)), dim=1).numpy()
    return scores
