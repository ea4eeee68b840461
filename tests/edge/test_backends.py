"""Which back end runs, and that a device without a usable GPU goes on and says so."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.backends import ChosenBackend, has_gpu, open_backend, why_no_gpu
from edge.device import DeviceInfo
from edge.encoders.engine import Engine
from edge.encoders.spec import ENCODERS
from edge.errors import CudaError, CudaLostError, PlanError
from edge.health import room_health
from edge.models import open_models
from edge.settings import ModelSettings
from edge.values import F32, FEATURE_DIM
from edge.vocabulary import Modality

ORIN = DeviceInfo("Orin", (8, 7), 12_060, 16, 1 << 33)


class SevenEngine:
    def run(self, batch: NDArray[Any]) -> F32:
        return np.full((len(batch), FEATURE_DIM), 7, np.float32)


class PickyGpu:
    """Runs everything but one file."""

    def __init__(self, refused: bytes, error: type[Exception] = PlanError) -> None:
        self._refused, self._error = refused, error

    def load(self, onnx: bytes) -> Engine:
        if onnx == self._refused:
            raise self._error("no plan for this board; run: python -m engines build")
        return SevenEngine()


@pytest.fixture
def board(tmp_path: Path) -> Path:
    """A /dev with the node of a GPU."""
    (tmp_path / "nvhost-gpu").touch()
    return tmp_path


def test_without_a_device_node_there_is_no_gpu(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()
    assert not has_gpu(tmp_path)
    (tmp_path / "nvidia0").touch()
    assert has_gpu(tmp_path)


def test_auto_without_a_gpu_is_the_cpu_and_no_problem(
    tmp_path: Path, model_directory: Path
) -> None:
    settings = ModelSettings(directory=model_directory)
    with open_backend(settings, tmp_path) as chosen:
        models = open_models(settings, chosen)
    assert (chosen.name, chosen.why) == ("openvino", "there is no NVIDIA GPU")
    assert (models.problem, models.degraded) == (None, frozenset())


@pytest.mark.parametrize("backend", ["auto", "tensorrt"])
def test_a_gpu_that_cannot_be_used_is_a_problem_but_the_device_goes_on(
    board: Path, model_directory: Path, backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)  # "not installed"
    settings = ModelSettings(directory=model_directory, backend=backend)
    with open_backend(settings, board) as chosen:
        models = open_models(settings, chosen)
    assert chosen.name == "openvino"
    assert models.problem is not None
    assert "networks on the CPU instead of the GPU: 4; TensorRT cannot be loaded" in models.problem
    assert "python3-libnvinfer" in models.problem
    assert models.degraded == frozenset(Modality)
    rgb = ENCODERS[Modality.RGB]
    batch = np.full((1, *rgb.input_shape), 9, rgb.input_type)
    assert models.encoders[Modality.RGB].encode(batch)[0, 0] == 9


def test_a_desktop_gpu_without_tensorrt_is_no_fault_unless_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nvidia0").touch()
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    told = why_no_gpu(ModelSettings(), tmp_path)
    assert told == "there is a GPU, but TensorRT is not installed"
    assert why_no_gpu(ModelSettings(backend="tensorrt"), tmp_path) is None
    (tmp_path / "nvgpu").mkdir()  # a Jetson is there for nothing else
    assert why_no_gpu(ModelSettings(), tmp_path) is None


def test_openvino_by_its_name_asks_for_no_gpu(board: Path, model_directory: Path) -> None:
    settings = ModelSettings(directory=model_directory, backend="openvino")
    with open_backend(settings, board) as chosen:
        assert open_models(settings, chosen).problem is None


@pytest.mark.parametrize("error", [PlanError, CudaError, TypeError])
def test_only_the_network_without_a_good_plan_runs_on_the_cpu(
    model_directory: Path, error: type[Exception]
) -> None:
    flow = (model_directory / "flow.onnx").read_bytes()
    chosen = ChosenBackend(1, "test", PickyGpu(flow, error))
    models = open_models(ModelSettings(directory=model_directory), chosen)
    assert chosen.name == "tensorrt"
    assert models.degraded == {Modality.FLOW}
    assert models.problem is not None
    assert models.problem.startswith("networks on the CPU instead of the GPU: 1; ")
    assert "no plan for" in models.problem
    assert chosen.refused.keys() == {sha256(flow).hexdigest()}
    for modality, feature in ((Modality.RGB, 7), (Modality.FLOW, 0)):
        spec = ENCODERS[modality]
        zeros = np.zeros((1, *spec.input_shape), spec.input_type)
        assert models.encoders[modality].encode(zeros)[0, 0] == feature
    health = room_health({}, models.degraded)
    assert (health[Modality.FLOW].state, health[Modality.FLOW].reason) == (
        "degraded",
        "cpu_instead_of_gpu",
    )
    assert health[Modality.RGB].state == "ok"


def test_a_context_lost_while_loading_leaves_nothing_on_the_gpu(model_directory: Path) -> None:
    flow = (model_directory / "flow.onnx").read_bytes()  # RGB is on the GPU by then
    chosen = ChosenBackend(1, "test", PickyGpu(flow, CudaLostError))
    models = open_models(ModelSettings(directory=model_directory), chosen)
    assert (chosen.name, chosen.device) == ("openvino", None)
    assert models.degraded == frozenset(Modality)
    assert str(models.problem).startswith("networks on the CPU instead of the GPU: 4; no plan")
    rgb = ENCODERS[Modality.RGB]
    zeros = np.zeros((1, *rgb.input_shape), rgb.input_type)
    assert models.encoders[Modality.RGB].encode(zeros)[0, 0] == 0


def test_a_tensorrt_that_is_none_leaves_the_watch_on_the_cpu(
    board: Path, model_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", SimpleNamespace())  # as a folder of that name
    monkeypatch.setattr(
        "edge.backends.open_device", lambda: nullcontext(SimpleNamespace(info=ORIN))
    )
    settings = ModelSettings(directory=model_directory)
    with open_backend(settings, board) as chosen:
        assert len(open_models(settings, chosen).degraded) == 4
    assert "AttributeError" in chosen.why


def test_the_same_reason_is_logged_once(
    model_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chosen = ChosenBackend(1, "test", broken="no GPU; buy one")
    open_models(ModelSettings(directory=model_directory), chosen)
    assert caplog.messages == ["networks run on the CPU instead of the GPU: no GPU; buy one"]


def test_the_log_says_which_back_end_runs_and_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "edge.backends"), open_backend(ModelSettings(), tmp_path):
        pass
    assert caplog.messages == ["back end name=openvino why=there is no NVIDIA GPU"]
