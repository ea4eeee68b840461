"""NVIDIA's real builder without a GPU, and a small model directory of real encoders' form."""

from __future__ import annotations

import json
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from edge.encoders.spec import ENCODERS, EncoderSpec
from edge.plans import PlanStore, Recipe
from edge.values import FEATURE_DIM
from engines.plans.options import Workshop
from engines.plans.site import Site, open_site
from engines.trt_library import REMEDIES


@pytest.fixture
def rtx() -> Site:
    """TensorRT-RTX, which compiles for a stand-in (SM86)."""
    if find_spec("tensorrt_rtx_bindings") is None:
        pytest.skip(f"needs TensorRT-RTX: {REMEDIES['tensorrt_rtx']}")
    with open_site("tensorrt_rtx") as site:
        return site


@pytest.fixture(scope="session")
def small_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model directory whose encoders are one matrix product each."""
    pytest.importorskip("onnx", reason="needs onnx")
    directory = tmp_path_factory.mktemp("models")
    files = {spec.file: projection(spec) for spec in ENCODERS.values()}
    for name, data in files.items():
        (directory / name).write_bytes(data)
    listed = {name: {"sha256": sha256(data).hexdigest()} for name, data in files.items()}
    manifest = {"format": 1, "name": "small", "trained_on": [], "files": listed}
    (directory / "manifest.json").write_text(json.dumps(manifest))
    return directory


def projection(spec: EncoderSpec) -> bytes:
    """The mean of each column of the last axis, times random weights."""
    from onnx import TensorProto, helper, numpy_helper

    width = spec.input_shape[-1] if len(spec.input_shape) > 1 else 1
    shape = [0, -1, width]
    weights = np.random.default_rng(1).normal(size=(width, FEATURE_DIM)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["input"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["floats", "shape"], ["rows"]),
        helper.make_node("ReduceMean", ["rows"], ["means"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], ["feature"]),
    ]
    element = helper.np_dtype_to_tensor_dtype(np.dtype(spec.input_type))
    graph = helper.make_graph(
        nodes,
        "projection",
        [helper.make_tensor_value_info("input", element, ["batch", *spec.input_shape])],
        [helper.make_tensor_value_info("feature", TensorProto.FLOAT, ["batch", FEATURE_DIM])],
        [
            numpy_helper.from_array(np.array(shape, np.int64), "shape"),
            numpy_helper.from_array(weights, "weights"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    data: bytes = model.SerializeToString()
    return data


@pytest.fixture
def shop(small_models: Path, tmp_path: Path) -> Workshop:
    from edge.models import ModelStore

    return Workshop(ModelStore(small_models), PlanStore(tmp_path / "plans"), Recipe(), "fp32")
