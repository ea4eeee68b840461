"""Whether this CPU adds INT8 products exactly: one small sum tells.

x86 CPUs without VNNI add pairs of them in 16 bits, which overflow: RGB's features then had a mean
cosine of 0.91 with FP32's, instead of 0.997. Flags of the CPU do not say which kernel will run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.encoders.engine import Engine

INPUTS, TOP = 64, 127
TOLERANCE = 0.01


class InexactInt8Error(ConfigError):
    """INT8 is not for this CPU: it would spoil the features."""


def is_quantised(onnx: bytes) -> bool:
    """Whether a graph has layers in INT8."""
    return b"QuantizeLinear" in onnx


def adds_exactly(load: Callable[[bytes], Engine]) -> bool:
    """Add the largest products that there are.  load: compiles a graph"""
    exact = float(INPUTS * TOP * TOP)
    found = load(largest_sum()).run(np.full((1, INPUTS, 4, 4), TOP, np.float32))
    return bool(np.all(np.abs(found - exact) < TOLERANCE * exact))


def largest_sum() -> bytes:
    """A 1x1 convolution of INPUTS channels, scales 1, all weights TOP."""
    from onnx import TensorProto, helper, numpy_helper

    constants = {
        "one": np.float32(1),
        "zero": np.int8(0),
        "weight": np.full((INPUTS, INPUTS, 1, 1), TOP, np.int8),
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["input", "one", "zero"], ["steps"]),
        helper.make_node("DequantizeLinear", ["steps", "one", "zero"], ["floats"]),
        helper.make_node("DequantizeLinear", ["weight", "one", "zero"], ["weights"]),
        helper.make_node("Conv", ["floats", "weights"], ["feature"]),
    ]
    shape: list[str | int | None] = ["batch", INPUTS, 4, 4]
    graph = helper.make_graph(
        nodes,
        "largest_sum",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("feature", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    data: bytes = helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()
    return data
