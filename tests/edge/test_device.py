"""The CUDA context on the CPU simulator, through real PyCUDA."""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge.device import SIMULATOR, Device, DeviceInfo, open_device
from edge.errors import EX_UNAVAILABLE, CudaError, CudaLostError

DOUBLE = """
extern "C" __global__ void twice(float *values, int offset) {
    values[offset + threadIdx.x] *= 2;
}
"""


def kernel(device: Device) -> Any:
    from simulator import compile_kernel

    return device.module(compile_kernel(DOUBLE, ())).kernel("twice", "Pi")


def info() -> DeviceInfo:
    with open_device() as device:
        return device.info


def test_the_simulator_says_what_it_is(simulator: Any, facts: list[str]) -> None:
    found = simulator.run(info)
    facts.append(f"CUDA tests ran on: {found.name}")
    assert found.name == SIMULATOR
    assert found.is_simulator
    assert found.arch == "sm_87"


def test_a_gpu_is_no_simulator_and_names_its_architecture() -> None:
    thor = DeviceInfo("Thor", (11, 0), 13_000, 20, 1 << 37)
    assert not thor.is_simulator
    assert thor.arch == "sm_110"


def contexts() -> tuple[int | None, int | None]:
    """The primary context, and the one that is current."""
    driver = ctypes.CDLL("libcuda.so.1")
    primary, current = ctypes.c_void_p(), ctypes.c_void_p()
    with open_device():
        driver.cuDevicePrimaryCtxRetain(ctypes.byref(primary), 0)
        driver.cuDevicePrimaryCtxRelease_v2(0)
        driver.cuCtxGetCurrent(ctypes.byref(current))
    return primary.value, current.value


def test_the_primary_context_is_used_so_that_tensorrt_shares_it(simulator: Any) -> None:
    primary, current = simulator.run(contexts)
    assert primary == current
    assert primary is not None


def open_twice() -> list[list[float]]:
    found = []
    for value in (1, 2):
        with open_device() as device:
            found.append(device.download(device.upload(np.full(1, value))).tolist())
    return found


def test_a_device_can_be_opened_again(simulator: Any) -> None:
    assert simulator.run(open_twice) == [[1], [2]]


def there_and_back() -> list[np.ndarray]:
    kind = np.dtype([("a", "<i4", (2, 3)), ("b", "<f4")])
    odd = np.zeros(3, kind)
    odd["a"][:], odd["b"][:] = 7, 0.5
    arrays = [np.arange(12, dtype=np.float16).reshape(3, 4)[:, ::2], np.zeros((0, 4), np.int8), odd]
    with open_device() as device:
        return [device.download(device.upload(array)) for array in arrays]


def test_arrays_of_any_kind_come_back_from_the_device_as_they_were(simulator: Any) -> None:
    plain, nothing, odd = simulator.run(there_and_back)
    np.testing.assert_array_equal(plain, [[0, 2], [4, 6], [8, 10]])
    assert nothing.shape == (0, 4)
    assert (odd["a"] == 7).all()
    assert (odd["b"] == 0.5).all()


def through_two_streams(joined: bool) -> np.ndarray:
    with open_device() as device:
        first, second = device.stream(), device.stream()
        here, back = device.pinned((4,), np.float32), device.pinned((4,), np.float32)
        there = device.empty((4,), np.float32)
        here[:] = 1
        device.copy_in(there, here, first)
        kernel(device).launch((1, 1), 4, first, there, 0)
        written = device.event().record(first)
        if joined:
            second.wait(written)
        device.copy_out(back, there, second)
        second.synchronize()
        return back.copy()


def test_an_event_joins_streams_and_without_it_nothing_does(simulator: Any) -> None:
    assert simulator.run(through_two_streams, True, streams="lazy").tolist() == [2, 2, 2, 2]
    assert np.isnan(simulator.run(through_two_streams, False, streams="lazy")).all()


def copy(there_shape: tuple[int, ...], pinned: bool, dtype: str) -> None:
    with open_device() as device:
        there, stream = device.empty(there_shape, np.float32), device.stream()
        here = device.pinned((4, 2), dtype) if pinned else np.zeros((4, 2), dtype)
        device.copy_in(there.head(4), here, stream)
        device.copy_out(here[:4], there.head(4), stream)
        stream.synchronize()


def test_a_part_of_a_buffer_can_be_copied(simulator: Any) -> None:
    simulator.run(copy, (6, 2), True, "float32")


@pytest.mark.parametrize(
    ("shape", "pinned", "dtype", "message"),
    [
        ((4, 3), True, "float32", "against"),
        ((4, 2), True, "int32", "against"),
        ((4, 2), False, "float32", r"need memory from Device\.pinned"),
        ((3, 2), True, "float32", "4 of 3 rows"),
    ],
)
def test_copies_that_cannot_be_right_are_refused(
    simulator: Any, shape: tuple[int, ...], pinned: bool, dtype: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        simulator.run(copy, shape, pinned, dtype)


def too_much_then_little() -> tuple[type, str, list[float]]:
    with open_device() as device:
        try:
            device.empty((1 << 40,), np.float32)
        except CudaError as error:
            again = device.download(device.upload(np.ones(2, np.float32)))
            return type(error), str(error), again.tolist()
        raise AssertionError("so much memory there is not")


def test_what_cuda_refuses_is_an_error_that_can_be_survived(simulator: Any) -> None:
    kind, message, again = simulator.run(too_much_then_little)
    assert kind is CudaError
    assert "cannot allocate float32" in message
    assert again == [1, 1]


def broken_twice() -> list[tuple[type, int, str]]:
    errors = []
    with open_device() as device:
        values, stream, twice = device.empty((4,), np.float32), device.stream(), kernel(device)
        for attempt in (
            lambda: (twice.launch((1, 1), 4, stream, values, 1 << 12), stream.synchronize()),
            lambda: device.upload(np.zeros(1)),
        ):
            try:
                attempt()
            except CudaError as error:
                errors.append((type(error), error.exit_code, str(error)))
    return errors


@pytest.mark.parametrize("streams", ["eager", "lazy"])
def test_an_error_that_breaks_the_context_is_told_from_then_on(
    simulator: Any, streams: str
) -> None:
    errors = simulator.run(broken_twice, streams=streams)
    assert [kind for kind, _, _ in errors] == [CudaLostError, CudaLostError]
    assert all(code == EX_UNAVAILABLE for _, code, _ in errors)  # systemd starts it again
    assert all("restart the process" in message for _, _, message in errors)


def in_a_thread(function: Callable[[], Any]) -> Any:
    """PyCUDA aborts the process when a thread ends with a context on its stack."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def lost_in_a_thread() -> Any:
    return in_a_thread(broken_twice)


def test_a_process_whose_context_is_lost_still_ends_in_order(simulator: Any) -> None:
    assert len(simulator.run(lost_in_a_thread)) == 2


def from_another_thread() -> Any:
    def work() -> str:
        try:
            return str(device.upload(np.ones(1)))
        except CudaError as error:
            return str(error)

    with open_device() as device:
        return in_a_thread(work)


def test_the_context_belongs_to_the_thread_that_opened_it(simulator: Any) -> None:
    assert "cannot allocate" in simulator.run(from_another_thread)


def test_without_pycuda_the_error_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pycuda", None)
    monkeypatch.setitem(sys.modules, "pycuda.driver", None)
    with pytest.raises(CudaError, match=r"gatehouse-edge\[jetson\]"), open_device():
        pass


def second_device() -> None:
    with open_device(1):
        pass


def test_a_device_that_is_not_there_is_named(simulator: Any) -> None:
    with pytest.raises(CudaError, match=r"no CUDA device 1.*gatehouse doctor"):
        simulator.run(second_device)
