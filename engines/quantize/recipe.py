"""One encoder from FP32 to INT8: watch, choose where to clip, measure, keep what does not bear it.

Calibration sees an encoder's own inputs, prepared by the runtime's own code; of each batch only
histograms and a few sums outlive the call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from edge.encoders.openvino import OpenVinoBackend
from edge.encoders.spec import EncoderSpec
from edge.values import F32
from engines.quantize.fidelity import Comparison, Fidelity, LayerError, most_sensitive
from engines.quantize.histogram import EMPTY, Histogram
from engines.quantize.layers import layers_of, watched_tensors
from engines.quantize.qdq import qdq_from_onnx
from engines.quantize.ranges import METHODS, ranges_of
from engines.quantize.sensitivity import Batches, Progress, layer_errors
from engines.quantize.watch import TappedGraph

AIM_COSINE = 0.995
"""Features closer than this need no layer in float."""

MARGIN_DB = 1.0
"""A rule that clips more must be closer by this: calibration has not heard every scream."""

MOST_KEPT = 0.1
"""Share of an encoder's layers that may stay float: beyond it INT8 is the wrong tool."""


@dataclass(frozen=True, slots=True)
class Original:
    """What is quantised."""

    spec: EncoderSpec
    fp32: bytes  # ONNX

    @property
    def layers(self) -> int:
        """Convolutions and matrix products in all."""
        import onnx

        return len(layers_of(onnx.load_model_from_string(self.fp32)))


@dataclass(frozen=True, slots=True)
class Quantised:
    """An INT8 graph and what is known of it."""

    original: Original
    int8: bytes  # ONNX
    method: str  # see ranges.METHODS
    kept: tuple[str, ...]  # layers that stay float
    found: Mapping[str, Fidelity]  # by method, with the specification's float layers alone
    fidelity: Fidelity  # of ``int8``
    errors: tuple[LayerError, ...] = ()  # in the graph's order; empty: not measured


class Watch:
    """Histograms of everything in a graph that becomes INT8."""

    def __init__(self, original: Original, seen: Mapping[str, Histogram] | None = None) -> None:
        """seen: what an earlier watch of this very graph has counted"""
        import onnx

        model = onnx.load_model_from_string(original.fp32)
        names = watched_tensors(model, original.spec.float_layers)
        self._graph = TappedGraph(original.fp32, names)
        self.seen = {name: (seen or {}).get(name, EMPTY) for name in names}

    def run(self, batch: NDArray[Any]) -> F32:
        """Count one batch; returns its features."""
        feature, inside = self._graph.run(batch)
        grown = {name: self.seen[name].add(values) for name, values in inside.items()}
        self.seen = grown  # all or nothing: an interrupt leaves whole batches
        return feature


def candidates(
    original: Original, seen: Mapping[str, Histogram], methods: Sequence[str] = tuple(METHODS)
) -> dict[str, bytes]:
    """An INT8 graph for each rule, with the specification's float layers."""
    kept = original.spec.float_layers
    return {name: qdq_from_onnx(original.fp32, ranges_of(seen, name), kept) for name in methods}


@dataclass
class Trial:
    """Runs FP32 and candidates side by side."""

    original: Original
    graphs: Mapping[str, bytes]  # by method
    _told: dict[str, Comparison] = field(default_factory=dict)

    def __post_init__(self) -> None:
        backend = OpenVinoBackend(threads=1)
        self._exact = backend.load(self.original.fp32)
        self._engines = {name: backend.load(graph) for name, graph in self.graphs.items()}
        self._told = {name: Comparison() for name in self.graphs}

    def run(self, batch: NDArray[Any]) -> F32:
        """Compare one batch; returns the FP32 features."""
        exact = self._exact.run(batch)
        for name, engine in self._engines.items():
            self._told[name].add(exact, engine.run(batch))
        return exact

    def results(self) -> dict[str, Fidelity]:
        """By method.  Raises: ValueError when nothing was run."""
        return {name: told.result() for name, told in self._told.items()}

    def best(self) -> Quantised:
        """The candidate whose features have the least noise; see MARGIN_DB."""
        found = self.results()
        method = next(iter(found))
        for name in found:  # in the order of METHODS: what clips least first
            if found[name].sqnr_db > found[method].sqnr_db + MARGIN_DB:
                method = name
        kept = self.original.spec.float_layers
        return Quantised(self.original, self.graphs[method], method, kept, found, found[method])


def fidelity_of(original: Original, int8: bytes, batches: Batches) -> Fidelity:
    """How close one graph comes."""
    trial = Trial(original, {"": int8})
    for batch in batches:
        trial.run(batch)
    return trial.results()[""]


def refined(
    best: Quantised, seen: Mapping[str, Histogram], checks: Batches, progress: Progress, few: int
) -> Quantised:
    """Measure every layer; while the features are too far off, the worst one more stays float.

    checks: inputs that were not counted; the first ``few`` batches are enough for single layers
    """
    original, kept = best.original, list(best.kept)
    ranges = ranges_of(seen, best.method)
    errors = layer_errors(original.fp32, ranges, kept, checks[:few], progress)
    int8, fidelity = best.int8, best.fidelity
    waiting = most_sensitive(errors)
    most = int(MOST_KEPT * original.layers)
    while fidelity.cosine < AIM_COSINE and waiting and len(kept) < most:
        kept.append(waiting.pop(0))
        int8 = qdq_from_onnx(original.fp32, ranges, kept)
        fidelity = fidelity_of(original, int8, checks)
    return Quantised(original, int8, best.method, tuple(kept), best.found, fidelity, tuple(errors))
