"""Small stand-ins for what is large: networks that need no training, recordings of noise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import fields
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.demo_broker import PrivateBroker
from edge.encoders.spec import ENCODERS, FUSION_FILE, EncoderSpec
from edge.errors import BrokerError
from edge.fusion.parameters import HEADS, QUALITY_CUES, TAPS, FusionParameters
from edge.models import Models
from edge.sources.recording import RecordingWriter
from edge.values import F32, FEATURE_DIM, VIDEO_STEPS, FusedBatch, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, Modality

BRIGHT = 130.0  # mean of a letterboxed picture
SURE = 0.99  # above any default threshold


class MeanEncoder:
    """Every feature is the mean of the input."""

    def __init__(self, modality: Modality) -> None:
        self.modality = modality

    def encode(self, batch: NDArray[Any]) -> F32:
        means = batch.reshape(len(batch), -1).mean(axis=1, dtype=np.float64)
        return np.repeat(means[:, None], FEATURE_DIM, axis=1).astype(np.float32)


class BrightnessFusion:
    """Sees a fall in a bright picture, walking in a dark one; trusts all that is present alike."""

    def fuse(self, window: WindowFeatures) -> FusedBatch:
        rooms, modalities = window.present.shape
        present = window.present.astype(np.float32)
        gate = present / np.maximum(present.sum(axis=1, keepdims=True), 1)
        actions = np.zeros((rooms, len(ACTIONS)), np.float32)
        rgb = MODALITIES.index(Modality.RGB)
        newest = window.features[:, rgb, -3:, 0].max(axis=1)
        for room in range(rooms):
            top = "fall" if newest[room] > BRIGHT else "walk"
            actions[room] = (1 - SURE) / (len(ACTIONS) - 1)
            actions[room, ACTIONS.index(top)] = SURE
        actions[~window.present.any(axis=1)] = 0
        experts = np.repeat(actions[:, None], modalities, axis=1) * present[:, :, None]
        sounds = np.full((rooms, len(SOUNDS)), 0.01, np.float32)
        sounds[~window.present[:, MODALITIES.index(Modality.AUDIO)]] = 0
        return FusedBatch(gate, actions, experts, sounds)


@pytest.fixture
def models() -> Models:
    """Networks that call a bright picture a fall."""
    return Models("brightness", {m: MeanEncoder(m) for m in MODALITIES}, BrightnessFusion())


@pytest.fixture
def make_recording(tmp_path: Path) -> Callable[..., Path]:
    """Make a recording of noise: dark, but bright (a "fall") from ``fall_s`` on for 2 s."""

    def make(
        name: str = "room.mcap",
        seconds: float = 4.0,
        fall_s: float = 1e9,
        streams: tuple[str, ...] = ("rgb", "depth", "audio"),
    ) -> Path:
        random = np.random.default_rng(7)
        path = tmp_path / name
        with RecordingWriter(path, depth_hfov_deg=87.0) as writer:
            for index in range(round(seconds * 15)):
                t_s = index / 15
                t_ns = 5_000_000_000 + round(t_s * 1e9)
                level = 235 if fall_s <= t_s < fall_s + 2 else 60
                if "audio" in streams:
                    sound = random.normal(0, 2_000, 16_000 // 15 + 1).astype(np.int16)
                    writer.audio(t_ns, sound)
                if "rgb" in streams:
                    noise = random.integers(-12, 12, (60, 80, 1))
                    writer.rgb(t_ns, np.repeat(level + noise, 3, axis=2).astype(np.uint8))
                if "depth" in streams:
                    writer.depth(t_ns, random.integers(900, 4_000, (60, 80)).astype(np.uint16))
        return path

    return make


@pytest.fixture
def broker() -> Iterator[PrivateBroker]:
    """A private mosquitto; skips where none is installed."""
    try:
        broker = PrivateBroker()
    except BrokerError as error:
        pytest.skip(str(error))
    with broker:
        yield broker


@pytest.fixture(scope="session")
def model_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory whose networks do what ``models`` does, by way of ONNX and OpenVINO."""
    pytest.importorskip("openvino", reason="needs openvino")
    directory = tmp_path_factory.mktemp("models")
    contents = {spec.file: mean_graph(spec) for spec in ENCODERS.values()}
    contents[FUSION_FILE] = fusion_graph(brightness_parameters())
    for name, content in contents.items():
        (directory / name).write_bytes(content)
    listed = {name: {"sha256": sha256(content).hexdigest()} for name, content in contents.items()}
    manifest = {"format": 1, "name": "brightness", "trained_on": [], "files": listed}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    return directory


def mean_graph(spec: EncoderSpec) -> bytes:
    """Every feature is the mean of the input."""
    from onnx import TensorProto, helper, numpy_helper

    element = helper.np_dtype_to_tensor_dtype(np.dtype(spec.input_type))
    axes = np.arange(1, 1 + len(spec.input_shape), dtype=np.int64)
    constants = {
        "axes": axes,
        "columns": np.array([-1, 1], np.int64),
        "ones": np.ones((1, FEATURE_DIM), np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["input"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
        helper.make_node("Reshape", ["means", "columns"], ["column"]),
        helper.make_node("Mul", ["column", "ones"], ["feature"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("input", element, ["batch", *spec.input_shape])],
        [helper.make_tensor_value_info("feature", TensorProto.FLOAT, ["batch", FEATURE_DIM])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return model.SerializeToString()


def brightness_parameters() -> FusionParameters:
    """Trust the picture; above a mean of 100 it is a fall, else walking."""
    m, d, a, s, q = len(MODALITIES), FEATURE_DIM, len(ACTIONS), len(SOUNDS), len(QUALITY_CUES)
    rgb, fall, walk = MODALITIES.index(Modality.RGB), ACTIONS.index("fall"), ACTIONS.index("walk")
    weight, bias = np.zeros((m, a, d), np.float32), np.zeros((m, a), np.float32)
    weight[rgb, fall] = 0.2 / d
    bias[rgb, fall], bias[rgb, walk] = -15, 5
    gate_bias = np.zeros(m, np.float32)
    gate_bias[rgb] = 4
    return FusionParameters(
        temporal_kernel=np.zeros((m, TAPS, d), np.float32),
        temporal_bias=np.zeros((m, d), np.float32),
        temporal_query=np.zeros((m, d), np.float32),
        temporal_age=np.zeros((m, HEADS, VIDEO_STEPS), np.float32),
        expert_weight=weight,
        expert_bias=bias,
        gate_hidden_weight=np.zeros((1, m * (d + 1 + q)), np.float32),
        gate_hidden_bias=np.zeros(1, np.float32),
        gate_weight=np.zeros((m, 1), np.float32),
        gate_bias=gate_bias,
        pool_power=np.ones(1, np.float32),
        pool_independence=np.zeros(1, np.float32),
        sound_weight=np.zeros((s, d), np.float32),
        sound_bias=np.full(s, -4, np.float32),
    )


def fusion_graph(parameters: FusionParameters) -> bytes:
    """A graph that only carries the parameters."""
    from onnx import helper, numpy_helper

    weights = [
        numpy_helper.from_array(getattr(parameters, field.name), field.name)
        for field in fields(FusionParameters)
    ]
    return helper.make_model(helper.make_graph([], "fusion", [], [], weights)).SerializeToString()
