"""librealsense's own software device as a camera that can be unplugged: for tests, on any machine.

Nothing here replaces librealsense: pipeline, synchroniser, filters and recorder are the real ones;
only the pictures and the USB are made up.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.sources.realsense import library

DEPTH_SCALE_M = 0.001
DEPTH_FOCAL, COLOR_FOCAL = 0.95, 0.94  # of the width
_ARRIVAL_S = 5.0
_WRAP_MS = (1 << 32) / 1_000


@dataclass(frozen=True, slots=True)
class Look:
    """How the camera's two sensors are made."""

    width: int = 160
    height: int = 120
    fps: int = 30
    scale_m: float = DEPTH_SCALE_M
    baseline_m: float = 0.015  # from the depth camera to the colour camera
    turn_rad: float = 0.0  # of the colour camera, about the axis of view
    streams: frozenset[str] = frozenset({"depth", "color"})
    usb: str = "3.2"
    options: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    # (depth or color, librealsense's name) -> what it takes, from and to


class SyntheticCamera:
    """A software device with a depth sensor and a colour sensor; pictures are pushed by hand."""

    def __init__(self, serial: str = "SYN0001", look: Look | None = None) -> None:
        self._rs = rs = library.load()
        self.serial, self.look = serial, look or Look()
        self.device = rs.software_device()
        for kind, text in (
            (rs.camera_info.name, "synthetic camera"),
            (rs.camera_info.serial_number, serial),
            (rs.camera_info.firmware_version, "5.16.0.1"),
            (rs.camera_info.usb_type_descriptor, self.look.usb),
            (rs.camera_info.physical_port, f"synthetic-{serial}"),
        ):
            self.device.register_info(kind, text)
        self._sensors: dict[str, tuple[Any, Any]] = {}
        if "depth" in self.look.streams:
            self._add("depth", "Stereo Module", rs.stream.depth, rs.format.z16, 2, DEPTH_FOCAL)
            sensor, _ = self._sensors["depth"]
            sensor.add_read_only_option(rs.option.depth_units, self.look.scale_m)
            sensor.add_read_only_option(rs.option.stereo_baseline, 50.0)
        if "color" in self.look.streams:
            self._add("color", "RGB Camera", rs.stream.color, rs.format.rgb8, 3, COLOR_FOCAL)
        self._register_extrinsics()
        for (sensor, name), ends in self.look.options.items():
            span = rs.option_range()
            span.min, span.max, span.step, span.default = *ends, 1, ends[0]
            self._sensors[sensor][0].add_option(getattr(rs.option, name), span, True)

    def option(self, sensor: str, name: str) -> float:
        """What an option of ``look.options`` is set to."""
        return float(self._sensors[sensor][0].get_option(getattr(self._rs.option, name)))

    def push(
        self,
        number: int,
        stamp_ms: float,
        depth: NDArray[np.uint16] | None = None,
        color: NDArray[np.uint8] | None = None,
        domain: str = "hardware_clock",
    ) -> None:
        """Deliver a picture of either sensor, or of both.

        depth: (H, W) in units of ``look.scale_m``   color: (H, W, 3) sRGB
        domain: the clock of ``stamp_ms``, by librealsense's name
        """
        for name, picture in (("depth", depth), ("color", color)):
            if picture is not None:
                self._push(name, number, stamp_ms, np.ascontiguousarray(picture), domain)

    def _push(self, name: str, number: int, stamp: float, pixels: Any, domain: str) -> None:
        sensor, profile = self._sensors[name]
        frame = self._rs.software_video_frame()
        frame.pixels, frame.bpp = pixels, 2 if name == "depth" else 3
        frame.stride = frame.bpp * self.look.width
        frame.timestamp, frame.frame_number = stamp, number
        frame.domain = getattr(self._rs.timestamp_domain, domain)
        frame.profile = profile.as_video_stream_profile()
        if name == "depth":
            frame.depth_units = self.look.scale_m
        sensor.on_video_frame(frame)

    def _add(self, name: str, sensor: str, kind: Any, fmt: Any, bpp: int, focal: float) -> None:
        rs, look = self._rs, self.look
        intrinsics = rs.intrinsics()
        intrinsics.width, intrinsics.height = look.width, look.height
        intrinsics.ppx, intrinsics.ppy = look.width / 2, look.height / 2
        intrinsics.fx = intrinsics.fy = focal * look.width
        intrinsics.model, intrinsics.coeffs = rs.distortion.brown_conrady, [0.0] * 5
        stream = rs.video_stream()
        stream.type, stream.index, stream.uid = kind, 0, len(self._sensors) + 1
        stream.width, stream.height, stream.fps = look.width, look.height, look.fps
        stream.bpp, stream.fmt, stream.intrinsics = bpp, fmt, intrinsics
        added = self.device.add_sensor(sensor)
        self._sensors[name] = (added, added.add_video_stream(stream, True))

    def _register_extrinsics(self) -> None:
        if len(self._sensors) < 2:
            return
        to_color = self._rs.extrinsics()
        cos, sin = np.cos(self.look.turn_rad), np.sin(self.look.turn_rad)
        to_color.rotation = [cos, sin, 0, -sin, cos, 0, 0, 0, 1]  # columns first
        to_color.translation = [self.look.baseline_m, 0, 0]
        depth, color = self._sensors["depth"][1], self._sensors["color"][1]
        depth.register_extrinsics_to(color, to_color)


class SyntheticBus:
    """A USB for synthetic cameras; satisfies ``bus.Bus``.

    librealsense never says that a software device is gone, so this bus does.
    """

    def __init__(self) -> None:
        self._rs = library.load()
        self.context = library.new_context(self._rs)
        self.resets: list[str] = []  # serials
        self._plugged: dict[str, tuple[Any, SyntheticCamera]] = {}
        # librealsense holds software devices weakly: what keeps them is the list that its callback
        # brings, in a thread of its own
        self._lock, arrived = threading.Lock(), SimpleQueue[Any]()
        self._arrived = arrived
        self.context.set_devices_changed_callback(
            lambda event: arrived.put(event.get_new_devices())
        )

    def plug(self, camera: SyntheticCamera) -> None:
        """Make a camera appear."""
        with self._lock:
            camera.device.add_to(self.context)
            held = self._arrived.get(timeout=_ARRIVAL_S)
            self._plugged[camera.serial] = (held, camera)

    def unplug(self, serial: str) -> None:
        """Make a camera disappear; who still holds its device must let go of it."""
        with self._lock:
            del self._plugged[serial]

    def devices(self) -> list[Any]:
        """See Bus."""
        with self._lock:
            return [d for d in self.context.query_devices() if self._serial(d) in self._plugged]

    def is_connected(self, device: Any) -> bool:
        """See Bus."""
        return self._serial(device) in self._plugged

    def reset(self, device: Any) -> None:
        """See Bus: only counted."""
        self.resets.append(self._serial(device))

    def _serial(self, device: Any) -> str:
        return str(device.get_info(self._rs.camera_info.serial_number))


def record(
    path: Path, camera: SyntheticCamera, pictures: list[tuple[Any, Any]], start_ms: float = 0
) -> None:
    """Write a .db3 as librealsense does, one picture of each sensor every 1/fps s.

    pictures: (depth, color), either may be None   start_ms: of the camera's counter, which wraps
    """
    rs = library.load()
    recorder = rs.recorder(str(path), camera.device)
    queue = rs.frame_queue(4)
    sensors = recorder.query_sensors()
    for sensor in sensors:
        sensor.open(sensor.get_stream_profiles()[0])
        sensor.start(queue)
    for number, (depth, color) in enumerate(pictures):
        stamp_ms = (start_ms + number * 1_000 / camera.look.fps) % _WRAP_MS
        camera.push(number, stamp_ms, depth, color)
    for sensor in sensors:
        sensor.stop()
        sensor.close()
