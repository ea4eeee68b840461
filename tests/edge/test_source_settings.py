from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from edge.settings import (
    GstreamerSourceSettings,
    MediaSourceSettings,
    MicrophoneSourceSettings,
    RoomSettings,
    RtspSourceSettings,
    WebcamSourceSettings,
)

FRAGMENT = {"type": "gstreamer", "stream": "rgb", "pipeline": "videotestsrc"}


def room(**keys: Any) -> RoomSettings:
    return RoomSettings.model_validate({"name": "left", **keys})


def test_a_webcam_and_its_microphone_are_sources_of_their_own() -> None:
    feeds = room(source={"type": "webcam", "device": "/dev/video3"}).feeds
    assert list(feeds) == ["rgb", "audio"]
    assert feeds["rgb"] == WebcamSourceSettings(
        type="webcam", device="/dev/video3", microphone=False
    )
    assert feeds["audio"] == MicrophoneSourceSettings()


def test_a_webcam_without_a_microphone_is_one_source() -> None:
    feeds = room(source={"type": "webcam", "microphone": False}).feeds
    assert list(feeds) == ["rgb"]


def test_several_devices_of_a_room_are_opened_under_the_names_of_what_they_give() -> None:
    sources = [{"type": "realsense"}, {"type": "microphone", "via": "alsa", "device": "hw:1"}]
    assert list(room(sources=sources).feeds) == ["rgb-depth", "audio"]
    assert list(room(sources=[{"type": "realsense", "color": None}, FRAGMENT]).feeds) == [
        "depth",
        "rgb",
    ]


def test_a_network_camera_is_one_source_because_it_is_one_connection() -> None:
    assert list(room(source={"type": "rtsp", "url": "rtsp://10.0.0.2/main"}).feeds) == ["rgb-audio"]


def test_a_file_is_one_source() -> None:
    feeds = room(source={"type": "media", "path": "a.mp4"}).feeds
    assert list(feeds) == ["file"]
    assert isinstance(feeds["file"], MediaSourceSettings)


@pytest.mark.parametrize(
    "sources",
    [
        [{"type": "webcam"}, {"type": "microphone"}],
        [{"type": "webcam", "microphone": False}, FRAGMENT],
        [{"type": "realsense"}, {"type": "rtsp", "url": "rtsp://10.0.0.2/"}],
    ],
)
def test_two_sources_of_the_same_stream_are_refused(sources: list[Any]) -> None:
    with pytest.raises(ValidationError, match=r"two give (audio|rgb); a room has one camera"):
        room(sources=sources)


@pytest.mark.parametrize(
    "keys", [{}, {"sources": []}, {"source": FRAGMENT, "sources": [{"type": "microphone"}]}]
)
def test_a_room_has_either_one_source_or_a_list(keys: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="give either source, or sources"):
        room(**keys)


def test_files_are_no_part_of_a_list_because_their_time_is_their_own() -> None:
    with pytest.raises(ValidationError, match="media"):
        room(sources=[{"type": "media", "path": "a.mp4"}])


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.2/",
        "rtsp://nurse:sesame@10.0.0.2/",
        "rtsp://",
        "rtsp://10.0.0.2/a b",
        "rtsp://10.0.0.2/\n",
    ],
)
def test_an_address_is_one_of_rtsp_and_holds_no_password(url: str) -> None:
    with pytest.raises(ValidationError, match="url"):
        RtspSourceSettings(type="rtsp", url=url)


def test_a_name_without_its_password_is_refused() -> None:
    with pytest.raises(ValidationError, match="go together"):
        RtspSourceSettings(type="rtsp", url="rtsp://10.0.0.2/", username="nurse")


def test_a_device_has_a_name_only_where_it_is_known_who_calls_it_so() -> None:
    with pytest.raises(ValidationError, match="device needs via"):
        MicrophoneSourceSettings(device="hw:1")


def test_a_fragment_gives_pictures_or_sound() -> None:
    with pytest.raises(ValidationError, match="stream"):
        GstreamerSourceSettings.model_validate({**FRAGMENT, "stream": "depth"})
