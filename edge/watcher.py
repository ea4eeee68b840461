"""The loop of ``gatehouse run``: samples to decisions to the hub, for all rooms, in one thread.

It alone touches the encoders and the deciders. Sources have threads of their own before it
(``intake``), the network has one behind it (``outbox``).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from edge.clock import Clock
from edge.errors import EX_OK, EX_SOME_FAILED
from edge.health import Notifier, RoomHealth, all_missing, room_health
from edge.intake import Ended, News, RoomFeed, Slots, Started
from edge.outages import RoomOutages
from edge.outbox.payload import ModalityHealth
from edge.pipeline import Pipeline
from edge.settings import RoomSettings, SourceSettings
from edge.stages import Publisher, Source, Synchroniser
from edge.values import Alarm, Decision, Fused, Reason, Sample, Step, Stream, Tick
from edge.vocabulary import MODALITIES, Modality

log = logging.getLogger(__name__)

POLL_S = 0.25
SILENT_NS = 3_000_000_000
"""A room without a decision for this long is told as seeing and hearing nothing."""

TICK_NS = 500_000_000
JOIN_S = 2.0

OpenSource = Callable[[SourceSettings], Source]
MakeWindow = Callable[[frozenset[Stream]], Synchroniser]


class Hub(Publisher, Protocol):
    """A publisher that also takes the state of the device."""

    def health(self, room: str, modalities: Mapping[Modality, ModalityHealth]) -> None:
        """State of a room's sensors."""

    def fault(self, code: str, detail: str) -> None:
        """Something is broken; detail names the remedy."""

    def restored(self, code: str) -> None:
        """A fault is over; an unknown code is ignored."""


class Timed(Protocol):
    """A decider that lets time pass without decisions, too."""

    def tick(self, t_ns: int) -> Sequence[Alarm]:
        """Return the alarms that time alone has changed."""


class Ingest(Protocol):
    """What may be seen and heard in which room; see ``privacy.Privacy``."""

    def off(self, room: str) -> frozenset[Stream]:
        """The sensors of a room that are switched off now."""

    def admit(self, room: str) -> Callable[[Sample], Sample | None]:
        """What may be used of each sample."""

    def window(self, room: str, streams: frozenset[Stream], make: MakeWindow) -> Synchroniser:
        """The room's time grid."""

    def tell(self) -> None:
        """Say what is watched, when that has changed."""


class Unrestricted:
    """Everything may be seen and heard; satisfies Ingest."""

    def off(self, _room: str) -> frozenset[Stream]:
        """See Ingest."""
        return frozenset()

    def admit(self, _room: str) -> Callable[[Sample], Sample | None]:
        """See Ingest."""
        return lambda sample: sample

    def window(self, _room: str, streams: frozenset[Stream], make: MakeWindow) -> Synchroniser:
        """See Ingest."""
        return make(streams)

    def tell(self) -> None:
        """See Ingest."""


@dataclass(slots=True)
class RoomState:
    """What the loop remembers of one room."""

    decider: Timed
    sources: RoomOutages
    decided_ns: int  # monotonic clock, of the last decision or of the start
    health: RoomHealth = field(default_factory=RoomHealth)
    grid: Synchroniser | None = None
    offered: frozenset[Stream] = frozenset()  # the streams that ``grid`` was made for
    last: Fused | None = None
    ticked_ns: int = 0
    silent: bool = False


class Watcher:
    """All rooms of one device, from their sources to the hub."""

    def __init__(
        self,
        pipeline: Pipeline,
        deciders: Mapping[str, Timed],
        hub: Hub,
        clock: Clock,
        degraded: frozenset[Modality] = frozenset(),
        ingest: Ingest | None = None,
    ) -> None:
        """degraded: see ``health.room_health``; ingest: None: everything may be seen and heard"""
        self._pipeline, self._hub, self._clock = pipeline, hub, clock
        self._ingest: Ingest = ingest or Unrestricted()
        self._degraded = degraded
        now_ns = clock.monotonic_ns()
        self._rooms = {
            name: RoomState(decider, RoomOutages(name, hub, clock), now_ns)
            for name, decider in deciders.items()
        }
        self._slots = Slots(list(deciders))

    def run(
        self,
        rooms: Sequence[RoomSettings],
        open_source: OpenSource,
        make_window: MakeWindow,
        notifier: Notifier,
        stop: threading.Event,
    ) -> int:
        """Watch until told to stop, or until every file has ended; returns the exit status.

        Raises: a source's error when every room's source failed for good; StoreError.
        """
        feeds = [feed for room in rooms for feed in self._feeds(room, open_source, stop)]
        threads = [feed.start() for feed in feeds]
        notifier.ready()
        log.info("watching rooms=%s", ",".join(self._rooms))
        try:
            while not stop.is_set() and not self._is_over():
                self._turn(make_window)
                notifier.watchdog(self._clock.monotonic_ns())
        finally:
            notifier.stopping()
            stop.set()
            self._slots.close()
            for feed in feeds:
                feed.close()
            for thread in threads:
                thread.join(JOIN_S)
        return self._status()

    def _is_over(self) -> bool:
        return all(state.sources.over for state in self._rooms.values())

    def _feeds(
        self, room: RoomSettings, open_source: OpenSource, stop: threading.Event
    ) -> list[RoomFeed]:
        """One for each source of a room, which each get a thread."""
        feeds = []
        for name, settings in room.feeds.items():
            self._rooms[room.name].sources.expect(name, settings.streams)
            admit = self._ingest.admit(room.name)
            feeds.append(
                RoomFeed(
                    room.name,
                    settings,
                    open_source,
                    self._slots,
                    self._clock,
                    stop,
                    admit=admit,
                    name=name,
                )
            )
        return feeds

    def _turn(self, make_window: MakeWindow) -> None:
        """Handle everything that has arrived, then look after the rooms where nothing has."""
        items: list[tuple[str, Step | Tick]] = []
        for room, news in self._slots.take(POLL_S):
            items += [(room, item) for item in self._advance(room, news, make_window)]
        for decision in self._pipeline.feed(items):
            self._tell(decision)
        self._ingest.tell()
        now_ns = self._clock.monotonic_ns()
        for room, state in self._rooms.items():
            self._look_after(room, state, now_ns)

    def _advance(self, room: str, news: News, make_window: MakeWindow) -> list[Step | Tick]:
        """Put one room's news on its time grid."""
        state = self._rooms[room]
        if isinstance(news, Started):
            return self._start(room, state, news, make_window)
        if isinstance(news, Ended):
            state.sources.ended(news)
            return [] if state.sources.runs else self._flush(state)
        state.sources.delivered(news.stream)
        return state.grid.push(news) if state.grid is not None else []

    def _start(
        self, room: str, state: RoomState, news: Started, make_window: MakeWindow
    ) -> list[Step | Tick]:
        """Begin a time grid, unless another source keeps one going that has room for this one."""
        state.sources.started(news)
        streams = state.sources.streams
        if state.grid is not None and streams == state.offered:
            return []
        rest = self._flush(state)
        state.grid = self._ingest.window(room, streams, make_window)
        state.offered = streams
        return rest

    def _flush(self, state: RoomState) -> list[Step | Tick]:
        rest = state.grid.flush() if state.grid is not None else []
        state.grid = None
        return rest

    def _tell(self, decision: Decision) -> None:
        """Alarms first: they are stored before anything else is said."""
        state = self._rooms[decision.fused.room]
        if decision.changed:
            self._hub.alarms(decision.changed)
        self._hub.activity(decision.fused)
        state.decided_ns, state.last, state.silent = (
            self._clock.monotonic_ns(),
            decision.fused,
            False,
        )

    def _look_after(self, room: str, state: RoomState, now_ns: int) -> None:
        """Without decisions alarms still repeat and escalate, and nothing old is left standing."""
        missing = state.last.missing if state.last is not None else {}
        if state.sources.over or now_ns - state.decided_ns > SILENT_NS:
            self._tick(state, now_ns)
            missing = all_missing(Reason.STALE, {**missing, **_disabled(self._ingest.off(room))})
            if state.last is not None and not state.silent:
                self._hub.activity(_nothing(state.last, missing))
            state.silent = True
        elif state.last is None:
            return  # still opening
        if state.health.is_news(missing, now_ns):
            self._hub.health(room, room_health(missing, self._degraded))

    def _tick(self, state: RoomState, now_ns: int) -> None:
        if now_ns - state.ticked_ns < TICK_NS:
            return
        state.ticked_ns = now_ns
        changed = state.decider.tick(max(now_ns, state.last.t_ns if state.last else 0))
        if changed:
            self._hub.alarms(changed)

    def _status(self) -> int:
        """Return 0, unless sources had errors that will not go away."""
        errors = [
            error
            for state in self._rooms.values()
            if state.sources.over and (error := state.sources.error) is not None
        ]
        if errors and len(errors) == len(self._rooms):
            raise errors[0]
        return EX_SOME_FAILED if errors else EX_OK


def _nothing(last: Fused, missing: Mapping[Modality, Reason]) -> Fused:
    """Say that nothing can be told about a room any more."""
    gate = dict.fromkeys(MODALITIES, 0.0)
    return Fused(last.room, last.t_ns, last.origin_ns, None, None, None, gate, missing)


def _disabled(off: frozenset[Stream]) -> dict[Modality, Reason]:
    """What policy leaves nothing of: flow comes from RGB."""
    names = {stream.value for stream in off} | ({"flow"} if Stream.RGB in off else set())
    return {m: Reason.DISABLED for m in MODALITIES if m.value in names}
