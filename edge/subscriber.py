"""A small MQTT 5 subscriber for people who watch; the hub has its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from edge.errors import BrokerError
from edge.outbox.events import Down, Received, Subscribed
from edge.outbox.mqtt import MqttLink
from edge.settings import MqttSettings


class Subscriber:
    """Delivers what a topic filter lets through; connects again after a loss."""

    def __init__(self, link: MqttLink, topic_filter: str) -> None:
        self._link, self._filter = link, topic_filter
        self._connected = False

    def connect(self) -> None:
        """Connect and subscribe.  Raises: BrokerError."""
        self._link.connect()
        self._link.subscribe(self._filter)
        self._connected = True

    def receive(self, wait_s: float) -> list[tuple[str, bytes]]:
        """Return what has arrived as (topic, payload), waiting at most wait_s for the first.

        Raises: BrokerError when the broker refuses the subscription.
        """
        if not self._connected:
            self._reconnect(wait_s)
        messages: list[tuple[str, bytes]] = []
        while event := self._link.next_event(0 if messages else wait_s):
            if isinstance(event, Received):
                messages.append((event.topic, event.payload))
            elif isinstance(event, Subscribed) and event.refusal is not None:
                raise BrokerError(f"the broker refuses {self._filter}: {event.refusal}")
            elif isinstance(event, Down):
                self._connected = False
                break
        return messages

    def _reconnect(self, wait_s: float) -> None:
        try:
            self.connect()
        except BrokerError:
            self._link.next_event(wait_s)  # a pause: nothing arrives without a connection


@contextmanager
def subscribed(host: str, port: int, topic_filter: str) -> Iterator[Subscriber]:
    """Subscribe until the block is left.

    Raises: BrokerError when the broker cannot be reached at first, or refuses.
    """
    link = MqttLink(MqttSettings(host=host, port=port), f"gatehouse-watch-{uuid.uuid4().hex[:12]}")
    subscriber = Subscriber(link, topic_filter)
    try:
        subscriber.connect()
        yield subscriber
    finally:
        link.close()
