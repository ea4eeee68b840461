from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx")
pytest.importorskip("openvino", reason="needs openvino")

import onnx
from onnx import TensorProto, helper

from edge.encoders.engine import Engine
from edge.encoders.openvino import OpenVinoBackend
from edge.errors import ModelError
from edge.values import FEATURE_DIM


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
def engine() -> Engine:
    return OpenVinoBackend(threads=1).load(tiny_graph())


@pytest.mark.parametrize("batch", [1, 3])
def test_a_batch_of_any_size_is_run_row_by_row(engine: Engine, batch: int) -> None:
    frames = np.arange(batch, dtype=np.int8)[:, None, None, None] * np.ones((4, 4, 2), np.int8)
    features = engine.run(frames)
    assert (features.shape, features.dtype) == ((batch, FEATURE_DIM), np.float32)
    np.testing.assert_allclose(features[:, 0], 32.0 * np.arange(batch))


def test_a_view_with_strides_is_run_as_what_it_shows(engine: Engine) -> None:
    whole = np.arange(-64, 64, dtype=np.int8).reshape(1, 8, 8, 2)
    part = whole[:, ::-2, ::2]
    assert engine.run(part)[0, 0] == part.astype(int).sum()


def test_results_stay_when_the_next_batch_is_run(engine: Engine) -> None:
    first = engine.run(np.ones((1, 4, 4, 2), np.int8))
    engine.run(np.zeros((1, 4, 4, 2), np.int8))
    assert (first == 32).all()


def test_a_damaged_graph_is_one_clear_error() -> None:
    with pytest.raises(ModelError, match="reinstall"):
        OpenVinoBackend(threads=1).load(b"not a graph")


def test_loading_it_loads_no_telemetry() -> None:
    code = (
        "import sys; from edge.encoders.openvino import import_openvino; import_openvino(); "
        "sys.exit(sys.modules['openvino_telemetry'] is not None)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
