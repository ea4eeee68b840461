"""Broker, clock, disk and permissions."""

from __future__ import annotations

import os
import shutil
import stat
import uuid
from pathlib import Path

from edge.doctor.findings import Findings, fail, none, ok, warn
from edge.outbox.mqtt import MqttLink
from edge.outbox.walltime import clock_synced
from edge.plans import plan_directory
from edge.settings import Settings

MIB = 1024 * 1024
LOW_BYTES, TOO_LOW_BYTES = 1024 * MIB, 64 * MIB
_OTHERS = stat.S_IRWXO
_WRITABLE = stat.S_IWGRP | stat.S_IWOTH


def broker(settings: Settings) -> Findings:
    """Connect as the device does, but under another name, so that it stays connected."""
    mqtt = settings.mqtt
    link = MqttLink(mqtt, f"gatehouse-doctor-{uuid.uuid4().hex[:12]}")
    try:
        link.connect()
    finally:
        link.close()
    if mqtt.tls is None and mqtt.host not in ("localhost", "127.0.0.1", "::1"):
        told = f"{mqtt.host}:{mqtt.port} accepts this device, without TLS"
        yield warn("broker", told, "set mqtt.tls: alarms cross the network in the clear")
    else:
        yield ok("broker", f"{mqtt.host}:{mqtt.port} accepts this device")


def clock() -> Findings:
    """Alarms are dated by it."""
    if clock_synced():
        yield ok("clock", "synchronised")
    else:
        told = "not synchronised: alarms say so (clock_synced), and their dates may be wrong"
        yield warn(
            "clock", told, "timedatectl set-ntp true, and let the device reach a time server"
        )


def disk(settings: Settings) -> Findings:
    """Room for alarms that the broker has not taken, and for plans."""
    seen = set()
    for what, path in (
        ("disk state", settings.state_dir),
        ("disk plans", plan_directory(settings.models.plans)),
    ):
        place = existing(path)
        if place.stat().st_dev in seen:
            continue
        seen.add(place.stat().st_dev)
        free = shutil.disk_usage(place).free
        told = f"{free / MIB:.0f} MiB free for {path}"
        if free < TOO_LOW_BYTES:
            yield fail(what, told, "make room: alarms could not be stored")
        elif free < LOW_BYTES:
            yield warn(what, told, "make room")
        else:
            yield ok(what, told)


def existing(path: Path) -> Path:
    """The path, or the nearest directory above it that is there."""
    absolute = path.absolute()
    return next(place for place in (absolute, *absolute.parents) if os.path.exists(place))


def permissions(settings: Settings, config: Path) -> Findings:
    """What this user may write, and what others may read or write."""
    state = settings.state_dir.absolute()
    place = existing(state)
    if not os.access(place, os.W_OK | os.X_OK):
        told = f"user {os.geteuid()} may not write {place}"
        remedy = f"run as the service's user (sudo -u gatehouse), or: chown gatehouse {place}"
        yield fail("permissions", told, remedy)
    elif place != state:
        yield ok("permissions", f"{state} is not there yet; this user can make it")
    elif state.stat().st_mode & _OTHERS:
        yield warn("permissions", f"others may look into {state}", f"chmod 700 {state}")
    else:
        yield ok("permissions", f"{state} is this user's own")
    if config.stat().st_mode & _WRITABLE:
        told = f"others may write {config}"
        yield fail("configuration", told, f"chmod 640 {config}")
    secret = settings.mqtt.password_file
    if secret is None:
        yield none("password", "none is configured")
    elif secret.exists() and secret.stat().st_mode & _OTHERS:
        yield fail("password", f"others may read {secret}", f"chmod 640 {secret}")
    elif os.access(secret, os.R_OK):
        yield ok("password", f"{secret} is closed to others")
    else:
        told = f"{secret} is not there, or may not be read"
        yield fail(
            "password", told, f"write it, then: chgrp gatehouse {secret}; chmod 640 {secret}"
        )
