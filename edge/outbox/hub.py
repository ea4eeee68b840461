"""The hub as the pipeline sees it: alarms are stored, telemetry is latest-wins, nothing blocks."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from edge.clock import Clock
from edge.errors import StoreError
from edge.outbox.envelope import envelope, utc
from edge.outbox.mqtt import MqttLink
from edge.outbox.payload import (
    ActivityPayload,
    FaultEntry,
    FaultPayload,
    HealthPayload,
    HeartbeatPayload,
    ModalityHealth,
    Payload,
    PrivacyPayload,
    StatusPayload,
    one_short_line,
)
from edge.outbox.records import AlarmWriter
from edge.outbox.slots import LatestWins
from edge.outbox.store import Message, Outbox
from edge.outbox.tls import check_files
from edge.outbox.topics import Topics
from edge.outbox.walltime import WallTime, clock_synced
from edge.outbox.worker import OutboxWorker, Voice
from edge.settings import MqttSettings
from edge.values import Alarm, AlarmState, Fused
from edge.vocabulary import ACTIONS, Modality


@dataclass(frozen=True, slots=True)
class Identity:
    """Who speaks. boot_id is new at every start of the process, as are the alarms' numbers."""

    site: str
    device: str
    boot_id: str
    version: str

    @property
    def topics(self) -> Topics:
        """Where this device speaks."""
        return Topics(self.site, self.device)


class Speaker:
    """Builds every message that is not an alarm."""

    def __init__(self, identity: Identity, clock: Clock) -> None:
        self._identity, self._clock = identity, clock
        self._numbers = itertools.count(1)

    def message(
        self, topic: str, payload: Payload, retain: bool = True, subject: str | None = None
    ) -> Message:
        """Wrap a payload, dated now."""
        name = f"{self._identity.boot_id}.{payload.kind}.{next(self._numbers)}"
        source = self._identity.topics.root
        raw = envelope(payload, source, name, self._clock.wall_ns(), subject)
        return Message(topic, raw, name, retain=retain)

    def status(self, state: str) -> Message:
        """state: online, stopped or offline."""
        who = self._identity
        fields = {"state": state, "boot_id": who.boot_id, "version": who.version}
        return self.message(who.topics.status, StatusPayload.model_validate(fields))


class HubPublisher:
    """Satisfies stages.Publisher. ``alarms`` from the pipeline thread, the rest from any."""

    def __init__(self, identity: Identity, outbox: Outbox, slots: LatestWins, clock: Clock) -> None:
        self.time = WallTime(clock)
        self._speaker = Speaker(identity, clock)
        self._topics, self._clock = identity.topics, clock
        self._outbox, self._slots = outbox, slots
        self._writer = AlarmWriter(identity.topics, identity.boot_id, self.time)
        self._said = {r.alarm_id: self._writer.alarm(r).state for r in outbox.open_alarms()}
        self._lock = threading.Lock()
        self._faults: dict[str, FaultEntry] = {}
        self._inference_ns: int | None = None
        self._wake: Callable[[], None] = lambda: None

    def alarms(self, changed: Sequence[Alarm]) -> None:
        """Make transitions durable; returns once stored. Raises: StoreError, and stores nothing.

        What cannot be stored is still said if the broker can be reached: heard, but not durable.
        Candidates are passed over: they never leave the box.
        """
        messages, opened, closed = [], [], []
        published = [a for a in changed if a.state is not AlarmState.CANDIDATE]
        synced = clock_synced() if published else False
        said = dict(self._said)
        for alarm in published:
            before = said.get(alarm.id, AlarmState.CANDIDATE)
            state, *others = self._writer.messages(alarm, before, synced)
            messages += [state, *others]
            if alarm.state.is_closed:
                closed.append(alarm.id)
                said.pop(alarm.id, None)
            else:
                opened.append(self._writer.record(alarm, state))
                said[alarm.id] = alarm.state
        if messages:
            try:
                self._outbox.put(messages, opened, closed)
                self._said = said
            except StoreError:
                for message in messages:
                    self._slots.put(message)
                raise
            finally:
                self._wake()

    def activity(self, fused: Fused) -> None:
        """Say what is going on; scores also prove that inference is alive."""
        if fused.actions is not None or fused.sounds is not None:
            self._inference_ns = self._clock.monotonic_ns()
        action, confidence = None, None
        if fused.actions is not None:
            best = int(fused.actions.argmax())
            action, confidence = ACTIONS[best], round(min(1.0, float(fused.actions[best])), 4)
        payload = ActivityPayload(
            room=fused.room,
            action=action,
            confidence=confidence,
            gate={m: round(min(1.0, float(w)), 4) for m, w in fused.gate.items()},
            missing=dict(fused.missing),
            captured_at=utc(self.time.date(fused.room, fused.t_ns)),
        )
        self._put(self._topics.activity(fused.room), payload, subject=f"room/{fused.room}")

    def health(self, room: str, modalities: Mapping[Modality, ModalityHealth]) -> None:
        """Say how a room's sensors are; call it when that changes."""
        payload = HealthPayload(room=room, modalities=dict(modalities))
        self._put(self._topics.health(room), payload, subject=f"room/{room}")

    def fault(self, code: str, detail: str) -> None:
        """Say that something is broken; detail: one line that names the remedy."""
        with self._lock:
            known = self._faults.get(code)
            since = utc(self._clock.wall_ns()) if known is None else known.since
            told = one_short_line(detail)
            self._faults[code] = FaultEntry(code=code, detail=told, since=since)
            active = tuple(self._faults.values())
        self._put(self._topics.fault, FaultPayload(active=active))

    def restored(self, code: str) -> None:
        """Say that a fault is over; an unknown code is ignored."""
        with self._lock:
            if self._faults.pop(code, None) is None:
                return
            active = tuple(self._faults.values())
        self._put(self._topics.fault, FaultPayload(active=active, restored=code))

    def no_faults(self) -> None:
        """Say that nothing is broken: an earlier run's faults may still stand at the broker."""
        self._put(self._topics.fault, FaultPayload(active=()))

    def privacy(self, payload: PrivacyPayload) -> None:
        """Say what is being watched, and whether it is recorded."""
        self._put(self._topics.privacy, payload)

    def open_alarms(self) -> list[Alarm]:
        """Return the alarms an earlier run left open, for RoomDecider.restore.

        Align the rooms' time lines (``time.align``) first where they are not CLOCK_MONOTONIC.
        """
        return [self._writer.alarm(record) for record in self._outbox.open_alarms()]

    def withdraw(self, alarm: Alarm) -> None:
        """Close an alarm that no room watches any more, as expired."""
        now_ns = self.time.capture(alarm.room, self._clock.wall_ns())
        expired = replace(
            alarm, state=AlarmState.EXPIRED, revision=alarm.revision + 1, updated_ns=now_ns
        )
        self.alarms([expired])

    def heartbeat(self, seq: int, heartbeat_s: float) -> Message:
        """Build a heartbeat; the worker sends it."""
        now_ns, last_ns = self._clock.monotonic_ns(), self._inference_ns
        payload = HeartbeatPayload(
            seq=seq,
            next_due_s=heartbeat_s,
            last_inference_age_ms=None if last_ns is None else (now_ns - last_ns) // 1_000_000,
            stored=self._outbox.count(),
        )
        return self._speaker.message(self._topics.heartbeat, payload, retain=False)

    def notify(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` whenever there is something new to send."""
        self._wake = wake

    def _put(self, topic: str, payload: Payload, subject: str | None = None) -> None:
        self._slots.put(self._speaker.message(topic, payload, subject=subject))
        self._wake()


@dataclass(frozen=True, slots=True)
class Hub:
    """An open way to the hub."""

    publisher: HubPublisher
    outbox: Outbox
    worker: OutboxWorker


@contextmanager
def open_hub(
    settings: MqttSettings, identity: Identity, outbox_path: Path, clock: Clock
) -> Iterator[Hub]:
    """Open the outbox; ``hub.worker.start()`` begins to connect.

    Leaving the block says "stopped"; leaving it by an error says "offline", for nobody wanted that.
    Raises: StoreError, ConfigError (a file of the settings cannot be used). A broker that is down
    or refuses is no error here; see ``worker.problem``.
    """
    check_files(settings)
    slots, topics = LatestWins(), identity.topics
    speaker = Speaker(identity, clock)
    with Outbox(outbox_path) as outbox:
        publisher = HubPublisher(identity, outbox, slots, clock)
        numbers = itertools.count(1)
        voice = Voice(
            status=speaker.status,
            heartbeat=lambda: publisher.heartbeat(next(numbers), settings.heartbeat_s),
            heartbeat_s=settings.heartbeat_s,
        )
        link = MqttLink(settings, topics.client_id, will=speaker.status("offline"))
        worker = OutboxWorker(outbox, link, slots, topics, voice, clock)
        publisher.notify(worker.wake)
        try:
            yield Hub(publisher, outbox, worker)
        except BaseException:
            worker.stop(failed=True)
            raise
        worker.stop()
