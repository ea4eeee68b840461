"""Is it alive, and what is missing: systemd's watchdog, and each room's sensors."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection, Mapping

from edge.outbox.payload import ModalityHealth
from edge.values import Reason
from edge.vocabulary import MODALITIES, Modality

REPEAT_NS = 30_000_000_000
"""Health is said again this often even when nothing changed."""

ON_CPU = "cpu_instead_of_gpu"
"""Why a modality is degraded: slower, with nearly the same scores; fault ``backend`` says why."""

WATCHDOG_NS = 1_000_000_000


class Notifier:
    """Speaks sd_notify(3) when systemd listens, and is silent otherwise."""

    def __init__(self, address: str | None = None) -> None:
        """address: of the socket; None: what NOTIFY_SOCKET says."""
        found = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        # A leading @ stands for the zero byte of Linux's abstract addresses.
        self._address = "\0" + found[1:] if found.startswith("@") else found
        self._watchdog_ns = 0

    def ready(self) -> None:
        """Everything is open and rooms are watched."""
        self._send("READY=1")

    def watchdog(self, now_ns: int) -> None:
        """The pipeline thread is alive; said at most once a second."""
        if now_ns - self._watchdog_ns >= WATCHDOG_NS:
            self._watchdog_ns = now_ns
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """A clean stop began."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.sendto(message.encode(), self._address)
        except OSError:
            # Nobody listens: systemd acts on the silence, and there is nothing else to tell.
            return


class RoomHealth:
    """What one room's sensors can do now, and whether that is news."""

    def __init__(self) -> None:
        self._said: Mapping[Modality, Reason] | None = None
        self._said_ns = 0

    def is_news(self, missing: Mapping[Modality, Reason], now_ns: int) -> bool:
        """Whether to publish: at the first time, at every change, and every 30 s."""
        if missing == self._said and now_ns - self._said_ns < REPEAT_NS:
            return False
        self._said, self._said_ns = dict(missing), now_ns
        return True


def all_missing(reason: Reason, known: Mapping[Modality, Reason]) -> dict[Modality, Reason]:
    """Every modality is missing: for the reason already known, else for this one."""
    return {m: known.get(m, reason) for m in MODALITIES}


def room_health(
    missing: Mapping[Modality, Reason], degraded: Collection[Modality] = ()
) -> dict[Modality, ModalityHealth]:
    """Say it as the topic ``health`` does.

    degraded: modalities whose network runs on the CPU though the GPU should run it
    """
    return {m: _modality_health(missing.get(m), m in degraded) for m in MODALITIES}


def _modality_health(missing: Reason | None, degraded: bool) -> ModalityHealth:
    if missing is not None:
        return ModalityHealth(state="missing", reason=missing.value)
    return (
        ModalityHealth(state="degraded", reason=ON_CPU) if degraded else ModalityHealth(state="ok")
    )
