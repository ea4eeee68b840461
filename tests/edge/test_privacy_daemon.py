from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.board import Board
from edge.clock import SystemClock
from edge.daemon import serve
from edge.demo_broker import PrivateBroker
from edge.errors import DeviceError
from edge.exclusive import exclusive
from edge.health import Notifier
from edge.models import Models
from edge.settings import Settings
from edge.subscriber import subscribed

Make = Callable[..., Path]
PATIENCE_S = 30.0


def fields_of(state: Path, port: int, recording: Path) -> dict[str, Any]:
    state.mkdir(exist_ok=True)
    source = {"type": "recording", "path": str(recording), "realtime": False}
    return {
        "site": "home",
        "device": "box",
        "state_dir": str(state),
        "mqtt": {"host": "127.0.0.1", "port": port},
        "rooms": [{"name": "left", "source": source}],
    }


def watch(fields: dict[str, Any], models: Models) -> int:
    settings = Settings.model_validate(fields)
    return serve(settings, models, SystemClock(), Notifier(""), threading.Event())


def test_what_privacy_hides_is_told_to_the_hub_and_never_seen(
    make_recording: Make, models: Models, broker: PrivateBroker, tmp_path: Path
) -> None:
    hidden = fields_of(tmp_path / "state", broker.port, make_recording(fall_s=1.5))
    whole = {"polygon": [[0, 0], [1, 0], [1, 1], [0, 1]], "streams": ["rgb"]}
    hidden["rooms"][0]["zones"] = [whole]
    hidden["privacy"] = {"switched_off": [{"streams": ["audio"]}]}
    with subscribed(broker.host, broker.port, "aal/v1/home/#") as hub:
        assert watch(hidden, models) == 0
        board, deadline = Board(), time.monotonic() + PATIENCE_S
        while board.devices.get("home/box") != "stopped" and time.monotonic() < deadline:
            for topic, payload in hub.receive(0.2):
                board.apply(topic, payload)
    assert board.history == []  # the fall is where nobody may look
    with subscribed(broker.host, broker.port, "aal/v1/home/box/privacy") as hub:
        ((_, payload),) = hub.receive(PATIENCE_S)
    (room,) = json.loads(payload)["data"]["rooms"]
    assert room == {"room": "left", "off": ["audio"], "zones": 1}
    assert board.rooms["home/box/left"].missing["audio"] == "disabled"
    assert board.rooms["home/box/left"].missing["rgb"] in ("unhealthy", "stale")


def test_two_daemons_on_one_state_dir_are_one_too_many(
    make_recording: Make, models: Models, tmp_path: Path
) -> None:
    fields = fields_of(tmp_path, 1, make_recording(seconds=1))
    with exclusive(tmp_path), pytest.raises(DeviceError, match="already runs here"):
        watch(fields, models)


def test_a_room_where_everything_is_switched_off_says_so(
    make_recording: Make, models: Models, broker: PrivateBroker, tmp_path: Path
) -> None:
    hidden = fields_of(tmp_path / "state", broker.port, make_recording(fall_s=1.5))
    hidden["privacy"] = {"switched_off": [{"streams": ["rgb", "depth", "audio"]}]}
    board, mode, deadline = Board(), None, time.monotonic() + PATIENCE_S
    with subscribed(broker.host, broker.port, "aal/v1/home/#") as hub:
        assert watch(hidden, models) == 0
        while board.devices.get("home/box") != "stopped" and time.monotonic() < deadline:
            for topic, payload in hub.receive(0.2):
                board.apply(topic, payload)
                if topic.endswith("/privacy"):
                    mode = json.loads(payload)["data"]["mode"]
    assert mode == "paused"
    missing = board.rooms["home/box/left"].missing
    assert missing == dict.fromkeys(("rgb", "flow", "depth", "audio"), "disabled")
    assert board.history == []
