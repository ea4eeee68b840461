"""Where a room's samples come from: the keys under ``source`` and ``sources``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from edge.realsense_settings import RealSenseSourceSettings
from edge.section import Section
from edge.values import Stream

Device = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^\x00-\x1f]+$")]


class FileSourceSettings(Section):
    """A file that is played as if it were live."""

    path: Path
    realtime: bool = True  # false: as fast as the machine goes
    loop: bool = False

    @property
    def streams(self) -> frozenset[Stream]:
        """Nothing is known before the file is opened."""
        return frozenset()


class RecordingSourceSettings(FileSourceSettings):
    """Replay of an MCAP recording."""

    type: Literal["recording"]


class MediaSourceSettings(FileSourceSettings):
    """Any file GStreamer decodes."""

    type: Literal["media"]


class MicrophoneSourceSettings(Section):
    """A microphone, by way of a sound server or of the card itself."""

    type: Literal["microphone"] = "microphone"
    via: Literal["auto", "pulse", "pipewire", "alsa"] = "auto"  # auto: the first that answers
    device: Device | None = None  # as that one calls it; None: its default

    @property
    def streams(self) -> frozenset[Stream]:
        """AUDIO."""
        return frozenset({Stream.AUDIO})

    @model_validator(mode="after")
    def _whose_name(self) -> MicrophoneSourceSettings:
        if self.device is not None and self.via == "auto":
            raise ValueError("device needs via: pulse, pipewire or alsa name devices differently")
        return self


class WebcamSourceSettings(Section):
    """A V4L2 camera, and beside it the default microphone when asked for."""

    type: Literal["webcam"]
    device: Device = "/dev/video0"
    microphone: bool = True

    @property
    def streams(self) -> frozenset[Stream]:
        """RGB, and AUDIO with a microphone."""
        return frozenset({Stream.RGB, Stream.AUDIO} if self.microphone else {Stream.RGB})


class RtspSourceSettings(Section):
    """A camera on the network."""

    type: Literal["rtsp"]
    # without name and password, which have keys of their own: an address may be logged
    url: str = Field(max_length=2_000, pattern=r"^rtsps?://[^/@\s\x00-\x1f]+(/[^\s\x00-\x1f]*)?$")
    username: str | None = Field(default=None, min_length=1, max_length=256)
    password_file: Path | None = None  # a file, so that the secret is not in this one
    transport: Literal["tcp", "udp"] = "tcp"  # udp: sooner, but what is lost stays lost
    latency_ms: int = Field(default=100, ge=0, le=2_000)  # waits so long for packets out of order
    microphone: bool = True

    @property
    def streams(self) -> frozenset[Stream]:
        """RGB, and AUDIO with a microphone."""
        return frozenset({Stream.RGB, Stream.AUDIO} if self.microphone else {Stream.RGB})

    @model_validator(mode="after")
    def _both_or_none(self) -> RtspSourceSettings:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file go together")
        return self


class GstreamerSourceSettings(Section):
    """A camera or microphone that only the user's own piece of a GStreamer pipeline can reach."""

    type: Literal["gstreamer"]
    stream: Literal[Stream.RGB, Stream.AUDIO]
    # as gst-launch-1.0 takes it, up to decoded or encoded pictures or sound, without a sink
    pipeline: str = Field(min_length=1, max_length=4_000)

    @property
    def streams(self) -> frozenset[Stream]:
        """The one that it was said to give."""
        return frozenset({self.stream})


StreamingSourceSettings = (
    WebcamSourceSettings | MicrophoneSourceSettings | RtspSourceSettings | GstreamerSourceSettings
)
"""Those that GStreamer reads."""

LiveSourceSettings = Annotated[
    StreamingSourceSettings | RealSenseSourceSettings,
    Field(discriminator="type"),
]
"""Devices: they never end, and are opened again whenever they are lost.

``streams`` says what each gives, or will give once it is found.
"""

SourceSettings = Annotated[
    RecordingSourceSettings
    | MediaSourceSettings
    | StreamingSourceSettings
    | RealSenseSourceSettings,
    Field(discriminator="type"),
]


class RoomSources(Section):
    """One source, or several devices that come and go independently of each other."""

    source: SourceSettings | None = None
    sources: tuple[LiveSourceSettings, ...] = Field(default=(), max_length=len(Stream))

    @property
    def feeds(self) -> dict[str, SourceSettings]:
        """What is opened on its own, under the name it has in logs and faults.

        A webcam's microphone is a source beside it: neither takes the other along when it is lost.
        """
        given = self.sources if self.source is None else (self.source,)
        parts = [part for source in given for part in _parts(source)]
        return {_name(part): part for part in parts}

    @model_validator(mode="after")
    def _either(self) -> RoomSources:
        if (self.source is None) != bool(self.sources):
            raise ValueError("give either source, or sources as a list of devices")
        seen: set[Stream] = set()
        for source in self.sources:
            if twice := sorted(seen & source.streams):
                raise ValueError(
                    f"sources: two give {twice[0].value}; a room has one camera of a kind and one "
                    "microphone (microphone: false leaves out the one of webcam and rtsp)"
                )
            seen |= source.streams
        return self


def _parts(source: SourceSettings) -> tuple[SourceSettings, ...]:
    if isinstance(source, WebcamSourceSettings) and source.microphone:
        camera = source.model_copy(update={"microphone": False})
        return camera, MicrophoneSourceSettings()
    return (source,)


def _name(source: SourceSettings) -> str:
    """``file``, or what it gives: ``rgb``, ``audio``, ``rgb-depth``, ..."""
    if isinstance(source, FileSourceSettings):
        return "file"
    return "-".join(stream.value for stream in Stream if stream in source.streams)
