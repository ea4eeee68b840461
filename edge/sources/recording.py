"""Read a recording: an MCAP file with Foxglove's schemas, as ``RecordingWriter`` writes it.

Channels are found by schema, so recordings of other tools serve too when they hold JPEG or PNG
pictures, 16-bit depth in millimetres, and 16 kHz mono sound.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from math import atan, degrees
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import MediaError, MissingFileError
from edge.sources.digest import file_digest
from edge.sources.mcap_writer import MAGIC, METADATA_NAME, RecordingWriter
from edge.values import AUDIO_RATE_HZ, Sample, Stream

if TYPE_CHECKING:
    from mcap.reader import McapReader
    from mcap.records import Statistics
    from mcap.summary import Summary

__all__ = ["Recording", "RecordingWriter", "is_recording"]

_STREAMS = {
    "foxglove.CompressedImage": Stream.RGB,
    "foxglove.RawImage": Stream.DEPTH,
    "foxglove.RawAudio": Stream.AUDIO,
}
_CALIBRATION = "foxglove.CameraCalibration"


def is_recording(path: Path | str) -> bool:
    """Whether the file begins like an MCAP file.  Raises: MissingFileError."""
    with _opened(Path(path)) as file:
        return file.read(len(MAGIC)) == MAGIC


class Recording:
    """A recording on disk; satisfies ``stages.Source``. Its samples are the same on every reading.

    Raises, on opening: MissingFileError; MediaError when it is empty, cut off, not MCAP, or holds
    nothing that Gatehouse can use.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._check_ends()
        with self._reader() as reader:
            summary = reader.get_summary()
            self.metadata: dict[str, str] = {}
            for record in reader.iter_metadata():
                if record.name == METADATA_NAME:
                    self.metadata.update(record.metadata)
        if summary is None or summary.statistics is None:
            raise MediaError(f"{path}: has no summary; repair it: mcap recover")
        self._statistics: Statistics = summary.statistics
        self._topics = self._find_topics(summary)
        self._calibration = self._find_calibration(summary)

    @property
    def streams(self) -> frozenset[Stream]:
        """The streams with at least one sample."""
        return frozenset(self._topics.values())

    @property
    def duration_ns(self) -> int:
        """From the first sample's capture time to the last one's."""
        return int(self._statistics.message_end_time - self._statistics.message_start_time)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file in hexadecimal; the boot id of its replay."""
        with _opened(self.path) as file:
            return file_digest(file)

    @cached_property
    def depth_hfov_deg(self) -> float | None:
        """Horizontal field of view of the depth camera; None when the recording does not say."""
        if self._calibration is None:
            return None
        with self._reader() as reader:
            for _, _, _, message in reader.iter_decoded_messages([self._calibration]):
                if message.width > 0 and len(message.K) == 9 and message.K[0] > 0:
                    return 2 * degrees(atan(message.width / 2 / message.K[0]))
        return None

    def samples(self, only: frozenset[Stream] = frozenset(Stream)) -> Iterator[Sample]:
        """All samples in order of capture time.  Raises: MediaError at damage inside the file.

        only: other streams are skipped without being decoded
        """
        decoders: dict[Stream, Callable[[Any], NDArray[Any]]] = {
            Stream.RGB: _picture,
            Stream.DEPTH: _depth,
            Stream.AUDIO: _sound,
        }
        hfov_deg = self.depth_hfov_deg
        topics = [topic for topic, stream in self._topics.items() if stream in only]
        with self._reader() as reader:
            for _, channel, record, message in reader.iter_decoded_messages(topics):
                stream = self._topics[channel.topic]
                of_depth = hfov_deg if stream is Stream.DEPTH else None
                yield Sample(stream, record.log_time, decoders[stream](message), of_depth)

    @contextmanager
    def _reader(self) -> Iterator[McapReader]:
        from mcap.reader import make_reader
        from mcap_protobuf.decoder import DecoderFactory

        with _opened(self.path) as file:
            try:
                yield make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
            except MediaError as error:
                raise MediaError(f"{self.path}: {error}") from error
            # Damaged bytes make the parsers (MCAP, zstd, protobuf, JPEG) raise all kinds of errors.
            except Exception as error:
                reason = str(error).splitlines()[0] if str(error) else type(error).__name__
                raise MediaError(
                    f"{self.path}: damaged recording ({reason}); copy it again, or: mcap recover"
                ) from error

    def _check_ends(self) -> None:
        with _opened(self.path) as file:
            start = file.read(len(MAGIC))
            if not start:
                raise MediaError(f"{self.path}: empty file; record it again")
            if start != MAGIC:
                raise MediaError(f"{self.path}: not an MCAP recording; make one: gatehouse record")
            size = file.seek(0, 2)
            file.seek(max(len(MAGIC), size - len(MAGIC)))
            if file.read() != MAGIC:
                raise MediaError(
                    f"{self.path}: cut off before its end; save what is whole: "
                    f"gatehouse import {self.path}"
                )

    def _find_topics(self, summary: Summary) -> dict[str, Stream]:
        """Topic -> stream, at most one topic a stream: the one named as ours before all others."""
        chosen: dict[Stream, str] = {}
        for number, channel in sorted(summary.channels.items()):
            schema = summary.schemas.get(channel.schema_id)
            stream = _STREAMS.get(schema.name) if schema is not None else None
            if stream is None or not self._statistics.channel_message_counts.get(number):
                continue
            if stream not in chosen or channel.topic == f"/{stream.value}":
                chosen[stream] = channel.topic
        if not chosen:
            raise MediaError(
                f"{self.path}: no picture, depth or sound in Foxglove's schemas; record it again"
            )
        return {topic: stream for stream, topic in chosen.items()}

    def _find_calibration(self, summary: Summary) -> str | None:
        """The topic under the depth pictures' own, or beside it in a folder; never the RGB's."""
        depth = next((t for t, stream in self._topics.items() if stream is Stream.DEPTH), "")
        folders = {depth, depth.rpartition("/")[0]} - {""}
        for number, channel in sorted(summary.channels.items()):
            schema = summary.schemas.get(channel.schema_id)
            if schema is None or schema.name != _CALIBRATION:
                continue
            if not self._statistics.channel_message_counts.get(number):
                continue
            if channel.topic.rpartition("/")[0] in folders:
                return channel.topic
        return None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        file = path.open("rb")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MissingFileError(f"{path}: {reason}; check the path and its permissions") from error
    with file:
        yield file


def _picture(message: Any) -> NDArray[np.uint8]:
    import cv2

    decoded = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise MediaError(f"picture of format {message.format!r} cannot be decoded; store JPEG")
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def _depth(message: Any) -> NDArray[np.uint16]:
    height, width, step = message.height, message.width, message.step
    if message.encoding not in ("16UC1", "mono16"):
        raise MediaError(f"depth of encoding {message.encoding!r}; store 16UC1 in millimetres")
    if not 0 < 2 * width <= step or step % 2 or height < 1 or len(message.data) != height * step:
        raise MediaError("depth picture whose size is not what it says; record it again")
    rows = np.frombuffer(message.data, "<u2").reshape(height, step // 2)
    return rows[:, :width].astype(np.uint16)


def _sound(message: Any) -> NDArray[np.int16]:
    found = (message.format, message.sample_rate, message.number_of_channels)
    if found != ("pcm-s16", AUDIO_RATE_HZ, 1):
        raise MediaError(f"sound is {found}; store pcm-s16 at {AUDIO_RATE_HZ} Hz, mono")
    if len(message.data) % 2:
        raise MediaError("sound of half a sample; record it again")
    return np.frombuffer(message.data, "<i2").astype(np.int16)
