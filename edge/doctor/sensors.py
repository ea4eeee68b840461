"""Cameras and microphones of the configured rooms."""

from __future__ import annotations

import os
import socket
from fcntl import ioctl
from pathlib import Path
from urllib.parse import urlsplit

from edge.doctor.findings import Findings, fail, none, ok
from edge.doctor.realsense import realsense
from edge.errors import ConfigError
from edge.realsense_settings import RealSenseSourceSettings
from edge.settings import (
    FileSourceSettings,
    GstreamerSourceSettings,
    MicrophoneSourceSettings,
    RtspSourceSettings,
    Settings,
    SourceSettings,
    WebcamSourceSettings,
)
from edge.sources import gst
from edge.sources.fragment import check
from edge.sources.microphone import ELEMENTS, find_microphone

_VIDIOC_QUERYCAP = 0x80685600  # linux/videodev2.h: struct v4l2_capability, 104 bytes
_CAPABILITY_BYTES = 104
_VIDEO_CAPTURE = 0x1
PATIENCE_S = 3.0
_NAME, _DEVICE_CAPS = slice(16, 48), slice(88, 92)
GROUP = "add the service's user to the group: usermod -aG {} gatehouse, then restart it"


def cameras(settings: Settings) -> Findings:
    """Whether each room's source is there and may be read."""
    for room in settings.rooms:
        for source in room.feeds.values():
            if not isinstance(source, MicrophoneSourceSettings):
                yield from _source(f"camera {room.name}", source)


def _source(what: str, source: SourceSettings) -> Findings:
    if isinstance(source, WebcamSourceSettings):
        yield from webcam(what, Path(source.device))
    elif isinstance(source, RtspSourceSettings):
        yield from network(what, source.url)
    elif isinstance(source, GstreamerSourceSettings):
        yield from fragment(what, source)
    elif isinstance(source, RealSenseSourceSettings):
        yield from realsense(what, source)
    elif not isinstance(source, FileSourceSettings):
        yield none(what, f"{source.type}: asked when it is opened")
    elif os.access(source.path, os.R_OK):
        yield ok(what, f"{source.type} {source.path}")
    else:
        told = f"{source.path} is not there, or may not be read"
        yield fail(what, told, "check source.path, and that the service's user may read it")


def network(what: str, url: str) -> Findings:
    """Whether something listens at a camera's address; asks for no picture."""
    parts = urlsplit(url)
    address = parts.hostname or "", parts.port or (554 if parts.scheme == "rtsp" else 322)
    where = f"{address[0]}:{address[1]}"
    try:
        socket.create_connection(address, PATIENCE_S).close()
    except OSError as error:
        told = f"{where} does not answer ({error.strerror or error})"
        yield fail(what, told, "check source.url, the network and the camera's power")
    else:
        yield ok(what, f"{where} answers")


def fragment(what: str, source: GstreamerSourceSettings) -> Findings:
    """Whether GStreamer can put the user's pipeline together, and all of it may be in it."""
    try:
        check(source)
    except ConfigError as error:
        told, _, remedy = str(error).partition("; ")
        yield fail(what, told, remedy)
    else:
        yield ok(what, f"pipeline for {source.stream.value}")


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
    """Whether the sound servers and cards answer that rooms want sound from."""
    wanted = {
        source.via
        for room in settings.rooms
        for source in room.feeds.values()
        if isinstance(source, MicrophoneSourceSettings)
    }
    if not wanted:
        yield none("microphone", "no room wants one")
    for via in sorted(wanted):
        name = None if via == "auto" else ELEMENTS[via]
        found = find_microphone(gst.load(), None if name is None else (name,))
        if found is not None:
            yield ok("microphone", f"answers through {found}")
            continue
        told = "no sound server and no card answers" if name is None else f"{name} has no answer"
        remedy = "plug one in, or leave the microphone out; " + GROUP.format("audio")
        yield fail("microphone", told, remedy)
