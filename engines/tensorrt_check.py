"""Which types NVIDIA's own builder gives the layers of a graph: the proof that INT8 is INT8.

Works without a GPU through TensorRT-RTX (see trt_library.py). It says what a builder makes of the
graph for the stand-in architecture, and nothing about speed on a Jetson.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge.encoders.tensorrt_log import listening
from edge.errors import ModelError
from edge.plans import Recipe
from engines.plans.builder import build_plan
from engines.quantize.layers import layers_of
from engines.trt_library import Library

INT8 = "Int8"

_PART = re.compile(r"Inputs: (?P<inputs>.*), Constants: (?P<constants>.*), Outputs: ")
_TENSOR = re.compile(r"Dimensions: \[(?P<shape>[-\d,]*)\].*?Datatype: (?P<kind>\w+)")
_ORIGIN = re.compile(r"\[ONNX Layer: ([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """One kernel of a plan."""

    origins: frozenset[str]  # names of the ONNX nodes that it does
    input_types: tuple[str, ...]
    weight_types: tuple[str, ...]  # of constants with more than one long axis; empty: no weights


@dataclass(frozen=True, slots=True)
class LayerTypes:
    """What became of one convolution or matrix product of the ONNX graph."""

    name: str
    input_type: str
    weight_type: str

    @property
    def is_int8(self) -> bool:
        """Whether both operands are."""
        return self.input_type == INT8 and self.weight_type == INT8


def built_types(library: Library, onnx_bytes: bytes) -> list[LayerTypes]:
    """Build a plan and read the types of every layer that has weights, in the graph's order.

    Raises: ModelError when the graph is refused, or the builder's report lacks a layer.
    """
    import onnx

    lines: list[str] = []
    with listening(library.trt, lambda text: lines.extend(text.splitlines())):
        build_plan(library, onnx_bytes, Recipe())
    kernels = [kernel for kernel in map(built_layer, last_report(lines)) if kernel is not None]
    names = [layer.name for layer in layers_of(onnx.load_model_from_string(onnx_bytes))]
    return [_types_of(name, kernels) for name in names]


def last_report(lines: Sequence[str]) -> list[str]:
    """The builder's list of kernels; it is the last thing that begins with "Layers:"."""
    starts = [i for i, line in enumerate(lines) if line.strip() == "Layers:"]
    return list(lines[starts[-1] + 1 :]) if starts else []


def built_layer(line: str) -> BuiltLayer | None:
    """One line of the report; None for one of another kind."""
    parts = _PART.search(line)
    if parts is None:
        return None
    inputs = [found["kind"] for found in _TENSOR.finditer(parts["inputs"])]
    weights = [found["kind"] for found in _TENSOR.finditer(parts["constants"]) if _is_weight(found)]
    return BuiltLayer(frozenset(_ORIGIN.findall(line)), tuple(inputs), tuple(weights))


def _is_weight(constant: re.Match[str]) -> bool:
    """Scales and biases have one axis that is longer than 1."""
    return sum(int(size) > 1 for size in constant["shape"].split(",") if size) > 1


def _types_of(name: str, kernels: Iterable[BuiltLayer]) -> LayerTypes:
    """A convolution may be spread over several kernels; the one with the weights counts."""
    own = [k for k in kernels if name in k.origins and k.weight_types and k.input_types]
    if not own:
        raise ModelError(f"the builder's report has no kernel with the weights of {name}")
    return LayerTypes(name, own[0].input_types[0], own[0].weight_types[0])
