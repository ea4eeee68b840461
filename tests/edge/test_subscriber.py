from __future__ import annotations

import pytest

from edge.demo_broker import PrivateBroker
from edge.errors import BrokerError
from edge.outbox.mqtt import MqttLink
from edge.outbox.store import Message
from edge.settings import MqttSettings
from edge.subscriber import Subscriber, subscribed

TRIES = 50


def say(broker: PrivateBroker, topic: str) -> None:
    link = MqttLink(MqttSettings(host=broker.host, port=broker.port), "speaker")
    link.connect()
    link.publish(Message(topic, b"hello", "1", retain=True))
    link.next_event(5)
    link.close()


def first(hub: Subscriber) -> tuple[str, bytes]:
    for _ in range(TRIES):
        if messages := hub.receive(0.2):
            return messages[0]
    raise AssertionError("nothing arrived")


def test_a_retained_message_arrives_and_others_do_not(broker: PrivateBroker) -> None:
    say(broker, "b/x")
    say(broker, "a/x")
    with subscribed(broker.host, broker.port, "a/#") as hub:
        assert first(hub) == ("a/x", b"hello")
        assert hub.receive(0.1) == []


def test_it_connects_again_after_the_broker_was_gone(broker: PrivateBroker) -> None:
    with subscribed(broker.host, broker.port, "a/#") as hub:
        broker.kill()
        assert hub.receive(0.5) == []
        broker.start()
        say(broker, "a/x")
        assert first(hub) == ("a/x", b"hello")


def test_no_broker_at_first_is_an_error(broker: PrivateBroker) -> None:
    broker.stop()
    with (
        pytest.raises(BrokerError, match=str(broker.port)),
        subscribed(broker.host, broker.port, "#"),
    ):
        pass
