"""gate.cu through NVIDIA's own compilers, for boards that nobody here has."""

from __future__ import annotations

import re
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from edge.device import DeviceInfo
from edge.errors import CudaError
from edge.fusion import compiler
from edge.fusion.compiler import Nvrtc, compiler_for
from edge.fusion.kernel import THREADS, form_of, source
from edge.models import ModelStore, load_fusion_parameters

REGISTERS = 65_536 // THREADS // 2  # so that two blocks fit on a multiprocessor
SHARED_BYTES = 4_096
INSTALL = "tools/cuda-for-tests"
WHEELS = Path(sysconfig.get_path("purelib")) / "nvidia"

FORMS: Mapping[str, Mapping[str, bool]] = {
    "everything": {},
    "gate sees cues alone": {"sees_features": False},
    "least": {"convolves": False, "attends": False, "sees_features": False},
    "logarithms": {"log_pool": True},
}
"""What a model may need of gate.cu: the rest is left out."""


def options(form: str = "everything") -> list[str]:
    """Of a gate of the shipped sizes."""
    shipped = form_of(load_fusion_parameters(ModelStore()))
    everything = replace(shipped, convolves=True, attends=True, sees_features=True)
    return list(replace(everything, **FORMS[form]).options)


def resources(said: str) -> dict[str, dict[str, int]]:
    """What ptxas says of each kernel."""
    found = {}
    for words in said.split("Compiling entry function ")[1:]:
        name = words.split("'")[1]
        found[name] = {
            key: int(match.group(1))
            for key, pattern in (
                ("registers", r"Used (\d+) registers"),
                ("shared", r"(\d+) bytes smem"),
                ("stack", r"(\d+) bytes stack frame"),
                ("spill_stores", r"(\d+) bytes spill stores"),
                ("spill_loads", r"(\d+) bytes spill loads"),
            )
            if (match := re.search(pattern, words))
        }
    return found


def check(said: str) -> str:
    """Bounds on what the kernels take; returns the figures in a line."""
    found = resources(said)
    assert set(found) == {"gate", "store"}
    for numbers in found.values():
        assert (numbers["stack"], numbers["spill_stores"], numbers["spill_loads"]) == (0, 0, 0)
        assert 0 < numbers["registers"] <= REGISTERS
        assert numbers.get("shared", 0) <= SHARED_BYTES
    gate = found["gate"]
    return f"{gate['registers']} registers, {gate['shared']} bytes of shared memory, no spills"


@pytest.fixture
def nvcc(cuda_toolkits: list[Path]) -> Path:
    for root in cuda_toolkits:
        path = root / "bin" / "nvcc"
        if path.is_file():
            version = subprocess.run(
                [path, "--version"], capture_output=True, text=True, check=True
            )
            if "release 13" in version.stdout:
                return path
    pytest.skip(f"needs nvcc 13: {INSTALL}")


@pytest.mark.parametrize("arch", ["sm_87", "sm_110"])
@pytest.mark.parametrize("form", FORMS)
def test_nvcc_compiles_for_orin_and_thor_without_spills(
    nvcc: Path, arch: str, form: str, tmp_path: Path, facts: list[str]
) -> None:
    (tmp_path / "gate.cu").write_text(source())
    command = [nvcc, f"-arch={arch}", "-cubin", "-Xptxas", "-v", *options(form), "gate.cu"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    facts.append(f"gate.cu, {form}, nvcc 13, {arch}: {check(done.stderr)}")


@pytest.fixture
def nvrtc() -> Nvrtc:
    library = WHEELS / "cuda_nvrtc" / "lib" / "libnvrtc.so.12"
    if not library.is_file():
        pytest.skip(f"needs NVRTC 12.6: {INSTALL}")
    return Nvrtc(library, WHEELS / "cuda_runtime" / "include")


@pytest.mark.parametrize("form", FORMS)
def test_jetpack_6s_own_compiler_takes_it_without_spills(
    nvrtc: Nvrtc, form: str, facts: list[str]
) -> None:
    assert nvrtc.version == (12, 6)
    told = ["--gpu-architecture=sm_87", "--ptxas-options=-v", *options(form)]
    code, said = nvrtc.compile(source(), told)
    assert code[:4] == b"\x7fELF"
    facts.append(f"gate.cu, {form}, NVRTC 12.6, sm_87: {check(said)}")


def test_what_does_not_compile_says_why(nvrtc: Nvrtc) -> None:
    told = [option for option in options() if "GATE_D=" not in option]
    with pytest.raises(CudaError, match=r"gate\.cu\(\d+\): error: static assert.*CUDA_HOME$"):
        nvrtc.compile(source(), ["--gpu-architecture=sm_87", "-DGATE_D=12", *told])


@pytest.mark.usefixtures("nvrtc")
def test_a_device_gets_code_for_its_architecture_from_its_own_cuda() -> None:
    orin = DeviceInfo("Orin", (8, 7), 12_060, 8, 1 << 33)
    assert compiler_for(orin)(source(), options())[:4] == b"\x7fELF"


def test_a_machine_without_nvrtc_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    info = DeviceInfo("none", (8, 7), 99_000, 8, 1 << 33)  # of a CUDA that is nowhere
    monkeypatch.setattr(compiler, "toolkits", lambda: iter([tmp_path]))
    with pytest.raises(CudaError, match=r"cuda_fp16\.h is nowhere.*apt install"):
        compiler_for(info)
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "cuda_fp16.h").touch()
    with pytest.raises(CudaError, match=r"NVRTC cannot be loaded.*apt install"):
        compiler_for(info)
