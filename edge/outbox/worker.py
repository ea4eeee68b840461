"""The thread between the outbox and the broker: connects, sends, resends, never gives up."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from edge.clock import Clock
from edge.errors import BrokerError, GatehouseError
from edge.outbox.events import Down
from edge.outbox.mqtt import MqttLink
from edge.outbox.session import Session
from edge.outbox.slots import LatestWins
from edge.outbox.store import Message, Outbox
from edge.outbox.topics import Topics

log = logging.getLogger(__name__)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_RETRY_S = 30.0  # how often refused messages are tried again
_FLUSH_S = 3.0  # how long a clean stop waits for the last acknowledgements
_IDLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Voice:
    """What the worker says of its own accord."""

    status: Callable[[str], Message]  # "online" or "stopped"
    heartbeat: Callable[[], Message]
    heartbeat_s: float


class OutboxWorker:
    """Owns the link. ``start`` once, ``stop`` once; ``wake`` from any thread."""

    def __init__(
        self,
        outbox: Outbox,
        link: MqttLink,
        slots: LatestWins,
        topics: Topics,
        voice: Voice,
        clock: Clock,
    ) -> None:
        self._outbox, self._link, self._slots, self._topics = outbox, link, slots, topics
        self._voice, self._clock = voice, clock
        self._stopping = threading.Event()
        self._failed = False
        self._online = threading.Event()
        self._next_beat_ns = clock.monotonic_ns()
        self._problem: str | None = None
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    @property
    def problem(self) -> str | None:
        """One line that names the remedy; None while everything gets through."""
        return self._problem

    @property
    def is_online(self) -> bool:
        """True while connected, with the retained alarms right and "online" said."""
        return self._online.is_set()

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def wake(self) -> None:
        """Something new is to be sent."""
        self._link.wake()

    def stop(self, failed: bool = False) -> None:
        """Send what can be sent in a few seconds, say "stopped", and end; the rest stays stored.

        failed: nobody wanted this end; the broker then says "offline" instead, which is the will.
        """
        self._failed = failed
        self._stopping.set()
        self._link.wake()
        if self._thread.ident is not None:
            self._thread.join(timeout=30)

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            if self._attempt():
                pause_s = _FIRST_PAUSE_S
            # Spread out: every device of the house lost the same broker at the same moment.
            self._stopping.wait(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)

    def _attempt(self) -> bool:
        """Serve one connection to its end; returns whether it ever was online."""
        parted = False
        try:
            self._link.connect()
            parted = self._serve()
        except GatehouseError as error:
            self._tell(str(error))
        except Exception as error:  # if this thread ended, the device would watch and tell nobody
            log.debug("outbox thread failed", exc_info=True)
            self._tell(f"{type(error).__name__}: {error}; it is retried; please report this")
        finally:
            was_online = self._online.is_set()
            self._online.clear()
            self._link.close(with_will=not parted)
        return was_online

    def _serve(self) -> bool:
        """Send until told to stop; returns whether "stopped" was said."""
        session = Session(self._link, self._outbox, self._slots, self._topics, self._clock.wall_ns)
        retried, unanswered = time.monotonic(), None
        give_up: float | None = None
        while give_up is None or (time.monotonic() < give_up and not session.is_idle):
            if give_up is None and self._stopping.is_set():
                give_up = time.monotonic() + _FLUSH_S
            if time.monotonic() - retried >= _RETRY_S:
                if unanswered is not None and session.unanswered == unanswered:
                    raise BrokerError(
                        f"broker acknowledges nothing for {_RETRY_S:.0f} s; restart it"
                    )
                session.retry()
                retried, unanswered = time.monotonic(), session.unanswered
            self._beat()
            session.pump(lambda: self._voice.status("online"))
            self._report(session)
            self._listen(session)
        if not self._failed:
            self._farewell(session)
        return not self._failed

    def _farewell(self, session: Session) -> None:
        session.say(self._voice.status("stopped"))
        give_up = time.monotonic() + _FLUSH_S
        while not session.has_been_heard and time.monotonic() < give_up:
            self._listen(session)

    def _listen(self, session: Session) -> None:
        """Wait for one event, then take all that are there."""
        timeout_s = 0.05 if self._stopping.is_set() else min(_IDLE_S, self._voice.heartbeat_s)
        event = self._link.next_event(timeout_s)
        while event is not None:
            if isinstance(event, Down):
                raise BrokerError(
                    f"broker connection lost ({event.why}); it is retried; if this goes on, check"
                    f" the broker, and that no other device is called {self._topics.device}"
                )
            session.handle(event)
            event = self._link.next_event(0)

    def _beat(self) -> None:
        now_ns = self._clock.monotonic_ns()
        if now_ns >= self._next_beat_ns:
            self._next_beat_ns = now_ns + round(self._voice.heartbeat_s * 1e9)
            self._slots.put(self._voice.heartbeat())

    def _report(self, session: Session) -> None:
        if session.is_online and not self._online.is_set():
            self._online.set()
            log.info("mqtt online")
        if session.refusal is not None:
            self._tell(f"{session.refusal}; give this device write access to {self._topics.root}/#")
        elif session.is_online:
            self._problem = None

    def _tell(self, problem: str) -> None:
        """Say a problem once, not at every attempt."""
        if problem != self._problem:
            self._problem = problem
            log.warning("mqtt problem=%r stored=%d", problem, self._stored())

    def _stored(self) -> int:
        try:
            return self._outbox.count()
        except GatehouseError:
            return -1
