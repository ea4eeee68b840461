from __future__ import annotations

import socket
from typing import Any

import pytest

from edge.doctor import sensors
from edge.doctor.findings import Findings, State
from edge.errors import ConfigError
from edge.settings import GstreamerSourceSettings, Settings
from edge.sources import gst


def settings_of(*sources: dict[str, Any]) -> Settings:
    rooms = [{"name": "left", "sources": sources}]
    return Settings.model_validate({"site": "s", "device": "d", "rooms": rooms})


def only(findings: Findings) -> Any:
    (found,) = findings
    return found


def test_a_network_camera_answers_or_not() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"rtsp://127.0.0.1:{listener.getsockname()[1]}/secret"
        deaf = only(sensors.network("camera left", url))
        listener.listen()
        found = only(sensors.network("camera left", url))
    assert (deaf.state, found.state) == (State.FAIL, State.OK)
    assert "source.url" in str(deaf.remedy)
    assert "secret" not in found.told + deaf.told


@pytest.mark.parametrize(
    ("pipeline", "state"), [("videotestsrc", State.OK), ("videotestsrc ! filesink", State.FAIL)]
)
def test_a_fragment_is_judged_by_gstreamer_and_by_what_may_be_in_it(
    pipeline: str, state: State
) -> None:
    try:
        gst.load()
    except ConfigError as error:
        pytest.skip(str(error))
    keys = {"type": "gstreamer", "stream": "rgb", "pipeline": pipeline}
    source = GstreamerSourceSettings.model_validate(keys)
    found = only(sensors.fragment("camera left", source))
    assert found.state is state
    assert ("filesink is refused" in found.told) == (state is State.FAIL)


def test_each_way_to_a_microphone_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr("edge.doctor.sensors.gst.load", lambda: None)
    monkeypatch.setattr(
        "edge.doctor.sensors.find_microphone", lambda gst, names: asked.append(names)
    )
    settings = settings_of({"type": "microphone", "via": "pipewire"})
    found = only(sensors.microphone(settings))
    assert asked == [("pipewiresrc",)]
    assert found.state is State.FAIL
    assert "pipewiresrc has no answer" in found.told


def test_a_microphone_is_no_camera() -> None:
    assert list(sensors.cameras(settings_of({"type": "microphone"}))) == []
