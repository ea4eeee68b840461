from __future__ import annotations

import logging

import pytest

from edge.clock import ManualClock
from edge.errors import DeviceAbsentError, DeviceBusyError, DeviceLostError, GatehouseError
from edge.intake import Ended, Started
from edge.outages import RoomOutages
from edge.values import Stream


class Told:
    """Keeps what it is told, in order."""

    def __init__(self) -> None:
        self.words: list[tuple[str, str]] = []

    def fault(self, code: str, detail: str) -> None:
        self.words.append((code, detail))

    def restored(self, code: str) -> None:
        self.words.append((code, "restored"))


CAMERA, MICROPHONE = frozenset({Stream.RGB}), frozenset({Stream.AUDIO})


def room(told: Told, clock: ManualClock | None = None) -> RoomOutages:
    outages = RoomOutages("left", told, clock or ManualClock())
    outages.expect("rgb", CAMERA)
    outages.expect("audio", MICROPHONE)
    return outages


def lose(outages: RoomOutages, source: str, error: GatehouseError, final: bool = False) -> None:
    outages.ended(Ended(error, final, source))


def test_a_loss_is_told_once_however_often_it_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = Told()
    outages = room(told)
    for _ in range(50):
        outages.started(Started(MICROPHONE, "audio"))
        lose(outages, "audio", DeviceAbsentError("no microphone"))
    assert told.words == [("source.left.audio", "no microphone")]
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == [
        "source failed, will be tried again room=left source=audio: no microphone"
    ]


def test_a_loss_that_turns_out_to_be_of_another_kind_is_told_again_once() -> None:
    told = Told()
    outages = room(told)
    kinds = [DeviceLostError("lost"), DeviceBusyError("busy")] * 20
    for error in kinds:
        lose(outages, "rgb", error)
    assert told.words == [("source.left.rgb", "lost"), ("source.left.rgb", "busy")]


def test_the_end_of_a_loss_is_told_with_its_length_and_the_attempts(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    told, clock = Told(), ManualClock()
    outages = room(told, clock)
    for _ in range(3):
        lose(outages, "audio", DeviceAbsentError("none"))
        clock.advance(ms=20_000)
    outages.started(Started(MICROPHONE, "audio"))
    assert told.words[-1] == ("source.left.audio", "none")  # open, but nothing has come yet
    outages.delivered(Stream.AUDIO)
    assert told.words[-1] == ("source.left.audio", "restored")
    assert "source restored room=left source=audio after_s=60 attempts=3" in caplog.text
    outages.delivered(Stream.AUDIO)
    assert len(told.words) == 2


def test_samples_of_one_source_do_not_restore_another() -> None:
    told = Told()
    outages = room(told)
    lose(outages, "audio", DeviceAbsentError("none"))
    outages.delivered(Stream.RGB)
    assert outages.error is not None
    assert ("source.left.audio", "restored") not in told.words


def test_the_next_loss_is_told_anew() -> None:
    told = Told()
    outages = room(told)
    for _ in range(2):
        lose(outages, "rgb", DeviceLostError("lost"))
        outages.delivered(Stream.RGB)
    assert [word for _, word in told.words] == ["lost", "restored"] * 2


def test_a_room_offers_what_its_sources_will_give_also_while_they_are_lost() -> None:
    outages = room(Told())
    assert outages.streams == CAMERA | MICROPHONE
    outages.started(Started(CAMERA, "rgb"))
    assert (outages.streams, outages.runs) == (CAMERA | MICROPHONE, True)
    lose(outages, "rgb", DeviceLostError("lost"))
    assert (outages.streams, outages.runs) == (CAMERA | MICROPHONE, False)


def test_a_room_is_over_when_all_its_sources_are() -> None:
    outages = room(Told())
    lose(outages, "audio", DeviceAbsentError("none"), final=True)
    assert not outages.over
    outages.ended(Ended(None, final=True, source="rgb"))
    assert outages.over
    assert isinstance(outages.error, DeviceAbsentError)


def test_a_rooms_only_source_needs_no_name() -> None:
    told = Told()
    outages = RoomOutages("left", told, ManualClock())
    outages.expect("file")
    lose(outages, "file", DeviceAbsentError("none"))
    assert told.words == [("source.left", "none")]
