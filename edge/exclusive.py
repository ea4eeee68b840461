"""One process of a device at a time: it alone has the sensors, the outbox and the MQTT name."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import ConfigError, DeviceError

LOCK = "lock"


@contextmanager
def exclusive(state_dir: Path) -> Iterator[None]:
    """Hold the device while inside the block; the kernel lets go of it when the process dies.

    Raises: DeviceError when another process has it; ConfigError when state_dir cannot be used.
    """
    path = state_dir / LOCK
    try:
        state_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            f"{path}: {error.strerror}; use the account of the service: sudo -u gatehouse"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            raise DeviceError(
                f"gatehouse already runs here (process {holder}, state_dir {state_dir});"
                " stop it first: systemctl stop gatehouse"
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
