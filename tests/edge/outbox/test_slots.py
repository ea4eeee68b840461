from __future__ import annotations

import pytest

from edge.outbox.slots import LatestWins
from edge.outbox.store import Message


def message(topic: str, number: int = 0, retain: bool = True) -> Message:
    return Message(topic, str(number).encode(), f"{topic}.{number}", retain=retain)


@pytest.fixture
def slots() -> LatestWins:
    return LatestWins()


def taken(slots: LatestWins) -> list[str]:
    found = []
    while (one := slots.take()) is not None:
        found.append(one.id)
    return found


def test_only_the_latest_of_a_topic_waits_and_keeps_its_place(slots: LatestWins) -> None:
    for one in (message("a", 1), message("b", 1), message("a", 2)):
        slots.put(one)
    assert len(slots) == 2
    assert taken(slots) == ["a.2", "b.1"]
    assert len(slots) == 0


def test_a_busy_topic_is_passed_over_and_not_lost(slots: LatestWins) -> None:
    slots.put(message("a"))
    slots.put(message("b"))
    first = slots.take(busy=frozenset("a"))
    assert first is not None
    assert first.topic == "b"
    assert slots.take(busy=frozenset("a")) is None
    assert taken(slots) == ["a.0"]


def test_what_was_retained_is_said_again_and_the_rest_is_not(slots: LatestWins) -> None:
    slots.put(message("activity", 1))
    slots.put(message("activity", 2))
    slots.put(message("heartbeat", retain=False))
    taken(slots)
    slots.say_again()
    assert taken(slots) == ["activity.2"]


def test_saying_again_does_not_bring_back_what_is_overtaken(slots: LatestWins) -> None:
    slots.put(message("a", 1))
    taken(slots)
    slots.put(message("a", 2))
    slots.put(message("b", 1))
    slots.say_again()
    assert taken(slots) == ["a.2", "b.1"]
