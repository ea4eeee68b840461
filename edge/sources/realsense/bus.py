"""Where cameras are plugged in: the one place that a test, or a simulator, has to replace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from edge.errors import ConfigError, DeviceError
from edge.sources.realsense import library


class Bus(Protocol):
    """The cameras of this computer. Devices are librealsense's own objects."""

    @property
    def context(self) -> Any:
        """The rs.context in which a pipeline finds the devices."""

    def devices(self) -> list[Any]:
        """Every camera that is plugged in."""

    def is_connected(self, device: Any) -> bool:
        """Whether the camera is still plugged in; cheap."""

    def reset(self, device: Any) -> None:
        """Restart the camera's firmware: it leaves the bus, and comes back seconds later."""


class UsbBus:
    """The real one.  Raises, on opening: ConfigError without librealsense."""

    def __init__(self) -> None:
        self.context = library.new_context(library.load())

    def devices(self) -> list[Any]:
        """See Bus.  Raises: DeviceError when the USB cannot be asked."""
        try:
            return list(self.context.query_devices())
        except RuntimeError as error:
            told = library.reason(error)
            raise DeviceError(f"cameras cannot be listed: {told}; see docs/realsense.md") from error

    def is_connected(self, device: Any) -> bool:
        """See Bus."""
        return bool(device.is_connected())

    def reset(self, device: Any) -> None:
        """See Bus."""
        device.hardware_reset()


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """What a camera says about itself; empty where it says nothing."""

    name: str
    serial: str
    firmware: str
    usb: str  # 2.1: a cable or port that is too slow for most profiles

    def __str__(self) -> str:
        usb = f", USB {self.usb}" if self.usb else ""
        return f"{self.name} {self.serial} (firmware {self.firmware or 'unknown'}{usb})"


def info_of(rs: Any, device: Any) -> CameraInfo:
    """Ask a device who it is."""
    names = ("name", "serial_number", "firmware_version", "usb_type_descriptor")
    kinds = [getattr(rs.camera_info, name) for name in names]
    return CameraInfo(*(device.get_info(k) if device.supports(k) else "" for k in kinds))


def find(rs: Any, devices: Sequence[Any], serial: str | None) -> Any:
    """The device with this serial number; None: the only one there is.

    Raises: DeviceError when it is not there, ConfigError when it could be any of several.
    """
    found = {info_of(rs, device).serial: device for device in devices}
    if serial is not None and serial in found:
        return found[serial]
    there = ", ".join(sorted(found)) or "none"
    if serial is not None:
        raise DeviceError(
            f"no RealSense camera {serial}; plug it in, or set another serial; there are: {there}"
        )
    if not found:
        raise DeviceError(
            "no RealSense camera; plug it into a USB 3 port; not found though it is: "
            "install the udev rules, see docs/realsense.md"
        )
    if len(found) > 1:
        raise ConfigError(f"several RealSense cameras; set its serial to one of: {there}")
    return next(iter(found.values()))
