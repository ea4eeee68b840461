from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edge.clock import ManualClock
from edge.errors import EX_DAMAGED, StoreError
from edge.outbox.records import AlarmWriter
from edge.outbox.store import Message, OpenRecord
from edge.outbox.topics import Topics
from edge.outbox.walltime import WallTime
from edge.values import Alarm, AlarmState, Reason
from edge.vocabulary import AlarmClass, Modality

FALL = Alarm(
    id="a1",
    room="lounge",
    alarm_class=AlarmClass.FALL,
    state=AlarmState.CONFIRMED,
    score=0.91,
    onset_ns=1_000_000_000,
    confirmed_ns=1_500_000_000,
    updated_ns=1_500_000_000,
    seq=1,
    revision=1,
    gate={Modality.RGB: 0.25, Modality.FLOW: 0.0, Modality.DEPTH: 0.75, Modality.AUDIO: 0.0},
    missing={Modality.AUDIO: Reason.ABSENT},
)
CLOCK = ManualClock(monotonic_ns=2_000_000_000)
WRITER = AlarmWriter(Topics("home", "box-1"), "boot-1", WallTime(CLOCK))


def test_an_alarm_says_all_the_contract_asks_for() -> None:
    state, event = WRITER.messages(FALL, AlarmState.CANDIDATE, synced=True)
    said = json.loads(state.payload)
    assert (state.topic, state.retain) == ("aal/v1/home/box-1/room/lounge/alarm/a1", True)
    assert said["specversion"] == "1.0"
    assert said["type"] == "aal.v1.alarm"
    assert said["source"] == "aal/v1/home/box-1"
    assert said["subject"] == "room/lounge"
    data = said["data"]
    assert (data["alarm_id"], data["class"], data["state"]) == ("a1", "fall", "confirmed")
    assert data["onset_at"] == "2025-12-31T23:59:59Z"
    assert data["confirmed_at"] == "2025-12-31T23:59:59.500000Z"
    assert data["gate"] == {"rgb": 0.25, "flow": 0.0, "depth": 0.75, "audio": 0.0}
    assert data["missing"] == {"audio": "absent"}
    assert data["clock_synced"] is True
    transition = json.loads(event.payload)["data"]
    assert (event.topic, event.retain) == ("aal/v1/home/box-1/room/lounge/event", False)
    assert (transition["from"], transition["to"]) == ("candidate", "confirmed")


def test_ids_of_messages_depend_on_alarm_and_revision_only() -> None:
    first = [m.id for m in WRITER.messages(FALL, AlarmState.CANDIDATE, synced=True)]
    again = [m.id for m in WRITER.messages(FALL, AlarmState.CANDIDATE, synced=False)]
    assert first == again == ["a1.1.alarm", "a1.1.event"]


def test_an_alarm_survives_storing_and_a_reboot() -> None:
    state, *_ = WRITER.messages(FALL, AlarmState.CANDIDATE, synced=True)
    record = WRITER.record(FALL, state)
    assert WRITER.alarm(record) == FALL
    rebooted = ManualClock(monotonic_ns=0, wall_ns=CLOCK.wall_ns() + 60_000_000_000)
    later = AlarmWriter(Topics("home", "box-1"), "boot-2", WallTime(rebooted)).alarm(record)
    assert later.onset_ns == -61_000_000_000
    assert later.id == FALL.id


@pytest.mark.parametrize("fields", [b"{", b"[]", b'{"room": "lounge"}', b'{"room": 1, "id": "a"}'])
def test_a_record_of_another_version_is_refused_with_its_remedy(fields: bytes) -> None:
    record = OpenRecord("a1", Message("t", b"", "a1"), fields)
    with pytest.raises(
        StoreError, match=r"alarm a1 cannot be read .*install the version"
    ) as caught:
        WRITER.alarm(record)
    assert caught.value.exit_code == EX_DAMAGED


@pytest.mark.parametrize("state", [s for s in AlarmState if s.is_closed])
def test_a_closed_alarm_ends_with_the_clearing_of_its_topic(state: AlarmState) -> None:
    said, _, cleared = WRITER.messages(replace(FALL, state=state), AlarmState.CONFIRMED, True)
    assert (cleared.topic, cleared.payload, cleared.retain) == (said.topic, b"", True)
    assert cleared.id == "a1.1.clear"
