"""One MQTT 5 connection: the only module that imports paho.

Every connection is a new client with a clean start: the outbox, not the broker's session, remembers
what is unsent. paho calls back while it holds its own lock, so callbacks do nothing but put an
event on a queue; a lock shared with publishers would hang.
"""

from __future__ import annotations

import queue
import ssl
import time
from typing import TYPE_CHECKING, Any

from edge.errors import BrokerError, GatehouseError
from edge.outbox.envelope import CONTENT_TYPE
from edge.outbox.events import (
    Acked,
    Connected,
    Down,
    LinkEvent,
    Received,
    Subscribed,
    Unsubscribed,
    Woken,
)
from edge.outbox.store import Message
from edge.outbox.tls import read_secret, tls_context
from edge.settings import MqttSettings

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.reasoncodes import ReasonCode

_CONNECT_TIMEOUT_S = 5.0
_CONNACK_TIMEOUT_S = 10.0


class MqttLink:
    """One connection at a time; one owner thread, but ``wake`` may be called from any."""

    def __init__(self, settings: MqttSettings, client_id: str, will: Message | None = None) -> None:
        self._settings, self._client_id, self._will = settings, client_id, will
        self._client: Client | None = None
        self._events: queue.SimpleQueue[LinkEvent] = queue.SimpleQueue()
        self.last_problem: str | None = None  # why there is no connection; None while there is one

    def connect(self) -> None:
        """Connect and wait for the broker's consent.

        Raises: BrokerError (down, or refuses), ConfigError (a file of the settings is unreadable);
        the message is also ``last_problem``.
        """
        self.close()
        self._events = queue.SimpleQueue()
        try:
            self._client = self._connected()
        except GatehouseError as error:
            self.last_problem = str(error)
            raise
        self.last_problem = None

    def publish(self, message: Message) -> int:
        """Hand a message to the network thread; returns the number its Acked will carry.

        Raises: BrokerError if there is no connection.
        """
        from paho.mqtt.client import MQTT_ERR_SUCCESS
        from paho.mqtt.packettypes import PacketTypes
        from paho.mqtt.properties import Properties

        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        if message.payload:
            properties.ContentType = CONTENT_TYPE
        info = self._open().publish(
            message.topic, message.payload, message.qos, message.retain, properties
        )
        if info.rc != MQTT_ERR_SUCCESS:
            raise BrokerError(f"broker {self._address}: connection lost; it is retried")
        return info.mid

    def subscribe(self, topic_filter: str) -> None:
        """Ask for messages; Subscribed and then Received follow as events."""
        self._open().subscribe(topic_filter, qos=1)

    def unsubscribe(self, topic_filter: str) -> None:
        """Want no more of these; Unsubscribed follows, after what the broker had kept."""
        self._open().unsubscribe(topic_filter)

    def next_event(self, timeout_s: float) -> LinkEvent | None:
        """Wait for what happens next; None: nothing did."""
        try:
            return self._events.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None

    def wake(self) -> None:
        """Let ``next_event`` return."""
        self._events.put(Woken())

    def close(self, with_will: bool = False) -> None:
        """Say goodbye if there is a connection; with_will: the broker is to publish the will."""
        client, self._client = self._client, None
        if client is not None:
            client.disconnect(_with_will() if with_will else None)
            client.loop_stop()

    @property
    def _address(self) -> str:
        return f"{self._settings.host}:{self._settings.port}"

    def _open(self) -> Client:
        if self._client is None:
            raise BrokerError(f"broker {self._address}: not connected")
        return self._client

    def _connected(self) -> Client:
        client = self._build()
        settings = self._settings
        try:
            client.connect(settings.host, settings.port, settings.keepalive_s, clean_start=True)
        except (OSError, ValueError) as error:
            raise BrokerError(self._unreachable(error)) from error
        client.loop_start()
        answer = self._answer()
        if isinstance(answer, Connected) and answer.refusal is None:
            return client
        client.disconnect()
        client.loop_stop()
        raise BrokerError(self._refused(answer))

    def _unreachable(self, error: OSError | ValueError) -> str:
        reason = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or error
        tls_failed = isinstance(error, (ssl.SSLError, ConnectionResetError))
        if self._settings.tls is not None and tls_failed:
            return f"broker {self._address}: TLS failed: {reason}; check mqtt.tls and mqtt.port"
        return (
            f"broker {self._address} is not reachable: {reason};"
            " check mqtt.host and mqtt.port, and that the broker runs"
        )

    def _answer(self) -> LinkEvent | None:
        """Wait for CONNACK; being woken meanwhile is no answer."""
        deadline = time.monotonic() + _CONNACK_TIMEOUT_S
        while (left := deadline - time.monotonic()) > 0:
            event = self.next_event(left)
            if not isinstance(event, Woken):
                return event
        return None

    def _refused(self, answer: LinkEvent | None) -> str:
        if isinstance(answer, Connected):
            return (
                f"broker {self._address} refuses this device: {answer.refusal};"
                " check mqtt.username and mqtt.password_file"
            )
        what = "closed the connection" if isinstance(answer, Down) else "does not answer"
        return (
            f"broker {self._address} {what} instead of accepting it;"
            " check that mqtt.port speaks MQTT 5, and whether it needs mqtt.tls"
        )

    def _build(self) -> Client:
        import paho.mqtt.client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=paho.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = _CONNECT_TIMEOUT_S
        self._secure(client)
        if self._will is not None:
            will = self._will
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        self._listen(client)
        return client

    def _secure(self, client: Client) -> None:
        settings, secret = self._settings, self._settings.password_file
        if settings.username is not None:
            password = read_secret(secret).decode(errors="replace").strip() if secret else None
            client.username_pw_set(settings.username, password)
        if settings.tls is not None:
            client.tls_set_context(tls_context(settings.tls))

    def _listen(self, client: Client) -> None:
        """Bind the callbacks to this connection's queue, so that no late event meets the next."""
        put = self._events.put

        def on_connect(_c: Any, _u: Any, _f: Any, code: Any, _p: Any) -> None:
            put(Connected(str(code) if code.is_failure else None))

        def on_publish(_c: Any, _u: Any, mid: int, code: Any, _p: Any) -> None:
            put(Acked(mid, str(code) if code.is_failure else None))

        def on_subscribe(_c: Any, _u: Any, _m: int, codes: list[Any], _p: Any) -> None:
            put(Subscribed(next((str(code) for code in codes if code.is_failure), None)))

        def on_unsubscribe(_c: Any, _u: Any, _m: int, _codes: list[Any], _p: Any) -> None:
            put(Unsubscribed())

        def on_message(_c: Any, _u: Any, message: Any) -> None:
            put(Received(message.topic, bytes(message.payload), message.retain))

        def on_disconnect(_c: Any, _u: Any, _f: Any, code: Any, _p: Any) -> None:
            put(Down(str(code)))

        client.on_connect = on_connect
        client.on_publish = on_publish
        client.on_subscribe = on_subscribe
        client.on_unsubscribe = on_unsubscribe
        client.on_message = on_message
        client.on_disconnect = on_disconnect


def _with_will() -> ReasonCode:
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.reasoncodes import ReasonCode

    return ReasonCode(PacketTypes.DISCONNECT, "Disconnect with will message")


def probe(settings: MqttSettings, client_id: str = "gatehouse-probe") -> None:
    """Connect and leave again. Raises: BrokerError, ConfigError; the line names the remedy."""
    link = MqttLink(settings, client_id)
    try:
        link.connect()
    finally:
        link.close()
