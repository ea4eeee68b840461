"""Privacy at ingest: what a room's sensors deliver, without what nobody may see or hear.

Zones are blanked and switched-off sensors dropped in the source's own thread, before the slots: no
encoder, crop, cue or recording ever gets them. The window drops once more what was still waiting
when a rule began, and names the reason ``disabled``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from edge.clock import Clock
from edge.outbox.payload import PrivacyPayload, RoomPrivacy
from edge.privacy_schedule import Schedule
from edge.privacy_settings import PrivacySettings
from edge.privacy_zones import ZoneMask
from edge.settings import RoomSettings
from edge.stages import Synchroniser
from edge.values import Reason, Sample, Step, Stream, Tick

MakeWindow = Callable[[frozenset[Stream]], Synchroniser]
Off = Callable[[], frozenset[Stream]]
Admit = Callable[[Sample], Sample | None]

_SECOND_NS = 1_000_000_000


class Privacy:
    """The policy of one device, applied to each of its rooms."""

    def __init__(
        self,
        settings: PrivacySettings,
        rooms: Sequence[RoomSettings],
        clock: Clock,
        say: Callable[[PrivacyPayload], None] = lambda _: None,
    ) -> None:
        """say: told what is watched, at first and at every change"""
        self._schedule, self._clock, self._say = Schedule(settings), clock, say
        self._zones = {room.name: room.zones for room in rooms}
        self._asked_ns: int | None = None
        self._said: PrivacyPayload | None = None

    def off(self, room: str) -> frozenset[Stream]:
        """The sensors of a room that are switched off now."""
        return self._schedule.off(room, self._clock.wall_ns())

    def admit(self, room: str) -> Admit:
        """What may be used of each sample of a room: all, less its zones, or None.

        The function returned belongs to one thread.
        """
        mask, off = ZoneMask(self._zones[room]), self._policy(room)
        return lambda sample: None if sample.stream in off() else mask.blank(sample)

    def window(self, room: str, streams: frozenset[Stream], make: MakeWindow) -> Synchroniser:
        """The room's time grid, of those streams that are not switched off at the moment."""
        return PrivateWindow(streams, make, self._policy(room))

    def tell(self) -> None:
        """Say what is watched if that has changed; looks once a second, for one thread."""
        now_ns = self._clock.monotonic_ns()
        if self._asked_ns is None or now_ns - self._asked_ns >= _SECOND_NS:
            self._asked_ns, state = now_ns, self.state()
            if state != self._said:
                self._said = state
                self._say(state)

    def state(self) -> PrivacyPayload:
        """What the hub is told while nothing is recorded."""
        off = {room: self.off(room) for room in self._zones}
        blind = all(found == frozenset(Stream) for found in off.values())
        return PrivacyPayload(
            mode="paused" if blind else "watching",
            recording=False,
            rooms=tuple(
                RoomPrivacy(room=room, off=tuple(sorted(off[room])), zones=len(zones))
                for room, zones in self._zones.items()
                if off[room] or zones
            ),
        )

    def _policy(self, room: str) -> Off:
        return OncePerSecond(lambda: self.off(room), self._clock)


class OncePerSecond:
    """Remembers a policy for a second of CLOCK_MONOTONIC; not thread-safe."""

    def __init__(self, off: Off, clock: Clock) -> None:
        self._off, self._clock = off, clock
        self._asked_ns: int | None = None
        self._known: frozenset[Stream] = frozenset()

    def __call__(self) -> frozenset[Stream]:
        """The sensors that are off."""
        now_ns = self._clock.monotonic_ns()
        if self._asked_ns is None or now_ns - self._asked_ns >= _SECOND_NS:
            self._known, self._asked_ns = self._off(), now_ns
        return self._known


class PrivateWindow:
    """A synchroniser whose streams come and go by policy; satisfies ``stages.Synchroniser``.

    A change begins a new grid, as a camera that was plugged in again does: for a second there is no
    decision.
    """

    def __init__(self, streams: frozenset[Stream], make: MakeWindow, off: Off) -> None:
        self._streams, self._make, self._off = streams, make, off
        self._disabled: frozenset[Stream] | None = None
        self._grid: Synchroniser | None = None

    def push(self, sample: Sample) -> list[Step | Tick]:
        """Take one sample; see ``stages.Synchroniser``."""
        disabled = self._off() & self._streams
        if disabled != self._disabled:
            self._disabled = disabled
            left = self._streams - disabled
            self._grid = self._make(left) if left else None
        if self._grid is None or sample.stream in disabled:
            return []
        return [_explained(item, disabled) for item in self._grid.push(sample)]

    def flush(self) -> list[Step | Tick]:
        """End of file; see ``stages.Synchroniser``."""
        if self._grid is None:
            return []
        return [_explained(item, self._disabled or frozenset()) for item in self._grid.flush()]


def _explained(item: Step | Tick, disabled: frozenset[Stream]) -> Step | Tick:
    if not disabled & item.missing.keys():
        return item
    missing: Mapping[Stream, Reason] = {
        stream: Reason.DISABLED if stream in disabled else reason
        for stream, reason in item.missing.items()
    }
    return replace(item, missing=missing)
