"""The broker outages of a fault script, for real: private broker, true outbox, a hub that looks.

Decisions do not depend on it. It shows what the hub has at the end of it all.
"""

from __future__ import annotations

import json
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge import __version__
from edge.clock import SystemClock
from edge.demo_broker import PrivateBroker
from edge.errors import BrokerError
from edge.faults import BrokerOutage
from edge.outbox.hub import Hub, Identity, open_hub
from edge.settings import MqttSettings
from edge.subscriber import subscribed
from edge.values import Alarm, AlarmState, Decision

SITE = DEVICE = "replay"
PATIENCE_S = 60.0
_POLL_S = 0.05
_QUIET_S = 0.5  # a broker sends all it has kept in much less

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the alarms; nothing is lost when the hub shows what the device means."""

    transitions: int  # published in all
    during: int  # of those, while the broker was gone
    open_alarms: int  # that stand at the end
    lost: tuple[str, ...]  # alarms that the hub shows otherwise than the device

    def __str__(self) -> str:
        """One line for people."""
        told = f"{self.transitions} alarm transitions, {self.during} of them without a broker"
        end = f"LOST: {', '.join(self.lost)}" if self.lost else "all arrived"
        return f"broker outage: {told}; {end}, {self.open_alarms} alarms stand at the hub"


class BrokerTrial:
    """Made by ``broker_trial``; one thread."""

    def __init__(self, broker: PrivateBroker, hub: Hub, outages: Sequence[BrokerOutage]) -> None:
        self._broker, self._hub = broker, hub
        self._waiting = list(outages)
        self._gone: BrokerOutage | None = None
        self._alarms: dict[str, Alarm] = {}
        self._transitions = self._during = 0

    def take(self, decision: Decision) -> None:
        """Let capture time pass to this decision, and tell its alarms.  Raises: BrokerError."""
        fused = decision.fused
        self._pass((fused.t_ns - fused.origin_ns) / _SECOND_NS)
        self._hub.publisher.time.align(fused.room, fused.t_ns)
        self._hub.publisher.alarms(decision.changed)
        told = [a for a in decision.changed if a.state is not AlarmState.CANDIDATE]
        self._alarms.update({alarm.id: alarm for alarm in told})
        self._transitions += len(told)
        self._during += len(told) if self._gone is not None else 0

    def finish(self) -> Delivery:
        """Bring the broker back, wait for the outbox to empty, and look at what the hub shows.

        Raises: BrokerError when the outbox does not empty.
        """
        if self._gone is not None:
            self._broker.start()
            self._gone = None
        deadline = time.monotonic() + PATIENCE_S
        while self._hub.outbox.count():
            if time.monotonic() > deadline:
                raise BrokerError(f"{self._hub.outbox.count()} messages are still not delivered")
            time.sleep(_POLL_S)
        expected = {a.id: (a.state.value, a.revision) for a in self._alarms.values() if _stands(a)}
        shown = self._shown(expected)
        lost = sorted(id_ for id_ in expected.keys() | shown if expected.get(id_) != shown.get(id_))
        return Delivery(self._transitions, self._during, len(expected), tuple(lost))

    def _pass(self, elapsed_s: float) -> None:
        """Stop and start the broker as the script says, also when both are overdue."""
        while True:
            gone = self._gone
            if gone is not None and elapsed_s >= gone.at_s + gone.for_s:
                self._broker.start()
                self._gone = None
            elif gone is None and self._waiting and elapsed_s >= self._waiting[0].at_s:
                self._gone = self._waiting.pop(0)
                self._broker.stop()
            else:
                return

    def _shown(self, expected: dict[str, tuple[str, int]]) -> dict[str, tuple[str, int]]:
        """State and revision of every alarm that the broker has kept."""
        shown: dict[str, tuple[str, int]] = {}
        alarms = f"aal/v1/{SITE}/{DEVICE}/room/+/alarm/+"
        deadline = time.monotonic() + PATIENCE_S
        with subscribed(self._broker.host, self._broker.port, alarms) as hub:
            while time.monotonic() < deadline:
                messages = hub.receive(_QUIET_S)
                for _, payload in messages:
                    data = json.loads(payload)["data"] if payload else {}
                    shown |= {data["alarm_id"]: (data["state"], data["revision"])} if data else {}
                if not messages and shown.keys() >= expected.keys():
                    break
        return shown


def _stands(alarm: Alarm) -> bool:
    return not alarm.state.is_closed


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Here a lost broker is no news."""
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def broker_trial(outages: Sequence[BrokerOutage], boot_id: str) -> Iterator[BrokerTrial]:
    """A broker and an outbox that exist for one replay.  boot_id: of the replay

    Raises: BrokerError when mosquitto is not installed.
    """
    identity = Identity(SITE, DEVICE, boot_id, __version__)
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gatehouse-replay-"))
        broker = stack.enter_context(PrivateBroker())
        stack.enter_context(_quiet("edge.outbox.worker"))
        settings = MqttSettings(host=broker.host, port=broker.port)
        outbox = Path(folder) / "outbox.db"
        hub = stack.enter_context(open_hub(settings, identity, outbox, SystemClock()))
        hub.worker.start()
        yield BrokerTrial(broker, hub, outages)
