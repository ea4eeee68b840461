"""A V4L2 camera, live. Its microphone is a source of its own: ``microphone``."""

from __future__ import annotations

from pathlib import Path

from edge.errors import DeviceAbsentError
from edge.sources import gst as core
from edge.sources.device_errors import Remedies
from edge.sources.live import PICTURE_SINK, LivePlan, LiveSource
from edge.values import Stream

_MODES = ",width=[160,1280],framerate=[10/1,60/1]"
DESCRIPTION = (
    f"v4l2src name=device ! video/x-raw{_MODES};image/jpeg{_MODES} "
    f"! decodebin force-sw-decoders=true ! {core.PICTURES} ! {PICTURE_SINK}"
)
_PLUG = "check its cable and power"
_REMEDIES = Remedies(
    absent="plug the camera in, or set another source.device",
    busy="end the other program that uses the camera: fuser -v /dev/video*",
    denied="let the service's user into the group: usermod -aG video gatehouse, then restart it",
    lost=_PLUG,
    silent=f"{_PLUG}; if that does not help, plug it out and in again",
    unusable="set source.device to another of its nodes, or use a camera with raw or JPEG video",
)


def open_webcam(device: str = "/dev/video0") -> LiveSource:
    """The camera at a V4L2 node; its pictures' longer side is at most 640.

    Raises: DeviceAbsentError when nothing is there; ConfigError without GStreamer.
    """
    if not Path(device).exists():
        raise DeviceAbsentError(f"no camera at {device}; {_REMEDIES.absent}")
    core.load()
    return LiveSource(
        LivePlan(
            what=f"camera {device}",
            description=DESCRIPTION,
            streams=frozenset({Stream.RGB}),
            needed=Stream.RGB,
            remedies=_REMEDIES,
            properties={"device": {"device": device}},
        )
    )
