"""A room with a camera and a real sound server: losing the one leaves the other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from edge.clock import SystemClock
from edge.compose import make_window, open_source
from edge.decision.decider import RoomDecider
from edge.decision.ids import AlarmIds
from edge.errors import ConfigError
from edge.health import Notifier
from edge.models import Models
from edge.outbox.payload import ModalityHealth
from edge.pipeline import Pipeline
from edge.settings import DecisionSettings, RoomSettings, WindowSettings
from edge.sources import gst as core
from edge.values import Alarm, Fused, Reason
from edge.vocabulary import Modality
from edge.watcher import Watcher

try:
    GST = core.load()
except ConfigError as error:
    pytest.skip(str(error), allow_module_level=True)

CAMERA = {
    "type": "gstreamer",
    "stream": "rgb",
    "pipeline": "videotestsrc is-live=true pattern=snow "
    "! video/x-raw,width=160,height=120,framerate=30/1",
}
MICROPHONE = {"type": "microphone", "via": "pulse", "device": "mic.monitor"}
WaitFor = Callable[[Callable[[], bool]], None]


class MemoryHub:
    """Keeps what it is told, in order."""

    def __init__(self) -> None:
        self.faults: list[tuple[str, str]] = []
        self.health_told: list[Mapping[Modality, ModalityHealth]] = []
        self.seen: list[Mapping[Modality, Reason]] = []

    def alarms(self, changed: Sequence[Alarm]) -> None:
        """Noise on a screen may look like anything."""

    def activity(self, fused: Fused) -> None:
        self.seen.append(fused.missing)

    def health(self, _room: str, modalities: Mapping[Modality, ModalityHealth]) -> None:
        self.health_told.append(modalities)

    def fault(self, code: str, detail: str) -> None:
        self.faults.append((code, detail))

    def restored(self, code: str) -> None:
        self.faults.append((code, "restored"))


@contextmanager
def watched(models: Models, hub: MemoryHub, *sources: dict[str, Any]) -> Iterator[None]:
    """A room that is watched meanwhile; afterwards no thread of it is left."""
    before = set(threading.enumerate())
    room = RoomSettings.model_validate({"name": "left", "sources": sources})
    decider = RoomDecider("left", DecisionSettings(), AlarmIds("box", "boot"))
    pipeline = Pipeline(models.encoders, models.fusion, {"left": decider})
    watcher, stop = Watcher(pipeline, {"left": decider}, hub, SystemClock()), threading.Event()

    def window(streams: Any) -> Any:
        return make_window(streams, WindowSettings())

    arguments = ([room], open_source, window, Notifier(""), stop)
    thread = threading.Thread(target=watcher.run, args=arguments)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
    assert {t for t in threading.enumerate() if not is_hung(t)} <= before


def is_hung(thread: threading.Thread) -> bool:
    """Whether it waits for a device that does not answer."""
    return thread.name.startswith("source-left-audio: ")


def tone() -> str:
    return "audiotestsrc is-live=true ! pulsesink device=mic buffer-time=100000 latency-time=20000"


def complete(missing: Mapping[Modality, Reason]) -> bool:
    return not {Modality.RGB, Modality.FLOW, Modality.AUDIO} & missing.keys()


def test_losing_the_microphone_leaves_the_picture_and_it_comes_back_by_itself(
    sound_server: Any, wait_for: WaitFor, models: Models
) -> None:
    hub = MemoryHub()
    with watched(models, hub, CAMERA, MICROPHONE):
        with core.opened(GST, tone()) as playing:
            playing.play()
            wait_for(lambda: any(map(complete, hub.seen)))
            sound_server.kill()
        wait_for(lambda: bool(hub.faults))
        told = len(hub.seen)
        deaf = {Modality.AUDIO: Reason.STALE, Modality.DEPTH: Reason.ABSENT}
        wait_for(lambda: deaf in hub.seen[told:])

        sound_server.start()
        with core.opened(GST, tone()) as playing:
            playing.play()
            wait_for(lambda: hub.faults[-1] == ("source.left.audio", "restored"))
            back = len(hub.seen)
            wait_for(lambda: any(map(complete, hub.seen[back:])))
    assert {code for code, _ in hub.faults} == {"source.left.audio"}
    kinds = [detail for _, detail in hub.faults if detail != "restored"]
    assert len(kinds) == len(set(kinds)) <= 2  # lost, then absent: each once
    assert all(Modality.RGB not in missing for missing in hub.seen[told:])


def test_losing_the_camera_leaves_the_sound_and_it_comes_back_by_itself(
    sound_server: Any, network_camera: Any, wait_for: WaitFor, models: Models
) -> None:
    network_camera.start()
    rtsp = {"type": "rtsp", "url": network_camera.url, "microphone": False}
    hub = MemoryHub()
    with core.opened(GST, tone()) as playing, watched(models, hub, rtsp, MICROPHONE):
        playing.play()
        wait_for(lambda: any(map(complete, hub.seen)))

        network_camera.kill()
        blind = {
            Modality.RGB: Reason.STALE,
            Modality.FLOW: Reason.STALE,
            Modality.DEPTH: Reason.ABSENT,
        }
        wait_for(lambda: blind in hub.seen)

        network_camera.start()
        wait_for(lambda: hub.faults[-1] == ("source.left.rgb", "restored"))
        back = len(hub.seen)
        wait_for(lambda: any(map(complete, hub.seen[back:])))
    assert {code for code, _ in hub.faults} == {"source.left.rgb"}
    assert sum(detail == "restored" for _, detail in hub.faults) == 1


def test_a_microphone_that_was_never_there_is_told_once_and_the_room_is_seen(
    wait_for: WaitFor, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent/socket")
    hub = MemoryHub()
    with watched(models, hub, CAMERA, MICROPHONE):
        wait_for(lambda: len(hub.seen) >= 6)
    assert [code for code, _ in hub.faults] == ["source.left.audio"]
    assert hub.health_told[-1][Modality.AUDIO].reason == "stale"
    assert hub.health_told[-1][Modality.RGB].state == "ok"


def test_a_mistake_in_a_fragment_is_given_up_and_leaves_the_room_its_camera(
    wait_for: WaitFor, models: Models
) -> None:
    wrong = {"type": "gstreamer", "stream": "audio", "pipeline": "audiotestsrc ! noSuchElement"}
    hub = MemoryHub()
    with watched(models, hub, CAMERA, wrong):
        wait_for(lambda: len(hub.seen) >= 4)
    ((code, detail),) = hub.faults
    assert code == "source.left.audio"
    assert "noSuchElement" in detail


def test_a_sound_server_that_hangs_holds_up_neither_the_pictures_nor_the_end(
    sound_server: Any, wait_for: WaitFor, models: Models
) -> None:
    hub, before = MemoryHub(), set(threading.enumerate())
    with core.opened(GST, tone()) as playing:
        playing.play()
        with watched(models, hub, CAMERA, MICROPHONE):
            wait_for(lambda: any(map(complete, hub.seen)))
            sound_server.freeze()
            wait_for(lambda: bool(hub.faults))
            told = len(hub.seen)
            wait_for(lambda: len(hub.seen) >= told + 8)
            hung = [thread for thread in threading.enumerate() if is_hung(thread)]
            assert len(hung) == 1
        sound_server.kill()
    assert hub.faults[0][0] == "source.left.audio"
    assert "no sound for 5 s" in hub.faults[0][1]
    assert all(Modality.RGB not in missing for missing in hub.seen[told:])
    wait_for(lambda: set(threading.enumerate()) <= before)  # the server's end is an answer, too
