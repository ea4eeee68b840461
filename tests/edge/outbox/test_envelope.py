from __future__ import annotations

import json

import pytest

from edge.outbox.envelope import envelope, event_type, stamped, utc
from edge.outbox.payload import PAYLOADS, EventPayload, StatusPayload
from edge.values import AlarmState
from edge.vocabulary import AlarmClass

SAID_NS = 1_767_225_599_500_000_000  # half a second before 2026


def event() -> bytes:
    fields = {
        "alarm_id": "a1",
        "class": AlarmClass.FALL,
        "from": AlarmState.CANDIDATE,
        "to": AlarmState.CONFIRMED,
        "revision": 1,
        "room": "lounge",
        "at": utc(SAID_NS),
        "published_at": utc(SAID_NS),
        "clock_synced": True,
        "replayed": False,
    }
    return envelope(EventPayload.model_validate(fields), "aal/v1/home/box-1", "a1.1", SAID_NS)


EVENT = event()
WHOLE = json.loads(EVENT)
DAMAGED = [
    b"{",
    b"\xff",
    b"[]",
    b'{"data": 1, "time": 2}',
    b'{"data": {}}',
    json.dumps({**WHOLE, "data": 1}).encode(),
    json.dumps({**WHOLE, "data": ["published_at"]}).encode(),
    json.dumps({**WHOLE, "data": "published_at"}).encode(),
    json.dumps({**WHOLE, "time": "2026-01-01"}).encode(),
    json.dumps({**WHOLE, "time": "yesterday"}).encode(),
]


@pytest.mark.parametrize(
    ("waited", "late_s", "replayed"), [(True, 6, True), (True, 1, False), (False, 6, False)]
)
def test_what_waited_long_is_marked_as_replayed(waited: bool, late_s: int, replayed: bool) -> None:
    sent_ns = SAID_NS + late_s * 1_000_000_000
    data = json.loads(stamped(EVENT, sent_ns, waited))["data"]
    assert data["replayed"] is replayed
    assert data["published_at"] == f"2026-01-01T00:00:{late_s - 1:02d}.500000Z"


def test_a_clock_that_was_set_back_does_not_make_old_news_new() -> None:
    an_hour_before_ns = SAID_NS - 3_600_000_000_000
    assert json.loads(stamped(EVENT, an_hour_before_ns, True))["data"]["replayed"] is True


@pytest.mark.parametrize("raw", DAMAGED)
def test_a_message_damaged_on_disk_holds_up_nothing(raw: bytes) -> None:
    assert stamped(raw, 1, waited=True) == raw


def test_stamping_leaves_other_messages_alone() -> None:
    status = envelope(StatusPayload(state="online", boot_id="b", version="1"), "s", "i", 0)
    assert stamped(status, 1, waited=True) == status
    assert stamped(b"", 1, waited=True) == b""


def test_dates_have_milliseconds_in_utc() -> None:
    assert utc(1_767_225_600_123_456_789).isoformat() == "2026-01-01T00:00:00.123000+00:00"


def test_stamping_changes_nothing_but_date_and_mark() -> None:
    after = json.loads(stamped(EVENT, SAID_NS + 6_000_000_000, waited=True))
    assert {**after["data"], "published_at": "", "replayed": ""} == {
        **WHOLE["data"],
        "published_at": "",
        "replayed": "",
    }
    assert {**after, "data": {}} == {**WHOLE, "data": {}}


@pytest.mark.parametrize(("beyond_ms", "replayed"), [(0, False), (1, True)])
def test_news_is_old_after_more_than_five_seconds(beyond_ms: int, replayed: bool) -> None:
    sent_ns = SAID_NS + 5_000_000_000 + beyond_ms * 1_000_000
    assert json.loads(stamped(EVENT, sent_ns, waited=True))["data"]["replayed"] is replayed


def test_every_kind_of_payload_has_a_type_of_its_own() -> None:
    types = [event_type(payload) for payload in PAYLOADS]
    assert len(set(types)) == len(types)
    assert all(name.startswith("aal.v1.") for name in types)
