"""The GPU back end: runs TensorRT plans that ``engines build`` compiled on this very board.

TensorRT is imported here only, and only when a plan is to be loaded. One CUDA context serves it,
the fusion kernel and every copy, see ``edge.device``.
"""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.device import Device, DeviceArray, DeviceInfo, Stream
from edge.encoders.tensorrt_log import NO_REASON, logger_of, started
from edge.errors import CudaError, DeviceError, PlanError
from edge.plans import REMEDY, PlanStore, Recipe, Target, Wanted
from edge.values import F32

if TYPE_CHECKING:
    from tensorrt import ICudaEngine, IExecutionContext, Runtime

LIBRARY = "tensorrt"
INSTALL = "on a Jetson: apt install python3-libnvinfer, and a venv with --system-site-packages"


def import_tensorrt() -> Any:
    """Import TensorRT.  Raises: DeviceError, which names what to install."""
    try:
        import tensorrt
    except (ImportError, OSError) as error:
        raise DeviceError(f"TensorRT cannot be loaded ({error}); {INSTALL}") from error
    return tensorrt


def target_of(trt: Any, info: DeviceInfo) -> Target:
    """What a plan must have been compiled for to run here."""
    capability = ".".join(map(str, info.capability))
    return Target(LIBRARY, str(trt.__version__), info.name, capability, info.multiprocessors)


class TensorRtBackend:
    """Satisfies engine.Backend with what is in the plan store; it never compiles anything."""

    def __init__(self, device: Device, trt: Any, store: PlanStore, recipe: Recipe) -> None:
        self._device, self._trt = device, trt
        self._store, self._recipe = store, recipe
        self.target = target_of(trt, device.info)
        self._loaded: list[TensorRtEngine] = []

    def load(self, onnx: bytes) -> TensorRtEngine:
        """Load the plan of one ONNX file, and try it once.

        Raises: MissingPlanError, PlanError, CudaError.
        """
        plan = self._store.load(Wanted(sha256(onnx).hexdigest(), self._recipe, self.target))
        engine = TensorRtEngine(self._device, self._trt, plan)
        if not np.isfinite(engine.run(engine.zeros())).all():
            raise PlanError(f"a plan in {self._store.directory} gives no finite features; {REMEDY}")
        self._loaded.append(engine)
        return engine

    def close(self) -> None:
        """Give up every engine, while the device is still open; none runs any more."""
        while self._loaded:
            self._loaded.pop().close()


class TensorRtEngine:
    """One input and one output at fixed device addresses; the leading axis is the batch.

    Satisfies engine.Engine (``run``: host to host) and engine.DeviceEngine (``enqueue``: the
    output stays on the device). INT8 and FP32 plans look alike from here. Not thread-safe: all
    calls come from the thread that owns the device.
    """

    def __init__(self, device: Device, trt: Any, plan: bytes) -> None:
        """plan: checked by the plan store.  Raises: PlanError, CudaError."""
        self._device = device
        self._logger = logger_of(trt)
        self._logger.last = NO_REASON
        self._runtime: Runtime = started(trt.Runtime, self._logger)
        with device.errors("cannot load a plan"):
            engine: ICudaEngine | None = self._runtime.deserialize_cuda_engine(plan)
        if engine is None:
            raise PlanError(f"TensorRT refuses the plan: {self._logger.last}; {REMEDY}")
        self._engine: ICudaEngine = engine
        self._input_name, self._output_name = _names(trt, engine)
        self._context: IExecutionContext = self._make_context()
        largest = engine.get_tensor_profile_shape(self._input_name, 0)[2]
        result = (largest[0], *tuple(engine.get_tensor_shape(self._output_name))[1:])
        self._input = self._tensor(trt, self._input_name, tuple(largest))
        self._output = self._tensor(trt, self._output_name, result)
        self._stream = device.stream()
        self._staged_in = device.pinned(self._input.shape, self._input.dtype)
        self._staged_out = device.pinned(self._output.shape, self._output.dtype)

    def _make_context(self) -> IExecutionContext:
        with self._device.errors("cannot make an execution context"):
            context = self._engine.create_execution_context()
        if context is None:
            raise self._device.failed("cannot make an execution context", self._logger.last)
        return context

    def _tensor(self, trt: Any, name: str, shape: tuple[int, ...]) -> DeviceArray:
        """Allocate one tensor for the largest batch, and tell TensorRT where it is."""
        array = self._device.empty(shape, _numpy_type(trt, self._engine.get_tensor_dtype(name)))
        if not self._context.set_tensor_address(name, array.address):
            raise PlanError(f"the plan has no tensor {name}; {REMEDY}")
        return array

    @property
    def input(self) -> DeviceArray:
        """(largest batch, *input shape) of the raw type; the caller fills it before ``enqueue``."""
        return self._input

    @property
    def output(self) -> DeviceArray:
        """(largest batch, *output shape) float32; overwritten by the next ``enqueue``."""
        return self._output

    def close(self) -> None:
        """Let go of TensorRT's objects: they must not outlive the CUDA context."""
        with suppress(CudaError):  # of a lost context, which must not keep the CPU from going on
            self._device.synchronize()
        del self._context, self._engine, self._runtime

    def zeros(self) -> NDArray[Any]:
        """A batch of one that means nothing, of the right shape and type."""
        return np.zeros((1, *self._input.shape[1:]), self._input.dtype)

    def enqueue(self, batch: int, stream: Stream) -> None:
        """Run the first ``batch`` rows of ``input`` on ``stream`` without waiting.

        Raises: ValueError for a batch that the plan was not compiled for, CudaError.
        """
        if not 1 <= batch <= self._input.shape[0]:
            raise ValueError(f"the plan takes batches of 1 to {self._input.shape[0]}, not {batch}")
        with self._device.errors("cannot run a plan"):
            ready = self._context.set_input_shape(
                self._input_name, (batch, *self._input.shape[1:])
            ) and self._context.execute_async_v3(stream.handle)
        if not ready:
            raise self._device.failed("cannot run a plan", self._logger.last)

    def run(self, batch: NDArray[Any]) -> F32:
        """batch: (B, *input shape) of the raw type   returns: (B, *output shape)

        Copies there and back, and waits; more rows than the plan takes run one part after another.
        """
        largest = len(self._staged_in)
        parts = [
            self._run(batch[start : start + largest]) for start in range(0, len(batch), largest)
        ]
        if not parts:
            return np.zeros((0, *self._output.shape[1:]), np.float32)
        return np.concatenate(parts)

    def _run(self, batch: NDArray[Any]) -> F32:
        rows = len(batch)
        if batch.dtype != self._input.dtype or batch.shape[1:] != self._input.shape[1:]:
            raise ValueError(f"{batch.dtype}{batch.shape} against {self._input}")
        self._staged_in[:rows] = batch
        self._device.copy_in(self._input.head(rows), self._staged_in[:rows], self._stream)
        self.enqueue(rows, self._stream)
        self._device.copy_out(self._staged_out[:rows], self._output.head(rows), self._stream)
        self._stream.synchronize()
        return np.array(self._staged_out[:rows], np.float32)


def _names(trt: Any, engine: ICudaEngine) -> tuple[str, str]:
    """The one input and the one output.  Raises: PlanError when there are others."""
    names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
    inputs = [n for n in names if engine.get_tensor_mode(n) == trt.TensorIOMode.INPUT]
    outputs = [n for n in names if n not in inputs]
    if len(inputs) != 1 or len(outputs) != 1:
        raise PlanError(f"the plan is not an encoder's: {inputs} become {outputs}; {REMEDY}")
    return inputs[0], outputs[0]


def _numpy_type(trt: Any, kind: Any) -> type[np.generic]:
    types: dict[Any, type[np.generic]] = {
        trt.DataType.FLOAT: np.float32,
        trt.DataType.INT8: np.int8,
        trt.DataType.UINT8: np.uint8,
        trt.DataType.INT32: np.int32,
    }
    if kind not in types:
        raise PlanError(f"the plan takes or gives {kind}, which no encoder does; {REMEDY}")
    return types[kind]
