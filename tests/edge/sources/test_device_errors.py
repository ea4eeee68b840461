from __future__ import annotations

import pytest

from edge.errors import (
    DeviceAbsentError,
    DeviceBusyError,
    DeviceDeniedError,
    DeviceError,
    DeviceFormatError,
    DeviceLostError,
    DeviceSilentError,
)
from edge.sources.device_errors import Remedies, SilentError, device_error
from edge.sources.gst import GstError, MissingDecoderError

REMEDIES = Remedies("is-absent", "is-busy", "is-denied", "is-lost", "is-silent", "is-unusable")
RESOURCE, STREAM, CORE = (f"gst-{kind}-error-quark" for kind in ("resource", "stream", "core"))

# What elements of GStreamer 1.22 say: message, domain, code, the developers' detail.
SAID = {
    "no sound server": (
        GstError("Failed to connect: Connection refused", RESOURCE, 1, "pulsesrc.c(1016)"),
        DeviceAbsentError,
    ),
    "no such source": (
        GstError("Failed to connect stream: No such entity", RESOURCE, 1, "pulsesrc.c(1622)"),
        DeviceAbsentError,
    ),
    "no card": (
        GstError("Could not open audio device", RESOURCE, 5, "'hw:7': No such file or directory"),
        DeviceAbsentError,
    ),
    "card in use": (
        GstError("Could not open audio device", RESOURCE, 5, "'hw:0': Device or resource busy"),
        DeviceBusyError,
    ),
    "camera in use": (GstError("Device is busy", RESOURCE, 4), DeviceBusyError),
    "not in the group": (
        GstError("Could not open device", RESOURCE, 7, "system error: Permission denied"),
        DeviceDeniedError,
    ),
    "no password": (GstError("Unauthorized", RESOURCE, 15), DeviceDeniedError),
    "PulseAudio says no": (
        GstError("Failed to connect: Access denied", RESOURCE, 1),
        DeviceDeniedError,
    ),
    "no capture device": (
        GstError("Error getting capabilities", RESOURCE, 13, "Inappropriate ioctl for device"),
        DeviceFormatError,
    ),
    "no camera": (
        GstError("Cannot identify device", RESOURCE, 3, "No such file or directory"),
        DeviceAbsentError,
    ),
    "sound for pictures": (
        GstError("Internal data stream error", STREAM, 1, "reason not-linked (-1)"),
        DeviceFormatError,
    ),
    "no listener": (
        GstError("Internal data stream error", STREAM, 1, "reason error (-5)"),
        DeviceAbsentError,
    ),
    "text": (GstError("This appears to be a text file", STREAM, 5), DeviceFormatError),
    "no decoder": (MissingDecoderError("H.266 decoder"), DeviceFormatError),
    "nothing comes": (SilentError("no picture for 5 s"), DeviceSilentError),
}


@pytest.mark.parametrize(("said", "kind"), SAID.values(), ids=SAID.keys())
def test_what_gstreamer_says_becomes_an_error_with_its_own_remedy(
    said: GstError, kind: type[DeviceError]
) -> None:
    error = device_error(said, "camera one", REMEDIES)
    assert type(error) is kind
    expected = kind.__name__.removeprefix("Device").removesuffix("Error").lower()
    remedy = {"format": "unusable"}.get(expected, expected)
    assert str(error) == f"camera one: {said}; is-{remedy}"


def test_what_worked_before_was_lost() -> None:
    said = GstError("Could not read from resource", RESOURCE, 9, "No such device")
    assert type(device_error(said, "x", REMEDIES, delivered=True)) is DeviceLostError
    vague = GstError("Internal data stream error", STREAM, 1, "reason error (-5)")
    assert type(device_error(vague, "x", REMEDIES, delivered=True)) is DeviceLostError


def test_the_developers_detail_stays_out_of_the_message() -> None:
    said = GstError("Could not open", RESOURCE, 5, "/home/anna/secret.c(12)")
    assert "secret" not in str(device_error(said, "x", REMEDIES))


def test_a_message_of_several_lines_becomes_one() -> None:
    assert "\n" not in str(device_error(GstError("a\nb\tc", RESOURCE, 1), "x", REMEDIES))
