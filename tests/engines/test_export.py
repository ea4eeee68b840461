from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from edge.encoders.openvino import OpenVinoBackend
from edge.encoders.spec import ENCODERS, INPUT_NAME, OUTPUT_NAME
from edge.errors import MissingFileError
from edge.fusion.parameters import QUALITY_CUES, FusionParameters
from edge.values import FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import MODALITIES, Modality

torch = pytest.importorskip("torch", reason="needs the extra: train")
onnx = pytest.importorskip("onnx")

TENSORRT_TYPES = {"UINT8", "INT8", "INT32", "FLOAT", "BOOL"}


@pytest.fixture(scope="module", params=MODALITIES, ids=lambda m: m.value)
def exported(request: pytest.FixtureRequest) -> tuple[Modality, torch.nn.Module, bytes]:
    from engines.export import onnx_from_encoder
    from engines.models.encoder import build_encoder

    torch.manual_seed(0)
    try:
        encoder = build_encoder(request.param).eval()
    except MissingFileError as error:
        pytest.skip(str(error))
    return request.param, encoder, onnx_from_encoder(encoder)


def example(modality: Modality, batch: int) -> np.ndarray:
    spec = ENCODERS[modality]
    rng = np.random.default_rng(2)
    if modality is Modality.AUDIO:
        return rng.normal(0, 0.1, (batch, *spec.input_shape)).astype(np.float32)
    top = {Modality.RGB: 256, Modality.FLOW: 100, Modality.DEPTH: 6000}[modality]
    return rng.integers(0, top, (batch, *spec.input_shape)).astype(spec.input_type)


def axes(value: onnx.ValueInfoProto) -> list[int | str]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def type_name(value: onnx.ValueInfoProto) -> str:
    return onnx.TensorProto.DataType.Name(value.type.tensor_type.elem_type)


def test_openvino_computes_what_torch_does(
    exported: tuple[Modality, torch.nn.Module, bytes],
) -> None:
    modality, encoder, data = exported
    raw = example(modality, 3)
    with torch.no_grad():
        expected = encoder(torch.from_numpy(raw)).numpy()
    np.testing.assert_allclose(OpenVinoBackend(1).load(data).run(raw), expected, atol=1e-3)


def test_an_encoder_takes_raw_tensors_and_only_its_batch_is_dynamic(
    exported: tuple[Modality, torch.nn.Module, bytes],
) -> None:
    modality, _, data = exported
    graph = onnx.load_model_from_string(data).graph
    spec = ENCODERS[modality]
    assert [i.name for i in graph.input] == [INPUT_NAME]
    assert [o.name for o in graph.output] == [OUTPUT_NAME]
    assert axes(graph.input[0]) == ["batch", *spec.input_shape]
    assert axes(graph.output[0]) == ["batch", FEATURE_DIM]
    assert type_name(graph.input[0]) in TENSORRT_TYPES
    expected = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(spec.input_type))
    assert graph.input[0].type.tensor_type.elem_type == expected


def test_paddings_and_batch_norms_are_inside_the_convolutions(
    exported: tuple[Modality, torch.nn.Module, bytes],
) -> None:
    graph = onnx.load_model_from_string(exported[2]).graph
    assert not {node.op_type for node in graph.node} & {"Pad", "BatchNormalization", "Shape"}


def test_stride_two_convolutions_keep_their_lopsided_pads() -> None:
    from engines.export import onnx_from_encoder
    from engines.models.encoder import build_encoder

    try:
        graph = onnx.load_model_from_string(onnx_from_encoder(build_encoder(Modality.AUDIO))).graph
    except MissingFileError as error:
        pytest.skip(str(error))
    convs = [{a.name: list(a.ints) for a in n.attribute} for n in graph.node if n.op_type == "Conv"]
    strided = [conv for conv in convs if conv["strides"] == [2, 2]]
    assert len(strided) == 5
    assert all(conv["pads"] == [0, 0, 1, 1] for conv in strided)


def test_the_fusion_graph_carries_the_parameters_by_name() -> None:
    from engines.export import onnx_from_fusion
    from engines.models.fusion import FusionNet

    net = FusionNet()
    graph = onnx.load_model_from_string(onnx_from_fusion(net)).graph
    arrays = {i.name: onnx.numpy_helper.to_array(i) for i in graph.initializer}
    for field in fields(FusionParameters):
        expected = getattr(net.to_parameters(), field.name)
        np.testing.assert_array_equal(arrays[field.name], expected)
    assert all(type_name(value) in TENSORRT_TYPES for value in graph.input)
    assert all(axes(value)[0] == "batch" for value in (*graph.input, *graph.output))
    assert not any(isinstance(a, str) for value in graph.input for a in axes(value)[1:])


def test_the_fusion_graph_needs_no_shapes_no_sorting_and_no_infinity() -> None:
    from engines.export import onnx_from_fusion
    from engines.models.fusion import FusionNet

    graph = onnx.load_model_from_string(onnx_from_fusion(FusionNet())).graph
    unwanted = {"Shape", "Reshape", "Identity", "TopK", "ArgMax", "ReduceLogSumExp", "If", "Loop"}
    assert not {node.op_type for node in graph.node} & unwanted
    constants = [a.t for n in graph.node if n.op_type == "Constant" for a in n.attribute]
    arrays = [onnx.numpy_helper.to_array(t) for t in (*graph.initializer, *constants)]
    assert all(np.abs(a).max() < 65_504 for a in arrays if a.dtype.kind == "f" and a.size)


@pytest.mark.parametrize("power", [1.0, 0.1])
def test_the_fusion_graph_computes_what_torch_does(power: float) -> None:
    import openvino

    from engines.export import onnx_from_fusion
    from engines.models.fusion import FusionNet

    net = FusionNet()
    with torch.no_grad():
        net.temporal_query.normal_(0, 0.3)
        net.temporal_age.normal_(0, 1)
        net.pool_power.fill_(power)
        net.pool_independence.fill_(0.7)
    rng = np.random.default_rng(3)
    m = len(MODALITIES)
    inputs = (
        rng.random((4, m, VIDEO_STEPS, FEATURE_DIM), np.float32),
        rng.random((4, m, VIDEO_STEPS)) < np.array([0.5, 0.5, 0.05, 0.0])[:, None, None],
        rng.random((4, m)) < 0.7,
        rng.random((4, m, len(QUALITY_CUES)), np.float32),
    )
    compiled = openvino.Core().compile_model(
        openvino.Core().read_model(onnx_from_fusion(net), b""),
        "CPU",
        {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1},
    )
    got = compiled(list(inputs))
    with torch.no_grad():
        expected = net(*[torch.from_numpy(array) for array in inputs])
    for name in ("gate", "actions", "experts", "sounds"):
        np.testing.assert_allclose(got[name], getattr(expected, name), atol=1e-5)


def test_constants_are_folded_and_weights_are_left_alone() -> None:
    from onnx import TensorProto, helper, numpy_helper

    from engines.graph import fold_constants

    three = numpy_helper.from_array(np.float32(3), "three")
    weight = numpy_helper.from_array(np.float32(2), "weight")
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], ["c"], value=three),
            helper.make_node("Neg", ["c"], ["minus"]),
            helper.make_node("Neg", ["weight"], ["other"]),
            helper.make_node("Sum", ["x", "minus", "other"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        [weight],
    )
    model = helper.make_model(graph)
    assert fold_constants(model) == 1
    assert [node.op_type for node in model.graph.node] == ["Neg", "Sum"]
    assert {i.name for i in model.graph.initializer} == {"weight", "minus"}
