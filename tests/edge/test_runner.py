"""Encoders, ring and gate together on the CPU simulator, through real PyCUDA.

The networks are stand-ins: each feature channel is one byte of the input.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.encoders.engine import EngineEncoder
from edge.encoders.spec import ENCODERS
from edge.errors import CudaError
from edge.features import NUMBERS, TICKETS, FeatureForm
from edge.fusion.cpu import CpuFusion
from edge.fusion.parameters import FusionParameters
from edge.models import ModelStore, load_fusion_parameters
from edge.pipeline import Pipeline
from edge.values import (
    FEATURE_DIM,
    PATCH_SAMPLES,
    VIDEO_STEPS,
    Decision,
    Fused,
    FusedBatch,
    Reason,
    Step,
    Stream,
    Tick,
    WindowFeatures,
)
from edge.vocabulary import MODALITIES, Modality

STREAMS = ("eager", "lazy", "others")
ROUNDING = 5e-3  # what half precision costs
LARGEST = 3  # batch of the networks
ROWS = 80  # of the ring for each modality

NETWORK = """
extern "C" __global__ void network(const unsigned char *input, float *output, int bytes) {
    for (int c = threadIdx.x; c < 256; c += blockDim.x)
        output[blockIdx.x * 256 + c] = input[blockIdx.x * bytes + c * 37 % bytes] / 128.f - 1.f;
}
"""


class HostNetwork:
    """The stand-in on the CPU; satisfies engine.Engine."""

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        flat = np.ascontiguousarray(batch).reshape(len(batch), -1).view(np.uint8)
        chosen = flat[:, np.arange(FEATURE_DIM) * 37 % flat.shape[1]]
        return (chosen / 128 - 1).astype(np.float32)


class DeviceNetwork:
    """The stand-in on the device; satisfies engine.DeviceEngine."""

    def __init__(self, device: Any, modality: Modality) -> None:
        from simulator import compile_kernel

        spec = ENCODERS[modality]
        self.input = device.empty((LARGEST, *spec.input_shape), spec.input_type)
        self.output = device.empty((LARGEST, FEATURE_DIM), np.float32)
        self.batches: list[int] = []
        self._kernel = device.module(compile_kernel(NETWORK, ())).kernel("network", "PPi")

    def enqueue(self, batch: int, stream: Any) -> None:
        self.batches.append(batch)
        row = self.input.nbytes // LARGEST
        self._kernel.launch((batch, 1), 64, stream, self.input, self.output, row)


class PassOn:
    def decide(self, fused: Fused) -> Decision:
        return Decision(fused, ())


def on_device(name: str, on_cpu: Sequence[Modality] = (), *arguments: Any) -> Any:
    """Runs in the simulator's process: calls a function of this file with a runner."""
    from simulator import compile_kernel

    from edge.device import open_device
    from edge.runner import make_runner

    parameters = load_fusion_parameters(ModelStore())
    with open_device() as device:
        engines: dict[Modality, Any] = {m: DeviceNetwork(device, m) for m in MODALITIES}
        engines.update({m: HostNetwork() for m in on_cpu})
        runner = make_runner(device, engines, parameters, compile_kernel, rooms=2, rows=ROWS)
        return globals()[name](runner, engines, *arguments)


def frames(seed: int, modality: Modality, count: int) -> NDArray[Any]:
    spec = ENCODERS[modality]
    random = np.random.default_rng(seed)
    size = (count, *spec.input_shape)
    if spec.input_type is np.float32:
        return random.random(size, np.float32)
    limits = np.iinfo(spec.input_type)
    return random.integers(limits.min, limits.max, size, spec.input_type)


def windows_of(features: Mapping[Modality, Any], form: FeatureForm) -> WindowFeatures:
    """Two rooms: one has the newest features, the other those just before, with a hole."""
    shape = (2, len(MODALITIES), VIDEO_STEPS)
    rows = np.zeros((*shape, *form.shape), form.dtype)
    valid = np.zeros(shape, np.bool_)
    for m, modality in enumerate(MODALITIES):
        steps = 4 if modality is Modality.AUDIO else VIDEO_STEPS
        for room in range(2):
            end = len(features[modality]) - room
            rows[room, m, :steps] = features[modality][end - steps : end]
            valid[room, m, :steps] = True
    valid[1, :, 2] = False
    quality = np.full((2, len(MODALITIES), 3), 0.5, np.float32)
    return WindowFeatures(rows, valid, valid.any(axis=2), quality)


BATCHES: Mapping[Modality, tuple[int, ...]] = {  # each sensor at its own rate
    Modality.RGB: (1, 7, 2, 70, 3, 3),
    Modality.FLOW: (15, 1, 2),
    Modality.DEPTH: (4, 4, 4, 4, 30, 2, 35),
    Modality.AUDIO: (1, 1, 1, 1, 1),
}


def stream_in(runner: Any, engines: Any) -> FusedBatch:
    """Encode batch after batch, the modalities in turns, and ask once at the end."""
    tickets: dict[Modality, list[Any]] = {m: [] for m in MODALITIES}
    for turn in range(max(map(len, BATCHES.values()))):
        for modality, batches in BATCHES.items():
            if turn < len(batches):
                given = frames(turn, modality, batches[turn])
                tickets[modality].append(runner.encoders[modality].encode(given))
                given[:] = 0  # the caller's array is free again
    everything = {m: np.concatenate(parts) for m, parts in tickets.items()}
    return runner.fusion.fuse(windows_of(everything, TICKETS))


def expected() -> FusedBatch:
    network = HostNetwork()
    features = {
        modality: np.concatenate(
            [network.run(frames(turn, modality, n)) for turn, n in enumerate(batches)]
        )
        for modality, batches in BATCHES.items()
    }
    return parameters_on_cpu().fuse(windows_of(features, NUMBERS))


def parameters_on_cpu() -> CpuFusion:
    shipped: FusionParameters = load_fusion_parameters(ModelStore())
    return CpuFusion(shipped)


def check_equal(a: FusedBatch, b: FusedBatch) -> None:
    for field in fields(FusedBatch):
        mine, other = getattr(a, field.name), getattr(b, field.name)
        np.testing.assert_allclose(mine, other, atol=ROUNDING, rtol=0, err_msg=field.name)


@pytest.mark.parametrize("streams", STREAMS)
def test_features_reach_the_gate_through_a_ring_that_has_wrapped(
    simulator: Any, streams: str
) -> None:
    check_equal(simulator.run(on_device, "stream_in", streams=streams), expected())


@pytest.mark.parametrize("streams", STREAMS)
def test_a_network_on_the_cpu_joins_those_on_the_device(simulator: Any, streams: str) -> None:
    on_cpu = [Modality.FLOW, Modality.AUDIO]
    found = simulator.run(on_device, "stream_in", on_cpu, streams=streams)
    check_equal(found, expected())


def take_another_type(runner: Any, engines: Any) -> None:
    runner.encoders[Modality.RGB].encode(frames(0, Modality.RGB, 1).astype(np.float64))


def test_input_of_another_type_is_refused_not_converted(simulator: Any) -> None:
    with pytest.raises(ValueError, match=r"takes uint8.*, not float64"):
        simulator.run(on_device, "take_another_type")


def stream_in_without(runner: Any, engines: Any, name: str) -> FusedBatch:
    """As ``stream_in``, with one of the waits forgotten."""
    import edge.device
    import edge.fusion.ring

    holder, method = {
        "join of the streams": (edge.fusion.ring.FeatureRing, "join"),
        "copy before the buffer is filled again": (edge.device.Event, "synchronize"),
        "result": (edge.device.Stream, "synchronize"),
    }[name]
    setattr(holder, method, lambda *_: None)
    return stream_in(runner, engines)


@pytest.mark.parametrize(
    "wait", ["join of the streams", "copy before the buffer is filled again", "result"]
)
def test_without_any_one_wait_a_result_is_wrong(simulator: Any, wait: str) -> None:
    outcomes = []
    for streams in STREAMS:
        try:
            found = simulator.run(on_device, "stream_in_without", (), wait, streams=streams)
            check_equal(found, expected())
            outcomes.append("right")
        except AssertionError:
            outcomes.append("wrong")
    assert "wrong" in outcomes


def forget(runner: Any, engines: Any) -> tuple[FusedBatch, FusedBatch, int]:
    """Ask before and after depth has written its ring full again."""
    tickets = {m: runner.encoders[m].encode(frames(0, m, VIDEO_STEPS + 1)) for m in MODALITIES}
    before = runner.fusion.fuse(windows_of(tickets, TICKETS))
    runner.encoders[Modality.DEPTH].encode(frames(1, Modality.DEPTH, ROWS))
    return before, runner.fusion.fuse(windows_of(tickets, TICKETS)), runner.fusion.ring.forgotten


def test_a_feature_whose_row_was_written_again_is_missing_not_another(simulator: Any) -> None:
    before, after, forgotten = simulator.run(on_device, "forget")
    depth = MODALITIES.index(Modality.DEPTH)
    assert (before.gate[:, depth] > 0).all()
    assert (after.gate[:, depth] == 0).all()
    np.testing.assert_allclose(after.gate.sum(axis=1), 1, atol=1e-5)
    assert forgotten == VIDEO_STEPS + VIDEO_STEPS - 1  # the second room has a hole


SECOND = 1_000_000_000
RANDOM = np.random.default_rng(1)
PICTURES = RANDOM.integers(0, 255, (16, 60, 80, 3), np.uint8)
SOUND = RANDOM.standard_normal(PATCH_SAMPLES).astype(np.float32) / 10


def one_second() -> list[tuple[str, Step | Tick]]:
    """Two rooms without depth; the second has no sound either."""
    absent = {Stream.DEPTH: Reason.ABSENT}
    items: list[tuple[str, Step | Tick]] = []
    for k in range(16):
        items += [(room, Step(k, k * SECOND // 15, PICTURES[k], None, absent)) for room in "ab"]
    deaf = {**absent, Stream.AUDIO: Reason.ABSENT}
    return [*items, ("a", Tick(SECOND, 0, SOUND, absent)), ("b", Tick(SECOND, 0, None, deaf))]


def watch(runner: Any, engines: Any) -> tuple[list[Decision], dict[Modality, int]]:
    deciders = {"a": PassOn(), "b": PassOn()}
    pipeline = Pipeline(runner.encoders, runner.fusion, deciders, form=TICKETS)
    decisions = pipeline.feed(one_second())
    return decisions, {m: sum(engine.batches) for m, engine in engines.items()}


@pytest.mark.parametrize("streams", STREAMS)
def test_the_pipeline_decides_alike_and_enqueues_nothing_for_absent_sensors(
    simulator: Any, streams: str
) -> None:
    found, rows = simulator.run(on_device, "watch", streams=streams)
    encoders = {m: EngineEncoder(ENCODERS[m], HostNetwork()) for m in MODALITIES}
    deciders = {"a": PassOn(), "b": PassOn()}
    wanted = Pipeline(encoders, parameters_on_cpu(), deciders).feed(one_second())
    assert rows == {Modality.RGB: 16, Modality.FLOW: 14, Modality.DEPTH: 0, Modality.AUDIO: 1}
    for mine, other in zip(found, wanted, strict=True):
        assert mine.fused.missing == other.fused.missing
        np.testing.assert_allclose(mine.fused.actions, other.fused.actions, atol=ROUNDING)
        assert mine.fused.gate == pytest.approx(other.fused.gate, abs=ROUNDING)


def run_broken() -> None:
    """A compiler that gets one line wrong."""
    from simulator import compile_kernel

    from edge.device import open_device
    from edge.runner import make_runner

    def wrong(source: str, options: Sequence[str]) -> bytes:
        assert "mean / sum" in source
        return compile_kernel(source.replace("mean / sum", "mean"), options)

    with open_device() as device:
        make_runner(device, {}, load_fusion_parameters(ModelStore()), wrong, rooms=2)


def test_a_gate_that_computes_something_else_is_not_used(simulator: Any) -> None:
    with pytest.raises(CudaError, match=r"gate on CPU simulator .* is wrong by"):
        simulator.run(run_broken)
