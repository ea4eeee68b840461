"""The TensorRT back end on the CPU simulator (not a GPU), with a stand-in for TensorRT itself.

The context, streams, copies and memory are PyCUDA's on a simulated driver; what the stand-in
"executes" is a real kernel on the very stream it is given, so a wait that is forgotten shows.
"""

from __future__ import annotations

import ctypes
import sys
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge.device import DeviceInfo
from edge.encoders.tensorrt import target_of
from edge.errors import CudaError, DeviceError, PlanError
from edge.plans import Recipe, Sidecar, Wanted
from edge.values import FEATURE_DIM

LARGEST = 3
SHAPE = (4, 4, 2)
KERNEL = """
extern "C" __global__ void totals(const signed char *in, float *out, int row) {
    float total = 0;
    for (int i = 0; i < row; ++i) total += in[blockIdx.x * row + i];
    out[blockIdx.x * blockDim.x + threadIdx.x] = total + threadIdx.x;
}
"""
STREAMS = ("eager", "lazy", "others")


class StandIn:
    """As much of TensorRT's interface as the runtime uses; the plan says how it behaves."""

    __version__ = "10.3.0"
    TensorIOMode = SimpleNamespace(INPUT="input", OUTPUT="output")
    DataType = SimpleNamespace(FLOAT="f", INT8="b", UINT8="B", INT32="i")

    class ILogger:
        Severity = SimpleNamespace(INTERNAL_ERROR=0, ERROR=1, WARNING=2, INFO=3, VERBOSE=4)

        def __init__(self) -> None:
            pass

    class Runtime:
        def __init__(self, logger: Any) -> None:
            self._logger = logger

        def deserialize_cuda_engine(self, plan: bytes) -> Any:
            if plan == b"of another version":
                self._logger.log(1, "the plan was made by 10.7,\n this is 10.3")
                return None
            return StandInEngine(plan, self._logger)


class StandInEngine:
    def __init__(self, plan: bytes, logger: Any) -> None:
        self._plan, self._logger = plan, logger
        self._names = ["input", "feature"] + (["more"] if plan == b"two outputs" else [])

    @property
    def num_io_tensors(self) -> int:
        return len(self._names)

    def get_tensor_name(self, index: int) -> str:
        return self._names[index]

    def get_tensor_mode(self, name: str) -> str:
        return "input" if name == "input" else "output"

    def get_tensor_profile_shape(self, name: str, profile: int) -> list[tuple[int, ...]]:
        assert (name, profile) == ("input", 0)
        return [(1, *SHAPE), (1, *SHAPE), (LARGEST, *SHAPE)]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return {"input": (-1, *SHAPE), "feature": (-1, FEATURE_DIM)}[name]

    def get_tensor_dtype(self, name: str) -> str:
        return {"input": "h" if self._plan == b"int16" else "b", "feature": "f"}[name]

    def create_execution_context(self) -> Any:
        return None if self._plan == b"no context" else StandInContext(self._plan, self._logger)


class StandInContext:
    """Launches through the driver's C interface, as TensorRT does."""

    def __init__(self, plan: bytes, logger: Any) -> None:
        from simulator import compile_kernel  # beside serve.py

        self._plan, self._logger = plan, logger
        self._cuda = ctypes.CDLL(None)  # the simulated driver is loaded for all
        module, self._kernel = ctypes.c_void_p(), ctypes.c_void_p()
        image = compile_kernel(KERNEL, [])
        assert self._cuda.cuModuleLoadData(ctypes.byref(module), image) == 0
        assert self._cuda.cuModuleGetFunction(ctypes.byref(self._kernel), module, b"totals") == 0
        self._addresses: dict[str, int] = {}
        self._batch = 0

    def set_tensor_address(self, name: str, address: int) -> bool:
        assert type(address) is int  # TensorRT 10.3 takes nothing else
        self._addresses[name] = address
        return True

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        assert (name, shape[1:]) == ("input", SHAPE)
        self._batch = shape[0]
        return True

    def execute_async_v3(self, handle: int) -> bool:
        if self._plan == b"fails":
            self._logger.log(1, "a tactic is gone")
            return False
        threads = 1 if self._plan == b"part" else FEATURE_DIM
        values = (
            ctypes.c_void_p(self._addresses["input"]),
            ctypes.c_void_p(self._addresses["feature"]),
            ctypes.c_int(int(np.prod(SHAPE))),
        )
        pointers = (ctypes.c_void_p * len(values))(
            *(ctypes.cast(ctypes.byref(value), ctypes.c_void_p) for value in values)
        )
        sizes = (self._batch, 1, 1, threads, 1, 1, 0)
        stream = ctypes.c_void_p(handle)
        launch = self._cuda.cuLaunchKernel
        return int(launch(self._kernel, *sizes, stream, pointers, None)) == 0


def batches(*sizes: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(-100, 100, (size, *SHAPE)).astype(np.int8) for size in sizes]


def expected(batch: np.ndarray) -> np.ndarray:
    totals = batch.astype(np.float32).sum(axis=(1, 2, 3))
    return totals[:, None] + np.arange(FEATURE_DIM, dtype=np.float32)


def run_all(given: list[np.ndarray]) -> list[np.ndarray]:
    """In the simulator's process."""
    from edge.device import open_device
    from edge.encoders.tensorrt import TensorRtEngine

    with open_device() as device:
        engine = TensorRtEngine(device, StandIn, b"good")
        return [engine.run(batch) for batch in given]


@pytest.mark.parametrize("streams", STREAMS)
def test_batches_of_every_size_come_back_whole_and_stay(simulator: Any, streams: str) -> None:
    given = batches(1, 3, 2, 0, 3, 4, 7)  # the plan takes 3 at most
    found = simulator.run(run_all, given, streams=streams)
    for batch, features in zip(given, found, strict=True):
        assert (features.shape, features.dtype) == ((len(batch), FEATURE_DIM), np.float32)
        np.testing.assert_array_equal(features, expected(batch))


def run_strided() -> tuple[np.ndarray, np.ndarray]:
    (whole,) = batches(4)
    part = whole[::2, ::-1]
    return np.array(part), run_all([part])[0]


def test_a_view_with_strides_is_run_as_what_it_shows(simulator: Any) -> None:
    part, features = simulator.run(run_strided, streams="lazy")
    np.testing.assert_array_equal(features, expected(part))


def run_on_device(given: list[np.ndarray]) -> tuple[np.ndarray, int]:
    """Two engines on two streams, nothing waited for until both are enqueued."""
    from edge.device import open_device
    from edge.encoders.engine import DeviceEngine
    from edge.encoders.tensorrt import TensorRtEngine

    with open_device() as device:
        engines: list[DeviceEngine] = [TensorRtEngine(device, StandIn, b"good") for _ in given]
        addresses = [engine.output.address for engine in engines]
        for engine, batch in zip(engines, given, strict=True):
            stream, staged = device.stream(), device.pinned(batch.shape, batch.dtype)
            staged[:] = batch
            device.copy_in(engine.input.head(len(batch)), staged, stream)
            engine.enqueue(len(batch), stream)
            stream.synchronize()
        found = [
            device.download(e.output.head(len(b))) for e, b in zip(engines, given, strict=True)
        ]
        moved = sum(e.output.address != a for e, a in zip(engines, addresses, strict=True))
        return np.concatenate(found), moved


def test_features_can_stay_on_the_device_at_a_fixed_address(simulator: Any) -> None:
    given = batches(2, 3)
    found, moved = simulator.run(run_on_device, given, streams="lazy")
    np.testing.assert_array_equal(found, expected(np.concatenate(given)))
    assert moved == 0


def open_plan(plan: bytes) -> None:
    from edge.device import open_device
    from edge.encoders.tensorrt import TensorRtEngine

    with open_device() as device:
        TensorRtEngine(device, StandIn, plan).run(*batches(1))


@pytest.mark.parametrize(
    ("plan", "error", "told"),
    [
        (b"of another version", PlanError, "refuses the plan: the plan was made by 10.7, this is"),
        (b"two outputs", PlanError, "not an encoder's"),
        (b"int16", PlanError, "takes or gives h"),
        (b"no context", CudaError, "execution context"),
        (b"fails", CudaError, "cannot run a plan: a tactic is gone"),
    ],
)
def test_what_tensorrt_refuses_is_one_typed_line(
    simulator: Any, plan: bytes, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told) as caught:
        simulator.run(open_plan, plan)
    assert "\n" not in str(caught.value)


def run_wrong_batch(batch: np.ndarray) -> None:
    run_all([batch])


@pytest.mark.parametrize(
    "batch", [np.zeros((1, 4, 4, 2), np.uint8), np.zeros((1, 4, 4, 3), np.int8)]
)
def test_a_batch_of_another_type_or_shape_is_refused(simulator: Any, batch: np.ndarray) -> None:
    with pytest.raises(ValueError, match="against"):
        simulator.run(run_wrong_batch, batch)


def load_from_store(directory: str, onnx: bytes, plan: bytes) -> np.ndarray:
    """Write a plan for the simulated board, and load it as the daemon does."""
    from edge.device import open_device
    from edge.encoders.tensorrt import TensorRtBackend
    from edge.plans import PlanStore

    with open_device() as device:
        store, recipe = PlanStore(Path(directory)), Recipe()
        backend = TensorRtBackend(device, StandIn, store, recipe)
        wanted = Wanted(sha256(b"the model").hexdigest(), recipe, backend.target)
        sidecar = Sidecar("flow", wanted, sha256(plan).hexdigest(), len(plan), "now", 1.0)
        path = store.directory / f"flow-{wanted.key}.json"
        path.write_text(sidecar.to_json())
        path.with_suffix(".plan").write_bytes(plan)
        found = backend.load(onnx).run(*batches(1))
        backend.close()
        return found


def test_a_plan_of_the_store_runs_for_the_model_it_was_made_of(
    simulator: Any, tmp_path: Path
) -> None:
    found = simulator.run(load_from_store, str(tmp_path), b"the model", b"good")
    np.testing.assert_array_equal(found, expected(*batches(1)))
    with pytest.raises(PlanError, match=r"CPU simulator \(not a GPU\)"):
        simulator.run(load_from_store, str(tmp_path), b"another model", b"good")


def test_a_plan_that_leaves_features_unwritten_is_refused(simulator: Any, tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="no finite features"):
        simulator.run(load_from_store, str(tmp_path), b"the model", b"part")


def test_a_board_is_known_by_name_capability_and_size() -> None:
    info = DeviceInfo("Orin", (8, 7), 12_060, 16, 1 << 33)
    target = target_of(StandIn, info)
    assert str(target) == "tensorrt 10.3.0 on Orin (8.7, 16 SMs)"


def test_without_tensorrt_the_error_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from edge.encoders.tensorrt import import_tensorrt

    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(DeviceError, match="apt install python3-libnvinfer"):
        import_tensorrt()


def open_lost(loss: str) -> None:
    """A context that is lost while an engine is open."""
    from edge.device import open_device
    from edge.encoders.tensorrt import TensorRtEngine

    with open_device() as device:
        engine = TensorRtEngine(device, StandIn, b"good")
        device._lost = loss
        engine.close()


def test_an_engine_closes_also_when_the_context_is_lost(simulator: Any) -> None:
    simulator.run(open_lost, "lost")
