"""A model directory of small convolutions, and a recording of noise: what a command test needs."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from edge.encoders.spec import ENCODERS, FUSION_FILE, EncoderSpec
from edge.fusion.parameters import HEADS, QUALITY_CUES, TAPS, FusionParameters
from edge.models import ModelStore
from edge.preprocess.finder import FINDER_FILE
from edge.sources.recording import RecordingWriter
from edge.values import FEATURE_DIM, VIDEO_STEPS
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, Modality

onnx = pytest.importorskip("onnx")
CHANNELS = 6


@pytest.fixture(scope="session")
def exact_int8() -> None:
    """Skips on a CPU that cannot run INT8."""
    from edge.encoders.int8_probe import largest_sum
    from edge.encoders.openvino import OpenVinoBackend
    from edge.errors import ConfigError

    try:
        OpenVinoBackend(1).load(largest_sum())
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def model(exact_int8: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose encoders are two convolutions and a projection, with layers of real names."""
    pytest.importorskip("openvino", reason="needs openvino")
    directory = tmp_path_factory.mktemp("model")
    contents = {spec.file: encoder_graph(spec) for spec in ENCODERS.values()}
    contents[FUSION_FILE] = fusion_graph()
    contents[FINDER_FILE] = ModelStore().read(FINDER_FILE)
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    listed = {name: {"sha256": sha256(content).hexdigest()} for name, content in contents.items()}
    manifest = {"format": 1, "name": "small", "trained_on": [], "files": listed}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    return directory


def encoder_graph(spec: EncoderSpec) -> bytes:
    """Raw input -> float -> two convolutions -> mean -> feature."""
    from onnx import TensorProto, helper, numpy_helper

    sound = spec.modality is Modality.AUDIO
    rng = np.random.default_rng(0)
    scale = {np.uint8: 1 / 255, np.int8: 1 / 127, np.int32: 1 / 4000}.get(spec.input_type, 1.0)
    planes = 1 if sound else spec.input_shape[-1]
    first, second = (*spec.float_layers, "/first/Conv", "/second/Conv")[:2]
    constants = {
        "scale": np.float32(scale),
        "axes": np.array([1, 2], np.int64),
        "one": rng.normal(0, 0.4, (CHANNELS, planes, 1, 5)).astype(np.float32),
        "two": rng.normal(0, 0.4, (CHANNELS, CHANNELS, 1, 3)).astype(np.float32),
        "three": rng.normal(0, 0.4, (CHANNELS, CHANNELS, 1, 3)).astype(np.float32),
        "weight": rng.normal(0, 1, (FEATURE_DIM, CHANNELS)).astype(np.float32),
        "bias": np.full(FEATURE_DIM, 0.1, np.float32),
    }
    shaped = (
        helper.make_node("Unsqueeze", ["scaled", "axes"], ["planes"], "/shape")
        if sound
        else helper.make_node("Transpose", ["scaled"], ["planes"], "/shape", perm=[0, 3, 1, 2])
    )
    nodes = [
        helper.make_node("Cast", ["input"], ["floats"], "/cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "scale"], ["scaled"], "/scale"),
        shaped,
        helper.make_node("Conv", ["planes", "one"], ["x1"], first, strides=[1, 4]),
        helper.make_node("Relu", ["x1"], ["x2"], "/relu1"),
        helper.make_node("Conv", ["x2", "two"], ["x3"], second, strides=[1, 2]),
        helper.make_node("Relu", ["x3"], ["x4"], "/relu2"),
        helper.make_node("Conv", ["x4", "three"], ["x5"], "/third/Conv", strides=[1, 2]),
        helper.make_node("GlobalAveragePool", ["x5"], ["x6"], "/pool"),
        helper.make_node("Flatten", ["x6"], ["x7"], "/flat"),
        helper.make_node("Gemm", ["x7", "weight", "bias"], ["x8"], "/project/Gemm", transB=1),
        helper.make_node("Relu", ["x8"], ["feature"], "/feature"),
    ]
    used = {name for node in nodes for name in node.input}
    element = helper.np_dtype_to_tensor_dtype(np.dtype(spec.input_type))
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("input", element, ["batch", *spec.input_shape])],
        [helper.make_tensor_value_info("feature", TensorProto.FLOAT, ["batch", FEATURE_DIM])],
        [numpy_helper.from_array(np.asarray(v), n) for n, v in constants.items() if n in used],
    )
    opset = [helper.make_opsetid("", 17)]
    data: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return data


def fusion_graph() -> bytes:
    """A gate that trusts all alike and prefers no action; only its parameters are in the graph."""
    from onnx import helper, numpy_helper

    m, d, a, s, q = len(MODALITIES), FEATURE_DIM, len(ACTIONS), len(SOUNDS), len(QUALITY_CUES)
    shapes = {
        "temporal_kernel": (m, TAPS, d),
        "temporal_bias": (m, d),
        "temporal_query": (m, d),
        "temporal_age": (m, HEADS, VIDEO_STEPS),
        "expert_weight": (m, a, d),
        "expert_bias": (m, a),
        "gate_hidden_weight": (1, m * (d + 1 + q)),
        "gate_hidden_bias": (1,),
        "gate_weight": (m, 1),
        "gate_bias": (m,),
        "pool_power": (1,),
        "pool_independence": (1,),
        "sound_weight": (s, d),
        "sound_bias": (s,),
    }
    assert set(shapes) == {field.name for field in fields(FusionParameters)}
    weights = [
        numpy_helper.from_array(np.full(shape, name == "pool_power", np.float32), name)
        for name, shape in shapes.items()
    ]
    data: bytes = helper.make_model(
        helper.make_graph([], "fusion", [], [], weights)
    ).SerializeToString()
    return data


@pytest.fixture(scope="session")
def make_noise(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A recording of noise with some of rgb, depth and audio."""

    def make(*streams: str, seconds: float = 4.0) -> Path:
        rng = np.random.default_rng(3)
        path = tmp_path_factory.mktemp("recordings") / "noise.mcap"
        with RecordingWriter(path, depth_hfov_deg=87.0) as writer:
            for index in range(round(seconds * 15)):
                t_ns = 1_000_000_000 + round(index / 15 * 1e9)
                if "audio" in streams:
                    writer.audio(t_ns, rng.normal(0, 3_000, 1_067).astype(np.int16))
                if "rgb" in streams:
                    writer.rgb(t_ns, rng.integers(40, 200, (60, 80, 3)).astype(np.uint8))
                if "depth" in streams:
                    writer.depth(t_ns, rng.integers(900, 4_000, (60, 80)).astype(np.uint16))
        return path

    return make


@pytest.fixture(scope="session")
def recording(make_noise: Callable[..., Path]) -> Path:
    """A recording with everything."""
    return make_noise("rgb", "depth", "audio")


@pytest.fixture(autouse=True)
def shipped(recording: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for the recording that ships, which is ten times as long."""
    monkeypatch.setattr("calibration.int8.demo_recording", lambda: recording)
    return recording
