from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.fusion.parameters import QUALITY_CUES
from edge.values import FEATURE_DIM
from edge.vocabulary import Modality
from engines.benchmarks.items import Fold, Items, Question

CLASSES = ("calm", "fight")


def made_items(
    count: int,
    seed: int,
    prefix: str = "g",
    modalities: tuple[Modality, ...] = (Modality.RGB, Modality.AUDIO),
) -> Items:
    """In every item one modality tells the class and its level is high; the other is misleading."""
    rng = np.random.default_rng(seed)
    m = len(modalities)
    labels = np.arange(count) % 2
    tells = rng.integers(0, m, count)
    says = np.where(np.arange(m) == tells[:, None], labels[:, None], rng.integers(0, 2, (count, m)))
    centre = np.where(np.arange(FEATURE_DIM) % 2 == 0, 1.5, -1.5)
    features = (says[..., None] * 2 - 1) * centre + rng.normal(0, 1.0, (count, m, FEATURE_DIM))
    quality = np.full((count, m, len(QUALITY_CUES)), 0.1, np.float32)
    quality[np.arange(count), tells, 0] = 1.0
    return Items(
        modalities=modalities,
        classes=CLASSES,
        features=np.repeat(features[:, :, None], 2, axis=2).astype(np.float16),
        valid=np.ones((count, m, 2), np.bool_),
        quality=quality,
        labels=labels.astype(np.int64),
        groups=tuple(f"{prefix}{i // 4}" for i in range(count)),
        names=tuple(f"{prefix}/{i}.mp4" for i in range(count)),
    )


@pytest.fixture
def make_items() -> Callable[..., Items]:
    """Items of which a gate that looks at the level knows the answer, and nobody else does."""
    return made_items


@pytest.fixture
def question() -> Question:
    """The same as a question with a baseline that knows nothing."""
    from engines.benchmarks.baselines import is_present

    fold = Fold(made_items(80, 1, "train"), made_items(120, 2, "test"))
    return Question(
        name="levels",
        title="Levels",
        folds=(fold,),
        measure="accuracy",
        positive="fight",
        baselines={"has sound": is_present(Modality.AUDIO)},
        notes=("made up",),
    )
