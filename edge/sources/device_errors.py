"""What GStreamer says about a device, as an error that names its kind and the remedy."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass

from edge.errors import (
    DeviceAbsentError,
    DeviceBusyError,
    DeviceDeniedError,
    DeviceError,
    DeviceFormatError,
    DeviceLostError,
    DeviceSilentError,
)
from edge.sources.gst import GstError, MissingDecoderError
from edge.sources.patience import HungError

_RESOURCE, _STREAM, _CORE = (f"gst-{kind}-error-quark" for kind in ("resource", "stream", "core"))
_BUSY, _SETTINGS, _NOT_AUTHORIZED = 4, 13, 15  # GstResourceError
_STREAM_FAILED = 1  # GstStreamError: anything, also what the detail says better
_MISMATCH = ("not-negotiated", "not-linked")


class SilentError(GstError):
    """Nothing came although nothing was said to be wrong."""


@dataclass(frozen=True, slots=True)
class Remedies:
    """What to do about each kind of error of one kind of device."""

    absent: str
    busy: str
    denied: str
    lost: str
    silent: str
    unusable: str


def device_error(
    error: GstError, what: str, remedies: Remedies, delivered: bool = False
) -> DeviceError:
    """Say it in one line.  what: the device, as people know it; delivered: it worked before"""
    kind = _kind(error, delivered)
    remedy = {
        DeviceAbsentError: remedies.absent,
        DeviceBusyError: remedies.busy,
        DeviceDeniedError: remedies.denied,
        DeviceLostError: remedies.lost,
        DeviceSilentError: remedies.silent,
        DeviceFormatError: remedies.unusable,
    }[kind]
    return kind(f"{what}: {' '.join(str(error).split())}; {remedy}")


def _kind(error: GstError, delivered: bool) -> type[DeviceError]:
    """The code says little (Linux's own word is in the detail), so both are asked."""
    told = f"{error} {error.detail}".lower()
    resource = error.domain == _RESOURCE
    if isinstance(error, (SilentError, HungError)):
        return DeviceSilentError
    if (resource and error.code == _BUSY) or _means(told, errno.EBUSY):
        return DeviceBusyError
    denied = resource and error.code == _NOT_AUTHORIZED
    if denied or _means(told, errno.EACCES) or _means(told, errno.EPERM) or "access denied" in told:
        return DeviceDeniedError
    if delivered:
        return DeviceLostError
    if isinstance(error, MissingDecoderError) or (resource and error.code == _SETTINGS):
        return DeviceFormatError
    if error.domain in (_STREAM, _CORE):
        vague = error.domain == _STREAM and error.code == _STREAM_FAILED
        if not vague or any(word in told for word in _MISMATCH):
            return DeviceFormatError
    return DeviceAbsentError


def _means(told: str, number: int) -> bool:
    return os.strerror(number).lower() in told
