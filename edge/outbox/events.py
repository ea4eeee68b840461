"""What an MQTT connection tells its owner."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker's answer to CONNECT."""

    refusal: str | None  # None: accepted


@dataclass(frozen=True, slots=True)
class Acked:
    """The broker's answer to a publish; only ``refusal`` None means it was taken."""

    mid: int
    refusal: str | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker's answer to a subscription."""

    refusal: str | None


@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The broker's answer to the end of a subscription."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message for this device."""

    topic: str
    payload: bytes
    retained: bool  # the broker had kept it since before the subscription


@dataclass(frozen=True, slots=True)
class Down:
    """The connection has ended."""

    why: str


@dataclass(frozen=True, slots=True)
class Woken:
    """Somebody has put something in the outbox."""


LinkEvent = Connected | Acked | Subscribed | Unsubscribed | Received | Down | Woken
