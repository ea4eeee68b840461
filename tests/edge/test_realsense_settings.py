"""The source type realsense in a configuration."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from edge.realsense_settings import RealSenseSourceSettings
from edge.settings import RoomSettings, Settings, SourceSettings
from edge.values import Stream


def parsed(**given: Any) -> RealSenseSourceSettings:
    source = TypeAdapter(SourceSettings).validate_python({"type": "realsense", **given})
    assert isinstance(source, RealSenseSourceSettings)
    return source


def test_the_type_alone_is_enough() -> None:
    source = parsed()
    assert source.streams == {Stream.RGB, Stream.DEPTH}
    assert source.depth is not None
    assert (source.depth.width, source.depth.height, source.depth.fps) == (640, 480, 30)


def test_a_stream_can_be_switched_off_but_not_both() -> None:
    assert parsed(color=None).streams == {Stream.DEPTH}
    with pytest.raises(ValidationError, match="color and depth are both off"):
        parsed(color=None, depth=None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"filters": {"decimation": 9}},
        {"filters": {"hole_filling": "guess"}},
        {"align": "left"},
        {"mains_hz": 55},
        {"depth": {"width": 640, "hight": 480}},
        {"serial": ""},
    ],
)
def test_what_no_camera_knows_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        parsed(**wrong)


def test_a_room_has_a_camera_and_a_microphone_beside_it() -> None:
    room = RoomSettings.model_validate(
        {"name": "one", "sources": [{"type": "realsense"}, {"type": "microphone"}]}
    )
    assert set(room.feeds) == {"rgb-depth", "audio"}


@pytest.mark.parametrize(("left", "right"), [("A", "A"), (None, "A"), (None, None)])
def test_two_rooms_do_not_share_a_camera(left: str | None, right: str | None) -> None:
    rooms = [
        {"name": name, "source": {"type": "realsense", "serial": serial}}
        for name, serial in (("left", left), ("right", right))
    ]
    with pytest.raises(ValidationError, match="give each RealSense camera its own serial"):
        Settings.model_validate({"site": "s", "device": "d", "rooms": rooms})


def test_two_rooms_with_two_cameras_are_fine() -> None:
    rooms = [{"name": name, "source": {"type": "realsense", "serial": name}} for name in ("A", "B")]
    settings = Settings.model_validate({"site": "s", "device": "d", "rooms": rooms})
    assert len(settings.rooms) == 2
