"""Which nodes of an encoder's graph INT8 is about, and which tensors they read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution or matrix product whose weights are constants."""

    name: str  # of the node
    kind: str  # Conv or Gemm
    input: str  # tensor
    weight: str  # tensor
    output: str  # tensor
    bias: str | None = None


def layers_of(model: ModelProto) -> list[Layer]:
    """Every layer with weights, in the graph's order."""
    graph = model.graph
    constant = constants_of(graph)
    return [
        Layer(
            node.name,
            node.op_type,
            node.input[0],
            node.input[1],
            node.output[0],
            node.input[2] if len(node.input) > 2 else None,
        )
        for node in graph.node
        if node.op_type in ("Conv", "Gemm") and node.input[1] in constant
    ]


def quantised_layers(model: ModelProto, kept: Collection[str] = ()) -> list[Layer]:
    """Layers that become INT8: all but those named in ``kept``."""
    return [layer for layer in layers_of(model) if layer.name not in kept]


def constants_of(graph: GraphProto) -> set[str]:
    """Names of all tensors that are the same for every input."""
    names = {entry.name for entry in graph.initializer}
    for node in graph.node:
        stored = node.op_type == "DequantizeLinear" and names.issuperset(node.input)
        if stored or node.op_type == "Constant":
            names.add(node.output[0])
    return names


def skips_of(model: ModelProto, kept: Collection[str] = ()) -> list[tuple[NodeProto, int]]:
    """Additions of two branches, one of which is a quantised convolution, and their other input.

    A backend adds the other branch while it still has the convolution's sums in registers, if that
    branch is INT8.
    """
    convolved = {layer.output for layer in quantised_layers(model, kept) if layer.kind == "Conv"}
    constant = constants_of(model.graph)
    found = []
    for node in model.graph.node:
        if node.op_type != "Add" or constant & set(node.input):
            continue
        fused = next((i for i in (1, 0) if node.input[i] in convolved), None)
        if fused is not None:
            found.append((node, 1 - fused))
    return found


def watched_tensors(model: ModelProto, kept: Collection[str] = ()) -> list[str]:
    """What calibration must see so that any further layer may stay float as well."""
    names = [layer.input for layer in quantised_layers(model, kept)]
    names += [name for node, _ in skips_of(model, kept) for name in node.input]
    return list(dict.fromkeys(names))
