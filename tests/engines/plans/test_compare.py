"""The comparison behind verify, on the CPU back end; engines on a GPU take the same path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.encoders.openvino import OpenVinoBackend
from edge.errors import PlanError
from edge.values import F32, FEATURE_DIM
from edge.vocabulary import MODALITIES, Modality
from engines.plans.compare import check, compare, cosine
from engines.plans.golden import golden_vectors
from engines.plans.options import Workshop


class Noisy:
    """An engine that is off by a part of each value, or wrong for batches only."""

    def __init__(self, part: float = 0.0, batch_only: bool = False, fill: float = 1.0) -> None:
        self._part, self._batch_only, self._fill = part, batch_only, fill

    def run(self, batch: NDArray[Any]) -> F32:
        rows = batch.reshape(len(batch), -1)[:, :1].astype(np.float32)
        features = np.sin(rows * np.arange(1, FEATURE_DIM + 1)).astype(np.float32) * self._fill
        noise = np.random.default_rng(3).normal(size=features.shape).astype(np.float32)
        apart = self._part if len(batch) > 1 or not self._batch_only else 0.0
        return features + np.float32(apart) * noise


VECTORS = np.arange(1, 7, dtype=np.float32)[:, None]


def test_an_engine_agrees_with_itself(shop: Workshop) -> None:
    pytest.importorskip("openvino")
    golden = golden_vectors(4)
    for network in shop.networks():
        engine = OpenVinoBackend(1).load(network.onnx)
        found = compare(engine, engine, golden[Modality(network.name)])
        assert (found.vectors, found.finite) == (4, True)
        assert found.worst_cosine == pytest.approx(1, abs=1e-6)
        check(network.name, found, "fp32")


def test_rounding_is_agreement_and_a_wrong_network_is_not() -> None:
    check("rgb", compare(Noisy(), Noisy(0.01), VECTORS), "fp32")
    found = compare(Noisy(), Noisy(0.1), VECTORS)
    check("rgb", found, "int8")
    with pytest.raises(PlanError, match=r"rgb does not compute.*cosine 0\.9.*CPU goes on"):
        check("rgb", found, "fp32")
    with pytest.raises(PlanError, match=r"cosine -1\.0"):
        check("rgb", compare(Noisy(), Noisy(fill=-1.0), VECTORS), "int8")


def test_a_fault_that_only_batches_have_is_found() -> None:
    found = compare(Noisy(), Noisy(2.0, batch_only=True), VECTORS)
    assert found.worst_difference == 0
    assert found.batch_difference > 0.5
    with pytest.raises(PlanError, match="cosine"):
        check("rgb", found, "int8")


def test_what_is_not_finite_is_refused() -> None:
    with np.errstate(invalid="ignore"):
        found = compare(Noisy(), Noisy(fill=float("nan")), VECTORS)
    with pytest.raises(PlanError, match="not finite"):
        check("rgb", found, "int8")


def test_two_silences_agree_but_silence_is_no_answer() -> None:
    zero, one = np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32)
    assert cosine(zero, zero) == 1
    assert cosine(zero, one) == 0


def test_golden_inputs_are_raw_sensor_tensors_that_differ() -> None:
    golden = golden_vectors(3)
    assert set(golden) == set(MODALITIES)
    for modality, rows in golden.items():
        assert len(rows) == 3, modality
        assert (rows[0] != rows[-1]).any(), modality
