"""Save what is whole of a recording that was cut off: by a crash, a power cut, a full disk.

Messages are copied as they are, byte for byte, up to the first damaged chunk.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from edge.errors import MediaError, MissingFileError, StoreError
from edge.sources.mcap_writer import MAGIC

if TYPE_CHECKING:
    from mcap.writer import Writer

LARGEST_RECORD = 1 << 28
"""Bytes; damage may pretend to be longer, and must not take the memory for it."""


def is_cut(path: Path) -> bool:
    """Whether a file begins like an MCAP recording and does not end like one.

    Raises: MissingFileError.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return False
            size = file.seek(0, os.SEEK_END)
            file.seek(max(len(MAGIC), size - len(MAGIC)))
            return file.read() != MAGIC
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MissingFileError(f"{path}: {reason}; check the path and its permissions") from error


def repair(cut: Path, whole: Path) -> int:
    """Write ``whole`` with the messages of ``cut`` that are complete; returns how many.

    The cut file is left alone.  Raises: MediaError when nothing can be saved; StoreError.
    """
    part = whole.with_name(whole.name + ".saving")
    try:
        with cut.open("rb") as source, part.open("wb") as target:
            os.fchmod(target.fileno(), os.fstat(source.fileno()).st_mode & 0o777)
            count = _copy(source, target)
            os.fsync(target.fileno())
        if not count:
            raise MediaError(f"{cut}: nothing in it is complete; record it again")
        os.replace(part, whole)
    except OSError as error:
        part.unlink(missing_ok=True)
        reason = error.strerror or type(error).__name__
        raise StoreError(f"cannot write {whole}: {reason}; is the disk full?") from error
    except MediaError:
        part.unlink(missing_ok=True)
        raise
    return count


def _copy(source: IO[bytes], target: IO[bytes]) -> int:
    from mcap.records import Channel, Message, Metadata, Schema
    from mcap.writer import CompressionType, Writer

    writer = Writer(target, compression=CompressionType.ZSTD)
    writer.start(library="gatehouse")
    schemas, channels, count = {0: 0}, dict[int, int](), 0
    for record in _records(source):
        if isinstance(record, Schema):
            schemas[record.id] = writer.register_schema(record.name, record.encoding, record.data)
        elif isinstance(record, Channel):
            channels[record.id] = _channel(writer, record, schemas)
        elif isinstance(record, Metadata):
            writer.add_metadata(record.name, record.metadata)
        elif isinstance(record, Message) and record.channel_id in channels:
            stamps = (record.log_time, record.data, record.publish_time, record.sequence)
            writer.add_message(channels[record.channel_id], *stamps)
            count += 1
    writer.finish()  # type: ignore[no-untyped-call]
    return count


def _channel(writer: Writer, channel: Any, schemas: dict[int, int]) -> int:
    return writer.register_channel(
        channel.topic, channel.message_encoding, schemas[channel.schema_id], channel.metadata
    )


def _records(source: IO[bytes]) -> Iterator[Any]:
    """All records up to the first that is not whole."""
    from mcap.stream_reader import StreamReader

    reader = StreamReader(source, validate_crcs=True, record_size_limit=LARGEST_RECORD)
    with suppress(Exception):  # damaged bytes make the parsers raise all kinds of errors
        yield from reader.records
