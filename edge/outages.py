"""One room's sources: what they offer, which of them run, and each loss told once, and its end."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Protocol

from edge.clock import Clock
from edge.errors import GatehouseError
from edge.intake import Ended, Started
from edge.values import Stream

log = logging.getLogger(__name__)


class Faults(Protocol):
    """Where faults are told; see ``watcher.Hub``."""

    def fault(self, code: str, detail: str) -> None:
        """Something is broken."""

    def restored(self, code: str) -> None:
        """A fault is over."""


@dataclass(slots=True)
class _Source:
    """What is known of one source."""

    streams: frozenset[Stream] = frozenset()
    runs: bool = False
    over: bool = False
    error: GatehouseError | None = None  # None again once it delivers
    told: set[type[GatehouseError]] = field(default_factory=set)  # since it was lost
    failures: int = 0  # since it was lost
    lost_ns: int = 0


class RoomOutages:
    """Follows the sources of one room.

    A loss is told when it begins, and again only when it turns out to be of another kind: a camera
    that was unplugged and is then held by another program. An attempt that fails alike is counted.
    """

    def __init__(self, room: str, hub: Faults, clock: Clock) -> None:
        self._room, self._hub, self._clock = room, hub, clock
        self._sources: dict[str, _Source] = {}

    def expect(self, name: str, streams: frozenset[Stream] = frozenset()) -> None:
        """Say that there will be such a source.  streams: what it offers, if known beforehand"""
        self._sources[name] = _Source(streams)

    @property
    def streams(self) -> frozenset[Stream]:
        """What the sources offer together, whether they run or not."""
        return frozenset().union(*(source.streams for source in self._sources.values()))

    @property
    def runs(self) -> bool:
        """Whether any source is open."""
        return any(source.runs for source in self._sources.values())

    @property
    def over(self) -> bool:
        """Whether no source will ever deliver again."""
        return bool(self._sources) and all(source.over for source in self._sources.values())

    @property
    def error(self) -> GatehouseError | None:
        """What a source has failed with, that has not delivered since."""
        errors = (source.error for source in self._sources.values())
        return next((error for error in errors if error is not None), None)

    def started(self, news: Started) -> None:
        """A source was opened; it has yet to show that it delivers."""
        source = self._sources.setdefault(news.source, _Source())
        source.streams, source.runs = news.streams, True
        if source.error is None:
            log.info("source started %s", self._where(news.source, news.streams))

    def delivered(self, stream: Stream) -> None:
        """A sample came: whatever was wrong with its source is over."""
        for name, source in self._sources.items():
            if source.error is not None and stream in source.streams:
                self._restored(name, source)

    def ended(self, news: Ended) -> None:
        """A source has ended or failed."""
        source = self._sources.setdefault(news.source, _Source())
        source.runs, source.over = False, news.final
        if news.error is None:
            log.info("source ended %s", self._where(news.source))
            return
        if source.error is None:
            source.told, source.failures, source.lost_ns = set(), 0, self._clock.monotonic_ns()
        source.error = news.error
        source.failures += 1
        if type(news.error) not in source.told:
            source.told.add(type(news.error))
            outlook = "given up" if news.final else "will be tried again"
            log.error("source failed, %s %s: %s", outlook, self._where(news.source), news.error)
            self._hub.fault(self._code(news.source), str(news.error))

    def _restored(self, name: str, source: _Source) -> None:
        lasted_s = (self._clock.monotonic_ns() - source.lost_ns) / 1e9
        told = self._where(name)
        log.info("source restored %s after_s=%.0f attempts=%d", told, lasted_s, source.failures)
        source.error = None
        self._hub.restored(self._code(name))

    def _code(self, name: str) -> str:
        """A room's only source needs no name of its own."""
        return ".".join(["source", self._room] + [name] * (len(self._sources) > 1))

    def _where(self, name: str, streams: frozenset[Stream] | None = None) -> str:
        words = [f"room={self._room}"] + [f"source={name}"] * (len(self._sources) > 1)
        if streams is not None:
            words.append("streams=" + ",".join(sorted(stream.value for stream in streams)))
        return " ".join(words)
