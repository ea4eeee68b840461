from __future__ import annotations

import json
from typing import Any

from edge.board import Board

ROOT = "aal/v1/home/box"


def event(data: dict[str, Any]) -> bytes:
    return json.dumps({"specversion": "1.0", "data": data}).encode()


def activity(action: str | None, confidence: float | None, missing: dict[str, str]) -> bytes:
    gate = {"rgb": 0.5, "flow": 0.5, "depth": 0.0, "audio": 0.0}
    return event(
        {"room": "r", "action": action, "confidence": confidence, "gate": gate, "missing": missing}
    )


def alarm(alarm_class: str, state: str) -> bytes:
    return event(
        {
            "alarm_id": "a1",
            "class": alarm_class,
            "state": state,
            "room": "r",
            "score": 0.9,
            "onset_at": "2026-01-01T00:00:00Z",
        }
    )


def test_an_alarm_is_one_line_with_class_state_room_and_id() -> None:
    board = Board()
    assert board.apply(f"{ROOT}/room/r/alarm/a1", alarm("fall", "confirmed")) == [
        "ALARM fall confirmed room=r id=a1"
    ]
    assert board.fall_was_told()


def test_a_long_lie_counts_as_a_fall_and_violence_does_not() -> None:
    lying, fighting = Board(), Board()
    lying.apply(f"{ROOT}/room/r/alarm/a1", alarm("long_lie", "confirmed"))
    fighting.apply(f"{ROOT}/room/r/alarm/a1", alarm("violence", "confirmed"))
    assert lying.fall_was_told()
    assert not fighting.fall_was_told()


def test_a_cleared_topic_removes_the_alarm_but_not_its_history() -> None:
    board = Board()
    topic = f"{ROOT}/room/r/alarm/a1"
    board.apply(topic, alarm("fall", "confirmed"))
    assert board.apply(topic, b"") == []
    assert board.rooms["home/box/r"].alarms == {}
    assert len(board.history) == 1


def test_activity_is_news_only_when_it_changes() -> None:
    board = Board()
    topic = f"{ROOT}/room/r/activity"
    (line,) = board.apply(topic, activity("walk", 0.8, {"depth": "stale"}))
    assert line == (
        "ROOM r walk 80%  rgb=0.50 flow=0.50 depth=0.00 audio=0.00  missing depth:stale"
    )
    assert board.apply(topic, activity("walk", 0.7, {"depth": "stale"})) == []
    assert len(board.apply(topic, activity("walk", 0.7, {}))) == 1
    assert board.apply(topic, activity(None, None, {}))[0].startswith("ROOM r no decision")


def test_health_says_each_modality_with_its_reason() -> None:
    told = {
        "rgb": {"state": "ok", "reason": None},
        "audio": {"state": "missing", "reason": "stale"},
    }
    news = Board().apply(f"{ROOT}/room/r/health", event({"room": "r", "modalities": told}))
    assert news == ["HEALTH r rgb=ok audio=missing(stale)"]


def test_the_status_of_each_device_is_kept_apart() -> None:
    board = Board()
    board.apply(f"{ROOT}/status", event({"state": "online"}))
    board.apply("aal/v1/home/other/status", event({"state": "offline"}))
    assert board.devices == {"home/box": "online", "home/other": "offline"}


def test_what_is_not_of_the_contract_is_counted_and_ignored() -> None:
    board = Board()
    for topic in ("x", "aal/v1", "aal/v1/a/b", "aal/v2/a/b/status", f"{ROOT}/room/r/activity"):
        assert board.apply(topic, b"not json") == []
    assert board.messages == 5
    assert board.devices == {}
