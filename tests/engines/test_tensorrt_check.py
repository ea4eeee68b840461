"""INT8 is INT8: what NVIDIA's own parser and builder make of the Q/DQ form, without a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge.encoders.spec import ENCODERS, EncoderSpec
from edge.errors import DeviceError, ModelError
from edge.models import ModelStore
from engines.quantize.recipe import Original, Watch, candidates
from engines.tensorrt_check import LayerTypes, built_layer, built_types, last_report
from engines.trt_library import Library, open_library

onnx = pytest.importorskip("onnx")

LINE = (
    "Name: /b_myl0_6, LayerType: correlation, Inputs: [ { Name: x, Dimensions: [-1,4,9,9], "
    "Strides: [1,1,1,1], StrideOrder: [3,0,2,1], Datatype: Int8, Format: (NHWC) }], "
    "Constants: [ { Name: w, Dimensions: [32,4,3,3], Strides: [1,1,1,1], Datatype: Int8, Format: "
    "(NHWC) }, { Name: s, Dimensions: [1,32,1,1], Strides: [1,1,1,1], Datatype: Float, Format: "
    "(NHWC) }], Outputs: [ { Name: y, Dimensions: [-1,32,9,9], Datatype: Float }], "
    "TacticName: , StreamId: 0, Metadata: [ONNX Layer: /b][ONNX Layer: /b_weight]"
)
LEAST_INT8 = 0.9


@pytest.fixture(scope="module")
def rtx() -> Library:
    try:
        return open_library("tensorrt_rtx")
    except DeviceError as error:
        pytest.skip(str(error))


def test_a_line_of_the_builders_report_is_read() -> None:
    layer = built_layer(LINE)
    assert layer is not None
    assert layer.origins == {"/b", "/b_weight"}
    assert layer.input_types == ("Int8",)
    assert layer.weight_types == ("Int8",)
    assert built_layer("[MemUsage] something else") is None


def test_the_last_report_counts() -> None:
    assert last_report(["Layers:", "old", "Layers:", LINE, "end"]) == [LINE, "end"]
    assert last_report(["no report"]) == []


def test_one_float_operand_makes_a_layer_float() -> None:
    assert LayerTypes("/a", "Int8", "Int8").is_int8
    assert not LayerTypes("/a", "Int8", "Float").is_int8
    assert not LayerTypes("/a", "Float", "Int8").is_int8


def quantised(spec: EncoderSpec) -> bytes:
    """The shipped encoder by the recipe; types do not depend on what it was calibrated on."""
    fp32 = ModelStore().read_encoder(spec)
    original = Original(spec, fp32)
    watch = Watch(original)
    rng = np.random.default_rng(0)
    if np.issubdtype(spec.input_type, np.floating):
        noise: Any = rng.normal(0, 0.1, (2, *spec.input_shape)).astype(spec.input_type)
    else:
        noise = rng.integers(0, 120, (2, *spec.input_shape)).astype(spec.input_type)
    watch.run(noise)
    return candidates(original, watch.seen, ["min_max"])["min_max"]


@pytest.fixture(scope="module")
def found(rtx: Library) -> dict[str, list[LayerTypes]]:
    """By encoder: the shipped INT8 graph where there is one, else what the recipe makes."""
    store, types = ModelStore(), {}
    for spec in ENCODERS.values():
        shipped = spec.int8_file in store.manifest.digests
        graph = store.read_encoder(spec, "int8") if shipped else quantised(spec)
        types[spec.file] = built_types(rtx, graph)
    return types


@pytest.mark.parametrize("spec", ENCODERS.values(), ids=lambda spec: spec.modality.value)
def test_every_layer_but_those_named_runs_in_int8(
    found: dict[str, list[LayerTypes]], spec: EncoderSpec
) -> None:
    float_layers = {layer.name for layer in found[spec.file] if not layer.is_int8}
    assert len(found[spec.file]) > 10
    assert float_layers == set(spec.float_layers)


def test_nine_layers_of_ten_run_in_int8(found: dict[str, list[LayerTypes]]) -> None:
    layers = [layer for of_one in found.values() for layer in of_one]
    assert sum(layer.is_int8 for layer in layers) >= LEAST_INT8 * len(layers)


def test_fp32_graphs_are_told_apart(rtx: Library) -> None:
    spec = next(iter(ENCODERS.values()))
    assert not any(layer.is_int8 for layer in built_types(rtx, ModelStore().read_encoder(spec)))


def one_convolution(change: Callable[[Any], None]) -> bytes:
    """input -> Q -> DQ -> Conv with INT8 weights and a float bias, then changed."""
    from onnx import TensorProto, helper, numpy_helper

    steps = np.random.default_rng(0).integers(-127, 127, (8, 4, 3, 3)).astype(np.int8)
    constants = {
        "scale": np.float32(0.02),
        "zero": np.int8(0),
        "w": steps,
        "w_scale": np.full(8, 0.01, np.float32),
        "w_zero": np.zeros(8, np.int8),
        "bias": np.zeros(8, np.float32),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["input", "scale", "zero"], ["q"], "/q"),
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["dq"], "/dq"),
        helper.make_node("DequantizeLinear", ["w", "w_scale", "w_zero"], ["wd"], "/wd", axis=0),
        helper.make_node("Conv", ["dq", "wd", "bias"], ["feature"], "/conv", pads=[1, 1, 1, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 4, 16, 16])],
        [helper.make_tensor_value_info("feature", TensorProto.FLOAT, ["batch", 8, 16, 16])],
        [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()],
    )
    change(graph)
    opset = [helper.make_opsetid("", 17)]
    data: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return data


def replace_constant(graph: Any, name: str, value: np.ndarray) -> None:
    old = next(entry for entry in graph.initializer if entry.name == name)
    graph.initializer.remove(old)
    graph.initializer.append(onnx.numpy_helper.from_array(value, name))


def int32_bias(graph: Any) -> None:
    """What ONNX Runtime's quantiser does by default."""
    for name, value in (("bias", np.zeros(8, np.int32)), ("b_zero", np.zeros(8, np.int32)),
                        ("b_scale", np.full(8, 2e-4, np.float32))):  # fmt: skip
        if name == "bias":
            replace_constant(graph, name, value)
        else:
            graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    node = onnx.helper.make_node(
        "DequantizeLinear", ["bias", "b_scale", "b_zero"], ["bias_float"], "/bd", axis=0
    )
    graph.node.insert(0, node)
    graph.node[-1].input[2] = "bias_float"


def asymmetric(graph: Any) -> None:
    """A zero point that is not 0, as unsigned or shifted activations have."""
    replace_constant(graph, "zero", np.asarray(np.int8(-100)))


def unsigned(graph: Any) -> None:
    """What most CPU recipes do to activations."""
    replace_constant(graph, "zero", np.asarray(np.uint8(128)))


def test_the_form_itself_is_taken(rtx: Library) -> None:
    (layer,) = built_types(rtx, one_convolution(lambda graph: None))
    assert layer == LayerTypes("/conv", "Int8", "Int8")


@pytest.mark.parametrize("bad", [int32_bias, asymmetric, unsigned])
def test_forms_that_tensorrt_refuses_are_still_refused(
    rtx: Library, bad: Callable[[Any], None]
) -> None:
    onnx.checker.check_model(onnx.load_model_from_string(one_convolution(bad)), full_check=True)
    with pytest.raises(ModelError, match="tensorrt_rtx"):
        built_types(rtx, one_convolution(bad))
