"""A recording played backwards, sensor by sensor, so that everything after it runs as in a home.

Reversing features would give the answer away: the crop follows the person and would lead instead,
and flow would still point forwards. Reversed at the source, crop, flow and sound patches follow
from the reversed world by the runtime's own code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from edge.stages import Source
from edge.values import AUDIO_RATE_HZ, Sample, Stream

SAMPLE_NS = 1_000_000_000 // AUDIO_RATE_HZ  # exactly 62 500


class Backwards:
    """Satisfies stages.Source; for recordings of seconds, which it holds in memory.

    A picture at t comes at first + last - t, where last is the end of the sound or the time of the
    last picture, whichever is later; the order of sound samples is reversed. Twice is the identity.
    """

    def __init__(self, source: Source) -> None:
        self._source = source

    @property
    def streams(self) -> frozenset[Stream]:
        """See stages.Source."""
        return self._source.streams

    def samples(self) -> Iterator[Sample]:
        """See stages.Source."""
        forwards = list(self._source.samples())
        if not forwards:
            return
        mirror_ns = min(s.t_ns for s in forwards) + max(s.t_ns + lasts_ns(s) for s in forwards)
        turned = [turn(sample, mirror_ns) for sample in reversed(forwards)]
        yield from sorted(turned, key=lambda sample: sample.t_ns)


def turn(sample: Sample, mirror_ns: int) -> Sample:
    """One delivery in reversed time."""
    data = sample.data
    if sample.stream is Stream.AUDIO:
        data = np.ascontiguousarray(data[::-1])
    return replace(sample, t_ns=mirror_ns - sample.t_ns - lasts_ns(sample), data=data)


def lasts_ns(sample: Sample) -> int:
    """How long a delivery lasts: sound as long as it sounds, a picture is a moment."""
    return len(sample.data) * SAMPLE_NS if sample.stream is Stream.AUDIO else 0
