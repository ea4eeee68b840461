from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS
from engines.training.labels import Label, LabelMap
from engines.training.manifest import Row
from engines.training.scoring import VIEWS, ClipScores

Pair = tuple[ClipScores, Label]


def scored_clip(
    dataset: str, label: str, action: str, group: str, sound: bool = True, name: str = "x"
) -> tuple[ClipScores, Label]:
    scores = np.full((3, len(ACTIONS)), 0.1 / (len(ACTIONS) - 1), np.float32)
    scores[:, ACTIONS.index(action)] = 0.9
    row = Row(Path(name), name, dataset, "rgb", label, group)
    heard = np.full((3, len(SOUNDS)), 0.1 if sound else np.nan, np.float32)
    views = dict.fromkeys(VIEWS, scores)
    gate = np.full((3, len(MODALITIES)), 0.25, np.float32)
    done = ClipScores(row, None, (1.0, 1.5, 2.0), views, heard, gate)
    return done, LabelMap().label(dataset, label)


@pytest.fixture
def clip() -> Callable[..., Pair]:
    """A clip of three decisions, all views of which give one action 0.9; and its label."""
    return scored_clip


@pytest.fixture
def fights() -> list[Pair]:
    """Two fights, one of them missed, and two calm clips, one of them without sound."""
    return [
        scored_clip("surv_fight", "fight", "violence", "v1"),
        scored_clip("surv_fight", "fight", "walk", "v2"),
        scored_clip("surv_fight", "noFight", "walk", "v3", sound=False),
        scored_clip("surv_fight", "noFight", "sit", "v4"),
    ]
