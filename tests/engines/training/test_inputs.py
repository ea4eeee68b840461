from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.encoders.spec import ENCODERS, HEIGHT_UNKNOWN, RGB_SIZE, SMALL_SIZE
from edge.pipeline import Pipeline
from edge.replay import until_ticks
from edge.settings import WindowSettings
from edge.values import AUDIO_RATE_HZ, F32, FEATURE_DIM, FusedBatch, Sample, Stream, WindowFeatures
from edge.vocabulary import ACTIONS, MODALITIES, SOUNDS, Modality
from engines.training.augment import augment, mirror
from engines.training.datasets import (
    encoder_batch,
    load_inputs,
    msr_action3d_mm,
    read_inputs,
    save_inputs,
    utd_mhad_mm,
)
from engines.training.features import windows_of
from engines.training.scoring import Listener
from engines.training.spoilers import KINDS, make_spoiler


class MovingSquare:
    """A source of 3.2 s: a bright square wanders; satisfies stages.Source."""

    streams = frozenset(Stream)

    def samples(self) -> Iterator[Sample]:
        rng = np.random.default_rng(0)
        scene = rng.integers(0, 90, (120, 160, 3)).astype(np.uint8)
        for i in range(48):
            t_ns = i * 1_000_000_000 // 15
            rgb, depth = scene.copy(), np.full((120, 160), 3000, np.uint16)
            rgb[40:80, 20 + 2 * i : 50 + 2 * i] = 220
            depth[40:80, 20 + 2 * i : 50 + 2 * i] = 2000
            sound = (3000 * rng.normal(size=AUDIO_RATE_HZ // 15)).astype(np.int16)
            yield Sample(Stream.RGB, t_ns, rgb)
            yield Sample(Stream.DEPTH, t_ns, depth)
            yield Sample(Stream.AUDIO, t_ns, sound)


class Averages:
    """An encoder that is easy to follow; satisfies stages.Encoder."""

    def __init__(self, modality: Modality) -> None:
        self.modality = modality

    def encode(self, batch: NDArray[Any]) -> F32:
        flat = batch.reshape(len(batch), -1).astype(np.float32)
        return np.asarray(flat[:, ::37][:, :FEATURE_DIM] / 256, np.float32)


class Nothing:
    """Satisfies stages.Fusion."""

    def fuse(self, window: WindowFeatures) -> FusedBatch:
        rooms, m = window.present.shape
        zeros = np.zeros((rooms, m, len(ACTIONS)), np.float32)
        return FusedBatch(
            zeros[:, :, 0], zeros[:, 0], zeros, np.zeros((rooms, len(SOUNDS)), np.float32)
        )


def runtime_windows() -> list[WindowFeatures]:
    from edge.compose import make_window

    listener = Listener(Nothing())
    pipeline = Pipeline({m: Averages(m) for m in MODALITIES}, listener, {"room": listener})
    source = MovingSquare()
    for items in until_ticks(source, make_window(source.streams, WindowSettings())):
        pipeline.feed([("room", item) for item in items])
    return listener.windows


def test_training_sees_exactly_the_windows_that_the_runtime_judges(tmp_path: Path) -> None:
    save_inputs(tmp_path / "clip.npz", read_inputs(MovingSquare()))
    inputs = load_inputs(tmp_path / "clip.npz")
    encoded = {
        m: Averages(m).encode(encoder_batch(m, part.tensors)) for m, part in inputs.parts.items()
    }
    times = [int(t) for t in inputs.ticks_ns[inputs.decides]]
    expected = runtime_windows()
    got = windows_of(inputs, encoded, times)  # type: ignore[arg-type]  # float32 serves as well
    assert len(got) == len(expected) == 6
    for (_, (features, valid, quality)), window in zip(got, expected, strict=True):
        np.testing.assert_array_equal(valid, window.valid[0])
        np.testing.assert_allclose(quality, window.quality[0], atol=1e-6)
        np.testing.assert_allclose(features, window.features[0], atol=1e-4)


def test_only_the_modalities_asked_for_are_loaded(tmp_path: Path) -> None:
    save_inputs(tmp_path / "clip.npz", read_inputs(MovingSquare()))
    assert set(load_inputs(tmp_path / "clip.npz", frozenset({Modality.FLOW})).parts) == {
        Modality.FLOW
    }


@pytest.mark.parametrize("kind", KINDS)
def test_spoiled_clips_differ_and_repeat(kind: str) -> None:
    clean = read_inputs(MovingSquare())
    spoiled = [read_inputs(MovingSquare(), make_spoiler(kind, 3)) for _ in range(2)]
    sensor = {"depth": Modality.DEPTH, "sound": Modality.AUDIO}
    hurt = next((m for word, m in sensor.items() if word in kind), Modality.RGB)
    first, second = (inputs.parts[hurt].tensors for inputs in spoiled)
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, clean.parts[hurt].tensors)


@pytest.mark.parametrize("kind", ["dark", "blurred", "depth_holes", "noisy_sound"])
def test_a_bad_signal_shows_in_its_cues(kind: str) -> None:
    sensor = {"depth_holes": Modality.DEPTH, "noisy_sound": Modality.AUDIO}.get(kind, Modality.RGB)
    clean, spoiled = read_inputs(MovingSquare()), read_inputs(MovingSquare(), make_spoiler(kind, 3))
    assert not np.array_equal(spoiled.parts[sensor].cues, clean.parts[sensor].cues)


def test_grey_depth_is_decoded_and_black_is_no_reading() -> None:
    grey = np.array([[0, 1, 255]], np.uint8)
    assert utd_mhad_mm(grey).tolist() == [[0, 1900, 4100]]
    assert msr_action3d_mm(grey).tolist() == [[0, 250, 650]]


def test_mirrored_flow_runs_the_other_way() -> None:
    flow = np.zeros((1, 4, 4, 2), np.int8)
    flow[0, 1, 0] = (5, 7)
    mirrored = mirror(Modality.FLOW, flow)
    assert mirrored[0, 1, 3].tolist() == [-5, 7]
    assert mirrored.sum() == 2


@pytest.mark.parametrize(
    ("modality", "shape", "kind"),
    [
        (Modality.RGB, (3, RGB_SIZE, RGB_SIZE, 3), np.uint8),
        (Modality.FLOW, (3, SMALL_SIZE, SMALL_SIZE, 2), np.int8),
        (Modality.DEPTH, (3, SMALL_SIZE, SMALL_SIZE, 2), np.int16),
    ],
)
def test_augmented_frames_keep_shape_and_type(
    modality: Modality, shape: tuple[int, ...], kind: type[np.generic]
) -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 100, shape).astype(kind)
    for _ in range(6):
        out = augment(modality, frames, rng)
        assert out.shape == shape
        assert out.dtype == kind


def test_holes_are_punched_into_distance_and_height_alike_and_scaling_leaves_height_alone() -> None:
    rng = np.random.default_rng(0)
    shown = np.empty((2, SMALL_SIZE, SMALL_SIZE, 2), np.int16)
    shown[..., 0], shown[..., 1] = 3_000, 500
    holes, forgotten, errors = 0, 0, []
    for _ in range(200):
        out = augment(Modality.DEPTH, shown, rng)
        distance, height = out[..., 0], out[..., 1]
        assert (height[distance == 0] == HEIGHT_UNKNOWN).all()
        known = np.unique(height[distance > 0])
        assert len(known) == 1  # the same for the whole window, whatever happened to distance
        holes += bool((distance[:, 10:-10, 10:-10] == 0).any())
        if known[0] == HEIGHT_UNKNOWN:
            forgotten += 1
        else:
            errors.append(float(known[0]) - 500)
    assert holes > 50
    assert 0.08 < forgotten / 200 < 0.24
    assert abs(np.mean(errors)) < 12
    assert 30 < np.std(errors) < 50


def test_an_unknown_height_stays_unknown() -> None:
    shown = np.full((1, SMALL_SIZE, SMALL_SIZE, 2), HEIGHT_UNKNOWN, np.int16)
    shown[..., 0] = 2_000
    for seed in range(20):
        out = augment(Modality.DEPTH, shown, np.random.default_rng(seed))
        assert (out[..., 1] == HEIGHT_UNKNOWN).all()


def test_stored_depth_saturates_and_becomes_what_the_encoder_takes() -> None:
    class Far(MovingSquare):
        def samples(self) -> Iterator[Sample]:
            for sample in super().samples():
                if sample.stream is Stream.DEPTH:
                    sample.data[:30] = 60_000
                yield sample

    part = read_inputs(Far()).parts[Modality.DEPTH]
    assert part.tensors.dtype == np.int16
    assert part.tensors[..., 0].min() == 0  # the bars
    assert part.tensors[..., 0].max() == 32_767
    assert (part.tensors[..., 1] == HEIGHT_UNKNOWN).all()
    batch = encoder_batch(Modality.DEPTH, part.tensors)
    assert batch.dtype == np.int32
    assert batch.shape[1:] == ENCODERS[Modality.DEPTH].input_shape
