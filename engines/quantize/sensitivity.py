"""Which layers bear INT8 and which do not, measured one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from edge.encoders.openvino import OpenVinoBackend
from engines.quantize.fidelity import LayerError, Noise
from engines.quantize.layers import Layer, quantised_layers
from engines.quantize.qdq import qdq_from_onnx
from engines.quantize.watch import TappedGraph

Batches = Sequence[NDArray[Any]]
Progress = Callable[[Iterable[Any], int], Iterator[Any]]


def layer_errors(
    onnx_bytes: bytes,
    ranges: Mapping[str, float],
    kept: Collection[str],
    batches: Batches,
    progress: Progress,
) -> list[LayerError]:
    """Both measures of every layer that is INT8 when ``kept`` stays float, in the graph's order.

    batches: inputs (B, *input_shape), a hundred frames in all are enough
    """
    import onnx

    layers = quantised_layers(onnx.load_model_from_string(onnx_bytes), kept)
    inside = _noise_inside(onnx_bytes, qdq_from_onnx(onnx_bytes, ranges, kept), layers, batches)
    backend = OpenVinoBackend(threads=1)
    exact = backend.load(onnx_bytes)
    features = [exact.run(batch) for batch in batches]
    errors = []
    for layer in progress(layers, len(layers)):
        others = [other.name for other in layers if other.name != layer.name]
        engine = backend.load(qdq_from_onnx(onnx_bytes, ranges, [*kept, *others]))
        alone = Noise()
        for batch, feature in zip(batches, features, strict=True):
            alone.add(feature, engine.run(batch))
        errors.append(LayerError(layer.name, inside[layer.name].sqnr_db, alone.sqnr_db))
    return errors


def _noise_inside(
    onnx_bytes: bytes, int8: bytes, layers: Sequence[Layer], batches: Batches
) -> dict[str, Noise]:
    outputs = [layer.output for layer in layers]
    exact, rough = TappedGraph(onnx_bytes, outputs), TappedGraph(int8, outputs)
    noise = {layer.name: Noise() for layer in layers}
    for batch in batches:
        _, wanted = exact.run(batch)
        _, found = rough.run(batch)
        for layer in layers:
            noise[layer.name].add(wanted[layer.output], found[layer.output])
    return noise
