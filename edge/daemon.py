"""``gatehouse run``: the composition root. Opens every part, and closes them in reverse."""

from __future__ import annotations

import os
import signal
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from edge import __version__
from edge.backends import FAULT, open_backend
from edge.clock import Clock, SystemClock
from edge.compose import make_window, open_source
from edge.decision.decider import RoomDecider
from edge.decision.ids import AlarmIds
from edge.errors import ConfigError
from edge.exclusive import exclusive
from edge.health import Notifier
from edge.models import Models, open_models
from edge.outbox.hub import HubPublisher, Identity, open_hub
from edge.pipeline import Pipeline
from edge.privacy import Privacy
from edge.settings import Settings
from edge.watcher import Watcher

OUTBOX = "outbox.db"


def run(settings: Settings) -> int:
    """Watch until SIGTERM or SIGINT, or until every file has ended; returns the exit status.

    Raises: GatehouseError.
    """
    stop = threading.Event()
    check_state_dir(settings.state_dir)
    with open_backend(settings.models) as chosen:
        models = open_models(settings.models, chosen, rooms=len(settings.rooms))
        with stopped_by_signals(stop):
            return serve(settings, models, SystemClock(), Notifier(), stop)


def serve(
    settings: Settings, models: Models, clock: Clock, notifier: Notifier, stop: threading.Event
) -> int:
    """Run with parts that are open already; see ``run``."""
    boot_id = uuid.uuid4().hex  # of this process: alarm numbers start again with it
    ids = AlarmIds(settings.device, boot_id)
    deciders = {r.name: RoomDecider(r.name, settings.decision, ids) for r in settings.rooms}
    identity = Identity(settings.site, settings.device, boot_id, __version__)
    with (
        exclusive(settings.state_dir),
        open_hub(settings.mqtt, identity, settings.state_dir / OUTBOX, clock) as hub,
    ):
        adopt_alarms(hub.publisher, deciders, clock.monotonic_ns())
        hub.publisher.no_faults()
        if models.problem is not None:
            hub.publisher.fault(FAULT, models.problem)
        privacy = Privacy(settings.privacy, settings.rooms, clock, hub.publisher.privacy)
        privacy.tell()
        hub.worker.start()
        pipeline = Pipeline(models.encoders, models.fusion, deciders, models.finder, models.form)
        watcher = Watcher(pipeline, deciders, hub.publisher, clock, models.degraded, privacy)
        return watcher.run(
            settings.rooms,
            open_source,
            lambda streams: make_window(streams, settings.window),
            notifier,
            stop,
        )


def adopt_alarms(publisher: HubPublisher, deciders: Mapping[str, RoomDecider], now_ns: int) -> None:
    """Hand the alarms an earlier run left open to their rooms; close those of rooms that are gone.

    Source times are on CLOCK_MONOTONIC (``intake`` moves those of files), so none is aligned.
    """
    alarms = publisher.open_alarms()
    for decider in deciders.values():
        decider.restore(alarms, now_ns)
    for alarm in alarms:
        if alarm.room not in deciders:
            publisher.withdraw(alarm)


def check_state_dir(path: Path) -> None:
    """Make the directory if needed.  Raises: ConfigError when alarms could not be kept there."""
    reason = None
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
    if reason is None and not os.access(path, os.W_OK | os.X_OK):
        reason = "not writable"
    if reason is not None:
        who = f"user {os.getuid()}"
        raise ConfigError(f"state_dir {path}: {reason}; choose a directory that {who} may write")


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Set ``stop`` at SIGTERM and SIGINT while inside the block."""
    signals = (signal.SIGTERM, signal.SIGINT)
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in signals}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
