"""One connection's worth of sending: backlog, open alarms, "online", then whatever comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from edge.outbox.envelope import stamped
from edge.outbox.events import Acked, LinkEvent, Received, Subscribed
from edge.outbox.mqtt import MqttLink
from edge.outbox.slots import LatestWins
from edge.outbox.store import Message, Outbox
from edge.outbox.topics import Topics

_WINDOW = 16  # unacknowledged alarm messages on the wire; brokers allow 20 by default
_TELEMETRY_WINDOW = 4


class _Kind(Enum):
    ROW = "row"  # from the outbox
    GREETING = "greeting"  # of the connection itself: re-assertions, status
    TELEMETRY = "telemetry"


@dataclass(frozen=True, slots=True)
class _Sent:
    """A message on the wire."""

    kind: _Kind
    topic: str
    seq: int = 0  # of a row


class Session:
    """The order is the promise: nobody reads "online" before the retained alarms are right.

    Used by the outbox thread only. Raises BrokerError when the connection is lost, StoreError.
    """

    def __init__(
        self,
        link: MqttLink,
        outbox: Outbox,
        slots: LatestWins,
        topics: Topics,
        wall_ns: Callable[[], int],
    ) -> None:
        self._link, self._outbox, self._slots = link, outbox, slots
        self._topics, self._wall_ns = topics, wall_ns
        self._backlog_end = outbox.last_seq()
        self._cursor = 0
        self._wire: dict[int, _Sent] = {}
        self._stale: set[str] = set()
        self._refusals: dict[str, str] = {}
        self._subscribed = self._reasserted = False
        self.is_online = False
        outbox.retry_rejected()
        link.subscribe(topics.all_alarms)

    @property
    def is_idle(self) -> bool:
        """True when everything stored and said has been answered."""
        return self.is_online and not self._wire and not self._outbox.pending(self._cursor, 1)

    @property
    def has_been_heard(self) -> bool:
        """True when every ``say`` has been answered."""
        return not self._on_wire(_Kind.GREETING)

    @property
    def refusal(self) -> str | None:
        """One line about what the broker does not take at present."""
        return next(iter(self._refusals.values()), None)

    def pump(self, online: Callable[[], Message]) -> None:
        """Send what may be sent now; online: the status to say once the alarms are right."""
        self._send_rows()
        if not self._reasserted and self._subscribed and self._backlog_is_done():
            self._reassert()
        if self._reasserted and not self.is_online and self.has_been_heard:
            self._link.unsubscribe(self._topics.all_alarms)
            self.say(online())
            self.is_online = True
            self._slots.say_again()
        if self.is_online:
            self._send_telemetry()

    def handle(self, event: LinkEvent) -> None:
        """Take note of what the broker says; Down is for the owner of the link."""
        if isinstance(event, Acked):
            self._acked(event)
        elif isinstance(event, Subscribed):
            self._subscribed = True
        elif isinstance(event, Received) and event.retained and event.payload:
            self._stale.add(event.topic)

    def retry(self) -> None:
        """Try again what the broker refused: its access rules may have been mended."""
        if self._outbox.retry_rejected():
            self._cursor = 0

    def say(self, message: Message) -> None:
        """Send a message of the connection itself, such as a status."""
        self._send(message, _Sent(_Kind.GREETING, message.topic))

    def _send(self, message: Message, sent: _Sent) -> None:
        self._wire[self._link.publish(message)] = sent

    def _on_wire(self, kind: _Kind) -> list[_Sent]:
        return [sent for sent in self._wire.values() if sent.kind is kind]

    def _send_rows(self) -> None:
        sent = {row.seq for row in self._on_wire(_Kind.ROW)}
        room = _WINDOW - len(sent)
        if room <= 0:
            return
        now_ns = self._wall_ns()
        for stored in self._outbox.pending(self._cursor, room):
            self._cursor, message = stored.seq, stored.message
            if stored.seq in sent:
                continue
            if message.expires_at is not None and message.expires_at * 1e9 < now_ns:
                self._outbox.remove(stored.seq)
                continue
            late = stored.seq <= self._backlog_end
            dated = replace(message, payload=stamped(message.payload, now_ns, waited=late))
            self._send(dated, _Sent(_Kind.ROW, message.topic, stored.seq))

    def _backlog_is_done(self) -> bool:
        if any(row.seq <= self._backlog_end for row in self._on_wire(_Kind.ROW)):
            return False
        return self._cursor >= self._backlog_end or not self._outbox.pending(self._cursor, 1)

    def _reassert(self) -> None:
        """Say every open alarm again, and clear those the broker kept that nobody here knows."""
        known = [record.message for record in self._outbox.open_alarms()]
        now_ns = self._wall_ns()
        for message in known:
            self.say(replace(message, payload=stamped(message.payload, now_ns, waited=True)))
        for topic in sorted(self._stale - {message.topic for message in known}):
            self.say(Message(topic, b"", f"{topic}.clear", retain=True))
        self._reasserted = True

    def _send_telemetry(self) -> None:
        busy = {sent.topic for sent in self._on_wire(_Kind.TELEMETRY)}
        while len(busy) < _TELEMETRY_WINDOW:
            message = self._slots.take(frozenset(busy))
            if message is None:
                return
            self._send(message, _Sent(_Kind.TELEMETRY, message.topic))
            busy.add(message.topic)

    def _acked(self, event: Acked) -> None:
        sent = self._wire.pop(event.mid, None)
        if sent is None:
            return
        if event.refusal is None:
            self._refusals.pop(sent.topic, None)
        else:
            self._refusals[sent.topic] = f"broker refuses {sent.topic}: {event.refusal}"
        if sent.kind is _Kind.ROW and event.refusal is None:
            self._outbox.remove(sent.seq)
        elif sent.kind is _Kind.ROW:
            self._outbox.reject(sent.seq, str(event.refusal))
