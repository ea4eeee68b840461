"""Scores at a moment, in plain words."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge.values import Fused
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS


class _Maker:
    """fused(seconds, fall=0.9, scream=0.1, blind=False, deaf=False): one decision's scores."""

    def __call__(
        self, seconds: float, *, blind: bool = False, deaf: bool = False, **scores: float
    ) -> Fused:
        actions = np.array([scores.get(word, 0.0) for word in ACTIONS], np.float32)
        actions[ACTIONS.index("sit")] += max(0.0, 1.0 - float(actions.sum()))
        sounds = np.array([scores.get(word, 0.0) for word in SOUNDS], np.float32)
        return Fused(
            room="lounge",
            t_ns=round(seconds * 1e9),
            origin_ns=0,
            actions=None if blind else actions,
            sounds=None if deaf else sounds,
            experts=None,
            gate=dict.fromkeys(MODALITIES, 0.25),
            missing={},
        )


@pytest.fixture(scope="session")
def fused() -> Callable[..., Fused]:
    return _Maker()
