"""What a subscriber knows of all rooms, from nothing but the messages; no broker, no terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge.vocabulary import MODALITIES, AlarmClass

OPEN_STATES = ("confirmed", "acknowledged", "escalated")


@dataclass(frozen=True, slots=True)
class AlarmView:
    """One alarm as its retained topic tells it."""

    alarm_id: str
    alarm_class: str
    state: str
    room: str
    score: float
    onset_at: str  # RFC 3339, UTC

    @property
    def is_open(self) -> bool:
        """Whether someone still has to do something."""
        return self.state in OPEN_STATES

    @property
    def line(self) -> str:
        """The alarm in one line for logs and scripts."""
        return f"ALARM {self.alarm_class} {self.state} room={self.room} id={self.alarm_id}"


@dataclass(slots=True)
class RoomView:
    """One room as its retained topics tell it."""

    action: str | None = None
    confidence: float | None = None
    gate: Mapping[str, float] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    alarms: dict[str, AlarmView] = field(default_factory=dict)

    @property
    def line(self) -> str:
        """The room in one line for logs and scripts."""
        gate = " ".join(f"{m.value}={self.gate.get(m.value, 0):.2f}" for m in MODALITIES)
        absent = ",".join(f"{name}:{reason}" for name, reason in self.missing.items())
        what = "no decision" if self.action is None else f"{self.action} {self.confidence:.0%}"
        return f"{what}  {gate}" + (f"  missing {absent}" if absent else "")


@dataclass(slots=True)
class Board:
    """Everything heard so far."""

    devices: dict[str, str] = field(default_factory=dict)  # "site/device" -> status
    rooms: dict[str, RoomView] = field(default_factory=dict)  # "site/device/room" -> view
    history: list[AlarmView] = field(default_factory=list)  # every transition, oldest first
    activities: list[str] = field(default_factory=list)  # each change, of all rooms
    messages: int = 0

    def apply(self, topic: str, payload: bytes) -> list[str]:
        """Take one message; returns a line for every piece of news worth one.

        Messages that are not of contract v1 are counted and otherwise ignored.
        """
        self.messages += 1
        root, site, device, *rest = [*topic.removeprefix("aal/v1").split("/"), "", "", ""][:7]
        if root or not topic.startswith("aal/v1/"):
            return []
        data = _data_of(payload)
        if rest[0] == "status" and data is not None:
            self.devices[f"{site}/{device}"] = str(data.get("state"))
            return [f"STATUS {site}/{device} {data.get('state')}"]
        if rest[0] != "room":
            return []
        room = self.rooms.setdefault(f"{site}/{device}/{rest[1]}", RoomView())
        if rest[2] == "activity" and data is not None:
            return self._take_activity(room, rest[1], data)
        if rest[2] == "health" and data is not None:
            return _take_health(room, rest[1], data)
        if rest[2] == "alarm":
            return self._take_alarm(room, topic.rpartition("/")[2], data)
        return []

    def _take_alarm(self, room: RoomView, name: str, data: Mapping[str, Any] | None) -> list[str]:
        if data is None:  # a closed alarm's topic is cleared
            room.alarms.pop(name, None)
            return []
        alarm = AlarmView(
            alarm_id=str(data.get("alarm_id")),
            alarm_class=str(data.get("class")),
            state=str(data.get("state")),
            room=str(data.get("room")),
            score=float(data.get("score", 0)),
            onset_at=str(data.get("onset_at")),
        )
        room.alarms[name] = alarm
        self.history.append(alarm)
        return [alarm.line]

    def _take_activity(self, room: RoomView, name: str, data: Mapping[str, Any]) -> list[str]:
        before = (room.action, dict(room.missing))
        room.action, room.confidence = data.get("action"), data.get("confidence")
        room.gate, room.missing = data.get("gate", {}), data.get("missing", {})
        if room.action is not None and room.action != before[0]:
            self.activities.append(room.action)
        return [f"ROOM {name} {room.line}"] if before != (room.action, room.missing) else []

    def fall_was_told(self) -> bool:
        """Whether a fall, or the long lie that a fall has become, has arrived."""
        falls = (AlarmClass.FALL.value, AlarmClass.LONG_LIE.value)
        return any(alarm.alarm_class in falls for alarm in self.history)


def _take_health(room: RoomView, name: str, data: Mapping[str, Any]) -> list[str]:
    told = data.get("modalities", {})
    states = " ".join(f"{m}={_health_word(state)}" for m, state in told.items())
    room.missing = {
        m: str(state.get("reason")) for m, state in told.items() if state.get("state") == "missing"
    }
    return [f"HEALTH {name} {states}"]


def _health_word(state: Mapping[str, Any]) -> str:
    reason = state.get("reason")
    return f"{state.get('state')}({reason})" if reason else str(state.get("state"))


def _data_of(payload: bytes) -> Mapping[str, Any] | None:
    """Return the data of a CloudEvent; None when there is none."""
    try:
        event = json.loads(payload)
    except ValueError:
        return None
    data = event.get("data") if isinstance(event, dict) else None
    return data if isinstance(data, dict) else None
