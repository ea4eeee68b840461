"""Names of alarms: unique across devices and restarts, and the same again in replay."""

from __future__ import annotations

import itertools
import uuid

NAMESPACE = uuid.UUID("6f0f5c1e-5d0b-5f0e-9b7e-3a6c2d9e4a10")
"""Of alarm ids; a constant of the MQTT contract, never to be changed."""


class AlarmIds:
    """One counter per process, shared by all rooms; in replay boot_id is the recording's digest."""

    def __init__(self, device: str, boot_id: str) -> None:
        self._prefix = f"{device}/{boot_id}"
        self._counter = itertools.count(1)

    def next(self) -> tuple[int, str]:
        """Return (seq, id): seq counts from 1 without gaps, id = uuid5(device/boot_id/seq)."""
        seq = next(self._counter)
        return seq, str(uuid.uuid5(NAMESPACE, f"{self._prefix}/{seq}"))
