"""From alarms to stored messages, and from stored records back to alarms."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edge.errors import StoreError
from edge.outbox.envelope import envelope, utc
from edge.outbox.payload import AlarmPayload, EventPayload
from edge.outbox.store import Message, OpenRecord
from edge.outbox.topics import Topics
from edge.outbox.walltime import WallTime
from edge.values import Alarm, AlarmState, Reason
from edge.vocabulary import AlarmClass, Modality


@dataclass(frozen=True, slots=True)
class AlarmWriter:
    """Turns alarms into what the outbox stores."""

    topics: Topics
    boot_id: str
    time: WallTime

    def messages(self, alarm: Alarm, before: AlarmState, synced: bool) -> list[Message]:
        """Return the state, the transition and, when closed, the clearing of the state's topic.

        before: the state last published; CANDIDATE when this is the first.
        """
        name = f"{alarm.id}.{alarm.revision}"
        topic = self.topics.alarm(alarm.room, alarm.id)
        found = [
            Message(topic, self._state(alarm, synced), f"{name}.alarm", retain=True),
            Message(
                self.topics.event(alarm.room), self._event(alarm, before, synced), f"{name}.event"
            ),
        ]
        if alarm.state.is_closed:
            found.append(Message(topic, b"", f"{name}.clear", retain=True))
        return found

    def record(self, alarm: Alarm, message: Message) -> OpenRecord:
        """Return what a restart needs; times are dates, for the monotonic clock may start anew."""
        fields = {
            "id": alarm.id,
            "room": alarm.room,
            "alarm_class": alarm.alarm_class.value,
            "state": alarm.state.value,
            "score": alarm.score,
            "onset": self.time.date(alarm.room, alarm.onset_ns),
            "confirmed": self.time.date(alarm.room, _confirmed(alarm)),
            "updated": self.time.date(alarm.room, alarm.updated_ns),
            "seq": alarm.seq,
            "revision": alarm.revision,
            "gate": {m.value: w for m, w in alarm.gate.items()},
            "missing": {m.value: r.value for m, r in alarm.missing.items()},
        }
        return OpenRecord(alarm.id, message, json.dumps(fields).encode())

    def alarm(self, record: OpenRecord) -> Alarm:
        """Rebuild an alarm, with its times on the room's present time line.  Raises: StoreError."""
        try:
            return self._rebuilt(json.loads(record.record))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreError(
                f"outbox: alarm {record.alarm_id} cannot be read ({type(error).__name__}: {error});"
                " install the version that wrote it, or move the outbox in state_dir away"
            ) from error

    def _rebuilt(self, fields: Mapping[str, Any]) -> Alarm:
        room = fields["room"]
        return Alarm(
            id=fields["id"],
            room=room,
            alarm_class=AlarmClass(fields["alarm_class"]),
            state=AlarmState(fields["state"]),
            score=fields["score"],
            onset_ns=self.time.capture(room, fields["onset"]),
            confirmed_ns=self.time.capture(room, fields["confirmed"]),
            updated_ns=self.time.capture(room, fields["updated"]),
            seq=fields["seq"],
            revision=fields["revision"],
            gate={Modality(m): w for m, w in fields["gate"].items()},
            missing={Modality(m): Reason(r) for m, r in fields["missing"].items()},
        )

    def _state(self, alarm: Alarm, synced: bool) -> bytes:
        updated = self.time.date(alarm.room, alarm.updated_ns)
        payload = AlarmPayload.model_validate(
            {
                "alarm_id": alarm.id,
                "class": alarm.alarm_class,
                "state": alarm.state,
                "score": round(alarm.score, 4),
                "room": alarm.room,
                "revision": alarm.revision,
                "seq": alarm.seq,
                "boot_id": self.boot_id,
                "onset_at": utc(self.time.date(alarm.room, alarm.onset_ns)),
                "confirmed_at": utc(self.time.date(alarm.room, _confirmed(alarm))),
                "updated_at": utc(updated),
                "published_at": utc(updated),
                "clock_synced": synced,
                "replayed": False,
                "gate": {m: round(w, 4) for m, w in alarm.gate.items()},
                "missing": alarm.missing,
            }
        )
        return self._wrap(alarm, payload, updated)

    def _event(self, alarm: Alarm, before: AlarmState, synced: bool) -> bytes:
        updated = self.time.date(alarm.room, alarm.updated_ns)
        payload = EventPayload.model_validate(
            {
                "alarm_id": alarm.id,
                "class": alarm.alarm_class,
                "from": before,
                "to": alarm.state,
                "revision": alarm.revision,
                "room": alarm.room,
                "at": utc(updated),
                "published_at": utc(updated),
                "clock_synced": synced,
                "replayed": False,
            }
        )
        return self._wrap(alarm, payload, updated)

    def _wrap(self, alarm: Alarm, payload: AlarmPayload | EventPayload, wall_ns: int) -> bytes:
        name = f"{alarm.id}.{alarm.revision}.{payload.kind}"
        return envelope(payload, self.topics.root, name, wall_ns, f"room/{alarm.room}")


def _confirmed(alarm: Alarm) -> int:
    return alarm.updated_ns if alarm.confirmed_ns is None else alarm.confirmed_ns
