"""Models whose networks run on a device: features stay there, the gate joins them, or says why not.

On the CPU simulator (not a GPU); the networks are stand-ins, the rest is what a board would run.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.backends import ChosenBackend
from edge.encoders.spec import ENCODERS
from edge.errors import CudaError, PlanError
from edge.features import NUMBERS, TICKETS
from edge.models import Models, open_models
from edge.replay import replay_file
from edge.settings import ModelSettings
from edge.vocabulary import MODALITIES, Modality

LARGEST = 3
NETWORK = """
extern "C" __global__ void network(const unsigned char *input, float *output, int bytes) {
    for (int c = threadIdx.x; c < 256; c += blockDim.x)
        output[blockIdx.x * 256 + c] = input[blockIdx.x * bytes + c * 37 % bytes] / 128.f - 1.f;
}
"""
Answer = tuple[str, str | None, list[str], str, NDArray[Any]]


class Network:
    """Satisfies engine.Engine and engine.DeviceEngine, as a plan does."""

    def __init__(self, device: Any, modality: Modality) -> None:
        from simulator import compile_kernel  # beside tests/cuda_sim/serve.py

        spec = ENCODERS[modality]
        self._device, self._stream = device, device.stream()
        self.input = device.empty((LARGEST, *spec.input_shape), spec.input_type)
        self.output = device.empty((LARGEST, 256), np.float32)
        self._staged = device.pinned(self.input.shape, spec.input_type)
        self._kernel = device.module(compile_kernel(NETWORK, ())).kernel("network", "PPi")

    def enqueue(self, batch: int, stream: Any) -> None:
        self._kernel.launch(
            (batch, 1), 64, stream, self.input, self.output, self.input.nbytes // LARGEST
        )

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        done = []
        for start in range(0, len(batch), LARGEST):
            part = batch[start : start + LARGEST]
            self._staged[: len(part)] = part
            self._device.copy_in(self.input, self._staged, self._stream)
            self.enqueue(len(part), self._stream)
            done.append(self._device.download(self.output)[: len(part)])
        return np.concatenate(done)


class Gpu:
    """A back end with a plan for every network but those named."""

    def __init__(self, device: Any, directory: Path, without: tuple[Modality, ...]) -> None:
        self._device, self._without = device, without
        self._modalities = {
            sha256((directory / spec.file).read_bytes()).hexdigest(): m
            for m, spec in ENCODERS.items()
        }

    def load(self, onnx: bytes) -> Network:
        modality = self._modalities[sha256(onnx).hexdigest()]
        if modality in self._without:
            raise PlanError("no plan for this board; run: python -m engines build")
        return Network(self._device, modality)


def compiler(info: Any) -> Any:
    from simulator import compile_kernel

    return compile_kernel


def no_compiler(info: Any) -> Any:
    raise CudaError("NVRTC cannot be loaded; on a Jetson: apt install cuda-nvrtc")


def replayed(
    directory: Path, recording: Path, without: tuple[Modality, ...] = (), compiles: bool = True
) -> Answer:
    """In the simulator's process: open the models as the daemon does, and replay a recording."""
    import edge.fusion.compiler
    from edge.device import open_device

    edge.fusion.compiler.compiler_for = compiler if compiles else no_compiler
    with open_device() as device:
        chosen = ChosenBackend(1, "test", Gpu(device, directory, without), device)
        models = open_models(ModelSettings(directory=directory), chosen, rooms=2)
        return answer(models, recording)


def answer(models: Models, recording: Path) -> Answer:
    scores = [
        d.fused.actions for d in replay_file(recording, models) if d.fused.actions is not None
    ]
    kinds = [type(models.encoders[m]).__name__ for m in MODALITIES]
    form = "tickets" if models.form == TICKETS else "numbers" if models.form == NUMBERS else "?"
    return type(models.fusion).__name__, models.problem, kinds, form, np.stack(scores)


@pytest.fixture
def recording(make_recording: Callable[..., Path]) -> Path:
    return make_recording(seconds=3, fall_s=1.0)


def test_with_every_plan_features_stay_on_the_device_and_scores_are_those_of_the_host(
    simulator: Any, model_directory: Path, recording: Path
) -> None:
    found = simulator.run(replayed, model_directory, recording)
    assert found[:4] == ("CudaFusion", None, ["DeviceEncoder"] * 4, "tickets")
    host = simulator.run(replayed, model_directory, recording, (), False)
    assert len(found[4]) == len(host[4]) > 2
    np.testing.assert_allclose(found[4], host[4], atol=2e-3)  # what half precision costs


def test_without_a_compiler_the_gate_runs_on_the_cpu_and_says_so(
    simulator: Any, model_directory: Path, recording: Path
) -> None:
    found = simulator.run(replayed, model_directory, recording, (), False)
    assert found[0] == "CpuFusion"
    assert found[1] == (
        "the gate runs on the CPU instead of the GPU: NVRTC cannot be loaded; on a Jetson: "
        "apt install cuda-nvrtc"
    )
    assert found[2:4] == (["EngineEncoder"] * 4, "numbers")


def test_one_network_without_a_plan_joins_the_others_from_the_cpu(
    simulator: Any, model_directory: Path, recording: Path
) -> None:
    found = simulator.run(replayed, model_directory, recording, (Modality.FLOW,))
    kinds = dict(zip(MODALITIES, found[2], strict=True))
    assert kinds.pop(Modality.FLOW) == "HostEncoder"
    assert set(kinds.values()) == {"DeviceEncoder"}
    assert found[1].startswith("networks on the CPU instead of the GPU: 1; no plan")


def test_without_any_plan_nothing_is_on_the_device(
    simulator: Any, model_directory: Path, recording: Path
) -> None:
    found = simulator.run(replayed, model_directory, recording, tuple(MODALITIES))
    assert found[0] == "CpuFusion"
    assert found[2:4] == (["EngineEncoder"] * 4, "numbers")
