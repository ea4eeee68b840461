"""GStreamer without a main loop: a pipeline that ends in appsinks, read by pulling.

The binding is imported on first use; the packages it takes are named when it is not there.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray

from edge.errors import ConfigError
from edge.values import AUDIO_RATE_HZ

PACKAGES = (
    "python3-gi python3-gst-1.0 gir1.2-gst-plugins-base-1.0 "
    "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-libav"
)
DECODER_PACKAGES = "gstreamer1.0-libav gstreamer1.0-plugins-good"
MAX_SIDE = 640

PICTURES = (
    "videoconvert ! videoflip video-direction=auto ! videoscale ! video/x-raw,format=RGB,"
    f"width=[1,{MAX_SIDE}],height=[1,{MAX_SIDE}],pixel-aspect-ratio=1/1"
)
GREYS = "videoconvert ! video/x-raw,format=GRAY8"
SOUND = (
    "audioconvert ! audioresample ! audio/x-raw,format=S16LE,layout=interleaved,"
    f"rate={AUDIO_RATE_HZ},channels=1"
)
"""What stands between a decoder and its appsink."""

_PULL_NS = 50_000_000


class GstError(Exception):
    """What GStreamer said went wrong; callers turn it into an error that names the remedy."""

    def __init__(self, message: str, domain: str = "", code: int = 0, detail: str = "") -> None:
        """domain, code: of the GError; detail: what the element adds for developers"""
        super().__init__(message)
        self.domain, self.code, self.detail = domain, code, detail


class MissingDecoderError(GstError):
    """A stream that no installed plugin decodes; the message names its format."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One buffer of an appsink."""

    t_ns: int | None  # running time; None when the buffer has no time stamp
    duration_ns: int | None
    data: NDArray[np.uint8]  # (H, W, 3), (H, W), or (bytes,) for sound


def load() -> Any:
    """The initialised ``Gst`` module.  Raises: ConfigError naming the packages."""
    _keep_unwinder()
    try:
        import gi

        gi.require_version("Gst", "1.0")
        gi.require_version("GstApp", "1.0")
        with catch_warnings():
            simplefilter("ignore", ImportWarning)  # gi hooks into the import system the old way
            from gi.repository import Gst, GstApp  # GstApp gives appsinks their methods
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"GStreamer for Python is missing ({error}): apt install {PACKAGES}"
        ) from error
    if GstApp is None or not Gst.is_initialized():
        Gst.init(None)
    return Gst


def _keep_unwinder() -> None:
    """Put libgcc's stack unwinder before libunwind's, which Debian's GStreamer brings along.

    Otherwise the first C++ exception inside another library (OpenVINO, OpenCV) ends the process:
    half of its unwinding is done by the one and half by the other.
    """
    with suppress(OSError):  # no libgcc: then nothing here depends on it
        ctypes.CDLL("libgcc_s.so.1", mode=ctypes.RTLD_GLOBAL)


class Pipeline:
    """A launched description; ``with opened(...)`` stops it."""

    def __init__(self, gst: Any, description: str) -> None:
        self.gst = gst
        try:
            self.bin = gst.parse_launch(description)
        except glib_error() as error:
            raise ConfigError(
                f"GStreamer lacks a plugin ({error}): apt install {PACKAGES}"
            ) from error
        self.bus = self.bin.get_bus()

    def play(self) -> None:
        """Start.  Raises: GstError."""
        if self.bin.set_state(self.gst.State.PLAYING) == self.gst.StateChangeReturn.FAILURE:
            self.check()
            raise GstError("the pipeline does not start")

    def play_live(self) -> None:
        """Start on CLOCK_MONOTONIC; what is not live by nature is paced by it.  Raises: as play."""
        self.bin.use_clock(self.gst.SystemClock.obtain())
        answer = self.bin.set_state(self.gst.State.PAUSED)
        if answer not in (
            self.gst.StateChangeReturn.NO_PREROLL,
            self.gst.StateChangeReturn.FAILURE,
        ):
            for sink in self._items(self.bin.iterate_sinks()) or []:
                sink.set_property("sync", True)
        self.play()

    def stop(self) -> None:
        """Let go of everything; returns when all threads of the pipeline have ended."""
        self.bin.set_state(self.gst.State.NULL)

    def check(self, fatal: bool = True) -> None:
        """Raise what the bus says: MissingDecoderError, and GstError unless not ``fatal``."""
        kinds = self.gst.MessageType.ERROR | self.gst.MessageType.ELEMENT
        failure = None
        while message := self.bus.pop_filtered(kinds):
            if message.type == self.gst.MessageType.ERROR:
                failure = failure or _told(message)
                continue
            structure = message.get_structure()
            if structure.get_name() == "missing-plugin":
                detail = structure.get_string("detail") or ""
                if "decoder-video/" in detail or "decoder-audio/" in detail:
                    raise MissingDecoderError(structure.get_string("name"))
        if fatal and failure is not None:
            try:
                raise failure
            finally:
                del failure  # an error and the frame it was raised in keep each other alive

    def is_working(self) -> bool:
        """Whether any thread of the pipeline runs, or its elements are just being changed."""
        elements = self._items(self.bin.iterate_recurse())
        if elements is None:
            return True
        for element in elements:
            pads = self._items(element.iterate_pads())
            if pads is None or any(
                pad.get_task_state() == self.gst.TaskState.STARTED for pad in pads
            ):
                return True
        return False

    def _items(self, iterator: Any) -> list[Any] | None:
        """All items; None when they changed meanwhile."""
        items = []
        while True:
            result, item = iterator.next()
            if result == self.gst.IteratorResult.OK:
                items.append(item)
            else:
                return items if result == self.gst.IteratorResult.DONE else None

    def pull(self, sink: Any, timeout_ns: int = _PULL_NS) -> Delivery | None:
        """The next buffer; None when none came in time or at the end.  Raises: GstError."""
        sample = sink.try_pull_sample(timeout_ns)
        if sample is None:
            self.check()
            return None
        return self._delivery(sample)

    def _delivery(self, sample: Any) -> Delivery:
        none = self.gst.CLOCK_TIME_NONE
        buffer, structure = sample.get_buffer(), sample.get_caps().get_structure(0)
        data = np.frombuffer(buffer.extract_dup(0, buffer.get_size()), np.uint8)
        t_ns = sample.get_segment().to_running_time(self.gst.Format.TIME, buffer.pts)
        return Delivery(
            None if buffer.pts == none or t_ns == none else int(t_ns),
            None if buffer.duration == none else int(buffer.duration),
            _picture(data, structure) if structure.has_field("height") else data.copy(),
        )


def _told(message: Any) -> GstError:
    error, detail = message.parse_error()
    return GstError(error.message.rstrip("."), error.domain, error.code, detail or "")


def glib_error() -> type[Exception]:
    """What the binding raises."""
    from gi.repository import GLib

    error: type[Exception] = GLib.Error
    return error


@contextmanager
def opened(gst: Any, description: str) -> Iterator[Pipeline]:
    """A pipeline that is stopped on leaving the block.  Raises: ConfigError: plugin missing."""
    pipeline = Pipeline(gst, description)
    try:
        yield pipeline
    finally:
        pipeline.stop()


def _picture(data: NDArray[np.uint8], structure: Any) -> NDArray[np.uint8]:
    """Without the bytes that pad each row."""
    height, width = int(structure.get_value("height")), int(structure.get_value("width"))
    rows = data.reshape(height, -1)
    channels = 1 if structure.get_value("format") == "GRAY8" else 3
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.array(rows[:, : channels * width]).reshape(shape)
