"""What the simulator finds: kernels and hosts with one planted mistake each."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from edge.device import open_device
from edge.errors import CudaError, CudaLostError

KERNEL = 'extern "C" __global__ void kernel(float *x, float *y) {{ {body} }}'


def launch(body: str, threads: int = 64, blocks: int = 1, values: int = 64) -> np.ndarray:
    """Run a kernel on x = 0, 1, 2, ... and return y."""
    from simulator import compile_kernel

    with open_device() as device:
        code = compile_kernel(KERNEL.format(body=body), ())
        kernel, stream = device.module(code).kernel("kernel", "PP"), device.stream()
        x = device.upload(np.arange(values, dtype=np.float32))
        y = device.empty((values,), np.float32)
        kernel.launch((blocks, 1), threads, stream, x, y)
        stream.synchronize()
        return device.download(y)


def test_a_kernel_computes_what_its_text_says(simulator: Any) -> None:
    body = "const int i = blockIdx.x * blockDim.x + threadIdx.x; y[i] = 2 * x[i] + gridDim.x;"
    found = simulator.run(launch, body, 16, 4)
    np.testing.assert_array_equal(found, 2 * np.arange(64) + 4)


def test_memory_that_was_never_written_is_not_a_number(simulator: Any) -> None:
    assert np.isnan(simulator.run(launch, "")).all()


def test_lanes_exchange_values(simulator: Any) -> None:
    body = "y[threadIdx.x] = __shfl_xor_sync(~0u, x[threadIdx.x], 5) + __ballot_sync(~0u, 1) % 7;"
    found = simulator.run(launch, body)
    np.testing.assert_array_equal(found, (np.arange(64) ^ 5) + 0xFFFFFFFF % 7)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("y[threadIdx.x + 2000] = 1;", "touched memory that is not allocated"),
        ("y[threadIdx.x] = *(float *)8;", "touched memory that is not allocated"),
        ("y[int(threadIdx.x) - 1] = 1;", "wrote past the end"),
        ("if (threadIdx.x & 1) __syncthreads(); else __syncthreads();", "another __syncthreads"),
        ("if (threadIdx.x) __shfl_sync(~0u, 1, 0);", "deadlock"),
        ("__shfl_sync(1u, 1, 0);", "not in the mask"),
        ("if (threadIdx.x < 2) __shfl_sync(3u, 1, 9);", "a lane outside the mask"),
    ],
)
def test_a_mistake_in_a_kernel_breaks_the_context_and_is_named(
    simulator: Any, body: str, what: str
) -> None:
    with pytest.raises(CudaLostError, match=what):
        simulator.run(launch, body)


FORGOTTEN = "__shared__ float s[64]; s[threadIdx.x] = x[threadIdx.x]; y[threadIdx.x] = s[{other}];"


@pytest.mark.parametrize(("other", "order"), [("63", "ascending"), ("0", "descending")])
def test_a_forgotten_barrier_shows_in_some_order(simulator: Any, other: str, order: str) -> None:
    body = FORGOTTEN.format(other=other)
    assert np.isnan(simulator.run(launch, body, order=order)[int(other) ^ 63])
    right = body.replace("y[", "__syncthreads(); y[")
    assert (simulator.run(launch, right, order=order) == int(other)).all()


COUNTED = """
    __shared__ int last;
    {first} if (threadIdx.x == 0) last = atomicInc(reinterpret_cast<unsigned *>(x), 3) == 3;
    {second} __syncthreads(); if (last) y[threadIdx.x] = x[threadIdx.x + 1];
"""


def test_blocks_run_side_by_side_in_random_order(simulator: Any) -> None:
    """Each of four blocks writes 16 values; the last to be counted copies all of them."""
    write = "if (threadIdx.x / 16 == blockIdx.x) x[threadIdx.x + 1] = -1; __syncthreads();"
    orders = [f"random:{seed}" for seed in range(8)]

    def outcomes(body: str) -> list[bool]:
        found = [simulator.run(launch, body, 64, 4, 65, order=order) for order in orders]
        return [bool((values[:64] == -1).all()) for values in found]

    assert all(outcomes(COUNTED.format(first=write, second="")))
    assert not all(outcomes(COUNTED.format(first="", second=write)))


@pytest.mark.parametrize(
    ("threads", "body", "what"),
    [
        (1025, "", "no GPU takes"),
        (32, "__shared__ float s[12289]; s[threadIdx.x] = 0; y[0] = s[1];", "48 KiB"),
    ],
)
def test_launches_that_no_gpu_takes_are_refused(
    simulator: Any, threads: int, body: str, what: str
) -> None:
    with pytest.raises(CudaError, match=what):
        simulator.run(launch, body, threads)


def host_mistakes() -> tuple[list[float], list[float]]:
    """Change what is being copied; read what is not there yet."""
    with open_device() as device:
        stream, there = device.stream(), device.empty((1,), np.float32)
        here, back = device.pinned((1,), np.float32), device.pinned((1,), np.float32)
        here[:], back[:] = 1, -1
        device.copy_in(there, here, stream)
        here[:] = 2
        device.copy_out(back, there, stream)
        early = back.tolist()
        stream.synchronize()
        return early, back.tolist()


def test_races_between_host_and_device_show_in_lazy_streams(simulator: Any) -> None:
    assert simulator.run(host_mistakes) == ([1], [1])
    assert simulator.run(host_mistakes, streams="lazy") == ([-1], [2])


def foreign_code() -> None:
    with open_device() as device:
        device.module(b"\x7fELF" + bytes(14) + b"\xbe\x00" + bytes(200))  # as for a GPU


def measured_time() -> None:
    import pycuda.driver

    with open_device():
        start, end = pycuda.driver.Event(), pycuda.driver.Event()
        end.time_since(start)


def test_code_for_a_gpu_does_not_run_here(simulator: Any) -> None:
    with pytest.raises(CudaError, match="not code for the simulator"):
        simulator.run(foreign_code)


def test_time_cannot_be_measured_here(simulator: Any) -> None:
    with pytest.raises(Exception, match="measures no time"):
        simulator.run(measured_time)


def test_a_kernel_with_a_mistake_in_its_grammar_does_not_compile(simulator: Any) -> None:
    with pytest.raises(ValueError, match=r"kernel\.cu"):
        simulator.run(launch, "not C++;")
