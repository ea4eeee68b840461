"""Puts one room's streams on the common 15 Hz grid and calls for a decision every 0.5 s.

Integer arithmetic throughout: grid point k lies at origin + k / 15 s, tick j at origin + j / 2 s,
and neither drifts. The origin is the capture time of the first sample of any stream.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from edge.settings import WindowSettings
from edge.tracks import TOLERANCE_NS, SoundTrack, VideoTrack
from edge.values import DECISION_HZ, GRID_HZ, WINDOW_NS, Reason, Sample, Step, Stream, Tick

_SECOND_NS = 1_000_000_000
_GRID_NS = _SECOND_NS // GRID_HZ
_JUMP_NS = 10 * _SECOND_NS
_FIRST_DECISION = 2  # tick number: 1.0 s after the first sample


class GridSynchroniser:
    """One room's streams in, grid points and ticks out; satisfies ``stages.Synchroniser``.

    A point is emitted once every offered stream has reached beyond it, or once some other stream is
    ``max_wait_ms`` ahead: what has not come by then counts as missing and is dropped when it comes.
    Samples whose time does not rise are dropped. One sample more than 10 s ahead of all others is
    dropped as a slip; when a second one follows, time has really jumped: of the gap only the last
    2.0 s are emitted, so that whoever keeps a window forgets what lay before.
    """

    def __init__(self, streams: frozenset[Stream], settings: WindowSettings) -> None:
        self._max_wait_ns = max(round(settings.max_wait_ms * 1e6), 2 * TOLERANCE_NS)
        self._sound = SoundTrack() if Stream.AUDIO in streams else None
        self._video: dict[Stream, VideoTrack] = {
            stream: VideoTrack(_GRID_NS, round(settings.max_age_ms * 1e6))
            for stream in (Stream.RGB, Stream.DEPTH)
            if stream in streams
        }
        self._tracks: dict[Stream, VideoTrack | SoundTrack] = {**self._video}
        if self._sound is not None:
            self._tracks[Stream.AUDIO] = self._sound
        self._early: list[Sample] = []  # until every stream has begun and the origin is known
        self._origin_ns: int | None = None
        self._lead_ns = 0  # capture time of the newest sample of any stream
        self._point = 0  # next grid point
        self._tick = 1  # next tick
        self._slipped = False  # the sample before was too far ahead to be believed
        self._dropped: Counter[Stream] = Counter()

    @property
    def dropped(self) -> Mapping[Stream, int]:
        """How many samples of each stream came too late, twice, or with a wrong time."""
        return dict(self._dropped)

    def push(self, sample: Sample) -> list[Step | Tick]:
        """Take one sample; return the grid points and decision ticks it completed, in order."""
        if sample.stream not in self._tracks:
            raise ValueError(f"{sample.stream.value} is not among the streams of this room")
        if self._origin_ns is None:
            self._early.append(sample)
            return self._begin() if self._has_begun() else []
        if not self._take(sample):
            return []
        return self._emit()

    def flush(self) -> list[Step | Tick]:
        """End of file: return what is left, ending in one last deciding tick.

        Nothing when there never was a sample. The end is that of the stream that ends last.
        """
        output = self._begin() if self._origin_ns is None and self._early else []
        if self._origin_ns is None:
            return []
        end_ns = max(track.end_ns for track in self._tracks.values())
        while min(self._point_ns, self._tick_ns) + TOLERANCE_NS < end_ns:
            output.append(self._next())
        if self._tick >= _FIRST_DECISION and self._tick_ns <= end_ns + TOLERANCE_NS:
            output.append(self._make_tick(self._tick_ns, decides=True))
        else:
            output.append(self._make_tick(end_ns, decides=True))
        return output

    @property
    def _point_ns(self) -> int:
        return self._origin() + self._point * _SECOND_NS // GRID_HZ

    @property
    def _tick_ns(self) -> int:
        return self._origin() + self._tick * _SECOND_NS // DECISION_HZ

    def _origin(self) -> int:
        if self._origin_ns is None:
            raise RuntimeError("time begins with the first sample")
        return self._origin_ns

    def _has_begun(self) -> bool:
        times = [sample.t_ns for sample in self._early]
        complete = {sample.stream for sample in self._early} == set(self._tracks)
        return complete or max(times) - min(times) >= self._max_wait_ns

    def _begin(self) -> list[Step | Tick]:
        """Fix the origin and take what came before it was known."""
        early, self._early = self._early, []
        self._origin_ns = self._lead_ns = min(sample.t_ns for sample in early)
        if self._sound is not None:
            self._sound.begin(self._origin_ns)
        output: list[Step | Tick] = []
        for sample in early:
            if self._take(sample):
                output.extend(self._emit())
        return output

    def _take(self, sample: Sample) -> bool:
        """Store a sample; False when it had to be dropped."""
        jumps = sample.t_ns - self._lead_ns > _JUMP_NS
        believed, self._slipped = self._slipped or not jumps, jumps
        if not believed or not self._tracks[sample.stream].take(sample):
            self._dropped[sample.stream] += 1
            return False
        if jumps:
            self._skip_to(sample.t_ns - WINDOW_NS)
        self._lead_ns = max(self._lead_ns, sample.t_ns)
        return True

    def _skip_to(self, t_ns: int) -> None:
        """Go on at the first grid point and tick from ``t_ns`` on, with the same origin."""
        elapsed = t_ns - self._origin()
        self._point = max(self._point, -(-elapsed * GRID_HZ // _SECOND_NS))
        self._tick = max(self._tick, -(-elapsed * DECISION_HZ // _SECOND_NS))

    def _emit(self) -> list[Step | Tick]:
        output = []
        reached = min(track.reached_ns for track in self._tracks.values())
        ready = max(reached - TOLERANCE_NS - 1, self._lead_ns - self._max_wait_ns)
        while min(self._point_ns, self._tick_ns) <= ready:
            output.append(self._next())
        return output

    def _next(self) -> Step | Tick:
        """The earlier of the next grid point and the next tick, the grid point first if equal."""
        if self._point_ns > self._tick_ns:
            tick = self._make_tick(self._tick_ns, decides=self._tick >= _FIRST_DECISION)
            self._tick += 1
            return tick
        step = self._make_step(self._point_ns)
        self._point += 1
        return step

    def _make_step(self, t_ns: int) -> Step:
        shown, missing = {}, {}
        for stream in (Stream.RGB, Stream.DEPTH):
            track = self._video.get(stream)
            shown[stream] = sample = track.at(t_ns) if track is not None else None
            if sample is None:
                missing[stream] = Reason.ABSENT if track is None else Reason.STALE
        rgb, depth = shown[Stream.RGB], shown[Stream.DEPTH]
        return Step(
            index=self._point,
            t_ns=t_ns,
            rgb=None if rgb is None else rgb.data,
            depth_mm=None if depth is None else depth.data,
            missing=missing,
            depth_hfov_deg=None if depth is None else depth.depth_hfov_deg,
        )

    def _make_tick(self, t_ns: int, decides: bool) -> Tick:
        patch = self._sound.patch(t_ns) if self._sound is not None else None
        missing = {}
        if patch is None:
            missing[Stream.AUDIO] = Reason.ABSENT if self._sound is None else Reason.STALE
        return Tick(t_ns, self._origin(), patch, missing, decides)
