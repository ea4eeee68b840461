from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from edge.compose import check_sources, make_decider, make_window, open_file, open_source
from edge.errors import ConfigError, MissingFileError, SourceError
from edge.intake import Closable
from edge.settings import (
    DecisionSettings,
    RecordingSourceSettings,
    RoomSettings,
    WebcamSourceSettings,
    WindowSettings,
)
from edge.sources.recording import Recording
from edge.values import Sample, Stream


def test_a_file_is_known_by_its_content_not_its_name(make_recording: Callable[..., Path]) -> None:
    path = make_recording("film.mp4", seconds=0.2)
    source = open_file(path)
    assert isinstance(source, Recording)
    assert source.digest == sha256(path.read_bytes()).hexdigest()


def test_a_configured_recording_opens_with_its_streams(
    make_recording: Callable[..., Path],
) -> None:
    path = make_recording(seconds=0.2, streams=("rgb",))
    source = open_source(RecordingSourceSettings(type="recording", path=path))
    assert source.streams == frozenset({Stream.RGB})
    assert isinstance(next(iter(source.samples())), Sample)


def test_a_camera_that_is_not_there_is_a_source_error(tmp_path: Path) -> None:
    settings = WebcamSourceSettings(type="webcam", device=str(tmp_path / "video9"))
    with pytest.raises(SourceError, match="video9"):
        open_source(settings)


@pytest.mark.parametrize(
    ("keys", "offered"),
    [
        ({"type": "webcam", "device": "/dev/null"}, {Stream.RGB}),
        ({"type": "microphone", "via": "pulse"}, {Stream.AUDIO}),
        ({"type": "rtsp", "url": "rtsp://127.0.0.1/x"}, {Stream.RGB, Stream.AUDIO}),
        ({"type": "gstreamer", "stream": "rgb", "pipeline": "videotestsrc"}, {Stream.RGB}),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_each_type_of_live_source_is_opened_without_starting_it(
    keys: dict[str, Any], offered: set[Stream]
) -> None:
    room = RoomSettings.model_validate({"name": "one", "source": keys})
    try:
        source = open_source(next(iter(room.feeds.values())))
    except ConfigError as error:
        pytest.skip(str(error))
    assert source.streams == offered
    assert isinstance(source, Closable)


def test_a_fragment_that_gstreamer_refuses_is_found_without_a_device() -> None:
    keys = {"type": "gstreamer", "stream": "rgb", "pipeline": "videotestsrc"}
    rooms = [RoomSettings.model_validate({"name": "one", "source": keys})]
    try:
        check_sources(rooms)
    except ConfigError as error:
        pytest.skip(str(error))
    keys["pipeline"] = "videotestsrc ! udpsink"
    rooms.append(RoomSettings.model_validate({"name": "two", "sources": [keys]}))
    with pytest.raises(ConfigError, match=r"room two: source\.pipeline: udpsink is refused"):
        check_sources(rooms)


def test_a_file_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        open_file(tmp_path / "none.mcap")


def test_window_and_decider_are_made_for_one_room() -> None:
    assert make_window(frozenset({Stream.RGB}), WindowSettings()).flush() == []
    assert make_decider("one", DecisionSettings(), "box", "boot") is not None
