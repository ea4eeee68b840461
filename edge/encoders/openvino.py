"""The CPU back end: OpenVINO, imported only here and only when a model is loaded."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.encoders.engine import Engine
from edge.encoders.int8_probe import InexactInt8Error, adds_exactly, is_quantised
from edge.errors import ModelError
from edge.values import F32

NO_INT8 = (
    "this CPU adds INT8 products inexactly (x86 without VNNI) and would spoil the features; set "
    "models.precision: fp32"
)


class OpenVinoBackend:
    """Satisfies engine.Backend. Runs in 32-bit floats on every CPU, or in the file's own INT8.

    threads: CPU threads for one inference.
    """

    def __init__(self, threads: int) -> None:
        self._core = import_openvino().Core()
        # A CPU with AMX or Arm FP16 would choose 16-bit floats by itself, and two machines would
        # disagree about one recording.
        self._options = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "ENABLE_CPU_PINNING": False,
        }
        self._int8_is_exact: bool | None = None  # not asked yet

    def load(self, onnx: bytes) -> Engine:
        """See engine.Backend.  Raises: InexactInt8Error for INT8 on a CPU that would spoil it."""
        if is_quantised(onnx):
            if self._int8_is_exact is None:
                self._int8_is_exact = adds_exactly(self._compile)
            if not self._int8_is_exact:
                raise InexactInt8Error(NO_INT8)
        return self._compile(onnx)

    def _compile(self, onnx: bytes) -> Engine:
        try:
            model = self._core.read_model(onnx, b"")
            compiled = self._core.compile_model(model, "CPU", self._options)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ModelError(
                f"OpenVINO cannot load the model: {reason}; reinstall the package"
            ) from error
        return _OpenVinoEngine(compiled)


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry, which would tell an analytics site of every start."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # "not installed"
    import openvino

    return openvino


class _OpenVinoEngine:
    def __init__(self, compiled: Any) -> None:
        self._request = compiled.create_infer_request()

    def run(self, batch: NDArray[Any]) -> F32:
        result = self._request.infer([np.ascontiguousarray(batch)], share_inputs=True)
        return np.array(result[0], np.float32)
