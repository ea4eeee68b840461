"""A camera on the network, by RTSP: pictures and, if it has a microphone, sound."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from edge.errors import ConfigError
from edge.settings import RtspSourceSettings
from edge.sources import gst as core
from edge.sources.device_errors import Remedies
from edge.sources.live import PICTURE_SINK, SOUND_SINK, LivePlan, LiveSource
from edge.values import Stream

SILENT_S = 10.0
_PATIENCE_US = 5_000_000
_DECODER = "decodebin force-sw-decoders=true"
_REMEDIES = Remedies(
    absent="check source.url, the network and the camera's power: ffprobe URL",
    busy="the camera serves no more viewers; end another one",
    denied="check source.username and source.password_file",
    lost="check the network and the camera's power",
    silent="check the camera; with transport: udp a firewall may be in the way: set tcp",
    unusable="let the camera send H.264 or JPEG; " + f"apt install {core.DECODER_PACKAGES}",
)


def open_rtsp(settings: RtspSourceSettings) -> LiveSource:
    """The camera at an address; capture time is when its packets came, their jitter removed.

    Nothing is connected yet.  Raises: ConfigError without GStreamer or the password's file.
    """
    core.load()
    parts = urlsplit(settings.url)
    return LiveSource(
        LivePlan(
            what=f"camera {parts.scheme}://{parts.netloc}",  # a path may hold a secret
            description=description(settings),
            streams=settings.streams,
            needed=Stream.RGB,
            remedies=_REMEDIES,
            properties={"device": _properties(settings)},
            silent_s=SILENT_S,
        )
    )


def description(settings: RtspSourceSettings) -> str:
    """The pipeline; a camera that has no sound leaves that end of it idle."""
    camera = (
        f"rtspsrc name=device protocols={settings.transport} latency={settings.latency_ms} "
        f"tcp-timeout={_PATIENCE_US} timeout={_PATIENCE_US} "
        f"device. ! application/x-rtp,media=video ! {_DECODER} ! {core.PICTURES} "
        f"! {PICTURE_SINK} async=false"
    )
    if not settings.microphone:
        return camera
    return (
        f"{camera} device. ! application/x-rtp,media=audio ! {_DECODER} ! {core.SOUND} "
        f"! {SOUND_SINK} async=false"
    )


def _properties(settings: RtspSourceSettings) -> dict[str, object]:
    found: dict[str, object] = {"location": settings.url}
    if settings.username is not None and settings.password_file is not None:
        found |= {"user-id": settings.username, "user-pw": _secret(settings.password_file)}
    return found


def _secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "not text"
        raise ConfigError(
            f"password_file {path}: {told}; check the path and who may read"
        ) from error
