from __future__ import annotations

from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.settings import GstreamerSourceSettings
from edge.sources import gst as core
from edge.sources.fragment import (
    CONVERTERS,
    DECODERS,
    SOURCES,
    check,
    is_allowed,
    open_fragment,
)
from edge.values import Stream

try:
    GST = core.load()
except ConfigError as error:
    pytest.skip(str(error), allow_module_level=True)


def fragment(pipeline: str, stream: Stream = Stream.RGB) -> GstreamerSourceSettings:
    return GstreamerSourceSettings(type="gstreamer", stream=stream, pipeline=pipeline)


def needs(*elements: str) -> None:
    for element in elements:
        if GST.ElementFactory.find(element) is None:
            pytest.skip(f"GStreamer has no {element} here")


@pytest.mark.parametrize(
    ("pipeline", "stream"),
    [
        ("videotestsrc is-live=true", Stream.RGB),
        ("videotestsrc ! video/x-raw,framerate=15/1 ! videobalance saturation=0", Stream.RGB),
        ("v4l2src device=/dev/video7 ! image/jpeg ! jpegdec", Stream.RGB),
        ('filesrc location="/a file/x.mp4" ! decodebin', Stream.RGB),
        ("udpsrc port=5000 caps=application/x-rtp ! rtpjitterbuffer ! rtpjpegdepay", Stream.RGB),
        ("rtspsrc location=rtsp://127.0.0.1/x ! rtph264depay ! h264parse", Stream.RGB),
        ("audiotestsrc ! audioamplify amplification=2", Stream.AUDIO),
    ],
)
def test_what_brings_pictures_or_sound_is_accepted(pipeline: str, stream: Stream) -> None:
    needs(*(word for word in pipeline.split() if word.isalnum()))
    check(fragment(pipeline, stream))


@pytest.mark.parametrize(
    "pipeline",
    [
        "videotestsrc ! filesink location=/tmp/pictures",
        "videotestsrc ! multifilesink location=/tmp/picture%d",
        "videotestsrc ! udpsink host=10.0.0.1",
        "videotestsrc ! tcpserversink",
        "videotestsrc ! fdsink",
        "videotestsrc ! fakesink dump=true",
        "videotestsrc ! appsink videotestsrc",
        "videotestsrc ! autovideosink",
        "videotestsrc ! tee name=t t. ! queue ! filesink location=/tmp/x t. ! queue",
        "videotestsrc ! jpegenc",
        "videotestsrc ! avimux",
        "videotestsrc ! rtpvrawpay",
        "videotestsrc ! queue2 temp-template=/tmp/XXXXXX",
        "uridecodebin uri=http://127.0.0.1/x download=true",
        "( videotestsrc ! filesink location=/tmp/x ) videotestsrc",
        "videotestsrc ! identity dump=true",
    ],
)
def test_what_writes_prints_or_sends_is_refused(pipeline: str) -> None:
    with pytest.raises(ConfigError, match=r"is refused; it may hold sources, decoders"):
        check(fragment(pipeline))


def test_a_sink_that_hides_behind_an_address_is_found() -> None:
    with pytest.raises(ConfigError, match="filesink"):
        check(fragment("videotestsrc ! file:///tmp/pictures videotestsrc"))


def test_no_installed_sink_encoder_multiplexer_or_payloader_is_on_the_list() -> None:
    factories = GST.Registry.get().get_feature_list(GST.ElementFactory)
    kinds = {factory.get_name(): factory.get_metadata("klass") for factory in factories}
    listed = {name: kind for name, kind in kinds.items() if is_allowed(name)}
    assert {"videotestsrc", "decodebin", "videoconvert"} <= listed.keys()
    wrong = ("Sink", "Encoder", "Muxer", "Payloader")
    assert [name for name, kind in listed.items() if any(w in kind for w in wrong)] == []


@pytest.mark.parametrize(
    ("pipeline", "said"),
    [
        ("noSuchSource", 'GStreamer says: no element "noSuchSource"'),
        ("videotestsrc colour=1", 'GStreamer says: no property "colour" in element'),
        ("videotestsrc ! audioconvert", "GStreamer says: could not link"),
        ("videotestsrc name=rgb", "GStreamer says|is refused"),
        ("videotestsrc videotestsrc", "leads nowhere"),
        ("videoconvert", "there is no source in it"),
    ],
)
def test_a_mistake_is_told_in_gstreamers_own_words_with_what_may_be_there(
    pipeline: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"source\.pipeline: .*({said}).*; it may hold"):
        check(fragment(pipeline))


def test_the_fragment_itself_is_not_repeated_because_it_may_hold_a_password() -> None:
    pipeline = "rtspsrc location=rtsp://127.0.0.1/x user-pw=hush nonsense=1 ! decodebin"
    with pytest.raises(ConfigError) as caught:
        check(fragment(pipeline))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("stream", [Stream.RGB, Stream.AUDIO])
def test_a_fragment_gives_the_stream_it_was_said_to(stream: Stream) -> None:
    sources = {Stream.RGB: "videotestsrc is-live=true", Stream.AUDIO: "audiotestsrc is-live=true"}
    source = open_fragment(fragment(sources[stream], stream))
    assert source.streams == {stream}
    samples = source.samples()
    assert next(samples).stream is stream
    source.close()
    assert sum(1 for _ in samples) < 10


def test_the_documentation_lists_what_may_be_in_it() -> None:
    documented = (Path(__file__).parents[3] / "docs" / "sources.md").read_text(encoding="utf-8")
    for names in (SOURCES, DECODERS, CONVERTERS):
        assert " ".join(f"`{name}`" for name in names.split()) in documented
