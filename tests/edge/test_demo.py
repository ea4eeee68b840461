from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge.demo import demo
from edge.demo_broker import PrivateBroker
from edge.errors import EX_DAMAGED, GatehouseError

Make = Callable[..., Path]


def test_a_fall_in_the_recording_arrives_over_mqtt_as_plain_lines(
    make_recording: Make,
    model_directory: Path,
    broker: PrivateBroker,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broker.stop()  # the demo has one of its own
    assert demo(make_recording(seconds=4, fall_s=1.5), model_directory) == 0
    lines = capsys.readouterr().out.splitlines()
    (alarm,) = [line for line in lines if line.startswith("ALARM fall confirmed")]
    assert alarm.startswith("ALARM fall confirmed room=room-1 id=")
    assert "STATUS demo/laptop online" in lines
    assert lines[-1] == "The fall arrived at the hub."


def test_without_a_fall_the_status_is_1(
    make_recording: Make,
    model_directory: Path,
    broker: PrivateBroker,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broker.stop()
    assert demo(make_recording(seconds=1.5), model_directory) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "No fall alarm arrived at the hub."


def test_a_daemon_that_fails_hands_on_its_line_and_status(
    make_recording: Make, broker: PrivateBroker, tmp_path: Path
) -> None:
    broker.stop()
    with pytest.raises(GatehouseError, match="no model manifest") as caught:
        demo(make_recording(seconds=1), tmp_path / "nowhere")
    assert caught.value.exit_code == EX_DAMAGED
    assert not str(caught.value).startswith("gatehouse: error")
