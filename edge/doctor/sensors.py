"""Cameras and microphones of the configured rooms."""

from __future__ import annotations

import os
from fcntl import ioctl
from pathlib import Path

from edge.doctor.findings import Findings, fail, none, ok
from edge.settings import RoomSettings, Settings, SourceSettings, WebcamSourceSettings
from edge.sources import gst
from edge.sources.webcam import find_microphone

_VIDIOC_QUERYCAP = 0x80685600  # linux/videodev2.h: struct v4l2_capability, 104 bytes
_CAPABILITY_BYTES = 104
_VIDEO_CAPTURE = 0x1
_NAME, _DEVICE_CAPS = slice(16, 48), slice(88, 92)
GROUP = "add the service's user to the group: usermod -aG {} gatehouse, then restart it"


def cameras(settings: Settings) -> Findings:
    """Whether each room's source is there and may be read."""
    for room in settings.rooms:
        yield from _source(f"camera {room.name}", room.source)


def _source(what: str, source: SourceSettings) -> Findings:
    if isinstance(source, WebcamSourceSettings):
        yield from webcam(what, Path(source.device))
    elif os.access(source.path, os.R_OK):
        yield ok(what, f"{source.type} {source.path}")
    else:
        told = f"{source.path} is not there, or may not be read"
        yield fail(what, told, "check source.path, and that the service's user may read it")


def webcam(what: str, device: Path) -> Findings:
    """Ask the driver for the camera's name; takes no picture."""
    if not device.exists():
        others = ", ".join(sorted(str(path) for path in Path("/dev").glob("video*"))) or "none"
        remedy = f"plug it in, or set source.device; there are: {others}"
        yield fail(what, f"no camera at {device}", remedy)
        return
    if not os.access(device, os.R_OK | os.W_OK):
        yield fail(what, f"{device} may not be opened", GROUP.format("video"))
        return
    answer = bytearray(_CAPABILITY_BYTES)
    try:
        with device.open("rb", buffering=0) as camera:
            ioctl(camera, _VIDIOC_QUERYCAP, answer)
    except OSError as error:
        told = f"{device} does not answer as a camera ({error.strerror})"
        yield fail(what, told, "check the cable and source.device")
        return
    if not int.from_bytes(answer[_DEVICE_CAPS], "little") & _VIDEO_CAPTURE:
        told = f"{device} gives no pictures (many cameras have a second node for data)"
        yield fail(what, told, "set source.device to another of its nodes")
        return
    name = bytes(answer[_NAME]).rstrip(b"\0").decode("utf-8", "replace")
    yield ok(what, f"{device}: {name}")


def microphone(settings: Settings) -> Findings:
    """Whether the sound server or a card answers, when a room wants sound from it."""
    if not any(_wants_sound(room) for room in settings.rooms):
        yield none("microphone", "no room wants one")
        return
    found = find_microphone(gst.load())
    if found is None:
        remedy = "plug one in, or set source.microphone to false; " + GROUP.format("audio")
        yield fail("microphone", "no sound server and no card answers", remedy)
    else:
        yield ok("microphone", f"answers through {found}")


def _wants_sound(room: RoomSettings) -> bool:
    return isinstance(room.source, WebcamSourceSettings) and room.source.microphone
