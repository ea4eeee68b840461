from __future__ import annotations

from typing import Any

import pytest

from edge.errors import ConfigError, DeviceError
from edge.sources import gst as core
from edge.sources import webcam
from edge.values import Stream

try:
    GST = core.load()
except ConfigError as error:
    pytest.skip(str(error), allow_module_level=True)

S = 1_000_000_000


def test_a_missing_camera_is_said_at_once() -> None:
    with pytest.raises(DeviceError, match=r"no camera at /dev/video99; plug it in"):
        webcam.Webcam("/dev/video99")


@pytest.mark.parametrize("microphone", [False, True])
def test_what_is_no_camera_is_said_when_it_is_opened(microphone: bool) -> None:
    if GST.ElementFactory.find("v4l2src") is None:
        pytest.skip("GStreamer has no v4l2src here")
    camera = webcam.Webcam("/dev/null", microphone)
    assert (Stream.AUDIO in camera.streams) is microphone
    with pytest.raises(DeviceError, match=r"/dev/null: .*; check the cable"):
        next(iter(camera.samples()))


def test_live_samples_carry_the_time_of_the_pipelines_clock() -> None:
    description = (
        f"videotestsrc is-live=true num-buffers=6 ! decodebin ! {core.PICTURES} "
        "! appsink name=rgb sync=false audiotestsrc is-live=true num-buffers=10 "
        f"! {core.SOUND} ! appsink name=audio sync=false"
    )
    with core.opened(GST, description) as pipeline:
        clock = GST.SystemClock.obtain()
        pipeline.bin.use_clock(clock)
        before = clock.get_time()
        pipeline.play()
        samples = list(webcam.live(pipeline, lambda: 0.0))
        after = clock.get_time()
    assert {sample.stream for sample in samples} == {Stream.RGB, Stream.AUDIO}
    assert all(before - S <= sample.t_ns <= after for sample in samples)


def test_a_camera_that_stops_giving_pictures_is_noticed() -> None:
    times = iter(range(100))
    description = "appsrc is-live=true ! appsink name=rgb sync=false"
    with core.opened(GST, description) as pipeline:
        pipeline.play()
        with pytest.raises(core.GstError, match="no picture for 5 s"):
            list(webcam.live(pipeline, lambda: float(next(times))))


def test_the_cameras_pipeline_is_one_that_gstreamer_accepts() -> None:
    if GST.ElementFactory.find("v4l2src") is None:
        pytest.skip("GStreamer has no v4l2src here")
    with core.opened(GST, webcam.description("/dev/video0", "audiotestsrc")) as pipeline:
        names = {"rgb", "audio"}
        assert {name for name in names if pipeline.bin.get_by_name(name)} == names


class Sounds:
    """A GStreamer whose sound elements answer as told; None: not installed."""

    State, StateChangeReturn = GST.State, GST.StateChangeReturn

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, list[Any]()
        self.ElementFactory = self

    def make(self, name: str, _: None) -> Any:
        self.name = name
        return self if self.answers.get(name) else None

    def set_state(self, state: Any) -> Any:
        self.asked.append((self.name, state))
        return self.answers[self.name]


def test_a_sound_server_that_is_down_leaves_it_to_the_card() -> None:
    yes, no = GST.StateChangeReturn.SUCCESS, GST.StateChangeReturn.FAILURE
    assert webcam.find_microphone(Sounds(pulsesrc=no, alsasrc=yes)) == "alsasrc"
    assert webcam.find_microphone(Sounds(alsasrc=yes)) == "alsasrc"
    assert webcam.find_microphone(Sounds(pulsesrc=no, alsasrc=no)) is None
    assert webcam.find_microphone(Sounds()) is None


def test_looking_for_a_microphone_keeps_none_open() -> None:
    sounds = Sounds(pulsesrc=GST.StateChangeReturn.ASYNC)
    assert webcam.find_microphone(sounds) == "pulsesrc"
    assert sounds.asked[-1] == ("pulsesrc", GST.State.NULL)
