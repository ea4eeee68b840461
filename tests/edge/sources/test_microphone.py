from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from edge.errors import ConfigError, DeviceAbsentError, DeviceLostError
from edge.settings import MicrophoneSourceSettings
from edge.sources import gst as core
from edge.sources import microphone
from edge.sources.live import LiveSource
from edge.values import AUDIO_RATE_HZ, Sample, Stream

try:
    GST = core.load()
except ConfigError as error:
    pytest.skip(str(error), allow_module_level=True)

S = 1_000_000_000
TONE_HZ = 1_000


@contextmanager
def tone() -> Iterator[None]:
    """A tone on the sink that the microphone hears."""
    description = (
        f"audiotestsrc is-live=true freq={TONE_HZ} volume=0.5 "
        "! pulsesink device=mic buffer-time=100000 latency-time=20000"
    )
    with core.opened(GST, description) as pipeline:
        pipeline.play()
        yield


def heard(source: LiveSource, seconds: float) -> list[Sample]:
    """What it gives from the first sound that is not silence."""
    found: list[Sample] = []
    for sample in source.samples():
        if found or np.abs(sample.data).max(initial=0) > 1_000:
            found.append(sample)
        if sum(len(chunk.data) for chunk in found) >= seconds * AUDIO_RATE_HZ:
            source.close()
    return found


@pytest.mark.parametrize(
    "settings",
    [
        MicrophoneSourceSettings(),
        MicrophoneSourceSettings(via="pulse", device="mic.monitor"),
        MicrophoneSourceSettings(via="alsa", device="pulse"),
    ],
    ids=lambda settings: settings.via,
)
@pytest.mark.usefixtures("sound_server")
def test_a_real_sound_server_is_heard_without_a_gap(settings: MicrophoneSourceSettings) -> None:
    if settings.via == "alsa" and not _alsa_speaks_to_pulse():
        pytest.skip("needs: apt install gstreamer1.0-alsa libasound2-plugins")
    source = microphone.open_microphone(settings)
    assert source.streams == {Stream.AUDIO}
    with tone():
        chunks = heard(source, 1.0)
    sound = np.concatenate([chunk.data for chunk in chunks]).astype(np.float64)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    loudest_hz = float(spectrum.argmax()) * AUDIO_RATE_HZ / len(sound)
    assert abs(loudest_hz - TONE_HZ) < 5
    span_ns = chunks[-1].t_ns - chunks[0].t_ns
    samples = len(sound) - len(chunks[-1].data)
    assert abs(span_ns - samples * S // AUDIO_RATE_HZ) < S // 100


@pytest.mark.parametrize("device", [None, "attic"])
@pytest.mark.usefixtures("pipewire")
def test_a_real_pipewire_is_heard_without_a_gap(device: str | None) -> None:
    if GST.ElementFactory.find("pipewiresrc") is None:
        pytest.skip("GStreamer has no pipewiresrc: apt install gstreamer1.0-pipewire")
    settings = MicrophoneSourceSettings(via="pipewire", device=device)
    source = microphone.open_microphone(settings)
    chunks = []
    for chunk in source.samples():
        chunks.append(chunk)
        if len(chunks) == 30:
            source.close()
    for earlier, later in pairwise(chunks):
        end_ns = earlier.t_ns + len(earlier.data) * S // AUDIO_RATE_HZ
        assert abs(later.t_ns - end_ns) < S // 500


def test_a_sound_server_that_dies_is_told_as_lost(sound_server: Any) -> None:
    source = microphone.open_microphone(MicrophoneSourceSettings(via="pulse"))
    samples = iter(source.samples())
    with tone():
        next(samples)
    sound_server.kill()
    with pytest.raises(DeviceLostError, match=r"microphone \(pulsesrc\): .*; check its cable"):
        list(samples)


@pytest.mark.usefixtures("sound_server")
def test_a_microphone_that_the_server_does_not_know_is_absent() -> None:
    settings = MicrophoneSourceSettings(via="pulse", device="attic")
    with pytest.raises(DeviceAbsentError, match=r"microphone attic \(pulsesrc\): .*; plug one in"):
        list(microphone.open_microphone(settings).samples())


def test_no_sound_server_and_no_card_is_told_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(microphone, "find_microphone", lambda gst: None)
    with pytest.raises(DeviceAbsentError, match="no sound server and no card answers; plug one in"):
        microphone.open_microphone(MicrophoneSourceSettings())


def test_where_plugins_are_missing_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core, "load", lambda: Sounds(alsasrc=GST.StateChangeReturn.FAILURE))
    with pytest.raises(DeviceAbsentError, match=r"apt install gstreamer1\.0-pulseaudio "):
        microphone.open_microphone(MicrophoneSourceSettings())


def test_a_sound_server_that_hangs_costs_one_thread_and_is_asked_again_once_it_answers(
    monkeypatch: pytest.MonkeyPatch, wait_for: Callable[[Callable[[], bool]], None]
) -> None:
    answer, before = threading.Event(), threading.active_count()
    yes = GST.StateChangeReturn.SUCCESS

    class Hanging(Sounds):
        def set_state(self, state: Any) -> Any:
            return answer.wait() and yes if self.name == "pulsesrc" else yes

    monkeypatch.setattr(microphone, "ANSWER_S", 0.01)
    sounds = Hanging(pulsesrc=yes, alsasrc=yes)
    assert microphone.find_microphone(sounds) is None
    assert threading.active_count() == before + 1
    assert microphone.find_microphone(sounds) is None
    assert threading.active_count() == before + 1
    answer.set()
    wait_for(lambda: threading.active_count() == before)
    assert microphone.find_microphone(sounds) == "pulsesrc"


def test_a_sound_server_that_is_named_but_not_running_is_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if GST.ElementFactory.find("pulsesrc") is None:
        pytest.skip("GStreamer has no pulsesrc: apt install gstreamer1.0-pulseaudio")
    monkeypatch.setenv("PULSE_SERVER", "unix:/nonexistent/socket")
    with pytest.raises(DeviceAbsentError, match="Connection refused"):
        list(microphone.open_microphone(MicrophoneSourceSettings(via="pulse")).samples())


class Sounds:
    """A GStreamer whose sound elements answer as told; None: not installed."""

    State, StateChangeReturn = GST.State, GST.StateChangeReturn

    def __init__(self, **answers: Any) -> None:
        self.answers, self.asked = answers, list[Any]()
        self.ElementFactory = self

    def make(self, name: str, _: None) -> Any:
        self.name = name
        return self if self.answers.get(name) else None

    def find(self, name: str) -> Any:
        return self.answers.get(name)

    def find_property(self, name: str) -> Any:
        return name if name in self.answers.get("properties", ()) else None

    def set_state(self, state: Any) -> Any:
        self.asked.append((self.name, state))
        return self.answers[self.name]


def test_a_sound_server_that_is_down_leaves_it_to_the_next_and_at_last_to_the_card() -> None:
    yes, no = GST.StateChangeReturn.SUCCESS, GST.StateChangeReturn.FAILURE
    find = microphone.find_microphone
    assert find(Sounds(pulsesrc=no, pipewiresrc=yes, alsasrc=yes)) == "pipewiresrc"
    assert find(Sounds(pulsesrc=no, pipewiresrc=no, alsasrc=yes)) == "alsasrc"
    assert find(Sounds(alsasrc=yes)) == "alsasrc"
    assert find(Sounds(pulsesrc=yes, alsasrc=no), ("alsasrc",)) is None
    assert find(Sounds()) is None


def test_looking_for_a_microphone_keeps_none_open() -> None:
    sounds = Sounds(pulsesrc=GST.StateChangeReturn.ASYNC)
    assert microphone.find_microphone(sounds) == "pulsesrc"
    assert sounds.asked[-1] == ("pulsesrc", GST.State.NULL)


@pytest.mark.parametrize(
    ("via", "properties", "key"),
    [
        ("pulse", ("device",), "device"),
        ("alsa", ("device",), "device"),
        ("pipewire", ("target-object", "path"), "target-object"),
        ("pipewire", ("path",), "path"),
    ],
)
def test_a_device_is_named_in_the_words_of_its_server(
    monkeypatch: pytest.MonkeyPatch, via: Any, properties: tuple[str, ...], key: str
) -> None:
    element = microphone.ELEMENTS[via]
    sounds = Sounds(**{element: GST.StateChangeReturn.SUCCESS, "properties": properties})
    monkeypatch.setattr(core, "load", lambda: sounds)
    source = microphone.open_microphone(MicrophoneSourceSettings(via=via, device="attic"))
    assert source.plan.properties == {"device": {key: "attic"}}
    assert element in source.plan.description


def test_a_plugin_that_is_not_installed_is_named_with_its_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(core, "load", Sounds)
    for via, package in (("pipewire", "gstreamer1.0-pipewire"), ("alsa", "gstreamer1.0-alsa")):
        with pytest.raises(ConfigError, match=f"apt install {package}"):
            microphone.open_microphone(MicrophoneSourceSettings.model_validate({"via": via}))


def _alsa_speaks_to_pulse() -> bool:
    element = GST.ElementFactory.make("alsasrc", None)
    if element is None:
        return False
    element.set_property("device", "pulse")
    answer = element.set_state(GST.State.READY)
    element.set_state(GST.State.NULL)
    return bool(answer != GST.StateChangeReturn.FAILURE)
