"""Against a link that does what the test says, for what a real broker does too seldom."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from edge.outbox.events import Acked, Received, Subscribed, Unsubscribed
from edge.outbox.session import Session
from edge.outbox.slots import LatestWins
from edge.outbox.store import Message, OpenRecord, Outbox
from edge.outbox.topics import Topics

TOPICS = Topics("home", "box-1")
ONLINE = Message(TOPICS.status, b"{}", "online", retain=True)


class Wire:
    """Remembers what was asked of the broker."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bytes]] = []
        self.subscriptions: list[str] = []
        self._numbers = count(1)

    def publish(self, message: Message) -> int:
        self.said.append((message.topic.rpartition("/")[2], message.payload))
        return next(self._numbers)

    def subscribe(self, topic_filter: str) -> None:
        self.subscriptions.append(topic_filter)

    def unsubscribe(self, topic_filter: str) -> None:
        self.subscriptions.remove(topic_filter)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "o.db") as opened:
        yield opened


def state(alarm_id: str, payload: bytes) -> Message:
    topic = TOPICS.alarm("lounge", alarm_id)
    return Message(topic, payload, f"{alarm_id}.{payload.decode()}", retain=True)


def opened(wire: Wire, outbox: Outbox) -> Session:
    link: Any = wire
    return Session(link, outbox, LatestWins(), TOPICS, lambda: 0)


def kept(alarm_id: str) -> Received:
    return Received(TOPICS.alarm("lounge", alarm_id), b"{}", retained=True)


def turn(session: Session, wire: Wire, refusal: str | None = None) -> None:
    """Answer all that was said, then let the session go on."""
    for mid in range(1, len(wire.said) + 1):
        session.handle(Acked(mid, refusal))
    session.pump(lambda: ONLINE)


def test_online_waits_until_the_broker_has_told_all_it_kept(outbox: Outbox) -> None:
    wire = Wire()
    session = opened(wire, outbox)
    session.handle(Subscribed(None))
    turn(session, wire)
    assert wire.said == []
    session.handle(kept("ghost"))
    session.handle(Unsubscribed())
    turn(session, wire)
    assert wire.said == [("ghost", b"")]
    turn(session, wire)
    assert wire.said[-1] == ("status", b"{}")


def test_an_unknown_alarm_is_cleared_also_when_the_broker_tells_it_late(outbox: Outbox) -> None:
    wire = Wire()
    session = opened(wire, outbox)
    session.handle(Subscribed(None))
    session.handle(Unsubscribed())
    turn(session, wire)
    assert wire.said == [("status", b"{}")]
    outbox.put([], opened=[OpenRecord("mine", state("mine", b"1"), b"")])
    session.handle(kept("mine"))
    session.handle(kept("ghost"))
    turn(session, wire)
    assert wire.said[1:] == [("ghost", b"")]


def test_an_old_state_that_is_tried_again_is_followed_by_the_present_one(outbox: Outbox) -> None:
    wire = Wire()
    outbox.put([state("a", b"1")], opened=[OpenRecord("a", state("a", b"1"), b"")])
    session = opened(wire, outbox)
    session.handle(Subscribed(None))
    session.handle(Unsubscribed())
    session.pump(lambda: ONLINE)
    turn(session, wire, refusal="not authorized")
    outbox.put([state("a", b"2")], opened=[OpenRecord("a", state("a", b"2"), b"")])
    turn(session, wire)
    turn(session, wire)
    assert [stored.message.payload for stored in outbox.pending()] == []
    del wire.said[:]
    session.retry()
    session.handle(Subscribed(None))
    session.handle(Unsubscribed())
    session.pump(lambda: ONLINE)
    for mid in range(1, 50):
        session.handle(Acked(mid, None))
    session.pump(lambda: ONLINE)
    assert wire.said == [("a", b"1"), ("a", b"2")]
    assert outbox.count() == 0
