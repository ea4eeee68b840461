"""Finds TensorRT: JetPack's own, or TensorRT-RTX, whose builder also works without a GPU.

TensorRT-RTX is NVIDIA's builder and ONNX parser for desktop GPUs. Told a compute capability, it
builds on a machine that has no GPU at all; such a plan shows that NVIDIA's tools take a model, and
is never run: SM86 is the nearest it offers to a Jetson Orin (SM87).
"""

from __future__ import annotations

import ctypes
import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edge.encoders.tensorrt import INSTALL
from edge.errors import DeviceError

if TYPE_CHECKING:
    from tensorrt import IBuilderConfig

Name = Literal["tensorrt", "tensorrt_rtx"]
NAMES: tuple[Name, ...] = ("tensorrt", "tensorrt_rtx")

STAND_IN, STAND_IN_CAPABILITY = "SM86 stand-in (no GPU)", "8.6"

_CARRIER = "onnxruntime_ep_nv_tensorrt_rtx"
_SHARED = ("libcudart.so.*", "libtensorrt_rtx.so.*", "libtensorrt_onnxparser_rtx.so.*")
"""In the order in which they need each other."""

REMEDIES = {
    "tensorrt": INSTALL,
    "tensorrt_rtx": "pip install --no-deps tensorrt_rtx_cu13_bindings==1.7.1.116 "
    "onnxruntime_ep_nv_tensorrt_rtx_cu13==0.5.0 (x86_64)",
}


@dataclass(frozen=True, slots=True)
class Library:
    """A TensorRT that can build."""

    name: Name
    trt: Any  # the module

    @property
    def version(self) -> str:
        """As the library says it, e.g. 10.3.0."""
        return str(self.trt.__version__)

    def aim(self, config: IBuilderConfig) -> None:
        """Name the stand-in to build for; a TensorRT that cannot be told asks the GPU."""
        if hasattr(config, "set_compute_capability"):
            config.num_compute_capabilities = 1
            config.set_compute_capability(self.trt.ComputeCapability.SM86, 0)


def open_library(name: Name) -> Library:
    """Import one TensorRT.  Raises: DeviceError, which names what to install."""
    try:
        if name == "tensorrt_rtx":
            _preload_rtx()
            return Library(name, importlib.import_module("tensorrt_rtx_bindings"))
        return Library(name, importlib.import_module("tensorrt"))
    except (ImportError, OSError) as error:
        raise DeviceError(f"{name} cannot be loaded ({error}); {REMEDIES[name]}") from error


def _preload_rtx() -> None:
    """Load the libraries that the bindings expect; a package for ONNX Runtime carries them."""
    found = find_spec(_CARRIER)
    if found is None or found.origin is None:
        raise ImportError(f"no package {_CARRIER}")
    folder = Path(found.origin).parent
    for pattern in _SHARED:
        paths = sorted(folder.glob(pattern))
        if not paths:
            raise ImportError(f"no {pattern} in {folder}")
        ctypes.CDLL(str(paths[-1]), mode=ctypes.RTLD_GLOBAL)
