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
from edge.errors import EX_OK, EX_SOME_FAILED, GatehouseError
from edge.health import Notifier, RoomHealth, all_missing, room_health
from edge.intake import Ended, News, RoomFeed, Slots, Started
from edge.outbox.payload import ModalityHealth
from edge.pipeline import Pipeline
from edge.settings import RoomSettings, SourceSettings
from edge.stages import Publisher, Source, Synchroniser
from edge.values import Alarm, Decision, Fused, Reason, Step, Stream, Tick
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


@dataclass(slots=True)
class RoomState:
    """What the loop remembers of one room."""

    decider: Timed
    decided_ns: int  # monotonic clock, of the last decision or of the start
    health: RoomHealth = field(default_factory=RoomHealth)
    grid: Synchroniser | None = None
    last: Fused | None = None
    ticked_ns: int = 0
    silent: bool = False
    over: bool = False
    error: GatehouseError | None = None  # of the source; None again once it delivers


class Watcher:
    """All rooms of one device, from their sources to the hub."""

    def __init__(
        self,
        pipeline: Pipeline,
        deciders: Mapping[str, Timed],
        hub: Hub,
        clock: Clock,
        degraded: frozenset[Modality] = frozenset(),
    ) -> None:
        """degraded: see ``health.room_health``"""
        self._pipeline, self._hub, self._clock = pipeline, hub, clock
        self._degraded = degraded
        now_ns = clock.monotonic_ns()
        self._rooms = {name: RoomState(decider, now_ns) for name, decider in deciders.items()}
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
        threads = [
            RoomFeed(room.name, room.source, open_source, self._slots, self._clock, stop).start()
            for room in rooms
        ]
        notifier.ready()
        log.info("watching rooms=%s", ",".join(self._rooms))
        try:
            while not stop.is_set() and not all(state.over for state in self._rooms.values()):
                self._turn(make_window)
                notifier.watchdog(self._clock.monotonic_ns())
        finally:
            notifier.stopping()
            stop.set()
            self._slots.close()
            for thread in threads:
                thread.join(JOIN_S)
        return self._status()

    def _turn(self, make_window: MakeWindow) -> None:
        """Handle everything that has arrived, then look after the rooms where nothing has."""
        items: list[tuple[str, Step | Tick]] = []
        for room, news in self._slots.take(POLL_S):
            items += [(room, item) for item in self._advance(room, news, make_window)]
        for decision in self._pipeline.feed(items):
            self._tell(decision)
        now_ns = self._clock.monotonic_ns()
        for room, state in self._rooms.items():
            self._look_after(room, state, now_ns)

    def _advance(self, room: str, news: News, make_window: MakeWindow) -> list[Step | Tick]:
        """Put one room's news on its time grid."""
        state = self._rooms[room]
        if isinstance(news, Started):
            log.info("source started room=%s streams=%s", room, _names(news.streams))
            state.grid = make_window(news.streams)
            return []
        if isinstance(news, Ended):
            return self._end(room, state, news)
        if state.error is not None:  # a device that opens may yet fail to deliver
            state.error = None
            self._hub.restored(f"source.{room}")
        return state.grid.push(news) if state.grid is not None else []

    def _end(self, room: str, state: RoomState, news: Ended) -> list[Step | Tick]:
        if news.error is None:
            log.info("source ended room=%s", room)
        else:
            outlook = "given up" if news.final else "will be tried again"
            log.error("source failed, %s room=%s: %s", outlook, room, news.error)
            self._hub.fault(f"source.{room}", str(news.error))
        rest = state.grid.flush() if state.grid is not None else []
        state.grid, state.over, state.error = None, news.final, news.error
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
        if state.over or now_ns - state.decided_ns > SILENT_NS:
            self._tick(state, now_ns)
            missing = all_missing(Reason.STALE, missing)
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
        errors = [state.error for state in self._rooms.values() if state.over and state.error]
        if errors and len(errors) == len(self._rooms):
            raise errors[0]
        return EX_SOME_FAILED if errors else EX_OK


def _nothing(last: Fused, missing: Mapping[Modality, Reason]) -> Fused:
    """Say that nothing can be told about a room any more."""
    gate = dict.fromkeys(MODALITIES, 0.0)
    return Fused(last.room, last.t_ns, last.origin_ns, None, None, None, gate, missing)


def _names(streams: frozenset[Stream]) -> str:
    return ",".join(sorted(stream.value for stream in streams))
