"""Which pictures of a fast camera are kept: those that the 15 Hz grid of a replay will show."""

from __future__ import annotations

from edge.tracks import TOLERANCE_NS
from edge.values import GRID_HZ, Sample, Stream

_SECOND_NS = 1_000_000_000


class Thinner:
    """Drops the pictures between grid points; sound passes.

    A picture is held until the next one of its stream has come: only then is it known whether it is
    the newest at some grid point. Points are counted from the first sample of any stream.
    """

    def __init__(self) -> None:
        self._origin_ns: int | None = None
        self._held: dict[Stream, Sample] = {}

    def push(self, sample: Sample) -> list[Sample]:
        """Take one sample; return what is to be kept now."""
        if self._origin_ns is None:
            self._origin_ns = sample.t_ns
        if sample.stream is Stream.AUDIO:
            return [sample]
        held = self._held.get(sample.stream)
        self._held[sample.stream] = sample
        if held is None or self._next_point(held.t_ns) + TOLERANCE_NS >= sample.t_ns:
            return []
        return [held]

    def flush(self) -> list[Sample]:
        """The end: return the last pictures, in order of capture time."""
        held, self._held = self._held, {}
        return sorted(held.values(), key=lambda sample: sample.t_ns)

    def _next_point(self, t_ns: int) -> int:
        """The first grid point that would show a picture taken at ``t_ns``."""
        origin_ns = self._origin_ns or 0
        point = -((origin_ns + TOLERANCE_NS - t_ns) * GRID_HZ // _SECOND_NS)
        return origin_ns + max(0, point) * _SECOND_NS // GRID_HZ
