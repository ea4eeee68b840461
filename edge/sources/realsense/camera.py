"""A RealSense camera, live: colour and depth from one point of view, on the common clock."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from edge.clock import Clock
from edge.errors import DeviceError, GatehouseError
from edge.realsense_settings import RealSenseSourceSettings
from edge.sources.realsense import controls, library, profiles
from edge.sources.realsense.bus import Bus, CameraInfo, UsbBus, find, info_of
from edge.sources.realsense.capture_clock import CaptureClock, Unwrapped
from edge.sources.realsense.frames import FrameReader, is_stereo
from edge.values import Sample, Stream

T = TypeVar("T")

log = logging.getLogger(__name__)

_ALIGN = {"color": Stream.RGB, "depth": Stream.DEPTH, "none": None}
_CURE = "check its cable and power, and that the port is USB 3"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what, in seconds."""

    poll_s: float = 0.2  # for one frameset, before asking whether the camera is still there
    stall_s: float = 3.0  # without a picture
    well_s: float = 10.0  # of pictures: an earlier stall is forgiven
    return_s: float = 15.0  # until the camera is back after a reset


def let_go(action: Callable[[], T]) -> T:
    """Do something; if it fails, keep nothing but the message.

    An error remembers the functions it passed, they remember the device, and whoever reports the
    error would keep a lost camera open.
    """
    try:
        return action()
    except GatehouseError as error:
        failed = type(error)(str(error))
    raise failed


class StalledError(Exception):
    """The camera is plugged in, but gives no pictures."""


class RealSense:
    """RGB and DEPTH of one camera; satisfies ``stages.Source``.

    Raises, on opening: ConfigError without librealsense, or when the camera lacks what is asked of
    it; DeviceError when it is not there.
    """

    def __init__(
        self,
        settings: RealSenseSourceSettings,
        clock: Clock,
        bus: Bus | None = None,
        patience: Patience | None = None,
    ) -> None:
        """bus: where to look for the camera; None: this computer's USB"""
        self._rs = library.load()
        self._settings, self._clock = settings, clock
        self._bus, self._patience = bus or UsbBus(), patience or Patience()
        self._closed = threading.Event()
        self._dropped: Counter[Stream] = Counter()
        self.capture_clock, self._counter = CaptureClock(), Unwrapped()
        self._wanted = {
            stream: picture
            for stream, picture in ((Stream.DEPTH, settings.depth), (Stream.RGB, settings.color))
            if picture is not None
        }
        self.info = let_go(self._examine)

    @property
    def streams(self) -> frozenset[Stream]:
        """RGB, DEPTH or both, as configured."""
        return self._settings.streams

    @property
    def dropped(self) -> Mapping[Stream, int]:
        """Pictures the camera took that never got here: it numbers them."""
        return dict(self._dropped)

    def close(self) -> None:
        """Make ``samples`` end within a moment; may be called from another thread."""
        self._closed.set()

    def samples(self) -> Iterator[Sample]:
        """Samples as they come, until ``close``. A stalled camera is restarted, then reset.

        Raises: DeviceError when it is unplugged, or when nothing helps.
        """
        try:
            yield from self._run()
            return
        except GatehouseError as error:
            failed = type(error)(str(error))
        raise failed  # see let_go

    def _run(self) -> Iterator[Sample]:
        stalls = 0
        while True:
            with suppress(StalledError), self._started() as (pipeline, device):
                for sample, well in self._deliver(pipeline, device):
                    stalls = 0 if well else stalls
                    yield sample
            if self._closed.is_set():
                return
            stalls += 1
            log.warning("camera stalled serial=%s times=%d", self.info.serial, stalls)
            if stalls == 2:
                self._reset()
            elif stalls > 2:
                raise DeviceError(f"{self.info} gives no pictures even after a reset; {_CURE}")

    def _examine(self) -> CameraInfo:
        device = find(self._rs, self._bus.devices(), self._settings.serial)
        for stream, picture in self._wanted.items():
            profiles.check(self._rs, device, stream, picture)
        return info_of(self._rs, device)

    @contextmanager
    def _started(self) -> Iterator[tuple[Any, Any]]:
        """The running pipeline and its device; stopped when the block is left."""
        device = find(self._rs, self._bus.devices(), self.info.serial)
        controls.apply(self._rs, device, self._settings)
        pipeline = self._rs.pipeline(self._bus.context)
        config = profiles.configure(self._rs, self.info.serial, self._wanted)
        try:
            pipeline.start(config)
        except RuntimeError as error:
            told = library.reason(error)
            raise DeviceError(
                f"{self.info} does not start ({told}); check that no other program uses it, "
                "then its cable"
            ) from error
        try:
            yield pipeline, device
        finally:
            with suppress(RuntimeError):  # it may be gone
                pipeline.stop()

    def _deliver(self, pipeline: Any, device: Any) -> Iterator[tuple[Sample, bool]]:
        """Samples, and whether they have been coming for so long that all is well.

        Raises: StalledError, DeviceError.
        """
        reader = self._reader(device)
        started = last = time.monotonic()
        while not self._closed.is_set():
            complete, frames = pipeline.try_wait_for_frames(round(self._patience.poll_s * 1_000))
            now = time.monotonic()
            if not complete:
                if not self._bus.is_connected(device):
                    raise DeviceError(f"{self.info} was unplugged; plug it in again")
                if now - last > self._patience.stall_s:
                    raise StalledError
                continue
            last = now
            to_ns = partial(self._capture_ns, self._clock.monotonic_ns(), self._clock.wall_ns())
            for sample in reader.samples(frames, to_ns):
                yield sample, now - started > self._patience.well_s

    def _capture_ns(self, now_ns: int, wall_ns: int, stamp_ms: float, on_wall: bool) -> int:
        if on_wall:
            stamp_ns = round(stamp_ms * 1e6) + now_ns - wall_ns
        else:
            stamp_ns = self._counter.to_ns(stamp_ms)
        return self.capture_clock.to_monotonic(stamp_ns, now_ns)

    def _reader(self, device: Any) -> FrameReader:
        stereo = is_stereo(self._rs, device)
        align = _ALIGN[self._settings.align] if len(self._wanted) == 2 else None
        return FrameReader(self._rs, self._settings.filters, align, stereo, self._lost)

    def _lost(self, stream: Stream, count: int) -> None:
        before = self._dropped[stream]
        self._dropped[stream] = total = before + count
        if total.bit_length() > before.bit_length():  # say so at 1, 2, 4, 8, ... pictures
            log.warning("pictures lost stream=%s total=%d", stream.value, total)

    def _reset(self) -> None:
        """The last resort: restart the firmware, and wait until the camera is back."""
        device = find(self._rs, self._bus.devices(), self.info.serial)
        with suppress(RuntimeError):  # a camera that is past answering may yet obey
            self._bus.reset(device)
        del device
        deadline = time.monotonic() + self._patience.return_s
        while not self._closed.wait(self._patience.poll_s):
            with suppress(DeviceError):
                find(self._rs, self._bus.devices(), self.info.serial)
                return
            if time.monotonic() > deadline:
                break
        if self._closed.is_set():
            return
        raise DeviceError(f"{self.info} did not come back after a reset; unplug it and {_CURE}")
