"""Which concrete class stands for which stage; everyone else knows only the protocols."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from edge.clock import SystemClock
from edge.errors import ConfigError
from edge.settings import DecisionSettings, RoomSettings, SourceSettings, WindowSettings
from edge.source_settings import StreamingSourceSettings
from edge.stages import Decider, Source, Synchroniser
from edge.values import Stream


class FileSource(Source, Protocol):
    """A source that is a file."""

    @property
    def digest(self) -> str:
        """SHA-256 of the file in hexadecimal: the boot id of its replay."""


def open_file(path: Path) -> FileSource:
    """Open a recording, or else any file that GStreamer decodes.

    Raises: MissingFileError, MediaError; ConfigError when the library that reads it is missing.
    """
    from edge.sources.realsense.playback import is_realsense_file
    from edge.sources.recording import is_recording

    if is_recording(path) or is_realsense_file(path):
        return open_recording(path)
    from edge.sources.gstreamer import MediaFile

    return MediaFile(path)


def open_recording(path: Path) -> FileSource:
    """Open an MCAP recording, or a .db3 or .bag of librealsense.  Raises: as open_file."""
    from edge.sources.realsense.playback import RealSenseFile, is_realsense_file

    if is_realsense_file(path):
        return RealSenseFile(path)
    from edge.sources.recording import Recording

    return Recording(path)


def open_source(settings: SourceSettings) -> Source:
    """Open what a room's configuration names.  Raises: SourceError, ConfigError."""
    if settings.type == "media":
        from edge.sources.gstreamer import MediaFile

        return MediaFile(settings.path)
    if settings.type == "recording":
        return open_recording(settings.path)
    if settings.type == "realsense":
        from edge.sources.realsense.camera import RealSense

        return RealSense(settings, SystemClock())
    return _open_with_gstreamer(settings)


def _open_with_gstreamer(settings: StreamingSourceSettings) -> Source:
    if settings.type == "webcam":  # its pictures; its microphone is a source beside it
        from edge.sources.webcam import open_webcam

        return open_webcam(settings.device)
    if settings.type == "microphone":
        from edge.sources.microphone import open_microphone

        return open_microphone(settings)
    if settings.type == "rtsp":
        from edge.sources.rtsp import open_rtsp

        return open_rtsp(settings)
    from edge.sources.fragment import open_fragment

    return open_fragment(settings)


def check_sources(rooms: Sequence[RoomSettings]) -> None:
    """Check what only GStreamer itself can judge, without opening a device.

    Raises: ConfigError, naming the room.
    """
    for room in rooms:
        for source in room.feeds.values():
            if source.type == "gstreamer":
                from edge.sources.fragment import check

                try:
                    check(source)
                except ConfigError as error:
                    raise ConfigError(f"room {room.name}: {error}") from error


def make_window(streams: frozenset[Stream], settings: WindowSettings) -> Synchroniser:
    """Put the named streams of one room on the common grid."""
    from edge.window import GridSynchroniser

    return GridSynchroniser(streams, settings)


def make_decider(room: str, settings: DecisionSettings, device: str, boot_id: str) -> Decider:
    """Turn one room's scores into alarms whose ids follow from device, boot id and number."""
    from edge.decision.decider import RoomDecider
    from edge.decision.ids import AlarmIds

    return RoomDecider(room, settings, AlarmIds(device, boot_id))
