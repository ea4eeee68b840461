from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from edge.clock import SystemClock
from edge.compose import make_window, open_source
from edge.decision.decider import RoomDecider
from edge.decision.ids import AlarmIds
from edge.errors import DeviceError, MissingFileError
from edge.health import Notifier
from edge.intake import Ended, Started
from edge.models import Models
from edge.outbox.payload import ModalityHealth
from edge.pipeline import Pipeline
from edge.settings import DecisionSettings, RecordingSourceSettings, RoomSettings, WindowSettings
from edge.stages import Synchroniser
from edge.values import Alarm, Fused, Sample, Stream
from edge.vocabulary import MODALITIES, AlarmClass, Modality
from edge.watcher import Watcher

Make = Callable[..., Path]


class MemoryHub:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told_alarms: list[Alarm] = []
        self.activities: list[Fused] = []
        self.healths: list[tuple[str, Mapping[Modality, ModalityHealth]]] = []
        self.faults: dict[str, str] = {}

    def alarms(self, changed: Sequence[Alarm]) -> None:
        self.told_alarms += changed

    def activity(self, fused: Fused) -> None:
        self.activities.append(fused)

    def health(self, room: str, modalities: Mapping[Modality, ModalityHealth]) -> None:
        self.healths.append((room, modalities))

    def fault(self, code: str, detail: str) -> None:
        self.faults[code] = detail

    def restored(self, code: str) -> None:
        self.faults.pop(code, None)


def room(name: str, path: Path) -> RoomSettings:
    source = RecordingSourceSettings(type="recording", path=path, realtime=False)
    return RoomSettings(name=name, source=source)


def watch(rooms: Sequence[RoomSettings], models: Models, hub: MemoryHub) -> int:
    ids = AlarmIds("box", "boot")
    deciders = {r.name: RoomDecider(r.name, DecisionSettings(), ids) for r in rooms}
    pipeline = Pipeline(models.encoders, models.fusion, deciders)
    return Watcher(pipeline, deciders, hub, SystemClock()).run(
        rooms,
        open_source,
        lambda streams: make_window(streams, WindowSettings()),
        Notifier(""),
        threading.Event(),
    )


def test_two_rooms_share_one_process_and_keep_their_own_alarms(
    make_recording: Make, models: Models
) -> None:
    hub = MemoryHub()
    rooms = [
        room("left", make_recording("left.mcap", fall_s=1.2)),
        room("right", make_recording("right.mcap", streams=("rgb", "audio"))),
    ]
    assert watch(rooms, models, hub) == 0
    assert {fused.room for fused in hub.activities} == {"left", "right"}
    assert [(a.room, a.alarm_class) for a in hub.told_alarms] == [("left", AlarmClass.FALL)]


def test_a_room_whose_file_has_ended_is_told_as_missing_everything(
    make_recording: Make, models: Models
) -> None:
    hub = MemoryHub()
    watch([room("left", make_recording(seconds=2))], models, hub)
    assert hub.activities[-2].actions is not None
    assert hub.activities[-1].actions is None
    name, health = hub.healths[-1]
    assert name == "left"
    assert {health[m].state for m in MODALITIES} == {"missing"}


def test_a_room_without_its_file_leaves_the_others_watched(
    make_recording: Make, models: Models, tmp_path: Path
) -> None:
    hub = MemoryHub()
    rooms = [room("left", tmp_path / "none.mcap"), room("right", make_recording())]
    assert watch(rooms, models, hub) == 1
    assert {fused.room for fused in hub.activities} == {"right"}
    assert list(hub.faults) == ["source.left"]
    assert "none.mcap" in hub.faults["source.left"]


def test_when_no_room_has_its_file_the_error_is_raised(models: Models, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        watch([room("left", tmp_path / "none.mcap")], models, MemoryHub())


def test_a_fault_of_a_source_is_over_when_it_delivers_and_not_when_it_opens(
    models: Models,
) -> None:
    hub = MemoryHub()
    decider = RoomDecider("left", DecisionSettings(), AlarmIds("box", "boot"))
    pipeline = Pipeline(models.encoders, models.fusion, {"left": decider})
    watcher = Watcher(pipeline, {"left": decider}, hub, SystemClock())

    def window(streams: frozenset[Stream]) -> Synchroniser:
        return make_window(streams, WindowSettings())

    watcher._advance("left", Ended(DeviceError("no picture"), final=False), window)
    watcher._advance("left", Started(frozenset({Stream.RGB})), window)
    assert hub.faults == {"source.left": "no picture"}
    watcher._advance("left", Sample(Stream.RGB, 0, np.zeros((4, 4, 3), np.uint8)), window)
    assert hub.faults == {}
