"""A broker of one's own or none at all, and a subscriber that remembers what it heard."""

from __future__ import annotations

import json
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edge.demo_broker import PrivateBroker
from edge.outbox.events import Acked, LinkEvent, Subscribed, Unsubscribed, Woken
from edge.outbox.store import Message

DEADLINE_S = 30.0


def eventually(condition: Callable[[], bool]) -> bool:
    """Wait with a generous deadline; the test asserts the result."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


class Ear:
    """Subscribes to everything and keeps (topic, payload, retained) in order of arrival."""

    def __init__(self, port: int, user: str | None = None, password: str | None = None) -> None:
        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        self._lock = threading.Lock()
        self._heard: list[tuple[str, bytes, bool]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if user:
            self._client.username_pw_set(user, password)
        self._listening = threading.Event()
        self._client.on_connect = lambda c, *_: c.subscribe("aal/#", 1)
        self._client.on_subscribe = lambda *_: self._listening.set()
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert self._listening.wait(DEADLINE_S)

    def _hear(self, _c: Any, _u: Any, message: Any) -> None:
        with self._lock:
            self._heard.append((message.topic, bytes(message.payload), message.retain))

    def heard(self, ending: str) -> list[tuple[str, bytes, bool]]:
        """Messages whose topic contains ``ending``."""
        with self._lock:
            return [m for m in self._heard if ending in m[0]]

    def data(self, ending: str) -> list[dict[str, Any]]:
        """The data of the CloudEvents on such topics."""
        return [json.loads(payload)["data"] for _, payload, _ in self.heard(ending) if payload]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Link:
    """An MqttLink whose broker takes everything; connecting raises ``trouble`` while it is set."""

    def __init__(self) -> None:
        self.trouble: Exception | None = None
        self.said: list[str] = []  # ids
        self.wills: list[bool] = []  # at every close: whether the broker is to publish the will
        self.events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()

    def connect(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def publish(self, message: Message) -> int:
        self.said.append(message.id)
        self.events.put(Acked(len(self.said), None))
        return len(self.said)

    def subscribe(self, _: str) -> None:
        self.events.put(Subscribed(None))

    def unsubscribe(self, _: str) -> None:
        self.events.put(Unsubscribed())

    def next_event(self, timeout_s: float) -> LinkEvent | None:
        try:
            return self.events.get(block=timeout_s > 0, timeout=timeout_s)
        except queue.Empty:
            return None

    def wake(self) -> None:
        self.events.put(Woken())

    def close(self, with_will: bool = False) -> None:
        self.wills.append(with_will)


@pytest.fixture
def link() -> Link:
    return Link()


@pytest.fixture
def broker() -> Iterator[PrivateBroker]:
    need_mosquitto()
    with PrivateBroker() as running:
        yield running


@pytest.fixture
def guarded() -> Iterator[PrivateBroker]:
    """A broker with passwords: edge may write only the status and its telemetry, no alarm."""
    need_mosquitto()
    acl = (
        "user hub\ntopic readwrite aal/#\nuser edge\n"
        "topic write aal/v1/home/box-1/status\ntopic write aal/v1/home/box-1/heartbeat\n"
    )
    with PrivateBroker(users={"edge": "edge-pw", "hub": "hub-pw"}, acl=acl) as running:
        yield running


def need_mosquitto() -> None:
    if shutil.which("mosquitto") is None and shutil.which("mosquitto", path="/usr/sbin") is None:
        pytest.skip("mosquitto is not installed (apt install mosquitto)")


@pytest.fixture(name="eventually")
def eventually_fixture() -> Callable[[Callable[[], bool]], bool]:
    return eventually


@pytest.fixture
def listen() -> Iterator[Callable[..., Ear]]:
    """listen(port, user, password): an Ear that closes with the test."""
    ears: list[Ear] = []

    def make(port: int, user: str | None = None, password: str | None = None) -> Ear:
        ears.append(Ear(port, user, password))
        return ears[-1]

    yield make
    for ear in ears:
        ear.close()
