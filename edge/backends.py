"""Which back end runs the networks here, and why: TensorRT where it can, a CPU where it must.

A device that cannot run its plans goes on watching on its CPU, and says so: in the log, as the
fault ``backend``, and in the health of every room.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from edge.device import Device, open_device
from edge.encoders.engine import Backend, Engine
from edge.errors import CudaLostError, one_line
from edge.plans import PlanStore, Recipe, plan_directory
from edge.settings import ModelSettings

log = logging.getLogger(__name__)

Name = Literal["openvino", "tensorrt"]
FAULT = "backend"
"""Code of the fault: a GPU that should run networks does not."""

DESKTOP_NODES = ("nvidia[0-9]*",)
JETSON_NODES = ("nvhost-gpu", "nvhost-ctrl-gpu", "nvgpu")
"""What NVIDIA's drivers make in /dev for a GPU."""


class ChosenBackend:
    """Satisfies engine.Backend: the GPU's, and for what that cannot load the CPU's."""

    def __init__(
        self,
        threads: int,
        why: str,
        gpu: Backend | None = None,
        device: Device | None = None,
        broken: str | None = None,
    ) -> None:
        """why: this and no other back end, in a line; device: of ``gpu``

        broken: why there is no ``gpu`` although there should be
        """
        self.name: Name = "openvino" if gpu is None else "tensorrt"
        self.why, self.device = why, device
        self.refused: dict[str, str] = {}  # SHA-256 of a model -> why the GPU does not run it
        self._threads, self._gpu, self._broken = threads, gpu, broken
        self._cpu: Backend | None = None

    @property
    def problem(self) -> str | None:
        """Why some networks run on the CPU that should not, with the remedy; None: all is well."""
        if not self.refused:
            return None
        reason = next(iter(self.refused.values()))
        return f"networks on the CPU instead of the GPU: {len(self.refused)}; {reason}"

    def load(self, onnx: bytes) -> Engine:
        """See engine.Backend.  Raises also CudaLostError: what was loaded is lost, too."""
        reason = self._broken
        if self._gpu is not None:
            try:
                return self._gpu.load(onnx)
            except CudaLostError:
                raise
            except Exception as error:  # whatever it is, the watch must go on
                reason = one_line(error)
        if reason is not None:
            if reason not in self.refused.values():
                log.warning("networks run on the CPU instead of the GPU: %s", reason)
            self.refused[sha256(onnx).hexdigest()] = reason
        return self._open_cpu().load(onnx)

    def give_up(self, error: CudaLostError) -> None:
        """Run everything on the CPU from now on: this process has no CUDA context any more."""
        self.name, self.why, self._broken = "openvino", _cannot(error), str(error)
        self._gpu = self.device = None
        self.refused.clear()

    def _open_cpu(self) -> Backend:
        if self._cpu is None:
            from edge.encoders.openvino import OpenVinoBackend

            self._cpu = OpenVinoBackend(self._threads)
        return self._cpu


def cpu_backend(settings: ModelSettings, why: str = "asked for") -> ChosenBackend:
    """OpenVINO and nothing else."""
    return ChosenBackend(settings.threads, why)


@contextmanager
def open_backend(settings: ModelSettings, dev: Path = Path("/dev")) -> Iterator[ChosenBackend]:
    """Choose as configured, and hold the GPU's context, in this thread, while inside the block.

    dev: where device nodes are.  Never fails for want of a GPU: see ``ChosenBackend.refused``.
    """
    with ExitStack() as stack:
        chosen = _choose(settings, stack, dev)
        log.info("back end name=%s why=%s", chosen.name, chosen.why)
        yield chosen


def _choose(settings: ModelSettings, stack: ExitStack, dev: Path) -> ChosenBackend:
    reason = why_no_gpu(settings, dev)
    if reason is not None:
        return cpu_backend(settings, reason)
    try:
        return _open_gpu(settings, stack)
    except Exception as error:  # whatever it is, the watch must go on
        return ChosenBackend(settings.threads, _cannot(error), broken=one_line(error))


def _cannot(error: Exception) -> str:
    return f"the GPU cannot be used: {one_line(error)}"


def _open_gpu(settings: ModelSettings, stack: ExitStack) -> ChosenBackend:
    """Raises: DeviceError without TensorRT, CudaError without a GPU."""
    from edge.encoders.tensorrt import TensorRtBackend, import_tensorrt

    trt = import_tensorrt()
    device = stack.enter_context(open_device())
    store = PlanStore(plan_directory(settings.plans))
    gpu = TensorRtBackend(device, trt, store, Recipe.for_rooms(settings.plan_rooms))
    stack.callback(gpu.close)
    return ChosenBackend(settings.threads, f"{gpu.target}, plans of {store.directory}", gpu, device)


def why_no_gpu(settings: ModelSettings, dev: Path = Path("/dev")) -> str | None:
    """Why none is asked for; None when one is, and its absence would be a fault.

    A desktop computer may well have a GPU and no TensorRT; a Jetson is there for it.
    """
    if settings.backend == "openvino":
        return "models.backend is openvino"
    if settings.backend == "tensorrt" or _has_node(dev, JETSON_NODES):
        return None
    if not _has_node(dev, DESKTOP_NODES):
        return "there is no NVIDIA GPU"
    return None if find_spec("tensorrt") else "there is a GPU, but TensorRT is not installed"


def has_gpu(dev: Path = Path("/dev")) -> bool:
    """Whether an NVIDIA driver has made a device node for a GPU."""
    return _has_node(dev, (*DESKTOP_NODES, *JETSON_NODES))


def _has_node(dev: Path, patterns: tuple[str, ...]) -> bool:
    return any(True for pattern in patterns for _ in dev.glob(pattern))
