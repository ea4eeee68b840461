"""A recording is announced on the retained ``privacy`` topic, or it does not happen.

The announcement is acknowledged by the broker before the block begins and is taken back after its
end. Should this process die in between, the broker itself takes it back: that is its MQTT will.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from edge import __version__
from edge.clock import Clock
from edge.errors import BrokerError
from edge.outbox.envelope import utc
from edge.outbox.events import Acked, Down
from edge.outbox.hub import Identity, Speaker
from edge.outbox.mqtt import MqttLink
from edge.outbox.payload import PrivacyPayload
from edge.outbox.store import Message
from edge.settings import Settings

ANSWER_S = 10.0
AT_REST, AT_WORK = "not_watching", "recording"
"""Reasons on the ``privacy`` topic."""


class Announcement:
    """A recording that the hub knows of."""

    def __init__(self, link: MqttLink) -> None:
        self._link = link

    def check(self) -> None:
        """Raise BrokerError when the broker is gone: nobody could see the announcement."""
        while (event := self._link.next_event(0)) is not None:
            if isinstance(event, Down):
                raise BrokerError(
                    f"broker connection lost ({event.why}): a recording must be announced all the"
                    " while, so it ended here; what was recorded is kept"
                )


@contextmanager
def announced(
    settings: Settings, room: str, seconds: float, state: PrivacyPayload, clock: Clock
) -> Iterator[Announcement]:
    """Announce until the block is left.

    seconds: no recording lasts longer   state: what else the ``privacy`` topic says
    Raises: BrokerError before the block when the broker is down, refuses, or does not answer.
    """
    identity = Identity(settings.site, settings.device, uuid.uuid4().hex, __version__)
    topics, speaker = identity.topics, Speaker(identity, clock)
    rest = state.model_copy(update={"mode": "paused", "reason": AT_REST})
    work = rest.model_copy(
        update={
            "recording": True,
            "reason": AT_WORK,
            "recording_room": room,
            "expires_at": utc(clock.wall_ns()) + timedelta(seconds=seconds),
        }
    )
    cleared = speaker.message(topics.privacy, rest)
    link = MqttLink(settings.mqtt, topics.client_id, will=cleared)
    try:
        link.connect()
        _say(link, speaker.message(topics.privacy, work))
        try:
            yield Announcement(link)
        except BaseException:
            with suppress(BrokerError):  # what went wrong first is what people must read
                _take_back(link, speaker.message(topics.privacy, rest))
            raise
        _take_back(link, speaker.message(topics.privacy, rest))
    finally:
        link.close()


def _take_back(link: MqttLink, message: Message) -> None:
    """Clear the announcement, over a new connection if need be."""
    try:
        _say(link, message)
    except BrokerError:
        link.connect()
        _say(link, message)


def _say(link: MqttLink, message: Message) -> None:
    """Publish and wait until the broker has it.  Raises: BrokerError."""
    number, deadline = link.publish(message), time.monotonic() + ANSWER_S
    while (left := deadline - time.monotonic()) > 0:
        event = link.next_event(left)
        if isinstance(event, Down):
            break
        if isinstance(event, Acked) and event.mid == number:
            if event.refusal is None:
                return
            raise BrokerError(
                f"the broker refuses {message.topic} ({event.refusal}): a recording must be"
                " announced; give this device write access to it"
            )
    raise BrokerError(
        f"the broker does not take {message.topic}: a recording must be announced; restart it"
    )
