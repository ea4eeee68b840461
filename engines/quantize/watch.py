"""Runs a graph and shows what passes inside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.values import F32


class TappedGraph:
    """A graph that also gives tensors from its inside; runs on the CPU, in one thread.

    Stays in 32-bit floats where the file does.
    """

    def __init__(self, onnx_bytes: bytes, tensors: Sequence[str]) -> None:
        """tensors: names of values inside the graph.  Raises: RuntimeError for an unknown one."""
        from edge.encoders.openvino import import_openvino

        core = import_openvino().Core()
        model = core.read_model(with_outputs(onnx_bytes, tensors), b"")
        options = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
        self._request = core.compile_model(model, "CPU", options).create_infer_request()
        self._tensors = tuple(tensors)

    def run(self, batch: NDArray[Any]) -> tuple[F32, Mapping[str, F32]]:
        """batch: (B, *input_shape)   returns: features (B, 256), and each tensor by name"""
        result = self._request.infer([np.ascontiguousarray(batch)], share_inputs=True)
        feature, *inside = (np.array(result[i], np.float32) for i in range(len(result)))
        return feature, dict(zip(self._tensors, inside, strict=True))


def with_outputs(onnx_bytes: bytes, tensors: Sequence[str]) -> bytes:
    """The same graph with some of its inner tensors as further outputs."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_model_from_string(onnx_bytes)
    for name in tensors:
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    data: bytes = model.SerializeToString()
    return data
