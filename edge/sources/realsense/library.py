"""librealsense, imported on first use.

Its usage counters stay on this device: the upload that releases from 2.59 on can be told to make
is refused, and no network camera (DDS) is looked for.
"""

from __future__ import annotations

import os
from typing import Any

from edge.errors import ConfigError

PACKAGE = "pip install 'gatehouse-edge[realsense]'"
_CONTEXT = '{"dds": {"enabled": false}}'


def load() -> Any:
    """The module pyrealsense2.  Raises: ConfigError naming what to install."""
    os.environ.setdefault("RS2_RUM_CLOUD_ENABLED", "0")
    try:
        import pyrealsense2
    except ImportError as error:
        if "libusb" in str(error):
            raise ConfigError(f"{error}; apt install libusb-1.0-0") from error
        raise ConfigError(f"pyrealsense2 is missing; {PACKAGE}") from error
    return pyrealsense2


def new_context(rs: Any) -> Any:
    """What finds cameras on this computer; watches its USB in a thread while it lives."""
    return rs.context(_CONTEXT)


def reason(error: Exception) -> str:
    """What librealsense says, on one line."""
    return " ".join(str(error).split()) or type(error).__name__
