"""The encoder around an engine; the back end has tests of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.encoders.engine import EngineEncoder
from edge.encoders.spec import EncoderSpec
from edge.values import F32, FEATURE_DIM
from edge.vocabulary import Modality

SPEC = EncoderSpec(Modality.FLOW, "flow.onnx", (4, 4, 2), np.int8)


class SumEngine:
    """Every feature is the sum of its row; remembers the sizes of the batches."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def run(self, batch: NDArray[Any]) -> F32:
        self.batches.append(len(batch))
        sums = batch.reshape(len(batch), -1).sum(axis=1, dtype=np.float32)
        return np.repeat(sums[:, None], FEATURE_DIM, axis=1)


def test_a_batch_is_handed_to_the_engine_as_it_is() -> None:
    engine = SumEngine()
    features = EngineEncoder(SPEC, engine).encode(np.ones((3, 4, 4, 2), np.int8))
    assert engine.batches == [3]
    assert (features == 32).all()


def test_an_empty_batch_gives_no_features_and_wakes_no_engine() -> None:
    engine = SumEngine()
    features = EngineEncoder(SPEC, engine).encode(np.zeros((0, 4, 4, 2), np.int8))
    assert (features.shape, features.dtype) == ((0, FEATURE_DIM), np.float32)
    assert engine.batches == []


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((1, 4, 4, 3), np.int8),
        np.zeros((1, 4, 4, 2), np.float32),
        np.zeros((4, 4, 2), np.int8),
        np.zeros((0, 4, 4, 3), np.int8),
    ],
)
def test_a_wrong_shape_or_type_is_refused(batch: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match="flow encoder takes int8"):
        EngineEncoder(SPEC, SumEngine()).encode(batch)


def test_it_is_the_encoder_of_its_specifications_modality() -> None:
    assert EngineEncoder(SPEC, SumEngine()).modality is Modality.FLOW
