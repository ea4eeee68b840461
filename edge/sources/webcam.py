"""A V4L2 camera and the default microphone, live: late samples are dropped, oldest first.

The pipeline runs on the system's monotonic clock, so base time plus running time is the capture
time on CLOCK_MONOTONIC.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edge.errors import DeviceError
from edge.sources import gst as core
from edge.values import Sample, Stream

log = logging.getLogger(__name__)

_MODES = ",width=[160,1280],framerate=[10/1,60/1]"
_MICROPHONES = ("pulsesrc", "alsasrc")
_NO_MICROPHONE = (
    "plug one in, apt install gstreamer1.0-pulseaudio gstreamer1.0-alsa, "
    "or set source.microphone: false; until then the room is watched without sound"
)
_SILENT_S = 5.0  # a camera that gives nothing for this long has stopped


class Webcam:
    """RGB and, when asked for, AUDIO of this computer; satisfies ``stages.Source``.

    Raises, on opening: DeviceError when the camera is not there; ConfigError without GStreamer.
    """

    def __init__(self, device: str = "/dev/video0", microphone: bool = True) -> None:
        self._device, self._microphone = device, microphone
        if not Path(device).exists():
            raise DeviceError(f"no camera at {device}; plug it in, or set another source.device")
        self._gst = core.load()

    @property
    def streams(self) -> frozenset[Stream]:
        """RGB, and AUDIO with a microphone."""
        return frozenset({Stream.RGB, Stream.AUDIO} if self._microphone else {Stream.RGB})

    def samples(self) -> Iterator[Sample]:
        """Samples as they come, never ending; without sound while no microphone answers.

        Raises: DeviceError when the camera cannot be opened, or camera or microphone stop.
        """
        microphone = find_microphone(self._gst) if self._microphone else None
        if self._microphone and microphone is None:
            log.warning("no microphone device=%s: %s", self._device, _NO_MICROPHONE)
        try:
            with core.opened(self._gst, description(self._device, microphone)) as pipeline:
                pipeline.bin.use_clock(self._gst.SystemClock.obtain())
                pipeline.play()
                yield from live(pipeline, time.monotonic)
        except core.GstError as error:
            raise DeviceError(
                f"{self._device}: {error}; check the cable, and that no other program uses it"
            ) from error


def description(device: str, microphone: str | None) -> str:
    """The pipeline; its appsinks are called rgb and audio.  microphone: a GStreamer element"""
    camera = (
        f'v4l2src device="{device}" ! video/x-raw{_MODES};image/jpeg{_MODES} '
        f"! decodebin force-sw-decoders=true ! {core.PICTURES} "
        "! appsink name=rgb sync=false max-buffers=2 drop=true"
    )
    if microphone is None:
        return camera
    sound = f"{microphone} ! {core.SOUND} ! appsink name=audio sync=false max-buffers=50 drop=true"
    return f"{camera} {sound}"


def live(pipeline: core.Pipeline, now: Callable[[], float]) -> Iterator[Sample]:
    """The samples of a playing pipeline, capture times on its clock; ends when the pipeline does.

    now: seconds, to notice a camera that stopped   Raises: GstError.
    """
    sinks = {
        stream: sink
        for stream in (Stream.RGB, Stream.AUDIO)
        if (sink := pipeline.bin.get_by_name(stream.value)) is not None
    }
    last_picture = now()
    while not all(sink.is_eos() for sink in sinks.values()):
        for stream, sink in sinks.items():
            # waiting is done at the camera; the microphone is then emptied
            timeout_ns = 20_000_000 if stream is Stream.RGB else 0
            while delivery := pipeline.pull(sink, timeout_ns):
                if delivery.t_ns is not None:
                    yield _sample(stream, delivery, pipeline.bin.get_base_time())
                if stream is Stream.RGB:
                    last_picture = now()
                    break
        if now() - last_picture > _SILENT_S:
            raise core.GstError(f"no picture for {_SILENT_S:.0f} s")


def _sample(stream: Stream, delivery: core.Delivery, base_ns: int) -> Sample:
    data = delivery.data.view("<i2").astype(np.int16) if stream is Stream.AUDIO else delivery.data
    return Sample(stream, base_ns + (delivery.t_ns or 0), data)


def find_microphone(gst: Any) -> str | None:
    """The first element whose sound server or card answers."""
    for name in _MICROPHONES:
        element = gst.ElementFactory.make(name, None)
        if element is None:
            continue
        answer = element.set_state(gst.State.READY)
        element.set_state(gst.State.NULL)
        if answer != gst.StateChangeReturn.FAILURE:
            return name
    return None
