"""Where plans are compiled: on this board's GPU, or without one for a stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from edge.device import Device, open_device
from edge.encoders.tensorrt import target_of
from edge.errors import CudaError
from edge.plans import Target
from engines.trt_library import STAND_IN, STAND_IN_CAPABILITY, Library, Name, open_library


@dataclass(frozen=True, slots=True)
class Site:
    """A TensorRT, and what it compiles for."""

    library: Library
    target: Target
    device: Device | None  # None: nothing that is compiled can run here


@contextmanager
def open_site(name: Name) -> Iterator[Site]:
    """Open the GPU and its TensorRT; or TensorRT-RTX, which needs no GPU.

    Raises: DeviceError without that TensorRT, CudaError without a GPU.
    """
    library = open_library(name)
    if name == "tensorrt_rtx":
        target = Target(name, library.version, STAND_IN, STAND_IN_CAPABILITY, 0)
        yield Site(library, target, None)
        return
    with open_device() as device:
        if device.info.is_simulator:
            raise CudaError(f"{device.info.name} cannot run TensorRT; use a board with a GPU")
        yield Site(library, target_of(library.trt, device.info), device)
