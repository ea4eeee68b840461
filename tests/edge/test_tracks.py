from __future__ import annotations

import numpy as np
import pytest

from edge.tracks import TOLERANCE_NS, SoundTrack, VideoTrack
from edge.values import PATCH_SAMPLES, Sample, Stream

MS = 1_000_000
SECOND = 1_000 * MS


def picture(t_ns: int, value: int = 0) -> Sample:
    return Sample(Stream.RGB, t_ns, np.full((1, 1, 3), value, np.uint8))


def sound(t_ns: int, length: int, value: int = 16_384) -> Sample:
    return Sample(Stream.AUDIO, t_ns, np.full(length, value, np.int16))


@pytest.fixture
def video() -> VideoTrack:
    return VideoTrack(grid_ns=66 * MS, max_age_ns=100 * MS)


@pytest.fixture
def track() -> SoundTrack:
    found = SoundTrack()
    found.begin(0)
    return found


@pytest.mark.parametrize(("beyond_ns", "seen"), [(0, True), (1, False)])
def test_a_picture_is_shown_up_to_its_greatest_age(
    video: VideoTrack, beyond_ns: int, seen: bool
) -> None:
    video.take(picture(0))
    assert (video.at(100 * MS + beyond_ns) is not None) is seen


@pytest.mark.parametrize(("early_ns", "seen"), [(TOLERANCE_NS, True), (TOLERANCE_NS + 1, False)])
def test_a_picture_a_hair_after_the_moment_belongs_to_it(
    video: VideoTrack, early_ns: int, seen: bool
) -> None:
    video.take(picture(10 * MS))
    assert (video.at(10 * MS - early_ns) is not None) is seen


def test_a_picture_that_comes_twice_backwards_or_too_late_is_refused(video: VideoTrack) -> None:
    assert [video.take(picture(t * MS)) for t in (5, 5, 4, 6)] == [True, False, False, True]
    video.at(50 * MS)
    assert not video.take(picture(50 * MS + TOLERANCE_NS))
    assert video.take(picture(50 * MS + TOLERANCE_NS + 1))


def test_the_last_picture_lasts_as_long_as_the_one_before(video: VideoTrack) -> None:
    video.take(picture(0))
    assert video.end_ns == 66 * MS
    video.take(picture(40 * MS))
    assert video.end_ns == 80 * MS
    video.take(picture(940 * MS))
    assert video.end_ns == 1_006 * MS


def test_sound_that_overlaps_is_heard_once(track: SoundTrack) -> None:
    assert track.take(sound(0, 16_000, 8_192))
    assert not track.take(sound(100 * MS, 8_000))
    assert track.take(sound(900 * MS, 3_200))
    assert track.end_ns == 1_100 * MS
    patch = track.patch(1_100 * MS)
    assert patch is not None
    assert list(np.unique(patch)) == [0.25, 0.5]
    assert np.count_nonzero(patch == 0.5) == 1_600


@pytest.mark.parametrize(("silent_ms", "heard"), [(499, True), (501, False)])
def test_sound_that_ended_half_a_second_ago_is_no_sound(
    track: SoundTrack, silent_ms: int, heard: bool
) -> None:
    track.take(sound(0, 16_000))
    assert (track.patch(SECOND + silent_ms * MS) is not None) is heard


def test_full_scale_stays_within_one(track: SoundTrack) -> None:
    track.take(sound(0, PATCH_SAMPLES, -32_768))
    patch = track.patch(975 * MS)
    assert patch is not None
    assert (patch == -1).all()
