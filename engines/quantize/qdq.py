"""One explicit Q/DQ graph for every backend: symmetric s8, weights per channel, float biases.

TensorRT 10.3 .. 11.4 takes this form and no other (int32 biases behind DequantizeLinear and zero
points but 0 are refused); OpenVINO runs the same file. Activations are quantised where a layer, or
the addition behind a convolution, reads them; the front end and all else stay float.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from edge.errors import ModelError
from edge.values import F32
from engines.graph import cast_first, drop_unused
from engines.quantize.layers import Layer, layers_of, quantised_layers, skips_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto, NodeProto

TOP = 127
SMALLEST_SCALE = 1e-9  # of a tensor or channel that is always zero: a scale must be positive


def qdq_from_onnx(
    onnx_bytes: bytes, ranges: Mapping[str, float], kept: Collection[str] = ()
) -> bytes:
    """Quantise an encoder's graph.

    ranges: tensor -> largest magnitude that INT8 keeps apart   kept: names of layers left in float
    Raises: ModelError when ``kept`` names no layer, or a range is missing.
    """
    import onnx

    model = onnx.load_model_from_string(onnx_bytes)
    strange = sorted(set(kept) - {layer.name for layer in layers_of(model)})
    if strange:
        raise ModelError(f"the graph has no layer {strange[0]!r}; correct edge/encoders/spec.py")
    cast_first(model)
    editor = _Editor(model, ranges)
    for node, position in skips_of(model, kept):
        editor.quantise_input(node, position)
    for layer in quantised_layers(model, kept):
        node = next(n for n in model.graph.node if n.name == layer.name)
        editor.quantise_input(node, 0)
        editor.quantise_weight(node, layer)
    return editor.finished()


def quantised_weight(weight: F32) -> tuple[NDArray[np.int8], F32]:
    """weight: (O, ...)   returns: the same shape in -127 .. 127, and scales (O,)"""
    largest = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    scale = np.maximum(largest / TOP, SMALLEST_SCALE).astype(np.float32)
    steps = weight / scale.reshape(-1, *[1] * (weight.ndim - 1))
    return np.clip(np.rint(steps), -TOP, TOP).astype(np.int8), scale


class _Editor:
    """Puts pairs of QuantizeLinear and DequantizeLinear in front of inputs; one for each tensor."""

    def __init__(self, model: ModelProto, ranges: Mapping[str, float]) -> None:
        from onnx import numpy_helper

        self._model, self._ranges = model, ranges
        self._weights = {entry.name: entry for entry in model.graph.initializer}
        self._array = numpy_helper.to_array
        self._made: dict[str, list[NodeProto]] = {}  # tensor -> its pair

    def quantise_input(self, node: NodeProto, position: int) -> None:
        """Let ``node`` read a tensor through INT8."""
        tensor = node.input[position]
        if tensor not in self._made:
            self._made[tensor] = self._pair(tensor)
        node.input[position] = f"{tensor}_dequantised"

    def quantise_weight(self, node: NodeProto, layer: Layer) -> None:
        """Store a layer's weights as INT8 with one scale for each output channel."""
        from onnx import helper

        name = layer.weight
        if name not in self._weights or (layer.kind == "Gemm" and not _transposes(node)):
            raise ModelError(
                f"{layer.name}: weights must be an initialiser (outputs, inputs, ...); export it "
                "with engines.export, or keep the layer float"
            )
        node.input[1] = f"{name}_dequantised"
        if name in self._made:
            return
        steps, scale = quantised_weight(np.asarray(self._array(self._weights[name]), np.float32))
        self._constant(f"{name}_int8", steps)
        self._constant(f"{name}_scale", scale)
        self._constant(f"{name}_zero", np.zeros(len(scale), np.int8))
        read = [f"{name}_int8", f"{name}_scale", f"{name}_zero"]
        dequantise = helper.make_node(
            "DequantizeLinear", read, [f"{name}_dequantised"], f"{layer.name}_weight", axis=0
        )
        self._made[name] = [dequantise]

    def finished(self) -> bytes:
        """The edited graph, its nodes in an order that can be run."""
        import onnx

        graph = self._model.graph
        waiting = dict(self._made)
        nodes: list[NodeProto] = []
        for name in [entry.name for entry in (*graph.input, *graph.initializer)]:
            nodes += waiting.pop(name, [])
        for node in graph.node:
            nodes.append(node)
            for output in node.output:
                nodes += waiting.pop(output, [])
        del graph.node[:]
        graph.node.extend(nodes)
        drop_unused(graph)
        checked = onnx.shape_inference.infer_shapes(self._model, strict_mode=True)
        onnx.checker.check_model(checked, full_check=True)
        data: bytes = self._model.SerializeToString(deterministic=True)
        return data

    def _pair(self, tensor: str) -> list[NodeProto]:
        from onnx import helper

        if tensor not in self._ranges:
            raise ModelError(f"no range was measured for {tensor!r}; calibrate this very graph")
        scale = np.float32(max(self._ranges[tensor] / TOP, SMALLEST_SCALE))
        self._constant(f"{tensor}_scale", scale)
        self._constant(f"{tensor}_zero", np.int8(0))
        steps, floats = f"{tensor}_quantised", f"{tensor}_dequantised"
        by = [f"{tensor}_scale", f"{tensor}_zero"]
        fence, given = self._fence(tensor, scale)
        return [
            *fence,
            helper.make_node("QuantizeLinear", [given, *by], [steps], f"{tensor}_quantise"),
            helper.make_node("DequantizeLinear", [steps, *by], [floats], f"{tensor}_dequantise"),
        ]

    def _fence(self, tensor: str, scale: np.float32) -> tuple[list[NodeProto], str]:
        """Clip what a Concat gives to what INT8 holds: no value changes by it.

        OpenVINO (2026.4) moves the quantiser of a Concat in front of its branches, gives each its
        own zero point and then forgets them; it does not move one past a Clip.
        """
        from onnx import helper

        maker = next((n for n in self._model.graph.node if tensor in n.output), None)
        if maker is None or maker.op_type != "Concat":
            return [], tensor
        low, high, clipped = (f"{tensor}_{word}" for word in ("low", "high", "clipped"))
        top = np.float32(TOP * scale)  # NumPy 1 makes a double of the product
        self._constant(low, -top)
        self._constant(high, top)
        node = helper.make_node("Clip", [tensor, low, high], [clipped], f"{tensor}_clip")
        return [node], clipped

    def _constant(self, name: str, value: NDArray[np.generic] | np.generic) -> None:
        from onnx import numpy_helper

        self._model.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))


def _transposes(node: NodeProto) -> bool:
    return any(attribute.name == "transB" and attribute.i == 1 for attribute in node.attribute)
