"""Which concrete class stands for which stage; everyone else knows only the protocols."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from edge.settings import DecisionSettings, SourceSettings, WindowSettings
from edge.stages import Decider, Source, Synchroniser
from edge.values import Stream


class FileSource(Source, Protocol):
    """A source that is a file."""

    @property
    def digest(self) -> str:
        """SHA-256 of the file in hexadecimal: the boot id of its replay."""


def open_file(path: Path) -> FileSource:
    """Open a recording, or else any file that GStreamer decodes.

    Raises: MissingFileError, MediaError.
    """
    from edge.sources.recording import Recording, is_recording

    if is_recording(path):
        return Recording(path)
    from edge.sources.gstreamer import MediaFile

    return MediaFile(path)


def open_source(settings: SourceSettings) -> Source:
    """Open what a room's configuration names.  Raises: SourceError."""
    if settings.type == "webcam":
        from edge.sources.webcam import Webcam

        return Webcam(settings.device, settings.microphone)
    if settings.type == "media":
        from edge.sources.gstreamer import MediaFile

        return MediaFile(settings.path)
    from edge.sources.recording import Recording

    return Recording(settings.path)


def make_window(streams: frozenset[Stream], settings: WindowSettings) -> Synchroniser:
    """Put the named streams of one room on the common grid."""
    from edge.window import GridSynchroniser

    return GridSynchroniser(streams, settings)


def make_decider(room: str, settings: DecisionSettings, device: str, boot_id: str) -> Decider:
    """Turn one room's scores into alarms whose ids follow from device, boot id and number."""
    from edge.decision.decider import RoomDecider
    from edge.decision.ids import AlarmIds

    return RoomDecider(room, settings, AlarmIds(device, boot_id))
