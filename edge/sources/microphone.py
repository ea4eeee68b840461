"""A microphone, live, through PulseAudio, PipeWire or ALSA: what is there, or what was named."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from edge.errors import ConfigError, DeviceAbsentError
from edge.settings import MicrophoneSourceSettings
from edge.sources import gst as core
from edge.sources.device_errors import Remedies
from edge.sources.live import SOUND_SINK, LivePlan, LiveSource
from edge.sources.patience import HungError, bounded, check_answered
from edge.values import Stream

ELEMENTS = {"pulse": "pulsesrc", "pipewire": "pipewiresrc", "alsa": "alsasrc"}
"""In the order in which they are tried: a sound server that runs has the card."""

PACKAGES = {
    "pulsesrc": "gstreamer1.0-pulseaudio",
    "pipewiresrc": "gstreamer1.0-pipewire",
    "alsasrc": "gstreamer1.0-alsa",
}
_NAMES = {"pipewiresrc": "target-object"}  # else: device
# ALSA's plugins (pulse, dsnoop) stamp with the wall clock, which stops alsasrc on a monotonic one.
_OPTIONS = {"alsasrc": "use-driver-timestamps=false"}
_END = f"{core.SOUND} ! {SOUND_SINK}"
ANSWER_S = 5.0
_ABSENT = (
    "plug one in, or check what is there: pactl list short sources, arecord -L; "
    "until then the room is watched without its sound"
)
_REMEDIES = Remedies(
    absent=_ABSENT,
    busy="end the other program that uses it, or set source.via to the sound server that runs",
    denied="let the service's user into the group: usermod -aG audio gatehouse, then restart it",
    lost="check its cable, and that the sound server runs",
    silent="check its cable, and that the sound server has not suspended it",
    unusable="set source.device to an input: pactl list short sources, arecord -L",
)


def open_microphone(settings: MicrophoneSourceSettings) -> LiveSource:
    """The microphone that the settings name, at 16 kHz, mono.

    Raises: ConfigError when GStreamer or the plugin is missing; DeviceAbsentError when, with
    ``via: auto``, neither a sound server nor a card answers.
    """
    gst = core.load()
    element = _element(gst, settings)
    properties = {} if settings.device is None else {_name_key(gst, element): settings.device}
    called = "" if settings.device is None else f" {settings.device}"
    return LiveSource(
        LivePlan(
            what=f"microphone{called} ({element})",
            description=f"{element} name=device {_OPTIONS.get(element, '')} ! {_END}",
            streams=frozenset({Stream.AUDIO}),
            needed=Stream.AUDIO,
            remedies=_REMEDIES,
            properties={"device": properties},
        )
    )


def find_microphone(gst: Any, names: Sequence[str] | None = None) -> str | None:
    """The first element whose sound server or card answers.  names: None: all, as in ELEMENTS"""
    for name in names or ELEMENTS.values():
        element = gst.ElementFactory.make(name, None)
        if element is not None and _answers(gst, name, element):
            return name
    return None


def _answers(gst: Any, name: str, element: Any) -> bool:
    """Whether it can be opened; a sound server that hangs does not answer."""
    answers: list[Any] = []

    def ask() -> None:
        answers.append(element.set_state(gst.State.READY))
        element.set_state(gst.State.NULL)

    with suppress(HungError):
        check_answered()
        bounded(f"ask {name}", ask, ANSWER_S)
    return bool(answers) and answers[0] != gst.StateChangeReturn.FAILURE


def _element(gst: Any, settings: MicrophoneSourceSettings) -> str:
    if settings.via == "auto":
        found = find_microphone(gst)
        if found is None:
            plugins = "" if _has_plugins(gst) else f"apt install {' '.join(PACKAGES.values())}, "
            said = "microphone: no sound server and no card answers"
            raise DeviceAbsentError(f"{said}; {plugins}{_ABSENT}")
        return found
    element = ELEMENTS[settings.via]
    if gst.ElementFactory.find(element) is None:
        raise ConfigError(f"GStreamer has no {element}: apt install {PACKAGES[element]}")
    return element


def _has_plugins(gst: Any) -> bool:
    return all(gst.ElementFactory.find(name) is not None for name in PACKAGES)


def _name_key(gst: Any, element: str) -> str:
    """The property that takes the device's name; PipeWire's was called otherwise before 0.3.44."""
    key = _NAMES.get(element, "device")
    known = gst.ElementFactory.make(element, None).find_property(key)
    return key if known is not None else "path"
