"""The user's own piece of a GStreamer pipeline as a source, for devices that nothing else reaches.

Only listed elements may be in it, and none of them writes a file, prints what it sees or sends it
away: pictures and sound stay in this process.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from edge.errors import ConfigError
from edge.settings import GstreamerSourceSettings
from edge.sources import gst as core
from edge.sources.device_errors import Remedies
from edge.sources.live import PICTURE_SINK, SOUND_SINK, LivePlan, LiveSource
from edge.values import Stream

SOURCES = (
    "v4l2src libcamerasrc nvarguscamerasrc nvv4l2camerasrc aravissrc decklinkvideosrc "
    "alsasrc pulsesrc pipewiresrc jackaudiosrc decklinkaudiosrc "
    "rtspsrc souphttpsrc tcpclientsrc udpsrc srtsrc filesrc multifilesrc shmsrc "
    "videotestsrc audiotestsrc"
)
DECODERS = (
    "decodebin parsebin jpegdec nvjpegdec nvv4l2decoder openh264dec vp8dec vp9dec av1dec dav1ddec "
    "avdec_* v4l2*dec opusdec vorbisdec flacdec mulawdec alawdec mpg123audiodec faad "
    "*parse rtp*depay rtpjitterbuffer matroskademux qtdemux tsdemux oggdemux avidemux "
    "multipartdemux"
)
CONVERTERS = (
    "capsfilter queue identity videoconvert videoscale videoconvertscale videorate videoflip "
    "videocrop videobox aspectratiocrop videobalance gamma deinterlace imagefreeze bayer2rgb "
    "nvvidconv nvvideoconvert v4l2convert vapostproc audioconvert audioresample audiorate "
    "audioamplify audiodynamic audiopanorama audiochebband audiocheblimit audiowsinclimit volume"
)
"""What a fragment may hold: element names, ``*`` standing for any rest."""

MAY_HOLD = (
    "it may hold sources, decoders and converters joined by '!', and nothing that writes files, "
    "prints or sends; docs/sources.md lists them"
)
_REMEDIES = Remedies(
    absent="check the device and source.pipeline: gst-launch-1.0 -v PIPELINE ! fakesink",
    busy="end the other program that uses the device",
    denied="let the service's user have the device: usermod -aG video,audio gatehouse",
    lost="check its cable, power and network",
    silent="check the device and source.pipeline: gst-launch-1.0 -v PIPELINE ! fakesink",
    unusable="source.pipeline must end in pictures or sound: gst-launch-1.0 -v PIPELINE ! fakesink",
)
_ENDS = {
    Stream.RGB: f"decodebin force-sw-decoders=true ! {core.PICTURES} ! {PICTURE_SINK}",
    Stream.AUDIO: f"decodebin ! {core.SOUND} ! {SOUND_SINK}",
}


def open_fragment(settings: GstreamerSourceSettings) -> LiveSource:
    """The source that a fragment describes.  Raises: ConfigError, as check."""
    check(settings)
    return LiveSource(
        LivePlan(
            what=f"source.pipeline ({settings.stream.value})",
            description=_description(settings),
            streams=settings.streams,
            needed=settings.stream,
            remedies=_REMEDIES,
        )
    )


def check(settings: GstreamerSourceSettings) -> None:
    """Put the pipeline together without starting it.

    Raises: ConfigError with GStreamer's own word for it, or naming what may not be in it.
    """
    gst = core.load()
    for word in _words(settings.pipeline):  # before a link that fails hides the real reason
        if gst.ElementFactory.find(word) is not None and not is_allowed(word):
            raise _refused(f"{word} is refused")
    try:
        whole = gst.parse_launch(_description(settings))
    except core.glib_error() as error:
        said = " ".join(str(getattr(error, "message", error)).split())
        raise _refused(f"GStreamer says: {said}") from error
    elements = list(_items(gst, whole.iterate_elements()))
    for element in elements:
        _check_allowed(element)
    names = [element.get_factory().get_name() for element in elements]
    if names.count("appsink") != 1:
        raise _refused("appsink is refused")
    if not set(names) & set(SOURCES.split()):
        raise _refused("there is no source in it")
    for element in elements:
        if loose := next((pad for pad in element.srcpads if not pad.is_linked()), None):
            raise _refused(f"the {loose.get_name()} of {element.get_name()} leads nowhere")


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text.replace("!", " "))
    except ValueError:  # a quote that does not end: GStreamer says so
        return []


def _check_allowed(element: Any) -> None:
    factory = element.get_factory().get_name()
    if not is_allowed(factory) and factory != "appsink":  # ours; there may be no other
        raise _refused(f"{factory} is refused")
    if factory == "identity" and element.get_property("dump"):
        raise _refused("identity dump=true is refused")


def is_allowed(factory: str) -> bool:
    """Whether an element may be in a fragment."""
    allowed = f"{SOURCES} {DECODERS} {CONVERTERS}".split()
    return any(fnmatchcase(factory, name) for name in allowed)


def _description(settings: GstreamerSourceSettings) -> str:
    return f"{settings.pipeline} ! {_ENDS[settings.stream]}"


def _refused(why: str) -> ConfigError:
    return ConfigError(f"source.pipeline: {why}; {MAY_HOLD}")


def _items(gst: Any, iterator: Any) -> Iterator[Any]:
    """Elements of a pipeline that does not change meanwhile."""
    while True:
        result, item = iterator.next()
        if result != gst.IteratorResult.OK:
            return
        yield item
