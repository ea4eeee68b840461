from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.compose import make_window
from edge.errors import MediaError, MissingFileError
from edge.models import Models
from edge.replay import decision_line, replay_file, until_ticks
from edge.settings import WindowSettings
from edge.values import Sample, Step, Stream, Tick
from edge.vocabulary import ACTIONS, SOUNDS, Modality

Make = Callable[..., Path]


def lines(path: Path, models: Models) -> list[dict[str, Any]]:
    return [json.loads(decision_line(path, d)) for d in replay_file(path, models)]


def test_two_replays_of_one_file_give_the_same_bytes(make_recording: Make, models: Models) -> None:
    path = make_recording(fall_s=1.5)
    first = [decision_line(path, d) for d in replay_file(path, models)]
    assert first == [decision_line(path, d) for d in replay_file(path, models)]
    assert any(json.loads(line)["alarms"] for line in first)


def test_decisions_fall_every_half_second_and_once_at_the_end(
    make_recording: Make, models: Models
) -> None:
    times = [line["t"] for line in lines(make_recording(seconds=3.2), models)]
    assert times[:4] == [1.0, 1.5, 2.0, 2.5]
    assert times[-1] == pytest.approx(3.2, abs=0.07)


def test_a_file_shorter_than_a_second_gives_exactly_one_decision(
    make_recording: Make, models: Models
) -> None:
    assert len(lines(make_recording(seconds=0.6), models)) == 1


def test_a_line_holds_every_score_gate_and_nothing_else(
    make_recording: Make, models: Models
) -> None:
    path = make_recording(seconds=2)
    line = lines(path, models)[-1]
    assert set(line) == {"path", "t", "room", "scores", "gate", "missing", "alarms"}
    assert line["path"] == str(path)
    assert list(line["scores"]) == [*ACTIONS, *SOUNDS]
    assert sum(line["scores"][a] for a in ACTIONS) == pytest.approx(1, abs=1e-6)
    assert sum(line["gate"].values()) == pytest.approx(1, abs=1e-6)
    assert line["missing"] == {}


def test_a_silent_recording_has_no_sound_scores_and_says_why(
    make_recording: Make, models: Models
) -> None:
    line = lines(make_recording(streams=("rgb",)), models)[-1]
    assert line["missing"] == {"depth": "absent", "audio": "absent"}
    assert all(line["scores"][sound] is None for sound in SOUNDS)
    assert line["gate"]["depth"] == line["gate"]["audio"] == 0


def test_without_any_usable_sensor_there_is_no_decision(
    make_recording: Make, models: Models
) -> None:
    only_depth = Models("depth", {Modality.DEPTH: models.encoders[Modality.DEPTH]}, models.fusion)
    line = lines(make_recording(streams=("rgb", "audio")), only_depth)[-1]
    assert line["scores"] is None
    assert set(line["missing"]) == {"rgb", "flow", "depth", "audio"}
    assert set(line["gate"].values()) == {0}


def test_a_modality_without_encoder_is_disabled(make_recording: Make, models: Models) -> None:
    seeing = Models("rgb", {Modality.RGB: models.encoders[Modality.RGB]}, models.fusion)
    line = lines(make_recording(), seeing)[-1]
    assert line["missing"] == dict.fromkeys(("flow", "depth", "audio"), "disabled")
    assert line["gate"]["rgb"] == 1


def test_a_fall_raises_one_alarm_whose_onset_lies_in_the_recording(
    make_recording: Make, models: Models
) -> None:
    alarms = [a for line in lines(make_recording(fall_s=1.2), models) for a in line["alarms"]]
    assert [(a["class"], a["state"]) for a in alarms] == [("fall", "confirmed")]
    assert 1.0 <= alarms[0]["onset_t"] <= 2.0


def test_alarm_ids_differ_between_recordings(make_recording: Make, models: Models) -> None:
    ids = {
        alarm["id"]
        for name, fall_s in (("a.mcap", 1.2), ("b.mcap", 1.4))
        for line in lines(make_recording(name, fall_s=fall_s), models)
        for alarm in line["alarms"]
    }
    assert len(ids) == 2


def test_a_missing_and_a_truncated_file_are_told_apart(
    make_recording: Make, models: Models, tmp_path: Path
) -> None:
    with pytest.raises(MissingFileError):
        list(replay_file(tmp_path / "nowhere.mcap", models))
    whole = make_recording().read_bytes()
    half = tmp_path / "half.mcap"
    half.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MediaError):
        list(replay_file(half, models))


class Damaged:
    """Sound for a while, then broken."""

    streams = frozenset({Stream.AUDIO})

    def samples(self) -> Iterator[Sample]:
        yield Sample(Stream.AUDIO, 0, np.zeros(20_000, np.int16))
        raise MediaError("broken")


def test_damage_costs_no_decision_on_what_came_before_it() -> None:
    grid = make_window(Damaged.streams, WindowSettings())
    items: list[Step | Tick] = []
    with pytest.raises(MediaError):
        items.extend(item for group in until_ticks(Damaged(), grid) for item in group)
    ticks = [item.t_ns for item in items if isinstance(item, Tick) and item.decides]
    assert ticks == [1_000_000_000, 1_250_000_000]
