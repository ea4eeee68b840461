"""One connection's worth of sending: backlog, open alarms, "online", then whatever comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum

from edge.outbox.envelope import stamped
from edge.outbox.events import Acked, LinkEvent, Received, Subscribed, Unsubscribed
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
        self._wire: dict[int, _Sent] = {}
        self._kept: set[str] = set()  # alarm topics the broker has kept, not looked at yet
        self._refusals: dict[str, str] = {}
        self.is_online = False
        outbox.retry_rejected()
        self._begin()

    def _begin(self) -> None:
        """Start with the backlog, and with asking which alarms the broker has kept."""
        self._backlog_end, self._cursor = self._outbox.last_seq(), 0
        self._listed = self._reasserted = False
        self._link.subscribe(self._topics.all_alarms)

    @property
    def is_idle(self) -> bool:
        """True when everything stored and said has been answered."""
        waiting = self._wire or self._slots or self._outbox.pending(self._cursor, 1)
        return self.is_online and not waiting

    @property
    def has_been_heard(self) -> bool:
        """True when every ``say`` has been answered."""
        return not self._on_wire(_Kind.GREETING)

    @property
    def unanswered(self) -> int | None:
        """Number of the message that has been on the wire longest."""
        return next(iter(self._wire), None)

    @property
    def refusal(self) -> str | None:
        """One line about what the broker does not take at present."""
        return next(iter(self._refusals.values()), None)

    def pump(self, online: Callable[[], Message]) -> None:
        """Send what may be sent now; online: the status to say once the alarms are right."""
        self._send_rows()
        if not self._reasserted and self._listed and self._backlog_is_done():
            self._reassert()
        if self._reasserted and self._kept:
            self._clear_strangers()
        if self._reasserted and not self.is_online and self.has_been_heard:
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
            self._link.unsubscribe(self._topics.all_alarms)
        elif isinstance(event, Unsubscribed):  # a broker sends what it kept before this answer
            self._listed = True
        elif isinstance(event, Received) and event.retained and event.payload:
            self._kept.add(event.topic)

    def retry(self) -> None:
        """Try again what the broker refused: its access rules may have been mended.

        An old state may then overwrite a newer one, so all open alarms are said again after it.
        """
        if self._outbox.retry_rejected():
            self._refusals.clear()
            self._begin()

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
            late = stored.seq <= self._backlog_end
            dated = replace(message, payload=stamped(message.payload, now_ns, waited=late))
            self._send(dated, _Sent(_Kind.ROW, message.topic, stored.seq))

    def _backlog_is_done(self) -> bool:
        if any(row.seq <= self._backlog_end for row in self._on_wire(_Kind.ROW)):
            return False
        return self._cursor >= self._backlog_end or not self._outbox.pending(self._cursor, 1)

    def _reassert(self) -> None:
        """Say every open alarm again."""
        now_ns = self._wall_ns()
        for record in self._outbox.open_alarms():
            payload = stamped(record.message.payload, now_ns, waited=True)
            self.say(replace(record.message, payload=payload))
        self._reasserted = True

    def _clear_strangers(self) -> None:
        """Clear the alarms that the broker has kept and nobody here knows."""
        known = {record.message.topic for record in self._outbox.open_alarms()}
        for topic in sorted(self._kept - known):
            self.say(Message(topic, b"", f"{topic}.clear", retain=True))
        self._kept.clear()

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
