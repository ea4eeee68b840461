"""Encoders, on the back end that every machine has."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edge.encoders.engine import EngineEncoder
from edge.encoders.openvino import OpenVinoBackend
from edge.encoders.spec import ENCODERS, EncoderSpec
from edge.errors import ModelError
from edge.values import FEATURE_DIM
from edge.vocabulary import MODALITIES, Modality

SPEC = EncoderSpec(Modality.FLOW, "flow.onnx", (4, 4, 2), np.int8)


def tiny_graph() -> bytes:
    """Sum the input into every one of the features."""
    nodes = [
        helper.make_node("Cast", ["input"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["x", "axes"], ["sum"], keepdims=1),
        helper.make_node("Flatten", ["sum"], ["flat"]),
        helper.make_node("MatMul", ["flat", "ones"], ["feature"]),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("ones", TensorProto.FLOAT, [1, FEATURE_DIM], [1.0] * FEATURE_DIM),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input", TensorProto.INT8, ["batch", 4, 4, 2])],
        [helper.make_tensor_value_info("feature", TensorProto.FLOAT, ["batch", FEATURE_DIM])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


@pytest.fixture(scope="module")
def encoder() -> EngineEncoder:
    return EngineEncoder(SPEC, OpenVinoBackend(threads=1).load(tiny_graph()))


@pytest.mark.parametrize("batch", [0, 1, 3])
def test_a_batch_of_any_size_is_encoded_row_by_row(encoder: EngineEncoder, batch: int) -> None:
    frames = np.arange(batch, dtype=np.int8)[:, None, None, None] * np.ones((4, 4, 2), np.int8)
    features = encoder.encode(frames)
    assert features.shape == (batch, FEATURE_DIM)
    np.testing.assert_allclose(features[:, 0], 32.0 * np.arange(batch))


def test_results_stay_when_the_next_batch_is_run(encoder: EngineEncoder) -> None:
    first = encoder.encode(np.ones((1, 4, 4, 2), np.int8))
    encoder.encode(np.zeros((1, 4, 4, 2), np.int8))
    assert (first == 32).all()


@pytest.mark.parametrize(
    "batch", [np.zeros((1, 4, 4, 3), np.int8), np.zeros((1, 4, 4, 2), np.float32)]
)
def test_a_wrong_shape_or_type_is_refused(encoder: EngineEncoder, batch: Any) -> None:
    with pytest.raises(ValueError, match="flow encoder takes int8"):
        encoder.encode(batch)


def test_a_damaged_graph_is_one_clear_error() -> None:
    with pytest.raises(ModelError, match="reinstall"):
        OpenVinoBackend(threads=1).load(b"not a graph")


def test_there_is_one_specification_for_each_modality() -> None:
    assert tuple(ENCODERS) == MODALITIES
    assert {spec.input_type for spec in ENCODERS.values()} <= {
        np.uint8,
        np.int8,
        np.int32,
        np.float32,
    }
