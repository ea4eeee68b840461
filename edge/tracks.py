"""What the synchroniser keeps of one stream: the pictures or the sound that may yet be needed."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge.values import AUDIO_RATE_HZ, F32, PATCH_SAMPLES, Sample

TOLERANCE_NS = 1_000_000
"""Times closer than this are the same: containers round time stamps to as much as a millisecond."""

_SECOND_NS = 1_000_000_000
_JITTER_SAMPLES = AUDIO_RATE_HZ // 50  # a chunk this near the end of the one before continues it
_RECENT_SAMPLES = AUDIO_RATE_HZ // 2  # sound counts as missing when none is as recent as this
_NEVER_NS = -(1 << 62)


class VideoTrack:
    """The pictures of one camera."""

    def __init__(self, grid_ns: int, max_age_ns: int) -> None:
        self._lasts_ns = self._grid_ns = grid_ns
        self._max_age_ns = max_age_ns
        self._waiting: deque[Sample] = deque()
        self._shown: Sample | None = None
        self._asked_ns = _NEVER_NS
        self.reached_ns = _NEVER_NS  # nothing before this will come any more

    @property
    def end_ns(self) -> int:
        """When the last picture is over: it lasts as long as the one before, or a grid period."""
        return self.reached_ns + self._lasts_ns

    def take(self, sample: Sample) -> bool:
        """Keep a picture; False when it comes twice, out of order, or too late."""
        if sample.t_ns <= max(self.reached_ns, self._asked_ns + TOLERANCE_NS):
            return False
        self._lasts_ns = min(self._grid_ns, sample.t_ns - self.reached_ns)
        self.reached_ns = sample.t_ns
        self._waiting.append(sample)
        return True

    def at(self, t_ns: int) -> Sample | None:
        """The newest picture at or before ``t_ns``, None when it is too old; ``t_ns`` must rise."""
        self._asked_ns = t_ns
        while self._waiting and self._waiting[0].t_ns <= t_ns + TOLERANCE_NS:
            self._shown = self._waiting.popleft()
        if self._shown is not None and t_ns - self._shown.t_ns > self._max_age_ns:
            self._shown = None
        return self._shown


class SoundTrack:
    """The sound of one microphone, by sample position since the origin; gaps are silence."""

    def __init__(self) -> None:
        self._origin_ns = 0
        self._chunks: deque[tuple[int, NDArray[np.int16]]] = (
            deque()
        )  # (position, samples), in order
        self._end = 0  # position after the last sample
        self._asked_ns = _NEVER_NS
        self.reached_ns = _NEVER_NS

    @property
    def end_ns(self) -> int:
        """When the last sample is over."""
        return self.reached_ns

    def begin(self, origin_ns: int) -> None:
        """Say which capture time position 0 has, before the first sample."""
        self._origin_ns = origin_ns

    def take(self, sample: Sample) -> bool:
        """Keep what is new in a chunk; False when nothing is, or it comes too late."""
        position = self._position(sample.t_ns)
        if self.reached_ns != _NEVER_NS and abs(position - self._end) <= _JITTER_SAMPLES:
            position = self._end
        fresh = sample.data[max(0, self._end - position) :]
        position = max(position, self._end)
        end_ns = self._origin_ns + (position + len(fresh)) * _SECOND_NS // AUDIO_RATE_HZ
        if not len(fresh) or end_ns <= self._asked_ns:
            return False
        self._chunks.append((position, fresh))
        self._end, self.reached_ns = position + len(fresh), end_ns
        return True

    def patch(self, t_ns: int) -> F32 | None:
        """(PATCH_SAMPLES,) in [-1, 1] ending at ``t_ns``; None without recent sound."""
        self._asked_ns = t_ns
        end = self._position(t_ns)
        start = end - PATCH_SAMPLES
        while self._chunks and self._chunks[0][0] + len(self._chunks[0][1]) <= start:
            self._chunks.popleft()
        result = np.zeros(PATCH_SAMPLES, np.float32)
        recent = False
        for position, samples in self._chunks:
            first, last = max(position, start), min(position + len(samples), end)
            if first < last:
                result[first - start : last - start] = samples[first - position : last - position]
                recent = recent or last > end - _RECENT_SAMPLES
        return result / np.float32(32_768) if recent else None

    def _position(self, t_ns: int) -> int:
        return ((t_ns - self._origin_ns) * AUDIO_RATE_HZ + _SECOND_NS // 2) // _SECOND_NS
