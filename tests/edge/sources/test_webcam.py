from __future__ import annotations

import pytest

from edge.errors import ConfigError, DeviceAbsentError, DeviceFormatError
from edge.sources import gst as core
from edge.sources import webcam
from edge.values import Stream

try:
    GST = core.load()
except ConfigError as error:
    pytest.skip(str(error), allow_module_level=True)
if GST.ElementFactory.find("v4l2src") is None:
    pytest.skip(f"GStreamer has no v4l2src: apt install {core.PACKAGES}", allow_module_level=True)


def test_a_missing_camera_is_said_at_once() -> None:
    with pytest.raises(DeviceAbsentError, match=r"no camera at /dev/video99; plug the camera in"):
        webcam.open_webcam("/dev/video99")


def test_what_is_no_camera_is_said_when_it_is_opened() -> None:
    camera = webcam.open_webcam("/dev/null")
    assert camera.streams == {Stream.RGB}
    with pytest.raises(DeviceFormatError, match=r"camera /dev/null: .*; set source\.device to"):
        next(iter(camera.samples()))


def test_the_cameras_pipeline_is_one_that_gstreamer_accepts() -> None:
    with core.opened(GST, webcam.DESCRIPTION) as pipeline:
        assert pipeline.bin.get_by_name("rgb") is not None
        assert pipeline.bin.get_by_name("device").find_property("device") is not None
