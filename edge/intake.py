"""From sources to the pipeline thread: one thread per source, a bounded slot for each room.

Live sources drop the oldest sample when the pipeline is late, and count it; files that are not
played in real time wait instead, and lose nothing.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from edge.clock import Clock
from edge.errors import ConfigError, DeviceError, GatehouseError, SourceError
from edge.settings import FileSourceSettings, SourceSettings
from edge.sources.retry import FIRST_S, Backoff
from edge.stages import Source
from edge.values import Sample, Stream

log = logging.getLogger(__name__)

CAPACITY = 128
"""Samples in a room's slot: about a second of two cameras and a microphone."""


@dataclass(frozen=True, slots=True)
class Started:
    """A room's source opened, for the first time or again."""

    streams: frozenset[Stream]
    source: str = ""  # its name within the room


@dataclass(frozen=True, slots=True)
class Ended:
    """A room's source came to its end, or to an error."""

    error: GatehouseError | None
    final: bool  # False: it will be opened again
    source: str = ""  # its name within the room


News = Started | Sample | Ended


@runtime_checkable
class Closable(Protocol):
    """A source that can be told from another thread to end ``samples`` soon."""

    def close(self) -> None:
        """Return at once; a ``samples`` that waits for a device gives up within a moment."""


class Slots:
    """What the source threads have for the pipeline thread, in order for each room."""

    def __init__(self, rooms: Sequence[str], capacity: int = CAPACITY) -> None:
        self._queues: dict[str, deque[News]] = {room: deque() for room in rooms}
        self._capacity = capacity
        self._changed = threading.Condition()
        self._closed = False
        self.dropped = dict.fromkeys(rooms, 0)

    def offer(self, room: str, sample: Sample) -> None:
        """Add a sample of a live source; when full, the room's oldest sample goes."""
        with self._changed:
            queue = self._queues[room]
            if len(queue) >= self._capacity:
                oldest = next((i for i, news in enumerate(queue) if isinstance(news, Sample)), None)
                if oldest is not None:
                    del queue[oldest]
                    self._count_drop(room)
            queue.append(sample)
            self._changed.notify_all()

    def put(self, room: str, news: News) -> None:
        """Add news that must not be lost; waits while the room's slot is full."""
        with self._changed:
            queue = self._queues[room]
            self._changed.wait_for(lambda: self._closed or len(queue) < self._capacity)
            queue.append(news)
            self._changed.notify_all()

    def take(self, timeout_s: float) -> list[tuple[str, News]]:
        """Return everything there is, each room's in order; waits for some, at most timeout_s."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or any(self._queues.values()), timeout_s)
            taken = [(room, news) for room, queue in self._queues.items() for news in queue]
            for queue in self._queues.values():
                queue.clear()
            self._changed.notify_all()
            return taken

    def close(self) -> None:
        """Let nobody wait any longer."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _count_drop(self, room: str) -> None:
        self.dropped[room] = total = self.dropped[room] + 1
        if total & (total - 1) == 0:  # say so at 1, 2, 4, 8, ... drops
            log.warning("too slow: dropped sample room=%s total=%d", room, total)


class RoomFeed:
    """One source's thread: opens the source, paces it, opens it again."""

    def __init__(
        self,
        room: str,
        settings: SourceSettings,
        opened: Callable[[SourceSettings], Source],
        slots: Slots,
        clock: Clock,
        stop: threading.Event,
        first_retry_s: float = FIRST_S,
        admit: Callable[[Sample], Sample | None] = lambda sample: sample,
        name: str = "",
    ) -> None:
        """name: of the source within its room

        admit: what may be used of a sample, None for nothing; see ``privacy.Privacy.admit``
        """
        self._room, self._name, self._settings, self._opened = room, name, settings, opened
        self._slots, self._clock, self._stop = slots, clock, stop
        self._backoff = Backoff(first_retry_s)
        self._admit = admit
        self._reached_ns = 0
        self._source: Source | None = None

    def start(self) -> threading.Thread:
        """Start the thread."""
        name = "-".join(part for part in ("source", self._room, self._name) if part)
        thread = threading.Thread(target=self.run, name=name, daemon=True)
        thread.start()
        return thread

    def close(self) -> None:
        """Let a source that waits for its device give up; ``stop`` has been set before."""
        if isinstance(self._source, Closable):
            self._source.close()

    def run(self) -> None:
        """Deliver until the source has ended for good, or until told to stop."""
        while not self._stop.is_set():
            error = self._deliver()
            again = self._opens_again(error)
            self._slots.put(self._room, Ended(error, final=not again, source=self._name))
            if not again:
                return
            if error is not None:
                self._stop.wait(self._backoff.failed(self._clock.monotonic_ns()))

    def _opens_again(self, error: GatehouseError | None) -> bool:
        if isinstance(self._settings, FileSourceSettings):
            return error is None and self._settings.loop
        return not isinstance(error, ConfigError)

    def _deliver(self) -> GatehouseError | None:
        """Hand over one run of the source; returns what ended it before its time."""
        try:
            self._source = source = self._opened(self._settings)
            if self._stop.is_set():  # ``close`` may have come before there was anything to close
                return None
            self._slots.put(self._room, Started(source.streams, self._name))
            if isinstance(self._settings, FileSourceSettings):
                self._deliver_file(source, self._settings.realtime)
            else:
                self._deliver_live(source)
        except GatehouseError as error:
            return _freed(error)
        except Exception as error:
            log.exception("source failed room=%s source=%s", self._room, self._name)
            return SourceError(f"{type(error).__name__}: {error}; restart, and report this")
        finally:
            self._source = None
        return None

    def _deliver_live(self, source: Source) -> None:
        with _samples(source) as samples:
            for sample in samples:
                self._backoff.delivers(self._clock.monotonic_ns())
                if (admitted := self._admit(sample)) is not None:
                    self._slots.offer(self._room, admitted)
                if self._stop.is_set():
                    return
        if not self._stop.is_set():
            raise DeviceError("the device has stopped delivering; check its cable and power")

    def _deliver_file(self, source: Source, realtime: bool) -> None:
        """Move capture times to now on the monotonic clock, as if the file happened live.

        A file that loops faster than real time goes on where it was: time never goes back.
        """
        offset_ns: int | None = None
        with _samples(source) as samples:
            for sample in samples:
                if offset_ns is None:
                    start_ns = max(self._clock.monotonic_ns(), self._reached_ns)
                    offset_ns = start_ns - sample.t_ns
                moved = replace(sample, t_ns=sample.t_ns + offset_ns)
                self._reached_ns = max(self._reached_ns, moved.t_ns + 1)
                if realtime:
                    self._stop.wait(max(0, moved.t_ns - self._clock.monotonic_ns()) / 1e9)
                admitted = self._admit(moved)
                if admitted is not None and realtime:
                    self._slots.offer(self._room, admitted)
                elif admitted is not None:
                    self._slots.put(self._room, admitted)
                if self._stop.is_set():
                    return


def _freed(error: GatehouseError) -> GatehouseError:
    """Without the frames it came through: they would keep a pipeline until the device is back."""
    log.debug("source failed", exc_info=error)
    error.__traceback__ = error.__cause__ = error.__context__ = None
    return error


@contextmanager
def _samples(source: Source) -> Iterator[Iterator[Sample]]:
    """Close the device or file behind a generator when the block is left early."""
    samples = source.samples()
    try:
        yield samples
    finally:
        if isinstance(samples, Generator):
            samples.close()
