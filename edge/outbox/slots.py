"""Telemetry waiting to be sent: per topic only the latest, so it never piles up."""

from __future__ import annotations

import threading

from edge.outbox.store import Message


class LatestWins:
    """A slot per topic; any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, Message] = {}
        self._retained: dict[str, Message] = {}

    def __len__(self) -> int:
        """How many messages wait."""
        with self._lock:
            return len(self._waiting)

    def put(self, message: Message) -> None:
        """Replace what waits on this topic."""
        with self._lock:
            self._waiting[message.topic] = message
            if message.retain:
                self._retained[message.topic] = message

    def take(self, busy: frozenset[str] = frozenset()) -> Message | None:
        """Take the message that has waited longest, of a topic that is not busy."""
        with self._lock:
            topic = next((topic for topic in self._waiting if topic not in busy), None)
            return None if topic is None else self._waiting.pop(topic)

    def say_again(self) -> None:
        """Queue every retained topic's latest message: a broker may have forgotten them."""
        with self._lock:
            self._waiting = {**self._retained, **self._waiting}
