"""Which pictures a camera offers, and whether those that are wanted are among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from edge.errors import ConfigError, DeviceError
from edge.realsense_settings import PictureSettings
from edge.sources.realsense.bus import info_of
from edge.values import Stream


@dataclass(frozen=True, slots=True, order=True)
class Offer:
    """One way in which a camera can deliver one stream."""

    width: int
    height: int
    fps: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}@{self.fps}"


def kinds(rs: Any) -> dict[Stream, tuple[Any, Any]]:
    """Librealsense's stream and format of each of ours."""
    return {
        Stream.RGB: (rs.stream.color, rs.format.rgb8),
        Stream.DEPTH: (rs.stream.depth, rs.format.z16),
    }


def offers(rs: Any, device: Any, stream: Stream) -> list[Offer]:
    """Every profile of the stream in the format that Gatehouse takes, the smallest first."""
    return sorted({offer for offer, _ in _offered(rs, device, stream)})


def check(rs: Any, device: Any, stream: Stream, wanted: PictureSettings) -> None:
    """Do nothing when the device offers what is wanted.

    Raises: ConfigError listing what there is; DeviceError where a better cable may offer more.
    """
    there = offers(rs, device, stream)
    asked = Offer(wanted.width, wanted.height, wanted.fps)
    if asked in there:
        return
    key = "color" if stream is Stream.RGB else "depth"
    info, listed = info_of(rs, device), ", ".join(map(str, there)) or "nothing"
    told = f"{info} has no {key} picture {asked}"
    remedy = f"set its {key} to one of: {listed}"
    if info.usb.startswith("2"):
        raise DeviceError(f"{told}; use a USB 3 cable and port, or {remedy}")
    raise ConfigError(f"{told}; {remedy}")


def profile_of(rs: Any, device: Any, stream: Stream, wanted: PictureSettings) -> Any:
    """The profile, as librealsense has it, of a picture that ``check`` has found to be there."""
    asked = Offer(wanted.width, wanted.height, wanted.fps)
    return next(profile for offer, profile in _offered(rs, device, stream) if offer == asked)


def configure(rs: Any, serial: str, wanted: dict[Stream, PictureSettings]) -> Any:
    """The rs.config that asks one device for exactly these pictures."""
    config = rs.config()
    config.enable_device(serial)
    for stream, picture in wanted.items():
        kind, picture_format = kinds(rs)[stream]
        config.enable_stream(kind, picture.width, picture.height, picture_format, picture.fps)
    return config


def _offered(rs: Any, device: Any, stream: Stream) -> Iterator[tuple[Offer, Any]]:
    kind, picture_format = kinds(rs)[stream]
    for sensor in device.query_sensors():
        for profile in sensor.get_stream_profiles():
            if profile.stream_type() == kind and profile.format() == picture_format:
                video = profile.as_video_stream_profile()
                yield Offer(video.width(), video.height(), video.fps()), video
