"""The INT8 graph: of the one form that every backend takes, and close to what it came from."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from edge.encoders.openvino import OpenVinoBackend
from edge.encoders.spec import INPUT_NAME, OUTPUT_NAME
from edge.errors import ModelError
from engines.quantize.layers import layers_of, quantised_layers, skips_of, watched_tensors
from engines.quantize.qdq import qdq_from_onnx, quantised_weight

onnx = pytest.importorskip("onnx")
RANGES = {"input": 4.0, "a_relu": 5.0, "b": 6.0, "flat": 2.0}


def loaded(graph: bytes) -> Any:
    return onnx.load_model_from_string(graph)


def kinds(graph: bytes) -> Counter[str]:
    return Counter(node.op_type for node in loaded(graph).graph.node)


def constants(graph: bytes) -> dict[str, np.ndarray]:
    return {i.name: onnx.numpy_helper.to_array(i) for i in loaded(graph).graph.initializer}


def test_layers_are_found_with_what_calibration_must_see(net: Any) -> None:
    model = loaded(net.onnx)
    assert [layer.name for layer in layers_of(model)] == ["/a", "/b", "/c"]
    assert [layer.name for layer in quantised_layers(model, ["/b"])] == ["/a", "/c"]
    assert watched_tensors(model) == ["input", "a_relu", "flat", "b"]


def test_only_the_branch_beside_a_quantised_convolution_is_int8(net: Any) -> None:
    model = loaded(net.onnx)
    assert [(node.name, node.input[i]) for node, i in skips_of(model)] == [("/Add", "a_relu")]
    assert skips_of(model, ["/b"]) == []


def test_the_form_is_symmetric_per_channel_and_has_float_biases(net: Any) -> None:
    graph = qdq_from_onnx(net.onnx, RANGES)
    arrays_by_name = constants(graph)
    model = loaded(graph)
    pairs = [n for n in model.graph.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert len(pairs) == 2 * 3 + 3  # input, a_relu, flat; three weights
    for node in pairs:
        zero = arrays_by_name[node.input[2]]
        assert zero.dtype == np.int8
        assert not zero.any()
        assert (arrays_by_name[node.input[1]] > 0).all()
    for name in ("a", "b", "c"):
        whole = arrays_by_name[f"{name}.weight_int8"]
        assert whole.dtype == np.int8
        assert arrays_by_name[f"{name}.weight_scale"].shape == whole.shape[:1]
        assert arrays_by_name[f"{name}.bias"].dtype == np.float32
        assert f"{name}.weight" not in arrays_by_name


def test_one_tensor_is_quantised_once_however_many_read_it(net: Any) -> None:
    model = loaded(qdq_from_onnx(net.onnx, RANGES))
    readers = [node.name for node in model.graph.node if "a_relu_dequantised" in node.input]
    assert readers == ["/b", "/Add"]
    assert sum(node.op_type == "QuantizeLinear" for node in model.graph.node) == 3


def test_layers_to_keep_stay_as_they_were(net: Any) -> None:
    graph = qdq_from_onnx(net.onnx, RANGES, ["/b", "/c"])
    assert kinds(graph)["QuantizeLinear"] == 1
    assert {"b.weight", "c.weight", "a.weight_int8"} <= constants(graph).keys()


def test_inputs_outputs_and_the_free_batch_axis_stay(net: Any) -> None:
    before, after = loaded(net.onnx).graph, loaded(qdq_from_onnx(net.onnx, RANGES)).graph
    assert list(before.input) == list(after.input)
    assert list(before.output) == list(after.output)


def test_a_layer_that_is_not_there_cannot_be_kept(net: Any) -> None:
    with pytest.raises(ModelError, match=r"no layer '/z'.*spec\.py"):
        qdq_from_onnx(net.onnx, RANGES, ["/z"])


def test_a_tensor_without_a_range_is_named(net: Any) -> None:
    with pytest.raises(ModelError, match=r"'flat'.*calibrate"):
        qdq_from_onnx(net.onnx, {k: v for k, v in RANGES.items() if k != "flat"})


def test_a_quantised_graph_is_not_quantised_again(net: Any) -> None:
    graph = qdq_from_onnx(net.onnx, RANGES)
    with pytest.raises(ModelError, match="initialiser"):
        qdq_from_onnx(graph, {**RANGES, "input_dequantised": 1, "a_relu_dequantised": 1,
                              "flat_dequantised": 1})  # fmt: skip


@pytest.mark.usefixtures("exact_int8")
def test_the_backend_computes_what_the_standard_says(net: Any) -> None:
    from onnx.reference import ReferenceEvaluator

    graph, frames = qdq_from_onnx(net.onnx, RANGES), net.frames()
    model = loaded(graph)
    model.opset_import[0].version = 19  # the evaluator's oldest; INT8 means the same in both
    (wanted,) = ReferenceEvaluator(model).run([OUTPUT_NAME], {INPUT_NAME: frames})
    np.testing.assert_allclose(OpenVinoBackend(1).load(graph).run(frames), wanted, atol=0.05)


def joined_branches() -> bytes:
    """Branches as depth has them: one in 0 .. 1, one in -1 .. 1; then a convolution."""
    from onnx import TensorProto, helper, numpy_helper

    floats = {
        "zero": np.float32(0),
        "one": np.float32(1),
        "two": np.float32(2),
        "weight": np.random.default_rng(0).normal(0, 0.3, (4, 2, 3, 3)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Clip", [INPUT_NAME, "zero", "one"], ["known"], "/clip"),
        helper.make_node("Mul", ["known", "two"], ["twice"], "/mul"),
        helper.make_node("Sub", ["twice", "one"], ["centred"], "/sub"),
        helper.make_node("Concat", ["centred", "known"], ["both"], "/concat", axis=1),
        helper.make_node("Conv", ["both", "weight"], [OUTPUT_NAME], "/conv", pads=[1, 1, 1, 1]),
    ]
    shape = ["batch", 1, 12, 12]
    graph = helper.make_graph(
        nodes,
        "joined",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["batch", 4, 12, 12])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in floats.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    data: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return data


@pytest.mark.usefixtures("exact_int8")
def test_branches_that_are_joined_keep_their_zero_points() -> None:
    frames = np.random.default_rng(1).uniform(-0.5, 1.5, (2, 1, 12, 12)).astype(np.float32)
    graph = joined_branches()
    backend = OpenVinoBackend(1)
    exact = backend.load(graph).run(frames)
    found = backend.load(qdq_from_onnx(graph, {"both": 1.0})).run(frames)
    np.testing.assert_allclose(found, exact, atol=0.05)


@settings(deadline=None)
@given(
    arrays(
        np.float32,
        array_shapes(min_dims=2, max_dims=4, max_side=5),
        elements=st.floats(-100, 100, width=32),
    )
)
def test_weights_are_off_by_half_a_step_at_most(weight: np.ndarray) -> None:
    steps, scale = quantised_weight(weight)
    assert np.abs(steps.astype(int)).max() <= 127
    shaped = scale.reshape(-1, *[1] * (weight.ndim - 1))
    assert (np.abs(steps * shaped - weight) <= shaped * 0.501).all()
