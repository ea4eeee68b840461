"""From librealsense's framesets to samples: filtered, aligned, in millimetres, no picture twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import atan, degrees
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import MediaError
from edge.realsense_settings import DepthFilterSettings
from edge.sources.realsense.filters import DepthFilters
from edge.values import Sample, Stream

_MM_PER_M = 1_000
_FARTHEST_MM = 65_535


class FrameReader:
    """One camera's pictures, from one start of it to the next."""

    def __init__(
        self,
        rs: Any,
        filters: DepthFilterSettings,
        align: Stream | None,
        stereo: bool,
        lost: Callable[[Stream, int], None] = lambda stream, count: None,
    ) -> None:
        """align: the stream whose point of view both get; None: each keeps its own

        lost: told of pictures that never came, by the numbers the camera gives them
        """
        self._rs, self._lost = rs, lost
        self._filters = DepthFilters(rs, filters, stereo)
        targets = {Stream.RGB: rs.stream.color, Stream.DEPTH: rs.stream.depth}
        self._align = None if align is None else rs.align(targets[align])
        self._seen: dict[Stream, tuple[int, float]] = {}  # number and stamp of the last picture

    def samples(self, frames: Any, to_ns: Callable[[float, bool], int]) -> Iterator[Sample]:
        """What is new in a frameset.

        to_ns: capture time from a stamp in ms, and whether that is on the wall clock
        """
        # While one sensor is silent, librealsense repeats its last picture in every frameset.
        fresh = {stream for stream, frame in _split(frames) if self._is_new(stream, frame)}
        if not fresh:
            return
        stamps = {stream: _stamp(self._rs, frame) for stream, frame in _split(frames)}
        if len({wall for _, wall in stamps.values()}) > 1:  # two clocks: one has to do for both
            stamps = dict.fromkeys(stamps, stamps[Stream.DEPTH])
        frames = self._filters.process(frames)
        if self._align is not None and len(stamps) == 2:
            frames = self._align.process(frames)
        for stream, frame in _split(frames):
            if stream in fresh:
                yield _sample(self._rs, stream, frame, to_ns(*stamps[stream]))

    def _is_new(self, stream: Stream, frame: Any) -> bool:
        number, stamp = frame.get_frame_number(), frame.get_timestamp()
        before = self._seen.get(stream)
        self._seen[stream] = (number, stamp)
        if before is None:
            return True
        if number > before[0] + 1:
            self._lost(stream, number - before[0] - 1)
        return bool((number, stamp) != before)


def hfov_deg(intrinsics: Any) -> float:
    """Horizontal field of view of a pinhole with its axis in the middle; see values.Step."""
    return 2 * degrees(atan(intrinsics.width / 2 / intrinsics.fx))


def is_stereo(rs: Any, device: Any) -> bool:
    """Whether the camera measures disparity, as the D400 line does."""
    return any(sensor.supports(rs.option.stereo_baseline) for sensor in device.query_sensors())


def in_mm(raw: NDArray[np.uint16], units_m: float) -> NDArray[np.uint16]:
    """A copy in millimetres; what is too far for 16 bits becomes 0, no return.

    raw: (H, W) in ``units_m`` metres
    """
    scale = units_m * _MM_PER_M
    if abs(scale - 1) < 1e-6:
        return np.array(raw, np.uint16)
    mm = np.rint(raw * np.float32(scale))
    return np.where(mm <= _FARTHEST_MM, mm, 0).astype(np.uint16)


def _split(frames: Any) -> Iterator[tuple[Stream, Any]]:
    """Depth first: it decides where colour would have another clock."""
    depth, color = frames.get_depth_frame(), frames.get_color_frame()
    if depth:
        yield Stream.DEPTH, depth
    if color:
        yield Stream.RGB, color


def _stamp(rs: Any, frame: Any) -> tuple[float, bool]:
    """Milliseconds, and whether they count from the Unix epoch."""
    on_wall = frame.get_frame_timestamp_domain() != rs.timestamp_domain.hardware_clock
    return frame.get_timestamp(), on_wall


def _sample(rs: Any, stream: Stream, frame: Any, t_ns: int) -> Sample:
    if stream is Stream.RGB:
        return Sample(stream, t_ns, _picture(rs, frame))
    intrinsics = frame.profile.as_video_stream_profile().intrinsics
    raw = np.asanyarray(frame.get_data())
    return Sample(stream, t_ns, in_mm(raw, frame.get_units()), hfov_deg(intrinsics))


def _picture(rs: Any, frame: Any) -> NDArray[np.uint8]:
    """(H, W, 3) sRGB, copied out of librealsense's memory."""
    data, kind = np.asanyarray(frame.get_data()), frame.profile.format()
    if kind == rs.format.rgb8:
        return np.array(data, np.uint8)
    if kind == rs.format.bgr8:
        return np.ascontiguousarray(data[:, :, ::-1])
    if kind == rs.format.rgba8:
        return np.ascontiguousarray(data[:, :, :3])
    if kind == rs.format.bgra8:
        return np.ascontiguousarray(data[:, :, 2::-1])
    if kind in (rs.format.yuyv, rs.format.uyvy):
        import cv2

        code = cv2.COLOR_YUV2RGB_YUY2 if kind == rs.format.yuyv else cv2.COLOR_YUV2RGB_UYVY
        packed = data.view(np.uint8).reshape(frame.height, frame.width, 2)
        return np.asarray(cv2.cvtColor(packed, code), np.uint8)
    raise MediaError(f"pictures of format {kind.name} cannot be read; record colour as rgb8")
