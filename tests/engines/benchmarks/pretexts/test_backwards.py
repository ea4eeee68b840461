from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from edge.stages import Source
from edge.values import Sample, Stream
from edge.vocabulary import Modality
from engines.benchmarks.pretexts.backwards import Backwards
from engines.training.datasets import read_inputs

FRAME_NS = 1_000_000_000 // 15


class Listed:
    """A source from a list; satisfies stages.Source."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    @property
    def streams(self) -> frozenset[Stream]:
        return frozenset(sample.stream for sample in self._samples)

    def samples(self) -> Iterator[Sample]:
        yield from self._samples


def film(with_sound: bool, frames: int = 60) -> Source:
    rng = np.random.default_rng(0)
    noise = rng.integers(40, 200, (60, 80, 3), dtype=np.uint8)
    samples = []
    for k in range(frames):
        picture = np.roll(noise, k, axis=1)  # everything moves right by a pixel a frame
        t_ns = k * 1_000_000_000 // 15
        samples.append(Sample(Stream.RGB, t_ns, picture))
        depth = np.full((60, 80), 1000 + k, np.uint16)
        samples.append(Sample(Stream.DEPTH, t_ns, depth))
    if with_sound:
        for k in range(frames * 2 // 3):
            sound = rng.integers(-9000, 9000, 1600).astype(np.int16)
            samples.append(Sample(Stream.AUDIO, k * 100_000_000, sound))
    return Listed(sorted(samples, key=lambda s: s.t_ns))


def by_stream(source: Source) -> dict[Stream, list[Sample]]:
    samples = list(source.samples())
    return {s: [x for x in samples if x.stream is s] for s in source.streams}


@pytest.mark.parametrize("with_sound", [False, True])
def test_backwards_twice_is_the_recording_itself(with_sound: bool) -> None:
    once, twice = by_stream(film(with_sound)), by_stream(Backwards(Backwards(film(with_sound))))
    assert once.keys() == twice.keys()
    for stream, samples in once.items():
        assert [s.t_ns for s in samples] == [s.t_ns for s in twice[stream]]
        assert all(
            np.array_equal(a.data, b.data) for a, b in zip(samples, twice[stream], strict=True)
        )


def test_the_last_picture_comes_first_and_sound_runs_from_its_end() -> None:
    forwards, backwards = by_stream(film(True)), by_stream(Backwards(film(True)))
    assert np.array_equal(backwards[Stream.RGB][0].data, forwards[Stream.RGB][-1].data)
    whole = np.concatenate([s.data for s in forwards[Stream.AUDIO]])
    turned = np.concatenate([s.data for s in backwards[Stream.AUDIO]])
    assert np.array_equal(turned, whole[::-1])
    assert backwards[Stream.AUDIO][0].t_ns == 0


def test_a_picture_keeps_its_distance_from_the_sound_around_it() -> None:
    """Sound of 0.1 s from 1.0 s on ends, backwards, where the picture at 1.0 s stands."""
    forwards, backwards = by_stream(film(True)), by_stream(Backwards(film(True)))
    picture = next(s for s in forwards[Stream.RGB] if s.t_ns == 1_000_000_000)
    sound = next(s for s in forwards[Stream.AUDIO] if s.t_ns == 1_000_000_000)
    seen = next(s for s in backwards[Stream.RGB] if np.array_equal(s.data, picture.data))
    heard = next(s for s in backwards[Stream.AUDIO] if np.array_equal(s.data, sound.data[::-1]))
    assert seen.t_ns == heard.t_ns + 100_000_000


def test_flow_points_the_other_way_and_shows_the_same_pictures() -> None:
    forwards, backwards = read_inputs(film(True)), read_inputs(Backwards(film(True)))
    right = np.median(forwards.parts[Modality.FLOW].tensors[5:, ..., 0])
    left = np.median(backwards.parts[Modality.FLOW].tensors[5:, ..., 0])
    assert right > 4
    assert left < -4
    # 4 s of sound: a frame at grid point k comes at 60 - k, so even points stay even
    there = {int(t) for t in forwards.frames_ns}
    again = {4_000_000_000 - int(t) for t in backwards.frames_ns[1:]}
    assert all(min(abs(t - other) for other in there) <= 2 for t in again)
