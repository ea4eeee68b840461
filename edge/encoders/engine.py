"""One encoder class for every modality: a specification and an engine that runs its graph."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edge.device import DeviceArray, Stream
from edge.encoders.spec import EncoderSpec
from edge.values import F32, FEATURE_DIM
from edge.vocabulary import Modality


class Engine(Protocol):
    """A compiled graph with one input and one output; what a back end makes of an ONNX file."""

    def run(self, batch: NDArray[Any]) -> F32:
        """batch: (B, *input_shape)   returns: (B, *output_shape), the caller's own copy"""


@runtime_checkable
class DeviceEngine(Protocol):
    """A network on the device, with fixed addresses; tensorrt.py makes them."""

    @property
    def input(self) -> DeviceArray:
        """(max batch, *input_shape) of the encoder's raw type; the caller fills it."""

    @property
    def output(self) -> DeviceArray:
        """(max batch, FEATURE_DIM) float32; overwritten by the next ``enqueue``."""

    def enqueue(self, batch: int, stream: Stream) -> None:
        """Run the first ``batch`` rows on ``stream`` without waiting. Raises: CudaError."""


class Backend(Protocol):
    """What compiles and runs graphs: OpenVINO on a CPU, TensorRT on a Jetson."""

    def load(self, onnx: bytes) -> Engine:
        """Compile one graph. Raises: ModelError."""


class EngineEncoder:
    """Satisfies stages.Encoder; four rows of configuration make four of it."""

    def __init__(self, spec: EncoderSpec, engine: Engine) -> None:
        self._spec, self._engine = spec, engine

    @property
    def modality(self) -> Modality:
        """See stages.Encoder."""
        return self._spec.modality

    @property
    def engine(self) -> Engine:
        """What runs the graph; see runner.py for one on a device."""
        return self._engine

    def encode(self, batch: NDArray[Any]) -> F32:
        """batch: (B, *spec.input_shape) of spec.input_type   returns: (B, FEATURE_DIM)

        Raises: ValueError when the batch is not what the specification says.
        """
        if batch.shape[1:] != self._spec.input_shape or batch.dtype != self._spec.input_type:
            raise ValueError(
                f"{self.modality.value} encoder takes {self._spec.input_type.__name__}"
                f"{self._spec.input_shape}, not {batch.dtype}{batch.shape[1:]}"
            )
        if len(batch) == 0:
            return np.zeros((0, FEATURE_DIM), np.float32)
        return self._engine.run(batch)
