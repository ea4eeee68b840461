"""The one CUDA context of the process: streams, events, memory, modules, typed errors.

The device's primary context is retained, not created: TensorRT and every other user of the CUDA
runtime in this process then share it. It is current in the thread that opened the device, which is
the pipeline's. PyCUDA is imported here only, and only when a device is opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from edge.errors import CudaError, CudaLostError

SIMULATOR = "CPU simulator (not a GPU)"
"""What tests/cuda_sim calls its device; no latency may ever be reported from it."""

NON_BLOCKING = 1  # CU_STREAM_NON_BLOCKING: never waits for the default stream, which libraries use
NO_TIMING = 2  # CU_EVENT_DISABLE_TIMING: orders streams without a time stamp, which is cheaper


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What the driver says of the device."""

    name: str
    capability: tuple[int, int]  # (8, 7) is Orin, (11, 0) is Thor
    driver: int  # CUDA version of the driver, 12060 is 12.6
    multiprocessors: int
    memory_bytes: int

    @property
    def is_simulator(self) -> bool:
        """True on the CPU simulator of the tests, where no time means anything."""
        return SIMULATOR in self.name

    @property
    def arch(self) -> str:
        """Name of the architecture for a compiler, such as sm_87."""
        return "sm_{}{}".format(*self.capability)


@dataclass(frozen=True, slots=True)
class DeviceArray:
    """A C-contiguous array in device memory; freed when the last reference is gone."""

    memory: Any  # pycuda.driver.DeviceAllocation
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def address(self) -> int:
        """The device pointer, fixed for the array's life; what TensorRT and kernels take."""
        return int(self.memory)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return prod(self.shape) * self.dtype.itemsize

    def head(self, rows: int) -> DeviceArray:
        """The first ``rows`` along the leading axis, in the same memory."""
        if not 0 <= rows <= self.shape[0]:
            raise ValueError(f"{rows} of {self.shape[0]} rows")
        return DeviceArray(self.memory, (rows, *self.shape[1:]), self.dtype)


class Event:
    """A point in a stream that other streams, or the host, can wait for."""

    def __init__(self, device: Device, raw: Any) -> None:
        self._device, self.raw = device, raw

    def record(self, stream: Stream) -> Event:
        """Stand for everything enqueued on ``stream`` so far; recording again moves the event."""
        with self._device.errors("cannot record an event"):
            self.raw.record(stream.raw)
        return self

    def synchronize(self) -> None:
        """Let the host wait for it; returns at once when it was never recorded."""
        with self._device.errors("work before an event failed"):
            self.raw.synchronize()


class Stream:
    """A queue of device work, in order within itself and with nothing else."""

    def __init__(self, device: Device, raw: Any) -> None:
        self._device, self.raw = device, raw

    @property
    def handle(self) -> int:
        """The cudaStream_t, as TensorRT's execute_async_v3 takes it."""
        return int(self.raw.handle)

    def wait(self, event: Event) -> None:
        """Let what is enqueued from now on wait for ``event``; the host does not wait."""
        with self._device.errors("cannot join streams"):
            self.raw.wait_for_event(event.raw)

    def synchronize(self) -> None:
        """Let the host wait for everything enqueued. Raises: CudaError of work that failed."""
        with self._device.errors("work on the device failed"):
            self.raw.synchronize()


class Kernel:
    """One entry point of a module, with the types of its arguments fixed."""

    def __init__(self, device: Device, raw: Any, arguments: str) -> None:
        self._device, self._raw = device, raw
        self._raw.prepare(arguments)

    def launch(
        self, grid: tuple[int, int], threads: int, stream: Stream, *arguments: DeviceArray | int
    ) -> None:
        """Enqueue one launch of grid blocks with ``threads`` each; arrays pass their address."""
        values = [a.address if isinstance(a, DeviceArray) else a for a in arguments]
        with self._device.errors("cannot launch a kernel"):
            self._raw.prepared_async_call((*grid, 1), (threads, 1, 1), stream.raw, *values)


class Device:
    """See the module; ``open_device`` makes one.

    Every method raises CudaError when CUDA refuses, and CudaLostError once the context is broken.
    """

    def __init__(self, driver: Any, context: Any, info: DeviceInfo) -> None:
        self._driver, self._context, self.info = driver, context, info
        self._lost: str | None = None

    def stream(self) -> Stream:
        """Return a new stream that waits for no other."""
        with self.errors("cannot make a stream"):
            return Stream(self, self._driver.Stream(NON_BLOCKING))

    def event(self) -> Event:
        """Return a new event, not recorded yet."""
        with self.errors("cannot make an event"):
            return Event(self, self._driver.Event(NO_TIMING))

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> DeviceArray:
        """Allocate device memory of any content; at least one byte."""
        kind = np.dtype(dtype)
        with self.errors(f"cannot allocate {kind}{shape} on the device"):
            memory = self._driver.mem_alloc(max(prod(shape) * kind.itemsize, 1))
        return DeviceArray(memory, shape, kind)

    def upload(self, array: NDArray[Any]) -> DeviceArray:
        """Copy to new device memory; done when it returns. For weights, not for the hot path."""
        source = np.ascontiguousarray(array)
        target = self.empty(source.shape, source.dtype)
        with self.errors("cannot copy to the device"):
            if source.nbytes:
                self._driver.memcpy_htod(int(target.memory), source)
            self._context.synchronize()  # the copy may return while its last part is under way
        return target

    def download(self, array: DeviceArray) -> NDArray[Any]:
        """Copy to the host once all streams are done. For tests and checks, not the hot path."""
        target = np.empty(array.shape, array.dtype)
        self.synchronize()
        with self.errors("cannot copy from the device"):
            if target.nbytes:
                self._driver.memcpy_dtoh(target, int(array.memory))
        return target

    def pinned(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Page-locked host memory, zeros: the only kind that copies do not wait for."""
        with self.errors(f"cannot lock host memory for {np.dtype(dtype)}{shape}"):
            array: NDArray[Any] = self._driver.pagelocked_zeros(shape, dtype)
        return array

    def copy_in(self, target: DeviceArray, source: NDArray[Any], stream: Stream) -> None:
        """Enqueue a copy from ``pinned`` memory, which must not change until it is done."""
        self._check_copy(target, source)
        with self.errors("cannot copy to the device"):
            self._driver.memcpy_htod_async(target.address, source, stream.raw)

    def copy_out(self, target: NDArray[Any], source: DeviceArray, stream: Stream) -> None:
        """Enqueue a copy to ``pinned`` memory, to be read once the stream was synchronised."""
        self._check_copy(source, target)
        with self.errors("cannot copy from the device"):
            self._driver.memcpy_dtoh_async(target, source.address, stream.raw)

    def _check_copy(self, there: DeviceArray, here: NDArray[Any]) -> None:
        if there.nbytes != here.nbytes or there.dtype != here.dtype:
            raise ValueError(f"{there.dtype}{there.shape} against {here.dtype}{here.shape}")
        root: Any = here
        while isinstance(root, np.ndarray) and root.base is not None:
            root = root.base
        if not isinstance(root, self._driver.PagelockedHostAllocation):
            raise ValueError("asynchronous copies need memory from Device.pinned")

    def module(self, image: bytes) -> Module:
        """Load compiled device code, as fusion/compiler.py makes it."""
        with self.errors("cannot load device code"):
            return Module(self, self._driver.module_from_buffer(image))

    def synchronize(self) -> None:
        """Let the host wait for all streams."""
        with self.errors("work on the device failed"):
            self._context.synchronize()

    @contextmanager
    def errors(self, what: str) -> Iterator[None]:
        """Type the CUDA errors of what is called inside; also around TensorRT's own calls.

        what: what could not be done, for the message
        """
        if self._lost is not None:
            raise CudaLostError(self._lost)
        try:
            yield
        except self._driver.Error as error:
            raise self.failed(what, error) from error

    def failed(self, what: str, error: object) -> CudaError:
        """Return the typed error for a call that failed; for libraries that raise none.

        CUDA keeps no list of errors that break the context: after one of those, every call fails.
        """
        try:
            self._context.synchronize()
        except self._driver.Error as last:
            self._lost = f"{what}: {error}; the CUDA context is lost ({last}), restart the process"
            return CudaLostError(self._lost)
        return CudaError(f"{what}: {error}; see gatehouse doctor")


class Module:
    """Loaded device code."""

    def __init__(self, device: Device, raw: Any) -> None:
        self._device, self._raw = device, raw

    def kernel(self, name: str, arguments: str) -> Kernel:
        """Find an entry point; arguments: struct letters, P for a pointer and i for an int."""
        with self._device.errors(f"device code lacks {name}"):
            return Kernel(self._device, self._raw.get_function(name), arguments)


@contextmanager
def open_device(index: int = 0) -> Iterator[Device]:
    """Retain the primary context of a device and make it current in this thread.

    Raises: CudaError without PyCUDA, driver or device.
    """
    try:
        import pycuda.driver as driver
    except ImportError as error:
        raise CudaError(
            f"PyCUDA is not to be had ({error}); on a Jetson: pip install 'gatehouse-edge[jetson]'"
        ) from error
    try:
        driver.init()
        raw = driver.Device(index)
        context = raw.retain_primary_context()
        context.push()
    except driver.Error as error:
        raise CudaError(f"no CUDA device {index}: {error}; see gatehouse doctor") from error
    try:
        yield Device(driver, context, _info(driver, raw))
    finally:
        # Never pop(): it fails once the context is broken, and PyCUDA aborts a process that ends
        # with a context on its stack. This takes it off as well, and raises nothing.
        context.detach()


def _info(driver: Any, raw: Any) -> DeviceInfo:
    return DeviceInfo(
        name=raw.name(),
        capability=raw.compute_capability(),
        driver=driver.get_driver_version(),
        multiprocessors=raw.get_attribute(driver.device_attribute.MULTIPROCESSOR_COUNT),
        memory_bytes=raw.total_memory(),
    )
