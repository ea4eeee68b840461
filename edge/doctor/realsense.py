"""RealSense cameras: whether librealsense finds them, and whether they offer what is wanted."""

from __future__ import annotations

from edge.doctor.findings import Findings, failed, ok, warn
from edge.errors import GatehouseError
from edge.realsense_settings import RealSenseSourceSettings
from edge.sources.realsense import library, profiles
from edge.sources.realsense.bus import Bus, UsbBus, find, info_of
from edge.values import Stream

REMEDY = "see docs/realsense.md"


def realsense(what: str, source: RealSenseSourceSettings, bus: Bus | None = None) -> Findings:
    """Ask the camera what it is; takes no picture, and changes nothing on it."""
    try:
        rs = library.load()
        bus = bus or UsbBus()
        device = find(rs, bus.devices(), source.serial)
        for stream, picture in ((Stream.DEPTH, source.depth), (Stream.RGB, source.color)):
            if picture is not None:
                profiles.check(rs, device, stream, picture)
        info = info_of(rs, device)
    except GatehouseError as error:
        yield failed(what, error, REMEDY)
        return
    if info.usb.startswith("2"):
        yield warn(what, f"{info} is on a slow USB", "use a USB 3 cable and port")
    else:
        yield ok(what, str(info))
