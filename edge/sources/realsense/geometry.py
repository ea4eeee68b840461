"""The lenses of a camera as its maker measured them: read from the device, no picture is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import DeviceError
from edge.realsense_settings import PictureSettings, RealSenseSourceSettings
from edge.sources.realsense import library, profiles
from edge.sources.realsense.bus import Bus, CameraInfo, UsbBus, find, info_of
from edge.values import Stream


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """One lens at one picture size, in pixels."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    model: str  # of the distortion, by librealsense's name
    distortion: tuple[float, ...]  # k1 k2 p1 p2 k3


@dataclass(frozen=True, slots=True)
class Geometry:
    """Both lenses and how they stand; a stream that is switched off is None."""

    camera: CameraInfo
    depth: Intrinsics | None
    color: Intrinsics | None
    depth_scale_m: float | None  # of the raw depth; samples are in millimetres
    rotation: NDArray[np.float64] | None  # (3, 3)
    translation_m: NDArray[np.float64] | None  # (3,): x_color = rotation @ x_depth + translation


def read_geometry(settings: RealSenseSourceSettings, bus: Bus | None = None) -> Geometry:
    """Ask the camera for what holds at the configured picture sizes, before any alignment.

    Raises: ConfigError, DeviceError, as ``camera.RealSense``.
    """
    rs = library.load()
    bus = bus or UsbBus()
    device = find(rs, bus.devices(), settings.serial)
    wanted = {Stream.DEPTH: settings.depth, Stream.RGB: settings.color}
    try:
        found = {s: _profile(rs, device, s, p) for s, p in wanted.items() if p is not None}
        lenses = {
            stream: _intrinsics(profile.get_intrinsics()) for stream, profile in found.items()
        }
        depth, color = found.get(Stream.DEPTH), found.get(Stream.RGB)
        scale = None if depth is None else device.first_depth_sensor().get_depth_scale()
        between = None if depth is None or color is None else depth.get_extrinsics_to(color)
    except RuntimeError as error:
        told = library.reason(error)
        raise DeviceError(f"the camera's calibration cannot be read ({told}); replug it") from error
    return Geometry(
        camera=info_of(rs, device),
        depth=lenses.get(Stream.DEPTH),
        color=lenses.get(Stream.RGB),
        depth_scale_m=scale,
        # librealsense stores columns first
        rotation=None if between is None else np.reshape(between.rotation, (3, 3)).T,
        translation_m=None if between is None else np.array(between.translation),
    )


def _profile(rs: Any, device: Any, stream: Stream, picture: PictureSettings) -> Any:
    profiles.check(rs, device, stream, picture)
    return profiles.profile_of(rs, device, stream, picture)


def _intrinsics(given: Any) -> Intrinsics:
    size, focal, centre = (given.width, given.height), (given.fx, given.fy), (given.ppx, given.ppy)
    return Intrinsics(*size, *focal, *centre, given.model.name, tuple(given.coeffs))
