"""``gatehouse record``: the one command that writes pictures and sound to disk.

It runs instead of the service, not beside it: one process has the camera and speaks for the device.
What policy hides is hidden here as well: the samples come through the same ingest.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.clock import Clock
from edge.compose import open_source
from edge.errors import DeviceError, GatehouseError, PrivacyError, StoreError
from edge.exclusive import exclusive
from edge.intake import Ended, RoomFeed, Slots
from edge.privacy import Privacy
from edge.record_announce import Announcement, announced
from edge.record_grid import Thinner
from edge.settings import RoomSettings, Settings
from edge.sources.mcap_writer import RecordingWriter, part_of
from edge.values import Sample, Stream

POLL_S = 0.25
FLUSH_NS = 1_000_000_000
"""What a crash can cost."""

OPENING_S = 30.0
"""A source that has given nothing for this long gives nothing."""

JOIN_S = 5.0
CAPACITY = 512  # samples, about five seconds: writing to a slow card may pause


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be recorded, as far as the command line says."""

    room: str | None  # None: the only one
    seconds: float
    path: Path


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a recording is."""

    seconds: float  # recorded so far
    written: Mapping[Stream, int]  # pictures and chunks of sound
    dropped: int  # samples that came faster than they could be written
    problem: str | None = None  # why the source delivers nothing at the moment


Told = Callable[[Progress], None]


def record(
    settings: Settings, request: Request, clock: Clock, stop: threading.Event, told: Told
) -> Progress:
    """Record until the time is up, the source ends, or told to stop.

    The file has its name only once it is whole; after a failure what was recorded is kept in it all
    the same, or, when it cannot be finished, in ``<name>.part``.
    Raises: PrivacyError, DeviceError, BrokerError, StoreError, a source's error.
    """
    room = permitted(settings, request)
    privacy = Privacy(settings.privacy, settings.rooms, clock)
    if privacy.off(room.name) == frozenset(Stream):
        raise PrivacyError(
            f"every sensor of {room.name} is switched off now; see privacy.switched_off"
        )
    check_place(request.path, settings.privacy.recording.free_mb)
    longest_s = request.seconds + OPENING_S
    with (
        exclusive(settings.state_dir),
        announced(settings, room.name, longest_s, privacy.state(), clock) as announcement,
    ):
        session = Session(room, request, privacy, settings.privacy.recording.free_mb, clock)
        return session.run(announcement, stop, told)


def permitted(settings: Settings, request: Request) -> RoomSettings:
    """The room, if policy allows to record it for so long.  Raises: PrivacyError."""
    policy = settings.privacy.recording
    if not policy.allowed:
        raise PrivacyError(
            "recording is not allowed on this device; who may decide that sets"
            " privacy.recording.allowed: true"
        )
    if request.seconds > policy.longest_s:
        raise PrivacyError(
            f"{request.seconds:g} s is longer than this device may record; at most"
            f" {policy.longest_s:g} s (privacy.recording.longest_s)"
        )
    rooms = {room.name: room for room in settings.rooms}
    if request.room is None and len(rooms) == 1:
        return settings.rooms[0]
    if request.room not in rooms:
        raise PrivacyError(f"say which room to record: --room {' or '.join(rooms)}")
    return rooms[request.room]


def check_place(path: Path, free_mb: int) -> None:
    """Raise StoreError when a recording cannot or must not be written there."""
    part = part_of(path)
    if path.exists():
        raise StoreError(f"{path} exists; choose another name")
    if part.exists():
        raise StoreError(
            f"{part} was left by a recording that was cut off; save it: gatehouse import {part}"
        )
    if not path.parent.is_dir():
        raise StoreError(f"cannot write {path}: no directory {path.parent}; make it")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise StoreError(f"cannot write {path}: this account may not; choose another directory")
    check_space(path, free_mb)


def check_space(path: Path, free_mb: int) -> None:
    """Raise StoreError when less than ``free_mb`` is free: alarms need room on the disk, too."""
    free = shutil.disk_usage(path.parent).free // 1_000_000
    if free < free_mb:
        raise StoreError(
            f"disk full: {free} MB free at {path.parent}, {free_mb} MB are kept for alarms"
            " (privacy.recording.free_mb); free some, or record elsewhere"
        )


class Session:
    """One recording that is permitted and announced."""

    def __init__(
        self, room: RoomSettings, request: Request, privacy: Privacy, free_mb: int, clock: Clock
    ) -> None:
        self._room, self._request, self._clock, self._free_mb = room, request, clock, free_mb
        self._privacy = privacy
        self._slots = Slots([room.name], CAPACITY)
        self._thinner = Thinner()
        self._written: Counter[Stream] = Counter()
        self._first_ns: int | None = None  # capture time of the first sample
        self._last_ns = 0
        self._problem: GatehouseError | None = None
        self._running = set(room.feeds)
        self._over = False

    def run(self, announcement: Announcement, stop: threading.Event, told: Told) -> Progress:
        """Record; see ``record``."""
        with self._feeding():
            waiting = self._first_samples(announcement, stop)
            if not waiting:
                raise self._problem or DeviceError(_NOTHING)
            part_of(self._request.path).touch(mode=0o600)  # for nobody else's eyes
            with RecordingWriter(self._request.path, keep_cut=True) as writer:
                # An error of camera or broker is raised only once the file is whole.
                failure = self._fill(writer, waiting, announcement, stop, told)
        if failure is not None:
            raise failure
        return self._progress()

    @contextmanager
    def _feeding(self) -> Iterator[None]:
        stop, room = threading.Event(), self._room.name
        feeds = [
            RoomFeed(
                room,
                settings,
                open_source,
                self._slots,
                self._clock,
                stop,
                admit=self._privacy.admit(room),
                name=name,
            )
            for name, settings in self._room.feeds.items()
        ]
        threads = [feed.start() for feed in feeds]
        try:
            yield
        finally:
            stop.set()
            self._slots.close()
            for feed in feeds:
                feed.close()
            for thread in threads:
                thread.join(JOIN_S)

    def _first_samples(self, announcement: Announcement, stop: threading.Event) -> list[Sample]:
        """Wait until the source delivers.  Raises: BrokerError."""
        deadline_ns = self._clock.monotonic_ns() + round(OPENING_S * 1e9)
        while not (stop.is_set() or self._over) and self._clock.monotonic_ns() < deadline_ns:
            announcement.check()
            if samples := self._taken():
                return samples
        return []

    def _fill(
        self,
        writer: RecordingWriter,
        samples: list[Sample],
        announcement: Announcement,
        stop: threading.Event,
        told: Told,
    ) -> GatehouseError | None:
        """Write until the time is up; returns what ended it before.  Raises: StoreError."""
        end_ns = self._clock.monotonic_ns() + round(self._request.seconds * 1e9)
        failure, flushed_ns = None, self._clock.monotonic_ns()
        while failure is None:
            for sample in samples:
                self._take(writer, sample)
            told(self._progress())
            now_ns = self._clock.monotonic_ns()
            if self._over or stop.is_set() or now_ns >= end_ns:
                break
            if now_ns - flushed_ns >= FLUSH_NS:
                writer.flush()
                flushed_ns, failure = now_ns, self._lost(announcement)
            samples = self._taken()
        for sample in self._thinner.flush():
            self._write(writer, sample)
        return failure or (self._problem if self._over else None)

    def _lost(self, announcement: Announcement) -> GatehouseError | None:
        """What forbids to go on."""
        try:
            announcement.check()
            check_space(self._request.path, self._free_mb)
        except GatehouseError as error:
            return error
        return None

    def _taken(self) -> list[Sample]:
        """What the source has delivered meanwhile."""
        samples = []
        for _, news in self._slots.take(POLL_S):
            if isinstance(news, Sample):
                samples.append(news)
                self._problem = None
            elif isinstance(news, Ended):
                self._problem = news.error
                self._running -= {news.source} if news.final else set()
                self._over = not self._running
        return samples

    def _take(self, writer: RecordingWriter, sample: Sample) -> None:
        if self._first_ns is None:
            self._first_ns = sample.t_ns
        if sample.t_ns - self._first_ns >= self._request.seconds * 1e9:
            self._over, self._problem = True, None
            return
        self._last_ns = max(self._last_ns, sample.t_ns)
        for kept in self._thinner.push(sample):
            self._write(writer, kept)

    def _write(self, writer: RecordingWriter, sample: Sample) -> None:
        writer.write(sample)
        self._written[sample.stream] += 1

    def _progress(self) -> Progress:
        first_ns = self._last_ns if self._first_ns is None else self._first_ns
        return Progress(
            seconds=(self._last_ns - first_ns) / 1e9,
            written=dict(self._written),
            dropped=self._slots.dropped[self._room.name],
            problem=None if self._problem is None else str(self._problem),
        )


_NOTHING = f"the source has delivered nothing for {OPENING_S:.0f} s; check its cable and power"
