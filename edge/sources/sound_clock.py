"""Capture times of sound: counted in samples, held to the stamps of its buffers.

PipeWire stamps a buffer when it comes, tens of milliseconds to and fro. Sound has no such gaps.
"""

from __future__ import annotations

from edge.values import AUDIO_RATE_HZ

JUMP_NS = 50_000_000
"""Stamps that are off by more tell of a gap, not of jitter."""

_SECOND_NS = 1_000_000_000
_SHARE = 32  # of what a stamp is off by is believed at once; the rest within some more buffers


class SoundClock:
    """The time line of one microphone. What is stamped without jitter keeps its stamps."""

    def __init__(self) -> None:
        self._next_ns: int | None = None

    def place(self, stamp_ns: int, samples: int) -> int:
        """Capture time of a buffer's first sample.  samples: its length, at 16 kHz"""
        expected_ns = stamp_ns if self._next_ns is None else self._next_ns
        off_ns = stamp_ns - expected_ns
        t_ns = stamp_ns if abs(off_ns) > JUMP_NS else expected_ns + round(off_ns / _SHARE)
        self._next_ns = t_ns + samples * _SECOND_NS // AUDIO_RATE_HZ
        return t_ns
