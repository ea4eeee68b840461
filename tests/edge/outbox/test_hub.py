"""Against a real mosquitto."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.clock import SystemClock
from edge.decision.lifecycle import moved
from edge.demo_broker import PrivateBroker
from edge.errors import ConfigError, StoreError
from edge.outbox.hub import Hub, Identity, open_hub
from edge.outbox.payload import ModalityHealth
from edge.settings import MqttSettings
from edge.values import Alarm, AlarmState, Fused
from edge.vocabulary import ACTIONS, MODALITIES, AlarmClass, Modality

Eventually = Callable[[Callable[[], bool]], bool]
Listen = Callable[..., Any]
ROOT = "aal/v1/home/box-1"


def fall(number: int = 1, alarm_id: str = "a1", age_s: int = 0) -> Alarm:
    now = SystemClock().monotonic_ns() - age_s * 1_000_000_000
    return Alarm(
        id=alarm_id,
        room="lounge",
        alarm_class=AlarmClass.FALL,
        state=AlarmState.CONFIRMED,
        score=0.9,
        onset_ns=now,
        confirmed_ns=now,
        updated_ns=now,
        seq=number,
        revision=1,
        gate=dict.fromkeys(MODALITIES, 0.25),
        missing={},
    )


def mqtt(port: int, **more: Any) -> MqttSettings:
    return MqttSettings(host="127.0.0.1", port=port, heartbeat_s=0.5, **more)


def hub(settings: MqttSettings, path: Path, boot: str = "boot-1") -> AbstractContextManager[Hub]:
    return open_hub(settings, Identity("home", "box-1", boot, "0.1"), path / "o.db", SystemClock())


def states(ear: Any) -> list[str]:
    return [data["state"] for data in ear.data("/status")]


def test_a_late_subscriber_sees_who_is_online_and_what_is_open(
    broker: PrivateBroker, tmp_path: Path, listen: Listen, eventually: Eventually
) -> None:
    with hub(mqtt(broker.port), tmp_path) as open_:
        open_.worker.start()
        open_.publisher.alarms([fall()])
        assert eventually(lambda: open_.worker.is_online and open_.outbox.count() == 0)
        late = listen(broker.port)
        assert eventually(lambda: states(late) == ["online"] and len(late.data("/alarm/a1")) == 1)
        assert late.data("/alarm/a1")[0]["replayed"] is False
    assert eventually(lambda: states(late)[-1] == "stopped")


def test_alarms_of_an_outage_arrive_later_in_order_and_say_so(
    broker: PrivateBroker, tmp_path: Path, listen: Listen, eventually: Eventually
) -> None:
    broker.kill()
    with hub(mqtt(broker.port), tmp_path) as open_:
        open_.worker.start()
        open_.publisher.alarms([fall(n, f"a{n}", age_s=9) for n in (1, 2, 3)])
        assert eventually(lambda: open_.worker.problem is not None)
        assert "is not reachable" in str(open_.worker.problem)
        broker.start()
        ear = listen(broker.port)
        assert eventually(lambda: open_.worker.is_online and open_.outbox.count() == 0)
        assert eventually(lambda: len(ear.data("/event")) == 3)
        assert [data["alarm_id"] for data in ear.data("/event")] == ["a1", "a2", "a3"]
        assert all(data["replayed"] for data in ear.data("/event"))
        assert open_.worker.problem is None


def test_it_connects_again_after_the_broker_was_killed(
    broker: PrivateBroker, tmp_path: Path, listen: Listen, eventually: Eventually
) -> None:
    with hub(mqtt(broker.port), tmp_path) as open_:
        open_.worker.start()
        open_.publisher.alarms([fall()])
        assert eventually(lambda: open_.outbox.count() == 0)
        broker.kill()
        (broker.directory / "mosquitto.db").unlink(missing_ok=True)  # it forgot everything
        assert eventually(lambda: not open_.worker.is_online)
        broker.start()
        ear = listen(broker.port)
        assert eventually(lambda: states(ear)[-1:] == ["online"])
        topics = [topic for topic, _, _ in ear.heard("home/")]
        assert topics.index(f"{ROOT}/room/lounge/alarm/a1") < topics.index(f"{ROOT}/status")


def test_a_closed_alarm_says_so_and_is_cleared(
    broker: PrivateBroker, tmp_path: Path, listen: Listen, eventually: Eventually
) -> None:
    ear = listen(broker.port)
    with hub(mqtt(broker.port), tmp_path) as open_:
        open_.worker.start()
        open_.publisher.alarms([fall()])
        open_.publisher.alarms([moved(fall(), AlarmState.RESOLVED, SystemClock().monotonic_ns())])
        assert eventually(lambda: len(ear.heard("/alarm/a1")) == 3)
        assert [data["state"] for data in ear.data("/alarm/a1")] == ["confirmed", "resolved"]
        assert ear.heard("/alarm/a1")[-1][1] == b""
        assert [(d["from"], d["to"]) for d in ear.data("/event")] == [
            ("candidate", "confirmed"),
            ("confirmed", "resolved"),
        ]
        assert open_.publisher.open_alarms() == []
        late = listen(broker.port)
        assert eventually(lambda: states(late) != [])
        assert late.heard("/alarm/") == []


def test_a_candidate_never_leaves_the_box(tmp_path: Path) -> None:
    with hub(mqtt(1), tmp_path) as open_:
        open_.publisher.alarms([replace(fall(), state=AlarmState.CANDIDATE, revision=0)])
        assert open_.outbox.count() == 0
        assert open_.outbox.open_alarms() == []


def test_after_a_restart_alarms_are_right_before_online_is_said(
    broker: PrivateBroker, tmp_path: Path, listen: Listen, eventually: Eventually
) -> None:
    with hub(mqtt(broker.port), tmp_path) as open_:
        open_.publisher.alarms([fall(1, "kept"), fall(2, "gone"), fall(3, "lost")])
        open_.worker.start()
        assert eventually(lambda: open_.worker.is_online and open_.outbox.count() == 0)
        # as if the file had been moved aside and only "kept" and "gone" were known again
        open_.outbox.put([], closed=["lost"])
    with hub(mqtt(broker.port), tmp_path, boot="boot-2") as open_:
        kept, gone = open_.publisher.open_alarms()
        assert (kept.id, gone.id) == ("kept", "gone")
        open_.publisher.withdraw(gone)
        ear = listen(broker.port)
        before = len(ear.heard("home/"))
        open_.worker.start()
        assert eventually(lambda: states(ear)[-1:] == ["online"])
        said = [
            (topic.rsplit("/", 1)[-1], payload) for topic, payload, _ in ear.heard("home/")[before:]
        ]
        names = [name for name, _ in said]
        online = len(names) - 1 - names[::-1].index("status")
        assert {"kept", "gone", "lost"} <= set(names[:online])
        assert ("gone", b"") in said
        assert ("lost", b"") in said
        late = listen(broker.port)
        assert eventually(lambda: len(late.heard("/alarm/kept")) == 1)
        assert eventually(lambda: states(late)[-1:] == ["online"])
        assert late.heard("/alarm/gone") == late.heard("/alarm/lost") == []


def test_the_broker_says_offline_for_a_device_that_was_killed(
    broker: PrivateBroker, tmp_path: Path, listen: Listen, eventually: Eventually
) -> None:
    ear = listen(broker.port)
    with child(broker.port, tmp_path, start=0, end=1) as device:
        assert eventually(lambda: "online" in states(ear))
        device.kill()
    assert eventually(lambda: states(ear)[-1] == "offline")


CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[5])
import test_hub
port, place, start, end = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
with test_hub.hub(test_hub.mqtt(port), place) as hub:
    hub.worker.start()
    for n in range(start, end):
        hub.publisher.alarms([test_hub.fall(n + 1, f"a{n}")])
        print(n, flush=True)
    while True:
        time.sleep(1)
"""


def child(port: int, place: Path, start: int, end: int) -> subprocess.Popen[str]:
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", CHILD, str(port), str(place), str(start), str(end), here]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_kill_9_of_the_publisher_loses_nothing(
    broker: PrivateBroker, tmp_path: Path, listen: Listen, eventually: Eventually
) -> None:
    ear = listen(broker.port)
    done, total = 0, 200
    for stop_at in (60, 130, total):
        with child(broker.port, tmp_path, done, total) as device:
            assert device.stdout is not None
            while done < stop_at:
                done = int(device.stdout.readline()) + 1
            device.send_signal(signal.SIGKILL)
            rest = device.stdout.read().split()
            done = int(rest[-1]) + 1 if rest else done
    with hub(mqtt(broker.port), tmp_path, boot="last") as open_:
        open_.worker.start()
        assert eventually(lambda: open_.worker.is_online and open_.outbox.count() == 0)
        assert len(open_.publisher.open_alarms()) == total
    wanted = {f"a{n}" for n in range(total)}
    assert eventually(lambda: {data["alarm_id"] for data in ear.data("/event")} == wanted)


def test_what_the_broker_does_not_allow_is_kept_and_tried_again(
    guarded: PrivateBroker, tmp_path: Path, listen: Listen, eventually: Eventually
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("edge-pw\n")
    settings = mqtt(guarded.port, username="edge", password_file=secret)
    with hub(settings, tmp_path) as open_:
        open_.publisher.alarms([fall()])
        open_.worker.start()
        assert eventually(lambda: open_.worker.is_online and open_.worker.problem is not None)
        assert f"give this device write access to {ROOT}/#" in str(open_.worker.problem)
        assert open_.outbox.count() == 2
    guarded.reload(
        "user hub\ntopic readwrite aal/#\nuser edge\ntopic readwrite aal/v1/home/box-1/#\n"
    )
    ear = listen(guarded.port, "hub", "hub-pw")
    with hub(settings, tmp_path, boot="boot-2") as open_:
        open_.worker.start()
        assert eventually(lambda: open_.outbox.count() == 0)
    assert eventually(lambda: [d["alarm_id"] for d in ear.data("/event")] == ["a1"])


def test_a_wrong_password_is_said_and_loses_nothing(
    guarded: PrivateBroker, tmp_path: Path, eventually: Eventually
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong")
    with hub(mqtt(guarded.port, username="edge", password_file=secret), tmp_path) as open_:
        open_.publisher.alarms([fall()])
        open_.worker.start()
        assert eventually(lambda: "refuses this device" in str(open_.worker.problem))
        assert open_.outbox.count() == 2
        secret.write_text("edge-pw")  # put right while it runs
        assert eventually(lambda: open_.worker.is_online)


def test_a_device_that_fails_is_offline_and_not_stopped(
    broker: PrivateBroker, tmp_path: Path, listen: Listen, eventually: Eventually
) -> None:
    ear = listen(broker.port)
    with suppress(RuntimeError), hub(mqtt(broker.port), tmp_path) as open_:
        open_.worker.start()
        assert eventually(lambda: open_.worker.is_online)
        raise RuntimeError("odd")
    assert eventually(lambda: states(ear) == ["online", "offline"])


def test_an_alarm_that_cannot_be_stored_is_still_said(
    broker: PrivateBroker, tmp_path: Path, listen: Listen, eventually: Eventually
) -> None:
    ear = listen(broker.port)
    with hub(mqtt(broker.port), tmp_path) as open_:
        open_.worker.start()
        assert eventually(lambda: open_.worker.is_online)
        open_.outbox._db.execute("PRAGMA query_only = ON")  # as a disk that has gone read-only
        with pytest.raises(StoreError):
            open_.publisher.alarms([fall()])
    assert eventually(lambda: [d["state"] for d in ear.data("/alarm/a1")] == ["confirmed"])
    assert eventually(lambda: len(ear.data("/event")) == 1)


def test_files_of_the_settings_are_read_before_anything_starts(tmp_path: Path) -> None:
    settings = mqtt(1, username="edge", password_file=tmp_path / "none")
    with pytest.raises(ConfigError, match="password_file"), hub(settings, tmp_path):
        pass


def test_a_fault_keeps_its_beginning_and_tells_its_latest_detail(
    broker: PrivateBroker, tmp_path: Path, listen: Listen, eventually: Eventually
) -> None:
    ear = listen(broker.port)
    with hub(mqtt(broker.port), tmp_path) as open_:
        open_.publisher.fault("camera", "no camera; plug it in")
        open_.publisher.fault("camera", "busy; stop the other program")
        open_.worker.start()
        assert eventually(lambda: len(ear.data("/fault")) == 1)
    (entry,) = ear.data("/fault")[0]["active"]
    assert entry["detail"] == "busy; stop the other program"


def test_only_scores_prove_that_inference_is_alive(tmp_path: Path) -> None:
    nothing = Fused("lounge", 0, 0, None, None, None, dict.fromkeys(MODALITIES, 0.0), {})
    with hub(mqtt(1), tmp_path) as open_:
        open_.publisher.activity(nothing)
        beat = json.loads(open_.publisher.heartbeat(1, 1.0).payload)
        assert beat["data"]["last_inference_age_ms"] is None


def test_telemetry_arrives_and_only_the_latest_waits(
    broker: PrivateBroker, tmp_path: Path, listen: Listen, eventually: Eventually
) -> None:
    actions = np.zeros(len(ACTIONS), np.float32)
    actions[ACTIONS.index("walk")] = 1
    now = SystemClock().monotonic_ns()
    gate = dict.fromkeys(MODALITIES, 0.25)
    ear = listen(broker.port)
    with hub(mqtt(broker.port), tmp_path) as open_:
        for shown in (None, actions * 0.5, actions):
            open_.publisher.activity(Fused("lounge", now, now, shown, None, None, gate, {}))
        open_.publisher.health("lounge", {Modality.RGB: ModalityHealth(state="ok")})
        open_.publisher.fault("camera", "no camera; plug it in")
        open_.publisher.restored("camera")
        open_.worker.start()
        assert eventually(lambda: len(ear.data("/heartbeat")) >= 2)
    assert [(d["action"], d["confidence"]) for d in ear.data("/activity")] == [("walk", 1.0)]
    assert ear.data("/health")[0]["modalities"]["rgb"]["state"] == "ok"
    assert ear.data("/fault") == [{"active": [], "restored": "camera"}]
    beats = ear.data("/heartbeat")
    assert [b["seq"] for b in beats] == list(range(1, len(beats) + 1))
    assert beats[0]["last_inference_age_ms"] >= 0
    assert json.loads(ear.heard("/heartbeat")[0][1])["type"] == "aal.v1.heartbeat"
