"""A small graph of the shape that encoders have, with known weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.encoders.spec import INPUT_NAME, OUTPUT_NAME, EncoderSpec
from edge.vocabulary import Modality
from engines.quantize.recipe import Original

SIDE, CHANNELS, FEATURES = 8, 4, 8


@dataclass(frozen=True)
class Net:
    """input -> Conv a -> Relu -> Conv b, + shortcut -> Relu -> mean -> Gemm c -> Relu"""

    onnx: bytes

    def frames(self, count: int = 24, seed: int = 0) -> NDArray[np.float32]:
        rng = np.random.default_rng(seed)
        return rng.normal(0, 1, (count, 3, SIDE, SIDE)).astype(np.float32)

    @property
    def spec(self) -> EncoderSpec:
        return EncoderSpec(Modality.FLOW, "flow.onnx", (3, SIDE, SIDE), np.float32)

    @property
    def original(self) -> Original:
        return Original(self.spec, self.onnx)


def weights(seed: int = 1) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> NDArray[np.float32]:
        size = np.sqrt(2 / np.prod(shape[1:]))
        return rng.normal(0, size, shape).astype(np.float32)

    return {
        "a.weight": normal(CHANNELS, 3, 3, 3),
        "a.bias": normal(CHANNELS, 1)[:, 0],
        "b.weight": normal(CHANNELS, CHANNELS, 3, 3),
        "b.bias": normal(CHANNELS, 1)[:, 0],
        "c.weight": normal(FEATURES, CHANNELS),
        "c.bias": normal(FEATURES, 1)[:, 0],
    }


@pytest.fixture
def make_net() -> Callable[..., Net]:
    """Weights may be changed by name before the graph is made."""
    from onnx import TensorProto, helper, numpy_helper

    def make(**changed: NDArray[np.float32]) -> Net:
        arrays = {**weights(), **{name.replace("_", "."): v for name, v in changed.items()}}
        around = [1, 1, 1, 1]
        nodes = [
            helper.make_node("Conv", [INPUT_NAME, "a.weight", "a.bias"], ["a"], "/a", pads=around),
            helper.make_node("Relu", ["a"], ["a_relu"], "/a/Relu"),
            helper.make_node("Conv", ["a_relu", "b.weight", "b.bias"], ["b"], "/b", pads=around),
            helper.make_node("Add", ["b", "a_relu"], ["sum"], "/Add"),
            helper.make_node("Relu", ["sum"], ["sum_relu"], "/Relu"),
            helper.make_node("GlobalAveragePool", ["sum_relu"], ["pooled"], "/pool"),
            helper.make_node("Flatten", ["pooled"], ["flat"], "/flat"),
            helper.make_node("Gemm", ["flat", "c.weight", "c.bias"], ["c"], "/c", transB=1),
            helper.make_node("Relu", ["c"], [OUTPUT_NAME], "/feature"),
        ]
        shape = ["batch", 3, SIDE, SIDE]
        graph = helper.make_graph(
            nodes,
            "net",
            [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, ["batch", FEATURES])],
            [numpy_helper.from_array(array, name) for name, array in arrays.items()],
        )
        opset = [helper.make_opsetid("", 17)]
        return Net(helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString())

    return make


@pytest.fixture
def net(make_net: Callable[..., Net]) -> Net:
    """The graph with its own weights."""
    return make_net()


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
