"""Compiles gate.cu on the device with NVRTC, which needs neither nvcc nor a C++ compiler.

A kernel compiled elsewhere would have to match the driver; this takes a second at start-up.
"""

from __future__ import annotations

import ctypes
import os
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from edge.device import DeviceInfo
from edge.errors import CudaError

REMEDY = (
    "on a Jetson: apt install cuda-nvrtc and cuda-cudart-dev of JetPack's CUDA, or set CUDA_HOME"
)
HEADER = "cuda_fp16.h"


class Nvrtc:
    """NVIDIA's compiler as a library."""

    def __init__(self, library: Path, include: Path) -> None:
        """include: holds ``HEADER``  Raises: CudaError when the library cannot be loaded."""
        try:
            self._library = ctypes.CDLL(str(library))
        except OSError as error:
            raise CudaError(f"NVRTC cannot be loaded ({error}); {REMEDY}") from error
        self._include = include
        major, minor = ctypes.c_int(), ctypes.c_int()
        self._check(self._library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor)))
        self.version = (major.value, minor.value)

    def compile(self, source: str, options: Sequence[str]) -> tuple[bytes, str]:
        """Compile the text of a .cu file; options name the architecture.

        returns: code for ``Device.module``, and what the compiler said
        Raises: CudaError with the compiler's words.
        """
        program = ctypes.c_void_p()
        text = source.encode()
        created = self._library.nvrtcCreateProgram(
            ctypes.byref(program), text, b"gate.cu", 0, None, None
        )
        self._check(created)
        try:
            told = [f"-I{self._include}", "--std=c++17", *options]
            given = (ctypes.c_char_p * len(told))(*(option.encode() for option in told))
            status = self._library.nvrtcCompileProgram(program, len(told), given)
            said = self._bytes(program, "ProgramLog").decode(errors="replace").rstrip("\0\n")
            if status:
                wrong = [line for line in said.splitlines() if "error" in line]
                raise CudaError(f"NVRTC: {(wrong or [self._why(status)])[0]}; {REMEDY}")
            return self._bytes(program, "CUBIN"), said
        finally:
            self._library.nvrtcDestroyProgram(ctypes.byref(program))

    def _bytes(self, program: ctypes.c_void_p, what: str) -> bytes:
        size = ctypes.c_size_t()
        self._check(getattr(self._library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
        data = ctypes.create_string_buffer(size.value)
        self._check(getattr(self._library, f"nvrtcGet{what}")(program, data))
        return data.raw

    def _check(self, status: int) -> None:
        if status:
            raise CudaError(f"NVRTC: {self._why(status)}; {REMEDY}")

    def _why(self, status: int) -> str:
        self._library.nvrtcGetErrorString.restype = ctypes.c_char_p
        return str(self._library.nvrtcGetErrorString(status).decode())


def compiler_for(info: DeviceInfo) -> Callable[[str, Sequence[str]], bytes]:
    """The cuda.Compile for a device.

    Raises: CudaError when NVRTC or its header is not installed.
    """
    nvrtc = find_nvrtc(info.driver // 1000)

    def compiled(source: str, options: Sequence[str]) -> bytes:
        code, _ = nvrtc.compile(source, [f"--gpu-architecture={info.arch}", *options])
        return code

    return compiled


def find_nvrtc(major: int) -> Nvrtc:
    """The NVRTC of one CUDA: a driver takes code of its own major version and older.

    Raises: CudaError.
    """
    roots = list(toolkits())
    folders = [root / folder for root in roots for folder in ("lib64", "lib")]
    libraries = [folder / f"libnvrtc.so.{major}" for folder in folders]
    library = next((path for path in libraries if path.is_file()), Path(f"libnvrtc.so.{major}"))
    headers = (root / "include" for root in roots if (root / "include" / HEADER).is_file())
    include = next(headers, None)
    if include is None:
        raise CudaError(f"{HEADER} is nowhere under {', '.join(map(str, roots))}; {REMEDY}")
    return Nvrtc(library, include)


def toolkits() -> Iterator[Path]:
    """Directories that may hold a CUDA toolkit or a part of it, first choice first."""
    yield from (Path(os.environ[name]) for name in ("CUDA_HOME", "CUDA_PATH") if name in os.environ)
    yield Path("/usr/local/cuda")
    wheels = Path(sysconfig.get_path("purelib")) / "nvidia"
    yield from (wheels / part for part in ("cuda_nvrtc", "cuda_runtime", "cu13"))
