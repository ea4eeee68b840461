from __future__ import annotations

import socket
from pathlib import Path

from edge.health import REPEAT_NS, Notifier, RoomHealth, all_missing, room_health
from edge.values import Reason
from edge.vocabulary import MODALITIES, Modality


def test_systemd_hears_ready_a_pulse_each_second_and_stopping(tmp_path: Path) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(5)
        notifier = Notifier(str(address))
        notifier.ready()
        for now_ms in (1_000, 1_400, 2_100):
            notifier.watchdog(now_ms * 1_000_000)
        notifier.stopping()
        heard = [systemd.recv(64) for _ in range(4)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_without_systemd_nothing_is_said_and_nothing_fails(tmp_path: Path) -> None:
    Notifier("").ready()
    Notifier(str(tmp_path / "nobody")).ready()
    assert list(tmp_path.iterdir()) == []


def test_health_is_news_at_first_at_a_change_and_every_half_minute() -> None:
    health = RoomHealth()
    dark = {Modality.RGB: Reason.STALE}
    assert health.is_news({}, 0)
    assert not health.is_news({}, 1)
    assert health.is_news(dark, 2)
    assert not health.is_news(dark, REPEAT_NS + 1)
    assert health.is_news(dark, REPEAT_NS + 2)


def test_a_silent_room_keeps_the_reasons_it_had() -> None:
    missing = all_missing(Reason.STALE, {Modality.DEPTH: Reason.ABSENT})
    assert set(missing) == set(MODALITIES)
    assert missing[Modality.DEPTH] is Reason.ABSENT
    assert missing[Modality.RGB] is Reason.STALE


def test_health_names_every_modality() -> None:
    told = room_health({Modality.AUDIO: Reason.UNHEALTHY})
    assert {m: state.state for m, state in told.items()} == {
        Modality.RGB: "ok",
        Modality.FLOW: "ok",
        Modality.DEPTH: "ok",
        Modality.AUDIO: "missing",
    }
    assert told[Modality.AUDIO].reason == "unhealthy"
