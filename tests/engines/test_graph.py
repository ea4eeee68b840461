from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.graph import cast_first, fold_constants, fold_pads, name_shared

pytest.importorskip("onnx")

if TYPE_CHECKING:
    from onnx import ModelProto


def padded_convolution(pads: list[int], value: float = 0.0, mode: str = "constant") -> ModelProto:
    from onnx import TensorProto, helper, numpy_helper

    constants: dict[str, NDArray[Any]] = {
        "pads": np.array(pads, np.int64),
        "value": np.array(value, np.float32),
        "weight": np.ones((1, 1, 3, 3), np.float32),
    }
    told = ["x", "pads", "value"] if mode == "constant" else ["x", "pads"]
    nodes = [
        helper.make_node("Pad", told, ["padded"], mode=mode),
        helper.make_node("Conv", ["padded", "weight"], ["y"], strides=[2, 2]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 4, 4])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def result(model: ModelProto) -> NDArray[Any]:
    from onnx.reference import ReferenceEvaluator

    x = np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8)
    (y,) = ReferenceEvaluator(model).run(None, {"x": x})
    return np.asarray(y)


def test_a_padding_behind_moves_into_the_convolution() -> None:
    model = padded_convolution([0, 0, 0, 0, 0, 0, 1, 1])
    expected = result(model)
    assert fold_pads(model) == 1
    assert [node.op_type for node in model.graph.node] == ["Conv"]
    assert [i.name for i in model.graph.initializer] == ["weight"]
    np.testing.assert_array_equal(result(model), expected)


@pytest.mark.parametrize(
    ("pads", "value", "mode"),
    [
        ([0, 0, 0, 0, 0, 0, 1, 1], 1.0, "constant"),
        ([0, 0, 0, 0, 0, 0, 1, 1], 0.0, "reflect"),
        ([0, 1, 0, 0, 0, 0, 1, 1], 0.0, "constant"),
    ],
)
def test_a_padding_that_no_convolution_can_make_stays(
    pads: list[int], value: float, mode: str
) -> None:
    model = padded_convolution(pads, value, mode)
    assert fold_pads(model) == 0
    assert [node.op_type for node in model.graph.node] == ["Pad", "Conv"]


def test_what_depends_on_constants_alone_is_computed_once() -> None:
    from onnx import TensorProto, helper, numpy_helper

    two = numpy_helper.from_array(np.array(2.0, np.float32))
    nodes = [
        helper.make_node("Constant", [], ["two"], value=two),
        helper.make_node("Mul", ["two", "two"], ["four"]),
        helper.make_node("Add", ["x", "four"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in ("x", "y")]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    assert fold_constants(model) == 1
    assert [node.op_type for node in model.graph.node] == ["Add"]
    assert float(numpy_helper.to_array(model.graph.initializer[0])) == 4


def test_equal_weights_that_share_one_copy_get_their_own_names_back() -> None:
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("Identity", ["first"], ["second"]),
        helper.make_node("Add", ["first", "second"], ["both"]),
        helper.make_node("Add", ["x", "both"], ["y"]),
    ]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in ("x", "y")]
    weight = numpy_helper.from_array(np.ones(1, np.float32), "first")
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    assert name_shared(model) == 1
    assert [i.name for i in model.graph.initializer] == ["first", "second"]
    assert [node.op_type for node in model.graph.node] == ["Add", "Add"]


def raw_picture() -> ModelProto:
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Transpose", ["x"], ["turned"], name="turn", perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["turned"], ["y"], name="cast", to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, [1, 4, 5, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 4, 5])],
        value_info=[helper.make_tensor_value_info("turned", TensorProto.UINT8, [1, 3, 4, 5])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_bytes_become_numbers_before_they_are_transposed() -> None:
    from onnx import checker
    from onnx.reference import ReferenceEvaluator

    model = raw_picture()
    x = np.arange(60, dtype=np.uint8).reshape(1, 4, 5, 3)
    (expected,) = ReferenceEvaluator(model).run(None, {"x": x})
    assert cast_first(model) == 1
    assert [node.name for node in model.graph.node] == ["cast", "turn"]
    checker.check_model(model, full_check=True)
    (found,) = ReferenceEvaluator(model).run(None, {"x": x})
    np.testing.assert_array_equal(found, expected)
    assert cast_first(model) == 0


def test_a_transpose_that_others_read_too_stays() -> None:
    from onnx import TensorProto, helper

    model = raw_picture()
    model.graph.output.append(
        helper.make_tensor_value_info("turned", TensorProto.UINT8, [1, 3, 4, 5])
    )
    assert cast_first(model) == 0
