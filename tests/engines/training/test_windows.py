from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.values import VIDEO_STEPS
from edge.vocabulary import ACTIONS, Modality
from engines.training.cache import Clip
from engines.training.datasets import ClipInputs, Part, save_inputs
from engines.training.labels import LabelMap
from engines.training.manifest import Row
from engines.training.windows import EARLIER, Stream, frame_windows, some

FRAMES = 30
FRAME_NS = 2_000_000_000 / 15


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    times = np.rint(np.arange(FRAMES) * FRAME_NS).astype(np.int64)
    ticks = np.arange(1, 9, dtype=np.int64) * 500_000_000
    places = np.delete(np.arange(FRAMES), 20)
    tensors = np.zeros((len(places), 8, 8, 2), np.int8) + places[:, None, None, None].astype(
        np.int8
    )
    part = Part(tensors, places, np.zeros((len(places), 2), np.float32))
    path = tmp_path / "clip.npz"
    save_inputs(path, ClipInputs(times, ticks, ticks > 500_000_000, {Modality.FLOW: part}))
    row = Row(tmp_path / "fight.mp4", "fight.mp4", "surv_fight", "rgb", "fight", "v")
    return Clip(row, LabelMap().label("surv_fight", "fight"), path)


def test_a_frame_stands_at_the_slot_of_its_time(clip: Clip) -> None:
    stream = Stream([clip], Modality.FLOW, {}, every_frames=1)
    assert stream.windows
    for window in stream.windows:
        newest = max(window.slots)
        for row, slot in zip(window.frames, window.slots, strict=True):
            place = row if row < 20 else row + 1  # place 20 is missing
            end = window.frames[-1] if window.frames[-1] < 20 else window.frames[-1] + 1
            assert newest - slot == end - place
        assert len(window.frames) <= VIDEO_STEPS


def test_what_is_not_known_earlier_is_left_open(clip: Clip) -> None:
    parts = [Part(np.zeros((3, 8, 8, 2), np.int8), np.arange(3), np.zeros((3, 2), np.float32))]
    first = frame_windows([clip], parts, 1)[0]
    assert len(first.earlier) == len(EARLIER)
    assert first.earlier[0].sum() == 1
    assert all(len(allowed) == len(ACTIONS) == allowed.sum() for allowed in first.earlier[1:])


def test_training_shows_the_newest_frame_and_some_others_in_order(clip: Clip) -> None:
    rng = np.random.default_rng(0)
    for count in (1, 2, 8, VIDEO_STEPS):
        kept = some(count, 8, rng)
        assert kept == sorted(set(kept))
        assert kept[-1] == count - 1
        assert len(kept) == min(count, 8)


def test_judging_shows_every_frame(clip: Clip) -> None:
    stream = Stream([clip], Modality.FLOW, {}, every_frames=1)
    last = len(stream.windows) - 1
    batch = stream.batch([last], None)
    assert len(batch.frames) == len(stream.windows[last].frames)
    assert batch.places[:, 1].max() == VIDEO_STEPS - 1
    assert batch.allowed.shape == (1, len(EARLIER), len(ACTIONS))
