"""The examination as a whole, part by part."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from edge import __version__
from edge.doctor import compute, sensors, system
from edge.doctor.findings import Check, Finding, State, examine, failed, none, ok
from edge.errors import EX_OK, EX_SOME_FAILED, GatehouseError
from edge.settings import ModelSettings, Settings, load_settings

DEFAULT = Path("/etc/gatehouse/gatehouse.yaml")


def doctor(config: Path | None, as_json: bool) -> int:
    """Print every finding as soon as it is known; 1 when something fails.

    config: None: the service's, if there is one
    """
    failures = 0
    for finding in findings(config):
        failures += finding.state is State.FAIL
        sys.stdout.write((finding.json_line() if as_json else finding.line()) + "\n")
        sys.stdout.flush()
    return EX_SOME_FAILED if failures else EX_OK


def findings(config: Path | None) -> Iterator[Finding]:
    """All checks, in the order in which their remedies make sense."""
    user = f"user {os.geteuid()}"
    python = f"Python {platform.python_version()} on {platform.machine()}"
    yield ok("gatehouse", f"{__version__}, {python}, as {user}")
    path = config or (DEFAULT if DEFAULT.exists() else None)
    if path is None:
        yield none("configuration", f"no --config, and no {DEFAULT}: only the device is examined")
        yield from _all(device_checks(ModelSettings()))
        return
    try:
        settings = load_settings(path)
    except GatehouseError as error:
        yield failed("configuration", error, "compare it with docs/gatehouse.example.yaml")
        yield from _all(device_checks(ModelSettings()))
        return
    yield ok("configuration", f"{path}: {settings.site}/{settings.device}")
    yield from _all(device_checks(settings.models))
    yield from _all(room_checks(settings, path))


def device_checks(settings: ModelSettings) -> dict[str, Check]:
    """What needs no room."""
    return {
        "models": partial(compute.models, settings),
        "driver": partial(compute.driver, settings),
        "tensorrt": partial(compute.tensorrt, settings),
        "plans": partial(compute.plans, settings),
        "back end": partial(compute.backend, settings),
        "clock": system.clock,
    }


def room_checks(settings: Settings, config: Path) -> dict[str, Check]:
    """What the configuration names."""
    return {
        "camera": partial(sensors.cameras, settings),
        "microphone": partial(sensors.microphone, settings),
        "broker": partial(system.broker, settings),
        "disk": partial(system.disk, settings),
        "permissions": partial(system.permissions, settings, config),
    }


def _all(checks: dict[str, Check]) -> Iterator[Finding]:
    for what, check in checks.items():
        yield from examine(what, check)
