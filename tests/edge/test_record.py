from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edge.cli import main
from edge.clock import SystemClock
from edge.demo_broker import PrivateBroker
from edge.errors import BrokerError, DeviceError, GatehouseError, PrivacyError, StoreError
from edge.exclusive import exclusive
from edge.record import Progress, Request, record
from edge.settings import Settings
from edge.sources.recording import Recording
from edge.subscriber import Subscriber, subscribed
from edge.values import Stream

Make = Callable[..., Path]
ALLOWED = {"recording": {"allowed": True, "longest_s": 60, "free_mb": 16}}
ZONE = {"polygon": [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]}


def config(tmp_path: Path, port: int, source: Path, **changes: Any) -> dict[str, Any]:
    state = tmp_path / "state"
    state.mkdir(exist_ok=True)
    room = {"name": "one", "source": {"type": "recording", "path": str(source), "realtime": False}}
    return {
        "site": "home",
        "device": "box",
        "state_dir": str(state),
        "mqtt": {"host": "127.0.0.1", "port": port},
        "privacy": ALLOWED,
        "rooms": [room],
        **changes,
    }


def keep(
    fields: dict[str, Any], path: Path, seconds: float = 30, room: str | None = None
) -> list[Progress]:
    """Record; returns everything that was told on the way, and the end."""
    told: list[Progress] = []
    settings = Settings.model_validate(fields)
    request = Request(room, seconds, path)
    told.append(record(settings, request, SystemClock(), threading.Event(), told.append))
    return told


def test_what_is_recorded_can_be_replayed_stream_by_stream(
    make_recording: Make, broker: PrivateBroker, tmp_path: Path
) -> None:
    source, path = make_recording(), tmp_path / "kept.mcap"
    done = keep(config(tmp_path, broker.port, source), path)[-1]
    before, after = Recording(source), Recording(path)
    assert after.streams == before.streams
    assert path.stat().st_mode & 0o777 == 0o600  # for nobody else's eyes
    assert after.depth_hfov_deg == pytest.approx(87.0)
    assert done.written == {Stream.RGB: 60, Stream.DEPTH: 60, Stream.AUDIO: 60}
    for stream in (Stream.DEPTH, Stream.AUDIO):
        only = frozenset({stream})
        pairs = zip(before.samples(only), after.samples(only), strict=True)
        assert all((a.data == b.data).all() for a, b in pairs)


def test_a_recording_ends_when_its_time_is_up(
    make_recording: Make, broker: PrivateBroker, tmp_path: Path
) -> None:
    path = tmp_path / "kept.mcap"
    done = keep(config(tmp_path, broker.port, make_recording()), path, seconds=1.5)[-1]
    assert done.seconds == pytest.approx(1.5, abs=0.1)
    assert Recording(path).duration_ns / 1e9 == pytest.approx(1.5, abs=0.1)


def test_zones_and_switched_off_sensors_are_not_in_the_file(
    make_recording: Make, broker: PrivateBroker, tmp_path: Path
) -> None:
    fields = config(tmp_path, broker.port, make_recording())
    fields["rooms"][0]["zones"] = [ZONE]
    fields["privacy"] = {**ALLOWED, "switched_off": [{"streams": ["audio"]}]}
    path = tmp_path / "kept.mcap"
    keep(fields, path)
    recording = Recording(path)
    assert recording.streams == {Stream.RGB, Stream.DEPTH}
    for sample in recording.samples():
        left = sample.data[:, : sample.data.shape[1] // 2 - 8]  # JPEG blurs the border
        assert left.max() <= (3 if sample.stream is Stream.RGB else 0)
        assert sample.data[:, -8:].any()


def hear(hub: Subscriber, enough: int) -> list[dict[str, Any]]:
    """The data of so many messages."""
    heard: list[dict[str, Any]] = []
    deadline = time.monotonic() + 20
    while len(heard) < enough and time.monotonic() < deadline:
        heard += [json.loads(raw)["data"] for _, raw in hub.receive(0.2)]
    return heard


def test_it_is_announced_before_the_file_exists_and_cleared_after_it_is_whole(
    make_recording: Make,
    broker: PrivateBroker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, order = tmp_path / "kept.mcap", list[str]()
    from edge import record as module
    from edge import record_announce

    def said(link: Any, message: Any, say: Any = record_announce._say) -> None:
        say(link, message)
        recording = json.loads(message.payload)["data"]["recording"]
        order.append(f"recording={recording} file={path.exists()}")

    class Writer(module.RecordingWriter):
        def __enter__(self) -> Any:
            order.append("file begun")
            return super().__enter__()

    monkeypatch.setattr(record_announce, "_say", said)
    monkeypatch.setattr(module, "RecordingWriter", Writer)
    with subscribed(broker.host, broker.port, "aal/v1/home/box/privacy") as hub:
        keep(config(tmp_path, broker.port, make_recording()), path)
        during, after = hear(hub, 2)
    assert order == ["recording=True file=False", "file begun", "recording=False file=True"]
    assert (during["mode"], during["recording"], during["recording_room"]) == (
        "paused",
        True,
        "one",
    )
    assert during["expires_at"] > "2020"
    assert (after["recording"], after.get("recording_room")) == (False, None)
    with subscribed(broker.host, broker.port, "aal/v1/home/box/privacy") as hub:
        (kept,) = hear(hub, 1)
    assert kept["recording"] is False


@pytest.mark.parametrize(
    ("privacy", "seconds", "room", "told"),
    [
        ({}, 10, None, r"privacy\.recording\.allowed: true"),
        (ALLOWED, 61, None, r"at most 60 s"),
        (ALLOWED, 10, "other", "--room one"),
        (
            {**ALLOWED, "switched_off": [{"streams": ["rgb", "depth", "audio"]}]},
            10,
            None,
            "switched off",
        ),
    ],
)
def test_what_policy_forbids_is_refused_and_nothing_is_announced(
    privacy: dict[str, Any],
    seconds: float,
    room: str | None,
    told: str,
    make_recording: Make,
    tmp_path: Path,
) -> None:
    fields = config(tmp_path, 1, make_recording(), privacy=privacy)  # nobody listens at port 1
    with pytest.raises(PrivacyError, match=told) as caught:
        keep(fields, tmp_path / "kept.mcap", seconds, room)
    assert caught.value.exit_code == 78
    assert not (tmp_path / "kept.mcap").exists()


def test_without_a_broker_to_announce_it_nothing_is_recorded(
    make_recording: Make, tmp_path: Path
) -> None:
    with pytest.raises(BrokerError, match="not reachable"):
        keep(config(tmp_path, 1, make_recording()), tmp_path / "kept.mcap")
    assert not list(tmp_path.glob("kept*"))


def test_a_broker_that_refuses_the_announcement_stops_it(
    make_recording: Make, tmp_path: Path
) -> None:
    try:
        refusing = PrivateBroker(users={"a": "b"}, acl="user a\ntopic read #\n")
    except BrokerError as error:
        pytest.skip(str(error))
    (tmp_path / "secret").write_text("b")
    with refusing as broker:
        mqtt = {"host": "127.0.0.1", "port": broker.port, "username": "a"}
        mqtt["password_file"] = str(tmp_path / "secret")
        with pytest.raises(BrokerError, match=r"box/privacy.*write access"):
            keep(config(tmp_path, 1, make_recording(), mqtt=mqtt), tmp_path / "kept.mcap")
    assert not list(tmp_path.glob("kept*"))


def test_beside_the_running_service_it_is_refused(make_recording: Make, tmp_path: Path) -> None:
    fields = config(tmp_path, 1, make_recording())
    with (
        exclusive(tmp_path / "state"),
        pytest.raises(DeviceError, match=rf"process {os.getpid()}.*systemctl stop gatehouse"),
    ):
        keep(fields, tmp_path / "kept.mcap")


def test_an_earlier_recording_is_never_overwritten_nor_one_that_was_cut_off(
    make_recording: Make, tmp_path: Path
) -> None:
    fields = config(tmp_path, 1, make_recording())
    (tmp_path / "old.mcap").write_bytes(b"x")
    with pytest.raises(StoreError, match="exists; choose another name"):
        keep(fields, tmp_path / "old.mcap")
    (tmp_path / "cut.mcap.part").write_bytes(b"x")
    with pytest.raises(StoreError, match=r"gatehouse import .*cut\.mcap\.part"):
        keep(fields, tmp_path / "cut.mcap")
    with pytest.raises(StoreError, match="no directory"):
        keep(fields, tmp_path / "none" / "kept.mcap")


def test_a_full_disk_is_said_before_anything_is_announced(
    make_recording: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 3_000_000}))
    with pytest.raises(StoreError, match=r"disk full: 3 MB free.*16 MB are kept for alarms"):
        keep(config(tmp_path, 1, make_recording()), tmp_path / "kept.mcap")


@pytest.fixture
def endless(make_recording: Make) -> dict[str, Any]:
    """A source that goes on at the pace of life."""
    return {"type": "recording", "path": str(make_recording()), "realtime": True, "loop": True}


def endless_config(tmp_path: Path, port: int, source: dict[str, Any]) -> dict[str, Any]:
    return config(tmp_path, port, Path(), rooms=[{"name": "one", "source": source}])


def test_when_the_disk_fills_up_what_was_recorded_is_whole(
    endless: dict[str, Any], broker: PrivateBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([10**9, 10**9])
    usage = lambda _: type("Usage", (), {"free": next(left, 3_000_000)})  # noqa: E731
    monkeypatch.setattr("shutil.disk_usage", usage)
    path = tmp_path / "kept.mcap"
    with pytest.raises(StoreError, match="disk full"):
        keep(endless_config(tmp_path, broker.port, endless), path)
    assert Recording(path).duration_ns > 1e9


def test_a_broker_that_goes_away_ends_the_recording_and_keeps_it(
    endless: dict[str, Any], broker: PrivateBroker, tmp_path: Path
) -> None:
    path = tmp_path / "kept.mcap"

    def told(progress: Progress) -> None:
        if progress.seconds > 1:
            broker.stop()

    settings = Settings.model_validate(endless_config(tmp_path, broker.port, endless))
    with pytest.raises(BrokerError, match="what was recorded is kept"):
        record(settings, Request(None, 30, path), SystemClock(), threading.Event(), told)
    assert Recording(path).duration_ns > 1e9


@pytest.fixture
def running(
    endless: dict[str, Any], broker: PrivateBroker, tmp_path: Path
) -> Iterator[subprocess.Popen[str]]:
    """``gatehouse record`` as a process, with some seconds of recording behind it."""
    path = tmp_path / "gatehouse.yaml"
    path.write_text(yaml.safe_dump(endless_config(tmp_path, broker.port, endless)))
    command = ["record", "--config", str(path), "--seconds", "50", str(tmp_path / "kept.mcap")]
    child = subprocess.Popen(
        [sys.executable, "-m", "edge", *command], stderr=subprocess.PIPE, text=True
    )
    part, deadline = tmp_path / "kept.mcap.part", time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        if part.exists() and part.stat().st_size > 400_000:
            break
        time.sleep(0.05)
    yield child
    child.kill()
    child.communicate()


def test_ctrl_c_ends_a_recording_in_good_order(
    running: subprocess.Popen[str], tmp_path: Path
) -> None:
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=30)
    assert running.returncode == 0, told
    assert "no room of this device is watched" in told
    assert Recording(tmp_path / "kept.mcap").duration_ns > 5e8
    assert list(tmp_path.glob("*.part")) == []


def test_a_recording_that_was_killed_is_cleared_by_the_broker_and_can_be_saved(
    running: subprocess.Popen[str],
    broker: PrivateBroker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    running.kill()
    running.wait()
    deadline, recording = time.monotonic() + 20, True
    while recording and time.monotonic() < deadline:
        with subscribed(broker.host, broker.port, "aal/v1/home/box/privacy") as hub:
            recording = hear(hub, 1)[-1]["recording"]
    assert not recording
    assert not (tmp_path / "kept.mcap").exists()
    assert main(["import", str(tmp_path / "kept.mcap.part")]) == 0
    saved = Recording(tmp_path / "kept.mcap")
    assert saved.streams == {Stream.RGB, Stream.DEPTH, Stream.AUDIO}
    assert np.median([s.data.mean() for s in saved.samples(frozenset({Stream.RGB}))]) > 40
    assert "kept.mcap" in capsys.readouterr().err


def test_a_write_that_fails_says_how_to_save_the_rest(
    endless: dict[str, Any], broker: PrivateBroker, tmp_path: Path
) -> None:
    program = (
        "import resource, signal, sys; from edge.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000));"
        "sys.exit(main(sys.argv[1:]))"
    )
    path = tmp_path / "gatehouse.yaml"
    path.write_text(yaml.safe_dump(endless_config(tmp_path, broker.port, endless)))
    command = ["record", "--config", str(path), "--seconds", "40", str(tmp_path / "kept.mcap")]
    found = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, check=False
    )
    assert found.returncode == 74, found.stderr
    assert "is the disk full?; save what is whole: gatehouse import" in found.stderr
    assert main(["import", str(tmp_path / "kept.mcap.part")]) == 0
    assert Recording(tmp_path / "kept.mcap").duration_ns > 0


def test_a_source_that_never_delivers_leaves_no_file(broker: PrivateBroker, tmp_path: Path) -> None:
    with pytest.raises(GatehouseError, match=r"none\.mcap"):
        keep(config(tmp_path, broker.port, tmp_path / "none.mcap"), tmp_path / "kept.mcap")
    assert not list(tmp_path.glob("kept*"))
