"""Any media file that GStreamer decodes, as sensors: pictures and, with a track, sound.

Each stream is read by a pipeline of its own, so that no interleaving of a file can block another,
and the streams are merged by capture time: the same samples in the same order on every reading.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import MediaError, MissingFileError
from edge.sources import gst as core
from edge.sources.digest import file_digest
from edge.values import AUDIO_RATE_HZ, GRID_HZ, Sample, Stream

_SECOND_NS = 1_000_000_000
_CHAINS = {Stream.RGB: core.PICTURES, Stream.DEPTH: core.GREYS, Stream.AUDIO: core.SOUND}
_POLL_S = 0.002
_IDLE_POLLS = 100  # threads are being started and stopped while a file is opened, but not this long
_STALL_S = 20.0  # a decoder that gives nothing for this long will not any more


class MediaFile:
    """Pictures (longer side at most 640) and sound of a file; satisfies ``stages.Source``.

    Raises, on opening: MissingFileError; MediaError when the file is empty, damaged or not media,
    or a decoder is missing; ConfigError when GStreamer is.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._gst, kinds = _open(self.path)
        found = {"video": Stream.RGB, "audio": Stream.AUDIO}
        self._streams = frozenset(stream for kind, stream in found.items() if kind in kinds)

    @property
    def streams(self) -> frozenset[Stream]:
        """RGB, AUDIO or both; known from opening the file."""
        return self._streams

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file in hexadecimal; the boot id of its replay."""
        with self.path.open("rb") as file:
            return file_digest(file)

    def samples(self) -> Iterator[Sample]:
        """All samples in order of capture time, pictures before sound; time starts near 0.

        Raises: MediaError where damage stops the decoder, after what came before it, and when
        there is nothing at all.
        """
        with ExitStack() as stack:
            readers = [
                stack.enter_context(closing(_read(self._gst, self.path, stream)))
                for stream in (Stream.RGB, Stream.AUDIO)
                if stream in self._streams
            ]
            empty = True
            for sample in _merged(readers):
                empty = False
                yield sample
        if empty:
            raise MediaError(f"{self.path}: holds no picture and no sound; check how it was made")


class GreyDepthFile:
    """Depth recorded as a grey video; satisfies ``stages.Source``.

    to_mm: (H, W) uint8 grey -> (H, W) uint16 mm, 0 = no return; the coding of that data set.
    Raises, on opening: as MediaFile.
    """

    def __init__(
        self, path: Path | str, to_mm: Callable[[NDArray[np.uint8]], NDArray[np.uint16]]
    ) -> None:
        self.path, self._to_mm = Path(path), to_mm
        self._gst, kinds = _open(self.path)
        if "video" not in kinds:
            raise MediaError(f"{self.path}: has no pictures; depth is expected as a grey video")

    @property
    def streams(self) -> frozenset[Stream]:
        """DEPTH alone; a sound track is not read."""
        return frozenset({Stream.DEPTH})

    def samples(self) -> Iterator[Sample]:
        """All depth pictures in order.  Raises: MediaError, as MediaFile."""
        with closing(_read(self._gst, self.path, Stream.DEPTH)) as reader:
            for grey in reader:
                yield Sample(Stream.DEPTH, grey.t_ns, self._to_mm(grey.data))


def _open(path: Path) -> tuple[Any, frozenset[str]]:
    """Check a file; return the Gst module and what it holds: video, audio."""
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise MissingFileError(f"{path}: {reason}; check the path and its permissions") from error
    if empty:
        raise MediaError(f"{path}: empty file; copy or record it again")
    gst = core.load()
    with _explained(path):
        kinds = _probe(gst, path)
    if not kinds:
        raise MediaError(f"{path}: holds neither pictures nor sound; give a video or sound file")
    return gst, kinds


def _probe(gst: Any, path: Path) -> frozenset[str]:
    """Let GStreamer look into the file until it knows all streams.  Raises: GstError."""
    kinds, complete = set(), []

    def pad_added(_: Any, pad: Any) -> None:
        caps = pad.get_current_caps() or pad.query_caps(None)
        kinds.add(caps.get_structure(0).get_name().partition("/")[0])

    with core.opened(gst, "filesrc name=file ! decodebin name=decoder") as pipeline:
        pipeline.bin.get_by_name("file").set_property("location", str(path))
        decoder = pipeline.bin.get_by_name("decoder")
        decoder.connect("pad-added", pad_added)
        decoder.connect("no-more-pads", lambda _: complete.append(True))
        pipeline.bin.set_state(gst.State.PAUSED)
        deadline, idle = time.monotonic() + _STALL_S, 0
        while not complete:
            try:
                pipeline.check()
            except core.MissingDecoderError:
                raise
            except core.GstError:
                if complete:  # meanwhile: the error is only that nobody takes the streams
                    break
                raise
            # decodebin may lose the error of a demuxer that fails while it is being plugged in
            idle = 0 if pipeline.is_working() else idle + 1
            if idle > _IDLE_POLLS or time.monotonic() > deadline:
                raise core.GstError("no playable stream in it")
            time.sleep(_POLL_S)
        pipeline.check(fatal=False)
    return frozenset(kinds & {"video", "audio"})


def _read(gst: Any, path: Path, stream: Stream) -> Generator[Sample, None, None]:
    """One stream of a file, in order of capture time.  Raises: MediaError."""
    description = (
        f"filesrc name=file ! decodebin force-sw-decoders=true ! {_CHAINS[stream]} "
        "! appsink name=sink sync=false max-buffers=4"
    )
    with _explained(path), core.opened(gst, description) as pipeline:
        pipeline.bin.get_by_name("file").set_property("location", str(path))
        sink = pipeline.bin.get_by_name("sink")
        pipeline.play()
        expected_ns, deadline = 0, time.monotonic() + _STALL_S
        while True:
            delivery = pipeline.pull(sink)
            if delivery is None:
                if sink.is_eos():
                    return
                if time.monotonic() > deadline:
                    raise core.GstError("the decoder gives nothing any more")
                continue
            sample = _sample(stream, delivery, expected_ns)
            expected_ns = sample.t_ns + _duration(stream, delivery)
            yield sample
            deadline = time.monotonic() + _STALL_S


def _sample(stream: Stream, delivery: core.Delivery, expected_ns: int) -> Sample:
    t_ns = expected_ns if delivery.t_ns is None else delivery.t_ns
    data = delivery.data.view("<i2").astype(np.int16) if stream is Stream.AUDIO else delivery.data
    return Sample(stream, t_ns, data)


def _duration(stream: Stream, delivery: core.Delivery) -> int:
    if stream is Stream.AUDIO:
        return delivery.data.size // 2 * _SECOND_NS // AUDIO_RATE_HZ
    return delivery.duration_ns or _SECOND_NS // GRID_HZ


def _merged(readers: Sequence[Iterator[Sample]]) -> Iterator[Sample]:
    """By capture time; at equal times in the order of the readers."""
    heads = [(next(reader, None), reader) for reader in readers]
    waiting = [(head, reader) for head, reader in heads if head is not None]
    while waiting:
        first = min(range(len(waiting)), key=lambda index: waiting[index][0].t_ns)
        head, reader = waiting[first]
        yield head
        following = next(reader, None)
        if following is None:
            del waiting[first]
        else:
            waiting[first] = (following, reader)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what GStreamer says into one line that names file and remedy."""
    try:
        yield
    except core.MissingDecoderError as error:
        raise MediaError(
            f"{path}: no plugin for {error}; apt install {core.DECODER_PACKAGES}"
        ) from error
    except core.GstError as error:
        raise MediaError(
            f"{path}: not media, or damaged ({error}); copy it again or convert it to mp4 or wav"
        ) from error
