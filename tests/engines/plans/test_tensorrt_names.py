"""Every name of TensorRT that the project uses is in NVIDIA's own bindings, version by version.

The bindings are real; the libraries under them are stubs that only let them be imported.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from engines.trt_library import REMEDIES, open_library

ROOT = Path(__file__).parents[3]
VERSIONS = ("10.3.0", "10.13.3.9", "10.16.1.11", "11.4.0.106")
PROGRAM = """
import json, sys
from functools import reduce
import tensorrt_bindings as trt

def has(name):
    try:
        reduce(getattr, name.split("."), trt)
    except AttributeError:
        return False
    return True

names = json.load(sys.stdin)
print(json.dumps({"version": trt.__version__, "missing": [n for n in names if not has(n)]}))
"""


def collector() -> ModuleType:
    path = Path(__file__).with_name("trt_names.py")
    spec = importlib.util.spec_from_file_location("trt_names", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["trt_names"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def used() -> tuple[set[str], set[str]]:
    """Names that are always used, and those used only where they exist."""
    found = collector().names_used([ROOT / n for n in ("edge", "engines", "calibration")])
    assert found.untyped == set()  # annotate them: from tensorrt import ... under TYPE_CHECKING
    return found.always, found.optional


def missing_in(version: str, names: set[str]) -> set[str]:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gatehouse"
    cache = Path(os.environ.get("GATEHOUSE_CACHE") or cache)
    tag = "py{}{}".format(*sys.version_info)
    folder = cache / "trt-bindings" / tag / version
    if not (folder / "complete").exists():
        pytest.skip(f"needs NVIDIA's bindings {version}: run tools/trt-bindings (x86_64)")
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=json.dumps(sorted(names)),
        env={"LD_LIBRARY_PATH": str(folder / "lib"), "PYTHONPATH": str(folder / "python")},
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(found.stdout)
    assert told["version"] == version
    return set(told["missing"])


@pytest.mark.parametrize("version", VERSIONS)
def test_every_name_in_use_exists(version: str, used: tuple[set[str], set[str]]) -> None:
    always, _optional = used
    assert missing_in(version, always) == set()


def test_the_check_sees_what_tensorrt_11_took_away() -> None:
    gone = {"BuilderFlag.INT8", "IInt8EntropyCalibrator2"}
    assert missing_in("10.3.0", gone) == set()
    assert missing_in("11.4.0.106", gone | {"Builder.create_network"}) == gone


def test_builder_runtime_and_context_are_among_the_names(
    used: tuple[set[str], set[str]],
) -> None:
    always, optional = used
    assert {
        "Builder.create_network",
        "IBuilderConfig.progress_monitor",
        "ICudaEngine.get_tensor_profile_shape",
        "IExecutionContext.execute_async_v3",
        "IExecutionContext.set_tensor_address",
        "ILogger.Severity.INTERNAL_ERROR",
        "NetworkDefinitionCreationFlag.STRONGLY_TYPED",
        "ParserError.desc",
        "Runtime.deserialize_cuda_engine",
    } <= always
    assert optional == {
        "ComputeCapability.SM86",
        "ComputeCapability",
        "IBuilderConfig.num_compute_capabilities",
        "IBuilderConfig.set_compute_capability",
    }


def test_tensorrt_rtx_has_all_of_them_and_the_optional_ones(
    used: tuple[set[str], set[str]],
) -> None:
    if importlib.util.find_spec("tensorrt_rtx_bindings") is None:
        pytest.skip(f"needs TensorRT-RTX: {REMEDIES['tensorrt_rtx']}")
    trt = open_library("tensorrt_rtx").trt

    def has(name: str) -> bool:
        found: object = trt
        return all((found := getattr(found, part, None)) is not None for part in name.split("."))

    assert [name for name in sorted(set.union(*used)) if not has(name)] == []


def test_the_collector_follows_annotations_aliases_and_members(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "from tensorrt import Builder, Runtime\n"
        "def f(trt, b: Builder):\n"
        "    level = trt.ILogger.Severity\n"
        "    b.one(level.ERROR)\n"
        "    x: Runtime | None = g()\n"
        "    x.two\n"
        "    if hasattr(b, 'three'):\n"
        "        b.three()\n"
        "class C:\n"
        "    def __init__(self):\n"
        "        self._r: Runtime = 1\n"
        "    def m(self):\n"
        "        self._r.four()\n"
        "        self._other.five()\n"
        "    def n(self, b: Builder):\n"
        "        y = b.make()\n"
        "        y.six()\n"
    )
    found = collector().names_used([tmp_path])
    assert found.always == {
        "Builder",
        "Runtime",
        "ILogger",
        "ILogger.Severity",
        "ILogger.Severity.ERROR",
        "Builder.make",
        "Builder.one",
        "Runtime.two",
        "Runtime.four",
    }
    assert found.optional == {"Builder.three"}
    assert found.untyped == {"n: y"}
