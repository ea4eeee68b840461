"""On a machine with a camera and a microphone: they deliver, at the rate that the grid needs."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.settings import MicrophoneSourceSettings
from edge.sources import gst
from edge.sources.microphone import find_microphone, open_microphone
from edge.sources.webcam import open_webcam

pytestmark = pytest.mark.sensor
CAMERA = "/dev/video0"
SECONDS = 5.0
SLOWEST_HZ = 10.0  # a frame must never be older than 100 ms


def test_the_camera_delivers_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    if not Path(CAMERA).exists():
        pytest.skip(f"needs a camera at {CAMERA}")
    times = []
    for sample in open_webcam(CAMERA).samples():
        times.append(sample.t_ns)
        if times[-1] - times[0] > SECONDS * 1e9:
            break
    rate = (len(times) - 1) / ((times[-1] - times[0]) / 1e9)
    with capsys.disabled():
        print(f"\nmeasured: {CAMERA} gives {rate:.1f} pictures a second")  # noqa: T201
    assert rate >= SLOWEST_HZ


def test_the_microphone_is_not_silent(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        microphone = find_microphone(gst.load())
    except ConfigError as error:
        pytest.skip(str(error))
    if microphone is None:
        pytest.skip("needs a microphone")
    loudest, heard = 0, 0
    for sample in open_microphone(MicrophoneSourceSettings()).samples():
        heard += len(sample.data)
        loudest = max(loudest, int(abs(sample.data.astype(int)).max(initial=0)))
        if heard > SECONDS * 16_000:
            break
    with capsys.disabled():
        print(f"\nmeasured: {microphone}, loudest sample {loudest} of 32767")  # noqa: T201
    assert loudest > 0  # digital silence is a muted or a missing microphone
