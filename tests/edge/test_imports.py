from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "torch",
    "openvino",
    "onnx",
    "cv2",
    "gi",
    "tensorrt",
    "paho",
    "pycuda",
    "moderngl",
    "pyrealsense2",
}
MODULES = [
    "edge.cli",
    "edge.daemon",
    "edge.replay",
    "edge.demo",
    "edge.watch",
    "edge.doctor.command",
]


@pytest.mark.parametrize("module", MODULES)
def test_importing_a_command_loads_no_heavy_library(module: str) -> None:
    program = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = {name.split(".")[0] for name in json.loads(found.stdout)}
    assert not loaded & HEAVY
