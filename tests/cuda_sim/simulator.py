"""A CUDA device for tests, on the CPU: builds the simulator, compiles for it, runs code on it.

See README.md for what it finds and what it cannot. What runs on it runs in a process of its own:
the simulated libcuda.so.1 must not be met by a library that would take it for a GPU.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PARTS = ("memory", "fibers", "streams", "driver")
HEADERS = ("cuda.h", "cuda_fp16.h", "vector_types.h", "nv/target")
CXX = ("g++", "-std=c++20", "-O1", "-fPIC", "-fno-strict-aliasing", "-ffp-contract=off")
BUILD_S, CALL_S = 300, 300

DEFINED = re.compile(r"^API (cu\w+)\(", re.MULTILINE)
KERNEL = re.compile(r"__global__\s+void\s+(?:__launch_bounds__\s*\([^)]*\)\s*)?(\w+)\s*\(")


class MissingError(Exception):
    """Something the simulator needs is not installed; the message says what to install."""


def cache() -> Path:
    """Where builds are kept, by a digest of all that goes into them."""
    told = os.environ.get("GATEHOUSE_CACHE")
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatehouse"
    return (Path(told) if told else usual) / "cuda_sim"


def toolkits() -> list[Path]:
    """Directories that may hold a CUDA toolkit, first choice first."""
    told = [os.environ.get(name) for name in ("CUDA_HOME", "CUDA_PATH")]
    wheels = Path(sysconfig.get_path("purelib")) / "nvidia" / "cu13"
    return [*(Path(path) for path in told if path), Path("/usr/local/cuda"), wheels]


def include_directory() -> Path:
    """NVIDIA's headers. Raises: MissingError."""
    for toolkit in toolkits():
        if all((toolkit / "include" / header).is_file() for header in HEADERS):
            return toolkit / "include"
    raise MissingError("NVIDIA's CUDA headers: tools/cuda-for-tests, or set CUDA_HOME")


def library() -> Path:
    """The simulator as libcuda.so.1, built when it is not in the cache. Raises: MissingError."""
    include = include_directory()
    if shutil.which("g++") is None:
        raise MissingError("g++: apt-get install g++")
    stubs = "".join(f'extern "C" int {name}() {{ return 801; }}\n' for name in unsupported())
    texts = [path.read_bytes() for path in sorted(HERE.glob("*.[ch]*"))]
    key = digest(*texts, stubs.encode(), str(include).encode())
    target = cache() / key / "libcuda.so.1"
    if not target.is_file():
        work = Path(f"{target.parent}.{os.getpid()}")
        work.mkdir(parents=True, exist_ok=True)
        (work / "stubs.cpp").write_text(stubs)
        sources = [str(HERE / f"{part}.cpp") for part in PARTS]
        linked = ["-shared", "-Wl,-soname,libcuda.so.1", "-o", str(work / target.name)]
        execute([*CXX, f"-I{include}", *sources, str(work / "stubs.cpp"), *linked])
        move(work, target.parent)
    return target


def unsupported() -> list[str]:
    """Driver functions that PyCUDA needs in order to load, and the simulator does not have.

    Raises: MissingError without PyCUDA.
    """
    spec = find_spec("pycuda")
    if spec is None or not spec.submodule_search_locations:
        raise MissingError("PyCUDA, built from source: tools/cuda-for-tests")
    extension = next(Path(spec.submodule_search_locations[0]).glob("_driver*.so"))
    wanted = execute(["nm", "-D", "--undefined-only", str(extension)])
    ours = {name for part in PARTS for name in DEFINED.findall((HERE / f"{part}.cpp").read_text())}
    names = re.findall(r"\bU ((cu[A-Z]\w*?)(?:_v\d+)?)$", wanted, re.MULTILINE)
    return sorted({name for name, plain in names if plain not in ours})


def compile_kernel(source: str, options: Sequence[str]) -> bytes:
    """Compile the text of a .cu file for the simulator; satisfies edge.fusion.cuda.Compile.

    Raises: MissingError; ValueError with g++'s message when it does not compile.
    """
    kernels = KERNEL.findall(source)
    text = '#include "cusim.h"\n#line 1 "kernel.cu"\n' + source
    text += "".join(f"\nCUSIM_KERNEL({name})" for name in kernels) + "\nCUSIM_MODULE\n"
    command = [*CXX, *options, f"-I{HERE}", f"-I{include_directory()}", "-w", "-shared"]
    key = digest(text.encode(), (HERE / "cusim.h").read_bytes(), repr(command).encode())
    target = cache() / "kernels" / f"{key}.so"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_suffix(f".{os.getpid()}")
        execute([*command, "-x", "c++", "-", "-o", str(part)], text)
        part.replace(target)
    return target.read_bytes()


def digest(*parts: bytes) -> str:
    """Name a build after everything that went into it."""
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def move(work: Path, target: Path) -> None:
    """Put a finished build in place, unless somebody else was first."""
    try:
        work.rename(target)
    except OSError:
        shutil.rmtree(work)


def execute(command: Sequence[str], given: str | None = None) -> str:
    """Run a tool and return what it prints. Raises: ValueError with what it complains about."""
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=BUILD_S, check=False
    )
    if done.returncode:
        raise ValueError(f"{command[0]} failed:\n{done.stderr[:4000]}")
    return done.stdout


class Simulator:
    """A process with the simulated driver loaded; every call runs in a fresh copy of it."""

    def __init__(self) -> None:
        """Raises: MissingError."""
        self._server = subprocess.Popen(
            [sys.executable, str(HERE / "serve.py"), str(library())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(
        self, function: Callable[..., Any], *arguments: Any, order: str = "", streams: str = ""
    ) -> Any:
        """Call a module's function there, and return or raise what it does.

        order: SIMCUDA_ORDER, see fibers.cpp   streams: SIMCUDA_STREAMS, see streams.cpp
        """
        settings: Mapping[str, str] = {"SIMCUDA_ORDER": order, "SIMCUDA_STREAMS": streams}
        name = (function.__code__.co_filename, function.__qualname__)
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        pickle.dump((name, arguments, settings), self._server.stdin)
        self._server.stdin.flush()
        kind, result = pickle.load(self._server.stdout)
        if kind == "raised":
            raise result
        return result

    def close(self) -> None:
        """End the process."""
        self._server.communicate(timeout=CALL_S)
