from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edge.outbox.payload import AlarmPayload, FaultPayload, HeartbeatPayload

NOW = "2026-01-01T00:00:00Z"


def fields(**other: Any) -> dict[str, Any]:
    """What a good alarm says, with some of it changed."""
    times = dict.fromkeys(("onset_at", "confirmed_at", "updated_at", "published_at"), NOW)
    said = {"alarm_id": "a1", "class": "fall", "state": "confirmed", "score": 0.9, "room": "lounge"}
    numbers = {"revision": 1, "seq": 1, "boot_id": "b", "clock_synced": True, "replayed": False}
    return {**said, **times, **numbers, "gate": {"rgb": 1.0}, "missing": {}, **other}


def test_what_was_said_is_read_again() -> None:
    payload = AlarmPayload.model_validate(fields())
    said = payload.model_dump(mode="json", by_alias=True)
    assert said["class"] == "fall"
    assert AlarmPayload.model_validate(said) == payload


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "candidate"},  # never leaves the box
        {"score": 1.001},
        {"gate": {"rgb": -0.1}},
        {"gate": {"smell": 1.0}},
        {"missing": {"rgb": "tired"}},
        {"revision": 0},
        {"seq": 0},
        {"onset_at": "2026-01-01T00:00:00"},  # of which zone?
        {"name": "Mrs Example"},
    ],
)
def test_an_alarm_that_breaks_the_contract_has_no_payload(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        AlarmPayload.model_validate(fields(**wrong))


def test_a_heartbeat_counts_from_one_and_promises_another() -> None:
    for wrong in ({"seq": 0}, {"next_due_s": 0}, {"stored": -1}):
        good = {"seq": 1, "next_due_s": 10, "last_inference_age_ms": None, "stored": 0}
        assert HeartbeatPayload.model_validate(good).last_inference_age_ms is None
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            HeartbeatPayload.model_validate({**good, **wrong})


def test_a_payload_cannot_be_changed_after_it_was_checked() -> None:
    payload = FaultPayload(active=())
    with pytest.raises(ValidationError, match="frozen"):
        payload.restored = "camera"  # type: ignore[misc]
