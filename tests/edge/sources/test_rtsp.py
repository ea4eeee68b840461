from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from edge.errors import ConfigError, DeviceAbsentError, DeviceDeniedError, DeviceLostError
from edge.settings import RtspSourceSettings
from edge.sources import gst as core
from edge.sources.rtsp import open_rtsp
from edge.values import Sample, Stream

try:
    GST = core.load()
except ConfigError as error:
    pytest.skip(str(error), allow_module_level=True)
for ELEMENT in ("rtspsrc", "jpegenc", "rtpjpegpay", "mulawenc"):
    if GST.ElementFactory.find(ELEMENT) is None:
        pytest.skip(f"no {ELEMENT}: apt install {core.PACKAGES}", allow_module_level=True)


def settings(url: str, **more: Any) -> RtspSourceSettings:
    return RtspSourceSettings(type="rtsp", url=url, **more)


def seen(given: RtspSourceSettings, wanted: set[Stream]) -> dict[Stream, list[Sample]]:
    """Ten pictures and, if wanted, as many chunks of sound."""
    source = open_rtsp(given)
    found: dict[Stream, list[Sample]] = {stream: [] for stream in source.streams}
    for sample in source.samples():
        found[sample.stream].append(sample)
        if all(len(found[stream]) >= 10 for stream in wanted):
            source.close()
    return found


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_network_camera_is_seen_and_heard(network_camera: Any, transport: str) -> None:
    network_camera.start()
    both = {Stream.RGB, Stream.AUDIO}
    found = seen(settings(network_camera.url, transport=transport), both)
    assert found.keys() == both
    assert {picture.data.shape for picture in found[Stream.RGB]} == {(240, 320, 3)}
    for samples in found.values():
        times = [sample.t_ns for sample in samples]
        assert times == sorted(set(times))


def test_a_camera_without_a_microphone_is_seen_all_the_same(network_camera: Any) -> None:
    network_camera.start("--mute")
    found = seen(settings(network_camera.url), {Stream.RGB})
    assert len(found[Stream.RGB]) >= 10
    assert found[Stream.AUDIO] == []


def test_a_microphone_that_is_not_wanted_is_not_heard(network_camera: Any) -> None:
    network_camera.start()
    found = seen(settings(network_camera.url, microphone=False), {Stream.RGB})
    assert found.keys() == {Stream.RGB}


def test_a_camera_whose_plug_is_pulled_is_lost(network_camera: Any) -> None:
    network_camera.start()
    samples = iter(open_rtsp(settings(network_camera.url)).samples())
    next(samples)
    network_camera.kill()
    with pytest.raises(DeviceLostError, match=r"camera rtsp://127\.0\.0\.1:\d+: .*; check the"):
        list(samples)


def test_nobody_at_the_address_is_absent() -> None:
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        url = f"rtsp://127.0.0.1:{taken.getsockname()[1]}/secret-path"
        with pytest.raises(DeviceAbsentError, match=r"; check source\.url") as caught:
            list(open_rtsp(settings(url)).samples())
    assert "secret" not in str(caught.value)


def test_the_password_opens_and_a_wrong_one_is_told_without_showing_it(
    network_camera: Any, tmp_path: Path
) -> None:
    network_camera.start("--password", "nurse", "sesame")
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("sesame\n")
    wrong.write_text("barley\n")
    with_right = settings(network_camera.url, username="nurse", password_file=right)
    assert len(seen(with_right, {Stream.RGB})[Stream.RGB]) >= 10
    for given in (
        settings(network_camera.url),
        settings(network_camera.url, username="nurse", password_file=wrong),
    ):
        with pytest.raises(DeviceDeniedError, match=r"check source\.username") as caught:
            list(open_rtsp(given).samples())
        assert "barley" not in str(caught.value)


def test_the_password_is_in_no_description_of_the_source(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("sesame\n")
    given = settings("rtsp://127.0.0.1/x", username="nurse", password_file=secret)
    plan = open_rtsp(given).plan
    assert "sesame" not in repr(plan)
    assert plan.properties["device"]["user-pw"] == "sesame"


def test_a_password_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    given = settings("rtsp://127.0.0.1/x", username="nurse", password_file=tmp_path / "none")
    with pytest.raises(ConfigError, match="none: No such file"):
        open_rtsp(given)
