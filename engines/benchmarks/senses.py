"""Which classes at least two modalities can see: decided on training clips alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from engines.benchmarks.heads import Trainer
from engines.benchmarks.items import Items

TIMES_CHANCE = 3.0
SENSES = 2
RULE = (
    f"a class counts as seen by a modality whose expert, which learned from the training persons, "
    f"finds at least {TIMES_CHANCE:g} times the chance share of it among the held-out training "
    f"persons; classes that {SENSES} modalities or more see are asked. Test clips decide nothing"
)

F64 = NDArray[np.float64]


def recalls(train: Items, held: Items, trainer: Trainer, seed: int = 0) -> F64:
    """Share of each class that each modality's expert finds among held-out items.

    returns: (M, A), NaN for a class that does not occur
    """
    said = trainer(train, ("mean",), seed)("mean").predict(held).experts
    if said is None:
        raise ValueError("the trainer gives no experts; correct it")
    hits = said.argmax(axis=2) == held.labels[:, None]  # (N, M)
    hits &= said.any(axis=2)  # what is absent finds nothing
    rows = [held.labels == a for a in range(len(held.classes))]
    means = [
        hits[own].mean(axis=0) if own.any() else np.full(hits.shape[1], np.nan) for own in rows
    ]
    return np.stack(means, axis=1).astype(np.float64)


def seen_by_two(found: F64, classes: Sequence[str]) -> tuple[str, ...]:
    """Classes of the rule.  found: (M, A) see ``recalls``"""
    enough = (np.nan_to_num(found) >= TIMES_CHANCE / len(classes)).sum(axis=0) >= SENSES
    return tuple(name for name, ok in zip(classes, enough, strict=True) if ok)


def restricted(items: Items, classes: Sequence[str]) -> Items:
    """Only items of these classes, which become all there are."""
    kept = [i for i, label in enumerate(items.labels) if items.classes[label] in classes]
    part = items.pick(kept)
    labels = [list(classes).index(items.classes[label]) for label in part.labels]
    return replace(part, classes=tuple(classes), labels=np.array(labels, np.int64))
