"""When a picture was taken, on the clock that every sample shares."""

from __future__ import annotations

from collections import deque

_SECOND_NS = 1_000_000_000
_SPAN_S = 10  # over which the quickest delivery is looked for
_DRIFT_SPAN_S, _DRIFT_MIN_S = 120, 30
_STEP_NS = _SECOND_NS // 2  # no picture is under way for so long: the camera's clock was set
_BELIEVED_NS = _SECOND_NS  # after this long of late pictures

_WRAP_NS = (1 << 32) * 1_000


class Unwrapped:
    """Time stamps of a camera's own counter, which starts again at 0 every 71.6 minutes.

    It counts microseconds in 32 bits, and librealsense hands them on as they are.
    """

    def __init__(self) -> None:
        self._last_ns: int | None = None

    def to_ns(self, stamp_ms: float) -> int:
        """Nanoseconds that go on rising; pictures of two sensors may straddle the wrap."""
        stamp_ns = round(stamp_ms * 1e6)
        if self._last_ns is not None:
            stamp_ns += _WRAP_NS * round((self._last_ns - stamp_ns) / _WRAP_NS)
        self._last_ns = stamp_ns
        return stamp_ns


class CaptureClock:
    """Maps the time stamps of one camera's clock to CLOCK_MONOTONIC.

    No picture arrives before it was taken, and the quickest of many arrive about as soon as they
    can: the smallest difference between arrival and stamp of the last 10 s is what the clocks
    differ by. Jitter of deliveries thus leaves no trace; what remains is the shortest transit time,
    a constant. Drift is followed; a camera clock that is set (a reset) is found within a second.
    """

    def __init__(self) -> None:
        self._minima: deque[tuple[int, int]] = deque()  # (arrival, difference), one a second
        self._late_since_ns: int | None = None
        self.offset_ns: int | None = None  # CLOCK_MONOTONIC minus the camera's; None: no picture
        self.steps = 0  # how often the camera's clock was set

    def to_monotonic(self, stamp_ns: int, arrival_ns: int) -> int:
        """Capture time of a picture that carries ``stamp_ns`` and arrived at ``arrival_ns``."""
        difference = arrival_ns - stamp_ns
        if self.offset_ns is not None and self._was_set(difference - self.offset_ns, arrival_ns):
            self._minima.clear()
            self._late_since_ns = None
            self.steps += 1
        self._remember(arrival_ns, difference)
        recent_ns = arrival_ns - _SPAN_S * _SECOND_NS
        self.offset_ns = min(d for at, d in self._minima if at >= recent_ns)
        return stamp_ns + self.offset_ns

    @property
    def drift_ppm(self) -> float | None:
        """How much faster CLOCK_MONOTONIC runs than the camera's; None before half a minute."""
        if not self._minima or self._minima[-1][0] - self._minima[0][0] < _DRIFT_MIN_S * _SECOND_NS:
            return None
        start_ns, first = self._minima[0]
        points = [((at - start_ns) / 1e9, (d - first) / 1e9) for at, d in self._minima]
        mean_t = sum(t for t, _ in points) / len(points)
        mean_d = sum(d for _, d in points) / len(points)
        spread = sum((t - mean_t) ** 2 for t, _ in points)
        return 1e6 * sum((t - mean_t) * (d - mean_d) for t, d in points) / spread

    def _was_set(self, excess_ns: int, arrival_ns: int) -> bool:
        """Whether a difference this much above the offset means that the camera's clock was set."""
        if excess_ns < -_STEP_NS:
            return True
        if excess_ns < _STEP_NS:
            self._late_since_ns = None
            return False
        if self._late_since_ns is None:
            self._late_since_ns = arrival_ns
        return arrival_ns - self._late_since_ns >= _BELIEVED_NS

    def _remember(self, arrival_ns: int, difference: int) -> None:
        minima = self._minima
        if minima and minima[-1][0] // _SECOND_NS == arrival_ns // _SECOND_NS:
            if difference < minima[-1][1]:
                minima[-1] = (arrival_ns, difference)
        else:
            minima.append((arrival_ns, difference))
        while minima[0][0] < arrival_ns - _DRIFT_SPAN_S * _SECOND_NS:
            minima.popleft()
