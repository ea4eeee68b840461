"""What librealsense has recorded, .db3 or (before release 2.58) .bag: every picture, in order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from edge.errors import MediaError, MissingFileError
from edge.realsense_settings import DepthFilterSettings
from edge.sources.digest import file_digest
from edge.sources.realsense import library
from edge.sources.realsense.capture_clock import Unwrapped
from edge.sources.realsense.frames import FrameReader, is_stereo
from edge.values import Sample, Stream

SUFFIXES = (".db3", ".bag")
_MAGICS = (b"SQLite format 3\0", b"#ROSBAG V2.0\n")
_POLL_MS = 100
_STALL_S = 20.0  # no disk is so slow


def is_realsense_file(path: Path | str) -> bool:
    """Whether name and first bytes are those of a librealsense recording.

    Raises: MissingFileError.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        return False
    return _head(path).startswith(_MAGICS)


class RealSenseFile:
    """RGB and DEPTH of a recording; satisfies ``stages.Source``. The same samples on every reading.

    Raises, on opening: MissingFileError; MediaError when it is damaged or holds neither stream;
    ConfigError without librealsense.
    """

    def __init__(
        self,
        path: Path | str,
        filters: DepthFilterSettings | None = None,
        align: Stream | None = Stream.RGB,
    ) -> None:
        self.path = Path(path)
        self._filters, self._align = filters or DepthFilterSettings(), align
        if not _head(self.path).startswith(_MAGICS):
            raise MediaError(f"{self.path}: not a RealSense recording; record it again")
        self._rs = library.load()
        with self._opened() as (_, _, profile):
            kinds = {profile.stream_type() for profile in profile.get_streams()}
        names = {Stream.RGB: self._rs.stream.color, Stream.DEPTH: self._rs.stream.depth}
        self._streams = frozenset(stream for stream, kind in names.items() if kind in kinds)
        if not self._streams:
            raise MediaError(f"{self.path}: holds neither colour nor depth; record it with both")

    @property
    def streams(self) -> frozenset[Stream]:
        """RGB, DEPTH or both, whichever were recorded."""
        return self._streams

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file in hexadecimal; the boot id of its replay."""
        with self.path.open("rb") as file:
            return file_digest(file)

    def samples(self) -> Iterator[Sample]:
        """All samples in the order of recording; capture times on the recording's own clock.

        Raises: MediaError where damage stops librealsense, after what came before it.
        """
        with self._opened() as (pipeline, config, profile):
            device, counter = profile.get_device(), Unwrapped()
            playback = device.as_playback()
            align = self._align if len(self._streams) == 2 else None
            reader = FrameReader(self._rs, self._filters, align, is_stereo(self._rs, device))
            with self._started(pipeline, config, playback):
                for frames in self._framesets(pipeline, playback):
                    yield from reader.samples(frames, partial(_file_ns, counter))

    def _framesets(self, pipeline: Any, playback: Any) -> Iterator[Any]:
        last, over = time.monotonic(), False
        while True:
            complete, frames = pipeline.try_wait_for_frames(_POLL_MS)
            if complete:
                yield frames
                last = time.monotonic()
            elif over:
                return
            elif playback.current_status() == self._rs.playback_status.stopped:
                over = True  # a stall looks the same but for this; what is under way may yet come
            elif time.monotonic() - last > _STALL_S:
                raise MediaError(f"{self.path}: librealsense stopped reading; copy the file again")

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any, Any]]:
        """Pipeline, config and profile of the file, before any picture moves."""
        rs = self._rs
        try:
            pipeline = rs.pipeline(library.new_context(rs))
            config = rs.config()
            config.enable_device_from_file(str(self.path), repeat_playback=False)
            profile = config.resolve(rs.pipeline_wrapper(pipeline))
            playback = profile.get_device().as_playback()
            playback.set_real_time(False)  # wait for whoever takes the pictures
            playback.pause()  # until all sensors run: the first pictures of the last would be lost
        except RuntimeError as error:
            raise self._damaged(error) from error
        yield pipeline, config, profile

    @contextmanager
    def _started(self, pipeline: Any, config: Any, playback: Any) -> Iterator[None]:
        try:
            pipeline.start(config)
            playback.resume()
        except RuntimeError as error:
            raise self._damaged(error) from error
        try:
            yield
        finally:
            with suppress(RuntimeError):
                pipeline.stop()

    def _damaged(self, error: RuntimeError) -> MediaError:
        told = library.reason(error)
        return MediaError(f"{self.path}: damaged recording ({told}); copy it again")


def _file_ns(counter: Unwrapped, stamp_ms: float, on_wall: bool) -> int:
    return round(stamp_ms * 1e6) if on_wall else counter.to_ns(stamp_ms)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(max(map(len, _MAGICS)))
    except OSError as error:
        told = error.strerror or type(error).__name__
        raise MissingFileError(f"{path}: {told}; check the path and its permissions") from error
