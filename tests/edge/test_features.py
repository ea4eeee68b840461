"""The ring of features and its slots."""

from __future__ import annotations

import numpy as np

from edge.features import Entry, FeatureRing, RoomFeatures
from edge.values import AUDIO_STEPS, FEATURE_DIM, VIDEO_STEPS, Reason
from edge.vocabulary import MODALITIES, Modality

SECOND = 1_000_000_000


def entry(t_ns: int, value: float = 1.0, cues: tuple[float, float] = (0.5, 0.5)) -> Entry:
    return Entry(t_ns, np.full(FEATURE_DIM, value, np.float32), np.array(cues, np.float32))


def feature_times(seconds: float) -> list[int]:
    return [k * SECOND // 15 for k in range(0, round(seconds * 15) + 1, 2)]


def test_two_seconds_of_video_fill_every_slot_once() -> None:
    ring = FeatureRing(Modality.RGB)
    for t in feature_times(10.0):
        ring.add(entry(t))
    assert sorted(ring.slots(10 * SECOND)) == list(range(VIDEO_STEPS))


def test_the_newest_entry_takes_the_last_slot_also_off_the_beat() -> None:
    ring = FeatureRing(Modality.DEPTH)
    for i, t in enumerate(feature_times(1.9)):
        ring.add(entry(t, value=i))
    slots = ring.slots(1_933_333_333)
    assert slots[VIDEO_STEPS - 1].t_ns == 28 * SECOND // 15
    assert len(slots) == VIDEO_STEPS


def test_a_missing_step_leaves_its_slot_empty() -> None:
    ring = FeatureRing(Modality.RGB)
    times = feature_times(2.0)
    for t in times:
        ring.add(Entry(t, None, None) if t == times[-2] else entry(t))
    assert VIDEO_STEPS - 2 not in ring.slots(2 * SECOND)
    assert VIDEO_STEPS - 1 in ring.slots(2 * SECOND)


def test_entries_older_than_the_window_are_gone() -> None:
    ring = FeatureRing(Modality.AUDIO)
    ring.add(entry(1 * SECOND))
    assert ring.slots(1 * SECOND)
    assert not ring.slots(3 * SECOND)


def test_patches_are_right_aligned() -> None:
    ring = FeatureRing(Modality.AUDIO)
    ring.add(entry(SECOND // 2))
    ring.add(entry(SECOND))
    assert sorted(ring.slots(SECOND)) == [AUDIO_STEPS - 2, AUDIO_STEPS - 1]


def test_what_is_missing_comes_with_its_reason() -> None:
    room = RoomFeatures(frozenset({Modality.RGB, Modality.DEPTH, Modality.AUDIO}))
    room.add(Modality.RGB, entry(SECOND, cues=(0.25, 0.75)), None)
    room.add(Modality.DEPTH, Entry(SECOND, None, None), Reason.ABSENT)
    window = room.window(SECOND)
    assert window.missing == {
        Modality.FLOW: Reason.DISABLED,
        Modality.DEPTH: Reason.ABSENT,
        Modality.AUDIO: Reason.STALE,
    }
    rgb = MODALITIES.index(Modality.RGB)
    np.testing.assert_allclose(window.quality[rgb], [0.25, 0.75, 1 / VIDEO_STEPS])
    assert window.valid.sum() == 1
