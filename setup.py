"""Metadata of the distribution ``gatehouse-edge``; tools are configured in pyproject.toml."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.+)"', (HERE / "edge/__init__.py").read_text())
assert VERSION is not None  # noqa: S101  the file is part of this tree

# Every lower bound has a reason.
RUNTIME = [
    "numpy>=1.26",  # first with Python 3.12 wheels on both architectures
    "onnx>=1.16",  # opset 20, numpy 2 support
    "opencv-python-headless>=4.10",  # numpy 2 wheels; DIS optical flow
    "openvino>=2024.4",  # INT8 Q/DQ on Arm; Python 3.12 wheels
    "paho-mqtt>=2.1",  # CallbackAPIVersion.VERSION2 with typed reason codes
    "pydantic>=2.7",  # discriminated unions with precise locations
    "pyyaml>=6.0.1",  # builds with Cython 3
    "rich>=13.7",  # progress bars and the live view
    "mcap>=1.2",  # reader with message order by log time
    "mcap-protobuf-support>=0.5.1",  # decodes Foxglove messages from the schema in the file
    "foxglove-sdk>=0.30",  # foxglove.messages; older releases call it foxglove.schemas
]
TRAIN = [
    "torch>=2.4",  # CPU is enough
    "scipy>=1.13",  # numpy 2 wheels
    "moderngl>=5.11",  # EGL without a display
    "mujoco>=3.2",  # ragdoll falls
    "matplotlib>=3.9",  # numpy 2 wheels; figures of the benchmark report
    "soundfile>=0.12.1",  # bundles libsndfile on x86_64 and aarch64
    "anny==0.6.2",  # builds the body library; later releases are untested
]
DEV = [
    "pytest>=8.2",
    "hypothesis>=6.100",
    "jsonschema>=4.22",
    "ruff==0.17.6",
    "mypy>=1.18",
    "import-linter>=2.3",
    "types-PyYAML",
    "types-jsonschema",
    "scipy-stubs>=1.14",  # the last line for Python 3.10 is 1.15
]

# NVIDIA's own parser and builder on a CPU: what a Jetson would refuse is refused here as well. The
# two must match; the second carries the libraries of the first. 150 MB, x86_64 alone.
NVIDIA_CHECK = [
    "tensorrt_rtx_cu13_bindings==1.7.1.116; platform_machine == 'x86_64'",
    "onnxruntime_ep_nv_tensorrt_rtx_cu13==0.5.0; platform_machine == 'x86_64'",
]

setup(
    name="gatehouse-edge",
    version=VERSION.group(1),
    description="Recognises falls, violence and calls for help in a room, and tells only that.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["edge*", "engines*", "calibration*"]),
    package_data={
        "edge": ["py.typed", "weights/*", "data/*", "fusion/*.cu"],
        "engines": ["benchmarks/*.json"],
    },
    install_requires=RUNTIME,
    extras_require={
        "train": TRAIN,
        "dev": DEV,
        "nvidia-check": NVIDIA_CHECK,
        "jetson": ["pycuda>=2024.1"],  # TensorRT comes with JetPack, not from an index
        "realsense": ["pyrealsense2>=2.55"],  # first aarch64 wheels for Python 3.12
    },
    entry_points={"console_scripts": ["gatehouse = edge.cli:main"]},
)
