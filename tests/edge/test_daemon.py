from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge.board import Board
from edge.clock import SystemClock
from edge.daemon import OUTBOX, check_state_dir, run, serve
from edge.demo_broker import PrivateBroker
from edge.errors import ConfigError, GatehouseError, StoreError
from edge.health import Notifier
from edge.models import Models
from edge.outbox.store import Outbox
from edge.settings import Settings, load_settings
from edge.subscriber import Subscriber, subscribed

Make = Callable[..., Path]
PATIENCE_S = 30.0


def settings_of(state: Path, port: int, rooms: dict[str, Path], **source: Any) -> Settings:
    return Settings.model_validate(
        {
            "site": "home",
            "device": "box",
            "state_dir": state,
            "mqtt": {"host": "127.0.0.1", "port": port},
            "rooms": [
                {
                    "name": name,
                    "source": {"type": "recording", "path": path, "realtime": False, **source},
                }
                for name, path in rooms.items()
            ],
        }
    )


def watch(settings: Settings, models: Models) -> int:
    return serve(settings, models, SystemClock(), Notifier(""), threading.Event())


def hear(hub: Subscriber, enough: Callable[[Board, list[str]], bool]) -> tuple[Board, list[str]]:
    """Everything the hub hears until it is enough."""
    board, topics = Board(), []
    deadline = time.monotonic() + PATIENCE_S
    while not enough(board, topics) and time.monotonic() < deadline:
        for topic, payload in hub.receive(0.2):
            topics.append(topic)
            board.apply(topic, payload)
    return board, topics


def has_stopped(board: Board, _topics: list[str]) -> bool:
    return board.devices.get("home/box") == "stopped"


def test_two_recordings_in_one_process_reach_the_hub_as_two_rooms(
    make_recording: Make, models: Models, broker: PrivateBroker, tmp_path: Path
) -> None:
    rooms = {
        "left": make_recording("left.mcap", fall_s=1.5),
        "right": make_recording("right.mcap", streams=("rgb", "audio")),
    }
    with subscribed(broker.host, broker.port, "aal/v1/home/#") as hub:
        assert watch(settings_of(tmp_path / "state", broker.port, rooms), models) == 0
        board, topics = hear(hub, has_stopped)
    root = "aal/v1/home/box"
    assert board.devices == {"home/box": "stopped"}
    assert set(board.rooms) == {"home/box/left", "home/box/right"}
    first = board.history[0]
    assert (first.room, first.alarm_class, first.state) == ("left", "fall", "confirmed")
    for room in rooms:
        assert f"{root}/room/{room}/health" in topics
        assert f"{root}/room/{room}/activity" in topics
    assert board.rooms["home/box/right"].missing["depth"] == "absent"


def test_the_hub_reads_what_is_watched_and_no_fault_of_an_earlier_run(
    make_recording: Make, models: Models, broker: PrivateBroker, tmp_path: Path
) -> None:
    rooms = {"left": make_recording(seconds=1)}
    bad = {"left": tmp_path / "none.mcap", "right": rooms["left"]}
    assert watch(settings_of(tmp_path / "state", broker.port, bad), models) == 1
    assert watch(settings_of(tmp_path / "state", broker.port, rooms), models) == 0
    kept: dict[str, Any] = {}
    with subscribed(broker.host, broker.port, "aal/v1/home/box/+") as hub:
        deadline = time.monotonic() + PATIENCE_S
        while len(kept) < 3 and time.monotonic() < deadline:
            kept |= {topic.rpartition("/")[2]: raw for topic, raw in hub.receive(0.2)}
    told = {name: json.loads(raw)["data"] for name, raw in kept.items()}
    assert told["fault"]["active"] == []
    assert (told["privacy"]["mode"], told["privacy"]["recording"]) == ("watching", False)
    assert told["status"]["state"] == "stopped"


def test_with_the_broker_down_alarms_are_kept_and_told_at_the_next_start(
    make_recording: Make, models: Models, broker: PrivateBroker, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    port = broker.port
    broker.stop()
    fallen = settings_of(state, port, {"left": make_recording(fall_s=1.5)})
    assert watch(fallen, models) == 0
    with Outbox(state / OUTBOX) as outbox:
        assert outbox.count() > 0
    broker.start()
    quiet = settings_of(state, port, {"left": make_recording("quiet.mcap", seconds=1)})
    with subscribed(broker.host, port, "aal/v1/home/#") as hub:
        assert watch(quiet, models) == 0
        board, _ = hear(hub, has_stopped)
    assert [alarm.alarm_class for alarm in board.history][:1] == ["fall"]
    with Outbox(state / OUTBOX) as outbox:
        assert outbox.count() == 0


def test_a_broker_that_refuses_costs_no_alarm(
    make_recording: Make, models: Models, tmp_path: Path, broker: PrivateBroker
) -> None:
    state = tmp_path / "state"
    with PrivateBroker(users={"hub": "secret"}) as locked:
        settings = settings_of(state, locked.port, {"left": make_recording(fall_s=1.5)})
        assert watch(settings, models) == 0
    with Outbox(state / OUTBOX) as outbox:
        assert [alarm.message.topic.split("/")[5] for alarm in outbox.open_alarms()] == ["left"]


def test_sigterm_stops_a_looping_daemon_cleanly_and_the_hub_is_told(
    make_recording: Make, model_directory: Path, broker: PrivateBroker, tmp_path: Path
) -> None:
    rooms = {"left": make_recording(seconds=2)}
    settings = settings_of(tmp_path / "state", broker.port, rooms, realtime=True, loop=True)
    data = json.loads(settings.model_dump_json(exclude={"models", "decision", "window"}))
    config = tmp_path / "gatehouse.yaml"
    config.write_text(yaml.safe_dump({**data, "models": {"directory": str(model_directory)}}))
    assert load_settings(config).rooms == settings.rooms
    command = [sys.executable, "-m", "edge", "run", "--config", str(config)]
    with (
        subscribed(broker.host, broker.port, "aal/v1/home/#") as hub,
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child,
    ):
        assert child.stderr is not None
        try:
            board, _ = hear(hub, lambda board, _: bool(board.rooms))
            assert board.rooms["home/box/left"].action == "walk"
            child.send_signal(signal.SIGTERM)
            board, _ = hear(hub, has_stopped)
            assert board.devices == {"home/box": "stopped"}
            assert child.wait(PATIENCE_S) == 0
            assert "Traceback" not in child.stderr.read()
        finally:
            child.kill()


def test_a_state_directory_that_cannot_be_made_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match="state_dir") as caught:
        check_state_dir(tmp_path / "file" / "state")
    assert "\n" not in str(caught.value)


def test_a_damaged_outbox_stops_the_start_and_is_left_as_it_is(
    make_recording: Make, models: Models, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / OUTBOX).write_bytes(b"not a database, but long enough to look at" * 30)
    with pytest.raises(StoreError, match=r"outbox\.db"):
        watch(settings_of(state, 1883, {"left": make_recording(seconds=1)}), models)
    assert (state / OUTBOX).read_bytes().startswith(b"not a database")


def test_missing_models_stop_the_start_with_the_remedy(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, 1883, {"left": tmp_path / "any.mcap"})
    elsewhere = settings.models.model_copy(update={"directory": tmp_path / "nowhere"})
    with pytest.raises(GatehouseError, match="no model manifest") as caught:
        run(settings.model_copy(update={"models": elsewhere}))
    assert caught.value.exit_code == 74
